/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is checked before mdevctl saves a definition or starts an mdev. NULL, or to be freed, in one
 * sentence, why not.
 */
#ifndef MDEVKIT_TOOLS_PRECHECK_H
#define MDEVKIT_TOOLS_PRECHECK_H

struct callout_request;
struct definition;

/* Type, attributes and values, against what the parent offers */
char *check_definition(const struct callout_request *request, const struct definition *definition);
char *check_start(const struct callout_request *request);
/* Why no mdev of this type can be had however many are stopped, or NULL when that is not known */
char *blocked_reason(const struct callout_request *request);

#endif
