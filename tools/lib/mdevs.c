// SPDX-License-Identifier: GPL-2.0-only
/* Mediated devices: /sys/bus/mdev/devices. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "number.h"
#include "sysfs.h"

#define BUS "/sys/bus/mdev/devices"

static char *link_in(const char *folder, const char *name)
{
	__cleanup_free char *path = format("%s/%s", folder, name);

	return read_link_name(path);
}

static char *read_in(const char *folder, const char *name)
{
	__cleanup_free char *path = format("%s/%s", folder, name);

	return read_file(path);
}

/* The folder that an mdev is in is its parent's. */
static char *parent_of(const char *path)
{
	__cleanup_free char *copy = duplicate(path);
	char *slash = strrchr(copy, '/');

	if (!slash || slash == copy)
		return NULL;
	*slash = 0;
	slash = strrchr(copy, '/');
	return slash && slash[1] ? duplicate(slash + 1) : NULL;
}

static long group_of(const char *path)
{
	__cleanup_free char *name = link_in(path, "iommu_group");
	unsigned long long id;

	return parse_number(name, 10, INT_MAX, &id) ? (long)id : -1;
}

static char *vfio_dev_of(const char *path)
{
	__cleanup_free char *folder = format("%s/vfio-dev", path);
	__cleanup_strv char **names = list_folder(folder);

	return names[0] ? duplicate(names[0]) : NULL;
}

static void load_mdev(struct model *m, const char *uuid)
{
	__cleanup_free char *link = format("%s/%s", BUS, uuid);
	struct mdev *d;

	m->mdevs = append(m->mdevs, &m->nr_mdevs, sizeof(*m->mdevs));
	d = &m->mdevs[m->nr_mdevs - 1];
	d->uuid = duplicate(uuid);
	d->group = -1;
	d->pasid = -1;
	d->path = resolve_path(link);
	if (!d->path)
		return;
	d->type = link_in(d->path, "mdev_type");
	if (d->type) {
		d->parent = parent_of(d->path);
		d->type_name = read_in(d->path, "mdev_type/name");
		d->device_api = read_in(d->path, "mdev_type/device_api");
	}
	d->group = group_of(d->path);
	d->vfio_dev = vfio_dev_of(d->path);
}

static int by_parent(const void *a, const void *b)
{
	const struct mdev *one = a, *other = b;
	int order = strcmp(one->parent ?: "~", other->parent ?: "~");

	if (!order && one->group != other->group)
		order = one->group < other->group ? -1 : 1;
	return order ?: strcmp(one->uuid, other->uuid);
}

/*
 * In the order of parents, then groups: neighbours in a picture. What has no parent any more comes
 * last.
 */
void load_mdevs(struct model *m)
{
	__cleanup_strv char **uuids = list_folder(BUS);
	size_t i;

	for (i = 0; uuids[i]; i++)
		load_mdev(m, uuids[i]);
	if (m->nr_mdevs)
		qsort(m->mdevs, m->nr_mdevs, sizeof(*m->mdevs), by_parent);
}
