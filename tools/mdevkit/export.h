/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEVKIT_TOOLS_EXPORT_H
#define MDEVKIT_TOOLS_EXPORT_H

#include "mdevkit.h"

/* What is to be exported: an mdev, or a type of a parent */
struct item {
	const struct mdev *mdev;
	const struct parent *parent;
	const struct type *type;
};

struct items {
	struct item *items;
	size_t nr_items;
};

int export_libvirt(struct cli *cli, const struct model *m, const struct items *items);
int export_kubevirt(struct cli *cli, const struct model *m, const struct items *items);
int export_nova(struct cli *cli, const struct model *m, const struct items *items);
int export_dra(struct cli *cli, const struct model *m, const struct items *items);

#endif
