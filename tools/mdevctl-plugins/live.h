/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attributes of an mdev that exists. NULL, or to be freed, in one sentence, why not.
 */
#ifndef MDEVKIT_TOOLS_LIVE_H
#define MDEVKIT_TOOLS_LIVE_H

#include <stdio.h>

struct callout_request;
struct definition;

/*
 * As mdevctl wants them, an array of objects with one string each. Those that could not be written
 * again as they read are left out: mdevctl makes definitions of this.
 */
char *print_attributes(const struct callout_request *request, FILE *out);

/* All of them or none. Their values have been checked. */
char *set_attributes(const struct callout_request *request, const struct definition *definition);

#endif
