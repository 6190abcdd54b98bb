// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "sysfs.h"

#define FILE_MAX_SIZE (1024 * 1024)

static const char *root;

void free_pointer(void *pointer)
{
	int saved = errno;

	free(*(void **)pointer);
	errno = saved;
}

void free_strv(char ***list)
{
	int saved = errno;
	size_t i;

	if (!*list)
		return;
	for (i = 0; (*list)[i]; i++)
		free((*list)[i]);
	free(*list);
	errno = saved;
}

void set_root(const char *new_root)
{
	root = new_root;
}

const char *get_root(void)
{
	if (!root)
		root = secure_getenv("MDEVKIT_ROOT");
	return root && strcmp(root, "/") ? root : "";
}

void *must(void *pointer)
{
	if (!pointer) {
		fputs("mdevkit: error: out of memory\n", stderr);
		exit(3);
	}
	return pointer;
}

char *format(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	return must(len < 0 ? NULL : text);
}

char *duplicate(const char *text)
{
	return must(strdup(text));
}

static char *with_root(const char *path)
{
	return format("%s%s", get_root(), path);
}

bool path_exists(const char *path)
{
	__cleanup_free char *full = with_root(path);

	return access(full, F_OK) == 0;
}

char *read_file(const char *path)
{
	__cleanup_free char *text = must(malloc(FILE_MAX_SIZE + 1));
	ssize_t len = read_bytes(path, text, FILE_MAX_SIZE + 1);

	if (len < 0)
		return NULL;
	if (len > FILE_MAX_SIZE) {
		errno = EFBIG;
		return NULL;
	}
	if (memchr(text, 0, len)) {
		errno = EILSEQ;
		return NULL;
	}
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = 0;
	return duplicate(text);
}

int write_file(const char *path, const char *text)
{
	__cleanup_free char *full = with_root(path);
	size_t len = strlen(text);
	ssize_t put;
	int fd, saved;

	fd = open(full, O_WRONLY | O_CLOEXEC | O_TRUNC);
	if (fd < 0)
		return -1;
	do {
		put = write(fd, text, len);
	} while (put < 0 && errno == EINTR);
	saved = put < 0 ? errno : EIO;
	if (close(fd) && put >= 0) {
		saved = errno;
		put = -1;
	}
	errno = saved;
	return put == (ssize_t)len ? 0 : -1;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t put;

	for (; left; text += put, left -= put) {
		put = write(fd, text, left);
		if (put < 0 && errno == EINTR)
			put = 0;
		if (put < 0)
			return -1;
	}
	return 0;
}

int replace_file(const char *path, const char *text)
{
	__cleanup_free char *full = with_root(path);
	__cleanup_free char *fresh = format("%s.XXXXXX", full);
	int fd = mkostemp(fresh, O_CLOEXEC);
	int ret, saved;

	if (fd < 0)
		return -1;
	ret = write_all(fd, text) || fchmod(fd, 0644) ? -1 : 0;
	saved = errno;
	if (close(fd) && !ret) {
		saved = errno;
		ret = -1;
	}
	if (!ret && rename(fresh, full)) {
		saved = errno;
		ret = -1;
	}
	if (ret)
		unlink(fresh);
	errno = saved;
	return ret;
}

int delete_file(const char *path)
{
	__cleanup_free char *full = with_root(path);

	return unlink(full);
}

int make_folders(const char *path)
{
	__cleanup_free char *full = with_root(path);
	char *slash = full + strlen(get_root());

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = 0;
		if (mkdir(full, 0755) && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(full, 0755) && errno != EEXIST ? -1 : 0;
}

ssize_t read_bytes(const char *path, void *buffer, size_t size)
{
	__cleanup_free char *full = with_root(path);
	size_t len = 0;
	ssize_t got;
	int fd, saved;

	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	do {
		got = read(fd, (char *)buffer + len, size - len);
		if (got > 0)
			len += got;
	} while ((got > 0 && len < size) || (got < 0 && errno == EINTR));
	saved = errno;
	close(fd);
	errno = saved;
	return got < 0 ? -1 : (ssize_t)len;
}

int stat_path(const char *path, struct stat *st)
{
	__cleanup_free char *full = with_root(path);

	return stat(full, st);
}

char *read_link(const char *path)
{
	__cleanup_free char *full = with_root(path);
	char target[PATH_MAX];
	ssize_t len;

	len = readlink(full, target, sizeof(target) - 1);
	if (len < 0)
		return NULL;
	target[len] = 0;
	return duplicate(target);
}

char *read_link_name(const char *path)
{
	__cleanup_free char *target = read_link(path);
	const char *slash;

	if (!target)
		return NULL;
	slash = strrchr(target, '/');
	return duplicate(slash ? slash + 1 : target);
}

char *resolve_path(const char *path)
{
	__cleanup_free char *full = with_root(path);
	__cleanup_free char *real_root = NULL;
	__cleanup_free char *real = realpath(full, NULL);
	size_t len;

	if (!real)
		return NULL;
	if (!*get_root())
		return duplicate(real);
	real_root = realpath(get_root(), NULL);
	if (!real_root)
		return NULL;
	len = strlen(real_root);
	if (strncmp(real, real_root, len) || (real[len] && real[len] != '/')) {
		errno = ENOENT;
		return NULL;
	}
	return duplicate(real[len] ? real + len : "/");
}

int lock_folder(const char *path)
{
	__cleanup_free char *full = with_root(path);
	int fd, saved;

	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	saved = errno == EWOULDBLOCK ? EBUSY : errno;
	close(fd);
	errno = saved;
	return -1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **list_folder(const char *path)
{
	__cleanup_free char *full = with_root(path);
	char **names = must(calloc(1, sizeof(*names)));
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	dir = opendir(full);
	if (!dir)
		return names;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		names = must(reallocarray(names, n + 2, sizeof(*names)));
		names[n++] = duplicate(entry->d_name);
		names[n] = NULL;
	}
	closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	errno = 0;
	return names;
}
