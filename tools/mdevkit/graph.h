/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEVKIT_TOOLS_GRAPH_H
#define MDEVKIT_TOOLS_GRAPH_H

#include "mdevkit.h"

/**
 * struct row - an mdev and what it is connected with, as texts
 * @mdev: NULL: a parent that has none
 * @group: NULL: it is in none
 * @isolation: its PASID, and whether its DMA is armed
 * @domain: NULL: none, or not known
 * @users: NULL: nobody
 */
struct row {
	char *parent;
	char *driver;
	char *mdev;
	char *type;
	char *group;
	char *isolation;
	char *domain;
	char *users;
};

struct rows {
	struct row *rows;
	size_t nr_rows;
};

bool same_text(const char *a, const char *b);
void graph_text(struct cli *cli, const struct rows *rows);
void graph_dot(struct cli *cli, const struct rows *rows);
void graph_svg(struct cli *cli, const struct rows *rows);

#endif
