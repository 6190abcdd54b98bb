/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers as the kernel and users write them, within bounds. */
#ifndef MDEVKIT_TOOLS_NUMBER_H
#define MDEVKIT_TOOLS_NUMBER_H

#include <stdbool.h>

/* The whole text is one unsigned number of that base, not beyond max. A NULL is none. */
bool parse_number(const char *text, int base, unsigned long long max, unsigned long long *value);
/* What a file holds, or -1 when it is not there or holds no number up to LONG_MAX */
long read_number(const char *path);

#endif
