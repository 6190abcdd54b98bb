/* SPDX-License-Identifier: GPL-2.0-only */
/* The model's things as JSON: one form for all commands. What is not known is null. */
#ifndef MDEVKIT_TOOLS_DESCRIBE_H
#define MDEVKIT_TOOLS_DESCRIBE_H

#include "mdevkit.h"

struct json_object *json_text(const char *text);
struct json_object *json_number(long number);
struct json_object *describe_parent(const struct model *m, const struct parent *p);
struct json_object *describe_mdev(const struct model *m, const struct mdev *d);

#endif
