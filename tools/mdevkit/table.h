/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for people: columns, colours, and names made safe for a terminal. */
#ifndef MDEVKIT_TOOLS_TABLE_H
#define MDEVKIT_TOOLS_TABLE_H

#include "mdevkit.h"

#define TABLE_COLUMNS 8

struct table {
	size_t nr_columns;
	size_t nr_rows;
	char *(*rows)[TABLE_COLUMNS];
};

/* The first row is the head. As many strings as columns; a NULL or empty one is shown as "-". */
void table_row(struct table *table, const char *const *cells);
/* Prints and frees. */
void table_print(struct cli *cli, struct table *table);

enum colour { PLAIN, BOLD, RED, GREEN, YELLOW, BLUE };
const char *colour_start(const struct cli *cli, enum colour colour);
const char *colour_end(const struct cli *cli);

/* Control characters become "?": names come from drivers and from other people's processes. */
char *printable(const char *text);

/* "qemu (1234), qemu (1235)", or NULL when there is none */
char *users_text(const struct mdev *d);
/* "5 armed", "none", … or NULL when it is not known */
char *pasid_text(const struct mdev *d);
const char *dma_name(enum dma_state state);
/* NULL for -1 */
char *number_text(long number);

#endif
