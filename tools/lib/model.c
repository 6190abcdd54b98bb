// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model.h"
#include "sysfs.h"

void *append(void *array, size_t *count, size_t size)
{
	char *grown = must(reallocarray(array, *count + 1, size));

	memset(grown + *count * size, 0, size);
	(*count)++;
	return grown;
}

bool is_file_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

bool is_uuid(const char *text)
{
	size_t i;

	for (i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return !text[i];
}

void model_load(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->has_bus = path_exists("/sys/bus/mdev");
	load_parents(m);
	load_mdevs(m);
	load_aux(m);
	load_users(m);
}

static void free_parent(struct parent *p)
{
	size_t i;

	for (i = 0; i < p->nr_types; i++) {
		free(p->types[i].id);
		free(p->types[i].name);
		free(p->types[i].description);
		free(p->types[i].device_api);
	}
	free(p->types);
	free(p->name);
	free(p->path);
	free(p->driver);
	free(p->placement);
	free(p->peer_dma);
	free(p->pasid_blocked);
}

static void free_mdev(struct mdev *d)
{
	size_t i;

	for (i = 0; i < d->nr_users; i++)
		free(d->users[i].name);
	free(d->users);
	free(d->uuid);
	free(d->path);
	free(d->parent);
	free(d->type);
	free(d->type_name);
	free(d->device_api);
	free(d->vfio_dev);
}

void model_free(struct model *m)
{
	size_t i;

	for (i = 0; i < m->nr_parents; i++)
		free_parent(&m->parents[i]);
	for (i = 0; i < m->nr_mdevs; i++)
		free_mdev(&m->mdevs[i]);
	for (i = 0; i < m->nr_groups; i++)
		free(m->groups[i].name);
	for (i = 0; i < m->nr_domains; i++)
		free(m->domains[i].iommu);
	free(m->parents);
	free(m->mdevs);
	free(m->groups);
	free(m->domains);
}

const struct parent *find_parent(const struct model *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nr_parents; i++)
		if (!strcmp(m->parents[i].name, name))
			return &m->parents[i];
	return NULL;
}

/* Kernel and users write a UUID's letters in either case. */
const struct mdev *find_mdev(const struct model *m, const char *uuid)
{
	size_t i;

	for (i = 0; i < m->nr_mdevs; i++)
		if (!strcasecmp(m->mdevs[i].uuid, uuid))
			return &m->mdevs[i];
	return NULL;
}

const struct aux_group *find_aux_group(const struct model *m, long id)
{
	size_t i;

	for (i = 0; i < m->nr_groups; i++)
		if (m->groups[i].id == id)
			return &m->groups[i];
	return NULL;
}

const struct aux_domain *find_aux_domain(const struct model *m, long id)
{
	size_t i;

	for (i = 0; i < m->nr_domains; i++)
		if (m->domains[i].id == id)
			return &m->domains[i];
	return NULL;
}

/* type NULL: of all types */
size_t count_mdevs(const struct model *m, const char *parent, const char *type)
{
	size_t i, count = 0;

	for (i = 0; i < m->nr_mdevs; i++) {
		const struct mdev *d = &m->mdevs[i];

		if (d->parent && !strcmp(d->parent, parent) &&
		    (!type || (d->type && !strcmp(d->type, type))))
			count++;
	}
	return count;
}
