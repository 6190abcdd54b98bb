/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which attributes a parent's mdevs have, and which values: the lines "NAME VALUES" of
 * PARENT/mdevkit/attributes. VALUES is "any", "bool", "MIN-MAX", or words with a | between them.
 */
#ifndef MDEVKIT_TOOLS_RULES_H
#define MDEVKIT_TOOLS_RULES_H

#include <stdbool.h>
#include <stddef.h>

struct rule {
	char *name;
	char *values;
};

struct rules {
	struct rule *rules;
	size_t nr;
	/* An older kit, which does not list them */
	bool unknown;
};

#define __cleanup_rules __attribute__((cleanup(free_rules)))

/* NULL, or to be freed, in one sentence, why not */
char *read_rules(const char *parent, struct rules *rules);
void free_rules(struct rules *rules);
const struct rule *find_rule(const struct rules *rules, const char *name);

/* Whether the kernel takes @value */
bool rule_allows(const struct rule *rule, const char *value);
/* Whether two allowed values mean the same; texts of "any" are not known to be different. */
bool rule_same(const struct rule *rule, const char *one, const char *other);
/* For a sentence: "0 or 1"; to be freed */
char *rule_describe(const struct rule *rule);

/* What can be the name of a file in a folder of sysfs: no slash in it, no dot before it */
bool is_plain_name(const char *name);

#endif
