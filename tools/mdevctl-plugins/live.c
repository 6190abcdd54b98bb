// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "callout.h"
#include "definition.h"
#include "live.h"
#include "rules.h"
#include "sysfs.h"

#define ATTRIBUTES_FORMAT (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static char *attr_path(const struct callout_request *request, const char *name)
{
	return format("/sys/bus/mdev/devices/%s/%s", request->uuid, name);
}

static char *check_exists(const struct callout_request *request)
{
	__cleanup_free char *path = attr_path(request, "");

	return path_exists(path) ? NULL : format("there is no mdev %s", request->uuid);
}

static char *add_value(const struct callout_request *request, const struct rule *rule,
		       json_object *list)
{
	__cleanup_free char *path = attr_path(request, rule->name);
	__cleanup_free char *value = read_file(path);
	json_object *attr;

	/* Another type's attribute; one that can only be written */
	if (!value && (errno == ENOENT || errno == EACCES))
		return NULL;
	if (!value)
		return format("%s: %s", path, strerror(errno));
	if (!rule_allows(rule, value))
		return NULL;
	attr = json_object_new_object();
	json_object_object_add(attr, rule->name, json_object_new_string(value));
	json_object_array_add(list, attr);
	return NULL;
}

/* json-c escapes what JSON wants escaped, but takes any byte for a character. */
static bool is_utf8(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	bool good;

	if (!tokener)
		return false;
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	json_object_put(json_tokener_parse_ex(tokener, text, strlen(text)));
	good = json_tokener_get_error(tokener) == json_tokener_success;
	json_tokener_free(tokener);
	return good;
}

char *print_attributes(const struct callout_request *request, FILE *out)
{
	json_object *list __cleanup_json = json_object_new_array();
	__cleanup_rules struct rules rules = {};
	const char *text;
	char *why;
	size_t i;

	why = read_rules(request->parent, &rules);
	for (i = 0; !why && i < rules.nr; i++)
		why = add_value(request, &rules.rules[i], list);
	/* At the end: while it goes away its attributes do, one by one. */
	if (!why)
		why = check_exists(request);
	if (why)
		return why;
	text = json_object_to_json_string_ext(list, ATTRIBUTES_FORMAT);
	if (!is_utf8(text))
		return format("an attribute of %s is not UTF-8, which JSON cannot hold",
			      request->uuid);
	fprintf(out, "%s\n", text);
	return NULL;
}

/* An attribute as it was, and is to be */
struct change {
	const char *name;
	const char *value;
	const struct rule *rule;
	char *path;
	char *before;
};

static void free_changes(struct change *changes, size_t n)
{
	while (n--) {
		free(changes[n].path);
		free(changes[n].before);
	}
	free(changes);
}

static char *prepare(struct change *change, const struct callout_request *request,
		     const struct definition_attr *attr, const struct rules *rules)
{
	change->name = attr->name;
	change->value = attr->value;
	change->rule = find_rule(rules, attr->name);
	change->path = attr_path(request, attr->name);
	change->before = read_file(change->path);
	if (change->before)
		return NULL;
	return format("%s cannot be read, so it could not be put back, and nothing was written: %s",
		      change->path, strerror(errno));
}

/* *@written: the attribute may have changed */
static char *apply(const struct change *change, bool *written)
{
	__cleanup_free char *value = quote(change->value);
	__cleanup_free char *after = NULL;
	__cleanup_free char *found = NULL;

	if (write_file(change->path, change->value))
		return format("%s: %s is refused: %s", change->path, value, strerror(errno));
	*written = true;
	after = read_file(change->path);
	if (!after)
		return format("%s cannot be read back: %s", change->path, strerror(errno));
	if (!change->rule || rule_same(change->rule, change->value, after))
		return NULL;
	found = quote(after);
	return format("%s: %s was written, and it reads %s", change->path, value, found);
}

/* Adds to @why what could not be. Takes @why. */
static char *put_back(const struct change *change, char *why)
{
	__cleanup_free char *before = quote(change->before);
	char *longer;

	if (!write_file(change->path, change->before))
		return why;
	longer = format("%s; attribute \"%s\" could not be put back to %s: %s", why, change->name,
			before, strerror(errno));
	free(why);
	return longer;
}

static char *apply_all(const struct change *changes, size_t n)
{
	bool written = false;
	char *why = NULL;
	size_t i;

	for (i = 0; !why && i < n; i++) {
		written = false;
		why = apply(&changes[i], &written);
	}
	if (!why)
		return NULL;
	if (!written)
		i--;
	while (i--)
		why = put_back(&changes[i], why);
	return why;
}

static char *apply_definition(const struct callout_request *request,
			      const struct definition *definition, const struct rules *rules)
{
	struct change *changes = calloc(definition->nr_attrs + 1, sizeof(*changes));
	char *why = NULL;
	size_t i;

	if (!changes)
		return duplicate("no memory");
	for (i = 0; !why && i < definition->nr_attrs; i++)
		why = prepare(&changes[i], request, &definition->attrs[i], rules);
	if (!why)
		why = apply_all(changes, definition->nr_attrs);
	free_changes(changes, definition->nr_attrs);
	return why;
}

char *set_attributes(const struct callout_request *request, const struct definition *definition)
{
	__cleanup_rules struct rules rules = {};
	__cleanup_free char *folder = attr_path(request, "");
	char *why;
	int lock;

	why = check_exists(request);
	if (!why)
		why = read_rules(request->parent, &rules);
	if (why)
		return why;
	lock = lock_folder(folder);
	if (lock < 0 && errno == EBUSY)
		return format("another program is changing the attributes of %s: try again",
			      request->uuid);
	if (lock < 0)
		return format("%s: %s", folder, strerror(errno));
	why = apply_definition(request, definition, &rules);
	close(lock);
	return why;
}
