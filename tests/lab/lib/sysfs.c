// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mdev bus as an administrator sees it: sysfs and modules.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sysfs.h"

static int read_path(const char *path, char *buf, size_t size)
{
	ssize_t len;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, buf, size - 1);
	err = errno;
	close(fd);
	if (len < 0)
		return -err;
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return 0;
}

int sysfs_read(char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return read_path(path, buf, size);
}

long sysfs_read_long(const char *fmt, ...)
{
	char path[PATH_MAX], text[64], *end;
	va_list args;
	long value;
	int ret;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	ret = read_path(path, text, sizeof(text));
	if (ret)
		return ret;
	value = strtol(text, &end, 10);
	return end == text || *end ? -EINVAL : value;
}

int sysfs_write(const char *value, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;
	int fd, ret = 0;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

bool path_exists(const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return !access(path, F_OK);
}

int dir_count(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

int link_basename(char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	va_list args;
	ssize_t len;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	base = strrchr(target, '/');
	snprintf(buf, size, "%s", base ? base + 1 : target);
	return 0;
}

void mdev_uuid(unsigned int n, char uuid[UUID_SIZE])
{
	snprintf(uuid, UUID_SIZE, "6d646576-6b69-4700-8000-%012x", n);
}

int mdev_create(const char *parent, const char *type, const char *uuid)
{
	return sysfs_write(uuid, "%s/mdev_supported_types/%s/create", parent, type);
}

int mdev_remove(const char *uuid)
{
	return sysfs_write("1", MDEV_DEVICES "/%s/remove", uuid);
}

bool mdev_exists(const char *uuid)
{
	return path_exists(MDEV_DEVICES "/%s", uuid);
}

long mdev_available(const char *parent, const char *type)
{
	return sysfs_read_long("%s/mdev_supported_types/%s/available_instances", parent, type);
}

int mdev_count(void)
{
	/* Without the mdev module there is no bus, and no device */
	return dir_count(MDEV_DEVICES);
}

int mdev_group(const char *uuid)
{
	char name[32];
	int ret;

	ret = link_basename(name, sizeof(name), MDEV_DEVICES "/%s/iommu_group", uuid);
	if (ret)
		ret = link_basename(name, sizeof(name), "/sys/bus/pci/devices/%s/iommu_group",
				    uuid);
	return ret ?: atoi(name);
}

const char *mdev_remove_all(void)
{
	static char left[256];
	struct dirent *entry;
	DIR *dir;

	left[0] = '\0';
	dir = opendir(MDEV_DEVICES);
	if (!dir)
		return NULL;
	while ((entry = readdir(dir))) {
		size_t len = strlen(left);

		if (entry->d_name[0] == '.')
			continue;
		snprintf(left + len, sizeof(left) - len, "%s ", entry->d_name);
		mdev_remove(entry->d_name);
	}
	closedir(dir);
	return left[0] ? left : NULL;
}

int module_load(const char *name, const char *args)
{
	char command[256];

	snprintf(command, sizeof(command), "modprobe %s %s", name, args ?: "");
	return system(command) ? -1 : 0;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

bool module_loaded(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	return !access(path, F_OK);
}

u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}
