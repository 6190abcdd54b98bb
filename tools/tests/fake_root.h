/* SPDX-License-Identifier: GPL-2.0-only */
/* A root folder with the files that a test wants, and the command mdevkit run on it. */
#ifndef FAKE_ROOT_H
#define FAKE_ROOT_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "mdevkit.h"
#include "sysfs.h"

static char fake_root[64];

static inline void fake_open(void)
{
	strcpy(fake_root, "/tmp/mdevkit-test-XXXXXX");
	assert_non_null(mkdtemp(fake_root));
	set_root(fake_root);
}

static int fake_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void fake_close(void)
{
	nftw(fake_root, fake_unlink, 16, FTW_DEPTH | FTW_PHYS);
	set_root(NULL);
}

static inline char *fake_path(const char *path)
{
	return format("%s%s", fake_root, path);
}

static inline void put_folder(const char *path)
{
	__cleanup_free char *full = fake_path(path);
	char *slash;

	for (slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
	if (mkdir(full, 0755) && errno != EEXIST)
		fail_msg("%s: %s", full, strerror(errno));
}

static inline void put_parent_folder(const char *path)
{
	__cleanup_free char *folder = duplicate(path);

	*strrchr(folder, '/') = 0;
	if (*folder)
		put_folder(folder);
}

static inline void put_bytes(const char *path, const void *bytes, size_t size)
{
	__cleanup_free char *full = fake_path(path);
	FILE *file;

	put_parent_folder(path);
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static inline void put(const char *path, const char *text)
{
	__cleanup_free char *line = format("%s\n", text);

	put_bytes(path, line, strlen(line));
}

static inline void put_mode(const char *path, mode_t mode)
{
	__cleanup_free char *full = fake_path(path);

	assert_int_equal(chmod(full, mode), 0);
}

/* As it is written, as in /proc/PID/fd */
static inline void put_raw_link(const char *path, const char *target)
{
	__cleanup_free char *full = fake_path(path);

	put_parent_folder(path);
	unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

/* Relative, as in sysfs; the target is an absolute path */
static inline void put_link(const char *path, const char *target)
{
	__cleanup_free char *relative = duplicate(target + 1);
	const char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		char *longer = format("../%s", relative);

		free(relative);
		relative = longer;
	}
	put_raw_link(path, relative);
}

static inline void take_away(const char *path)
{
	__cleanup_free char *full = fake_path(path);

	nftw(full, fake_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline char *content(const char *path)
{
	char *text = read_file(path);

	if (!text)
		fail_msg("%s: %s", path, strerror(errno));
	return text;
}

/* What a command wrote and how it ended; to be freed. The arguments end with NULL. */
struct outcome {
	char *out, *err;
	int status;
};

static inline struct outcome run(const char *const *arguments)
{
	struct outcome outcome = {};
	size_t out_size, err_size;
	FILE *out = open_memstream(&outcome.out, &out_size);
	FILE *err = open_memstream(&outcome.err, &err_size);
	char *argv[16] = { "mdevkit" };
	int argc;

	for (argc = 1; argc < 15 && arguments[argc - 1]; argc++)
		argv[argc] = (char *)arguments[argc - 1];
	outcome.status = mdevkit_run(argc, argv, out, err);
	fclose(out);
	fclose(err);
	return outcome;
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static inline void free_outcome(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
}

#define __cleanup_outcome __attribute__((cleanup(free_outcome)))

#endif
