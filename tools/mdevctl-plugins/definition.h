/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A definition as mdevctl hands it to its scripts:
 * {"mdev_type":"…","start":"manual","attrs":[{"NAME":"VALUE"},…]}
 *
 * Functions that can fail return NULL, or to be freed, in one sentence, why.
 */
#ifndef MDEVKIT_TOOLS_DEFINITION_H
#define MDEVKIT_TOOLS_DEFINITION_H

#include <json-c/json_types.h>
#include <stddef.h>
#include <stdio.h>

#define __cleanup_json __attribute__((cleanup(put_json)))
#define __cleanup_definition __attribute__((cleanup(free_definition)))

struct definition_attr {
	const char *name;
	const char *value;
};

struct definition {
	json_object *json;
	/* Each name once; point into @json */
	struct definition_attr *attrs;
	size_t nr_attrs;
};

void put_json(json_object **json);
void free_definition(struct definition *definition);

/* One JSON object, up to 1 MiB; in no object is a name twice. */
char *read_json(FILE *in, json_object **json);
/* Its form, not whether a parent knows the attributes */
char *read_definition(FILE *in, const char *type, struct definition *definition);

/* In double quotes, with anything odd in it escaped; to be freed */
char *quote(const char *text);

#endif
