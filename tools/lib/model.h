/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What there is on a host at one moment: parents, their types, mdevs, iommu groups and users.
 *
 * All of it comes and goes while it is read. What has gone meanwhile is left out, or its
 * unknown parts are NULL and -1: neither is an error.
 */
#ifndef MDEVKIT_TOOLS_MODEL_H
#define MDEVKIT_TOOLS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct type {
	char *id;
	char *name;
	char *description;
	char *device_api;
	long available;
};

struct parent {
	char *name;
	char *path;
	char *driver;
	bool pci;
	bool kit; /* has a folder mdevkit/ */
	bool complete; /* has a folder mdev_supported_types/: without it, it is going */
	char *placement;
	char *peer_dma;
	char *pasid_blocked; /* "" if it can isolate by PASID */
	struct type *types;
	size_t nr_types;
};

/* What iommu_aux says of a group's member; needs root and debugfs */
enum dma_state { DMA_UNKNOWN, DMA_NONE, DMA_BLOCKED, DMA_ARMED };

struct user {
	pid_t pid;
	char *name;
	bool device; /* has the device itself open, not only its group */
};

struct mdev {
	char *uuid;
	char *path;
	char *parent; /* NULL: half removed, as is a NULL type */
	char *type;
	char *type_name;
	char *device_api;
	char *vfio_dev; /* vfioN in /dev/vfio/devices */
	long group;
	long pasid;
	enum dma_state dma;
	struct user *users;
	size_t nr_users;
};

struct aux_group {
	long id;
	char *name;
	bool armed;
	long domain;
};

struct aux_domain {
	long id;
	char *iommu;
};

struct model {
	bool has_bus; /* the kernel's mdev bus is there */
	struct parent *parents;
	size_t nr_parents;
	struct mdev *mdevs;
	size_t nr_mdevs;
	bool has_aux; /* groups and domains of iommu_aux could be read */
	struct aux_group *groups;
	size_t nr_groups;
	struct aux_domain *domains;
	size_t nr_domains;
	bool all_users; /* every process could be looked into */
};

#define __cleanup_model __attribute__((cleanup(model_free)))

void model_load(struct model *m);
void model_free(struct model *m);

const struct parent *find_parent(const struct model *m, const char *name);
const struct mdev *find_mdev(const struct model *m, const char *uuid);
const struct aux_group *find_aux_group(const struct model *m, long id);
const struct aux_domain *find_aux_domain(const struct model *m, long id);
size_t count_mdevs(const struct model *m, const char *parent, const char *type);

/* A process that has the group's file open, as "NAME (PID)", or NULL */
char *find_group_user(long group);

/* The topics that model_load() goes through; each has a file of its own. */
void load_parents(struct model *m);
void load_mdevs(struct model *m);
void load_aux(struct model *m);
void load_users(struct model *m);

/* One more zeroed element at the end of an array */
void *append(void *array, size_t *count, size_t size);

/* A name that can be a file's in one folder: no slash, and neither empty nor "." nor ".." */
bool is_file_name(const char *name);
/* What mdevctl takes for one: 8-4-4-4-12 hexadecimal digits */
bool is_uuid(const char *text);

#endif
