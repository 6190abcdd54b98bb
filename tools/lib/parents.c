// SPDX-License-Identifier: GPL-2.0-only
/* Parents and the types that they offer: /sys/class/mdev_bus. */
#include <string.h>

#include "model.h"
#include "number.h"
#include "sysfs.h"

#define CLASS "/sys/class/mdev_bus"

static char *read_in(const char *folder, const char *name)
{
	__cleanup_free char *path = format("%s/%s", folder, name);

	return read_file(path);
}

static void load_type(struct parent *p, const char *folder, const char *id)
{
	__cleanup_free char *path = format("%s/%s", folder, id);
	__cleanup_free char *available = format("%s/available_instances", path);
	struct type *type;

	p->types = append(p->types, &p->nr_types, sizeof(*p->types));
	type = &p->types[p->nr_types - 1];
	type->id = duplicate(id);
	type->name = read_in(path, "name");
	type->description = read_in(path, "description");
	type->device_api = read_in(path, "device_api");
	type->available = read_number(available);
}

static void load_types(struct parent *p)
{
	__cleanup_free char *folder = format("%s/mdev_supported_types", p->path);
	__cleanup_strv char **ids = list_folder(folder);
	size_t i;

	p->complete = path_exists(folder);
	for (i = 0; ids[i]; i++)
		load_type(p, folder, ids[i]);
}

static void load_policy(struct parent *p)
{
	__cleanup_free char *folder = format("%s/mdevkit", p->path);

	p->kit = path_exists(folder);
	if (!p->kit)
		return;
	p->placement = read_in(folder, "placement");
	p->peer_dma = read_in(folder, "peer_dma");
	p->pasid_blocked = read_in(folder, "pasid_blocked");
}

static void load_parent(struct model *m, const char *name)
{
	__cleanup_free char *link = format("%s/%s", CLASS, name);
	__cleanup_free char *path = resolve_path(link);
	__cleanup_free char *driver = NULL;
	__cleanup_free char *subsystem = NULL;
	__cleanup_free char *bus = NULL;
	struct parent *p;

	if (!path)
		return;
	driver = format("%s/driver", path);
	subsystem = format("%s/subsystem", path);
	bus = read_link_name(subsystem);
	m->parents = append(m->parents, &m->nr_parents, sizeof(*m->parents));
	p = &m->parents[m->nr_parents - 1];
	p->name = duplicate(name);
	p->path = duplicate(path);
	p->driver = read_link_name(driver);
	p->pci = bus && !strcmp(bus, "pci");
	load_types(p);
	load_policy(p);
}

void load_parents(struct model *m)
{
	__cleanup_strv char **names = list_folder(CLASS);
	size_t i;

	for (i = 0; names[i]; i++)
		load_parent(m, names[i]);
}
