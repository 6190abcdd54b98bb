// SPDX-License-Identifier: GPL-2.0-only
/* What a user of VFIO needs: device files, locked memory; and mdevctl. */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "number.h"
#include "sysfs.h"

#define CAP_IPC_LOCK_BIT (1ull << 14)

static void check_container(struct findings *f)
{
	struct stat st;

	if (stat_path("/dev/vfio/vfio", &st))
		add_check(f, duplicate("vfio"), PROBLEM,
			  duplicate("/dev/vfio/vfio is not there: no program can use VFIO"),
			  duplicate("modprobe vfio; in a container, hand it in."));
	else if ((st.st_mode & 0666) != 0666)
		add_check(f, duplicate("vfio"), WARNING,
			  format("/dev/vfio/vfio has mode %03o: only some users can use VFIO",
				 st.st_mode & 0777),
			  duplicate("Its usual mode is 666, and safe: rights are given by the "
				    "groups' files."));
	else
		add_check(f, duplicate("vfio"), OK,
			  duplicate("/dev/vfio/vfio is there, for all users"), NULL);
}

/* A group's number comes once, however many mdevs are in it. */
static bool first_of_group(const struct model *m, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (m->mdevs[i].group == m->mdevs[at].group)
			return false;
	return m->mdevs[at].group >= 0;
}

static void check_group_file(struct findings *f, long group)
{
	__cleanup_free char *path = format("/dev/vfio/%ld", group);
	struct stat st;

	if (stat_path(path, &st))
		add_check(f, format("group %ld", group), PROBLEM,
			  format("%s is not there: nobody can open the group's mdevs", path),
			  duplicate("Is udev running, and is devtmpfs mounted? In a container, "
				    "hand the file in."));
	else if (st.st_mode & 0006)
		add_check(f, format("group %ld", group), WARNING,
			  format("%s is open to all users: each of them can take the group's mdevs",
				 path),
			  format("chmod o-rw %s, and correct the udev rule that did it.", path));
}

void check_vfio(struct findings *f)
{
	size_t i;

	check_container(f);
	for (i = 0; i < f->model.nr_mdevs; i++)
		if (first_of_group(&f->model, i))
			check_group_file(f, f->model.mdevs[i].group);
}

/* The value of a line of /proc/self/limits or /proc/self/status, cut at the first blank */
static char *value_after(const char *path, const char *name)
{
	__cleanup_free char *text = read_file(path);
	char *at = text ? strstr(text, name) : NULL;

	if (!at)
		return NULL;
	at += strlen(name);
	at += strspn(at, " \t");
	at[strcspn(at, " \t\n")] = 0;
	return duplicate(at);
}

void check_memlock(struct findings *f)
{
	__cleanup_free char *limit = value_after("/proc/self/limits", "Max locked memory");
	__cleanup_free char *caps = value_after("/proc/self/status", "CapEff:");
	unsigned long long bytes, bits;

	if (limit && !strcmp(limit, "unlimited"))
		add_check(f, duplicate("memlock"), OK,
			  duplicate("this user may lock any amount of memory"), NULL);
	else if (!parse_number(limit, 10, -1ull, &bytes))
		add_check(f, duplicate("memlock"), UNKNOWN,
			  duplicate("/proc/self/limits does not tell"), NULL);
	else if (parse_number(caps, 16, -1ull, &bits) && bits & CAP_IPC_LOCK_BIT)
		add_check(f, duplicate("memlock"), OK,
			  format("the limit of %llu MiB does not bind this user; it binds programs "
				 "that run as others (libvirt raises it for its guests)",
				 bytes >> 20),
			  NULL);
	else if (bytes < 1ull << 30)
		add_check(f, duplicate("memlock"), WARNING,
			  format("this user may lock %llu MiB; a VM with an mdev that does DMA "
				 "locks all its memory",
				 bytes >> 20),
			  duplicate("ulimit -l, or memlock in /etc/security/limits.d; "
				    "LimitMEMLOCK= in a service."));
	else
		add_check(f, duplicate("memlock"), OK,
			  format("this user may lock %llu MiB of memory", bytes >> 20), NULL);
}

static bool any_exists(const char *const *paths)
{
	for (; *paths; paths++)
		if (path_exists(*paths))
			return true;
	return false;
}

static bool has_plugin(void)
{
	static const char *const folders[] = {
		"/usr/lib/mdevctl/scripts.d/callouts",
		"/etc/mdevctl.d/scripts.d/callouts",
	};
	size_t i, j;

	for (i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		__cleanup_strv char **names = list_folder(folders[i]);

		for (j = 0; names[j]; j++)
			if (strstr(names[j], "mdevkit"))
				return true;
	}
	return false;
}

void check_mdevctl(struct findings *f)
{
	static const char *const programs[] = {
		"/usr/bin/mdevctl",
		"/usr/sbin/mdevctl",
		"/sbin/mdevctl",
		"/usr/local/bin/mdevctl",
		NULL,
	};

	if (!any_exists(programs)) {
		add_check(f, duplicate("mdevctl"), WARNING,
			  duplicate("not installed: mdevs can be made by sysfs only"),
			  duplicate("apt install mdevctl"));
		return;
	}
	add_check(f, duplicate("mdevctl"), OK, duplicate("installed"), NULL);
	if (has_plugin())
		add_check(f, duplicate("mdevctl plugin"), OK, duplicate("installed"), NULL);
	else
		add_check(f, duplicate("mdevctl plugin"), WARNING,
			  duplicate("the kit's plugin is not installed: mdevctl checks no "
				    "definition, and keeps no live attribute"),
			  duplicate("make -C tools install"));
}
