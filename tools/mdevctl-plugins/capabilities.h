/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDEVKIT_TOOLS_CAPABILITIES_H
#define MDEVKIT_TOOLS_CAPABILITIES_H

#include <stdio.h>

/* mdevctl says from @in what it can do; what both can goes to @out. NULL, or why not */
char *print_capabilities(FILE *in, FILE *out);

#endif
