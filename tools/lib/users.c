// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which processes use an mdev, from /proc.
 *
 * A device's file says which device it is in fdinfo (vfio-device-syspath, Linux 6.18). Before that
 * only the files of its group, /dev/vfio/GROUP, or of its own, /dev/vfio/devices/vfioN, tell.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "model.h"
#include "number.h"
#include "sysfs.h"

/* A process names itself as it likes: plain ASCII is safe on a terminal, in JSON and in XML. */
static char *plain_ascii(char *text)
{
	char *c;

	for (c = text; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return text;
}

static void add_user(struct mdev *d, pid_t pid, bool device)
{
	__cleanup_free char *path = format("/proc/%d/comm", pid);
	struct user *user;

	if (d->nr_users && d->users[d->nr_users - 1].pid == pid) {
		d->users[d->nr_users - 1].device |= device;
		return;
	}
	d->users = append(d->users, &d->nr_users, sizeof(*d->users));
	user = &d->users[d->nr_users - 1];
	user->pid = pid;
	user->name = read_file(path);
	user->device = device;
	/* It has ended meanwhile */
	if (!user->name)
		user->name = duplicate("?");
	plain_ascii(user->name);
}

static void add_group_user(struct model *m, pid_t pid, const char *name)
{
	unsigned long long group;
	size_t i;

	/* /dev/vfio/vfio is a container, not a group. */
	if (!parse_number(name, 10, INT_MAX, &group))
		return;
	for (i = 0; i < m->nr_mdevs; i++)
		if (m->mdevs[i].group == (long)group)
			add_user(&m->mdevs[i], pid, false);
}

static void add_cdev_user(struct model *m, pid_t pid, const char *name)
{
	size_t i;

	for (i = 0; i < m->nr_mdevs; i++)
		if (m->mdevs[i].vfio_dev && !strcmp(m->mdevs[i].vfio_dev, name))
			add_user(&m->mdevs[i], pid, true);
}

static void add_device_user(struct model *m, pid_t pid, const char *fd)
{
	__cleanup_free char *path = format("/proc/%d/fdinfo/%s", pid, fd);
	__cleanup_free char *info = read_file(path);
	char *line = info ? strstr(info, "vfio-device-syspath:") : NULL;
	struct mdev *d;
	char *name;

	if (!line)
		return;
	line[strcspn(line, "\n")] = 0;
	name = strrchr(line, '/');
	d = name ? (struct mdev *)find_mdev(m, name + 1) : NULL;
	if (d)
		add_user(d, pid, true);
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static void load_fd(struct model *m, pid_t pid, const char *fd)
{
	static const char cdevs[] = "/dev/vfio/devices/", groups[] = "/dev/vfio/";
	__cleanup_free char *path = format("/proc/%d/fd/%s", pid, fd);
	__cleanup_free char *target = read_link(path);

	if (!target)
		return;
	if (starts_with(target, cdevs))
		add_cdev_user(m, pid, target + strlen(cdevs));
	else if (starts_with(target, groups))
		add_group_user(m, pid, target + strlen(groups));
	else if (starts_with(target, "anon_inode:[vfio-device]"))
		add_device_user(m, pid, fd);
}

static void load_process(struct model *m, pid_t pid)
{
	__cleanup_free char *folder = format("/proc/%d/fd", pid);
	__cleanup_strv char **fds = list_folder(folder);
	size_t i;

	/* Who has ended is no user; who is not ours to look into may be one. */
	if (errno == EACCES || errno == EPERM)
		m->all_users = false;
	for (i = 0; fds[i]; i++)
		load_fd(m, pid, fds[i]);
}

void load_users(struct model *m)
{
	__cleanup_strv char **names = list_folder("/proc");
	unsigned long long pid;
	size_t i;

	m->all_users = names[0] != NULL;
	for (i = 0; m->nr_mdevs && names[i]; i++)
		if (parse_number(names[i], 10, INT_MAX, &pid))
			load_process(m, pid);
}

static bool has_open(const char *pid, const char *file)
{
	__cleanup_free char *folder = format("/proc/%s/fd", pid);
	__cleanup_strv char **fds = list_folder(folder);
	size_t i;

	for (i = 0; fds[i]; i++) {
		__cleanup_free char *path = format("%s/%s", folder, fds[i]);
		__cleanup_free char *target = read_link(path);

		if (target && !strcmp(target, file))
			return true;
	}
	return false;
}

char *find_group_user(long group)
{
	__cleanup_free char *file = format("/dev/vfio/%ld", group);
	__cleanup_strv char **names = list_folder("/proc");
	unsigned long long pid;
	size_t i;

	for (i = 0; names[i]; i++) {
		__cleanup_free char *path = format("/proc/%s/comm", names[i]);
		__cleanup_free char *name = NULL;

		if (!parse_number(names[i], 10, INT_MAX, &pid) || !has_open(names[i], file))
			continue;
		name = read_file(path) ?: duplicate("?");
		return format("%s (%s)", plain_ascii(name), names[i]);
	}
	return NULL;
}
