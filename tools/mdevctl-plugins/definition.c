// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "definition.h"
#include "rules.h"
#include "sysfs.h"

#define INPUT_MAX_SIZE (1024 * 1024)
/* A page: sysfs takes no more in one write, and mdevctl would write the rest as a second value. */
#define VALUE_MAX_SIZE 4095
#define JSON_MAX_DEPTH 16

void put_json(json_object **json)
{
	json_object_put(*json);
}

void free_definition(struct definition *definition)
{
	free(definition->attrs);
	json_object_put(definition->json);
}

char *quote(const char *text)
{
	json_object *string = json_object_new_string(text);
	const char *json = json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE);
	char *quoted = duplicate(json);

	json_object_put(string);
	return quoted;
}

static char *read_all(FILE *in, char **text)
{
	char *buffer = malloc(INPUT_MAX_SIZE + 1);
	size_t len;

	*text = buffer;
	if (!buffer)
		return duplicate("no memory for the definition");
	len = fread(buffer, 1, INPUT_MAX_SIZE + 1, in);
	if (ferror(in))
		return format("the definition cannot be read: %s", strerror(errno));
	if (len > INPUT_MAX_SIZE)
		return format("the definition is longer than %d bytes", INPUT_MAX_SIZE);
	buffer[len] = 0;
	if (strlen(buffer) != len)
		return duplicate("the definition has a 0 byte in it");
	return NULL;
}

/* Members of all objects in @json; of those that have one name json-c keeps the last. */
static size_t count_members(json_object *json)
{
	size_t i, n = 0;

	if (json_object_is_type(json, json_type_array)) {
		for (i = 0; i < json_object_array_length(json); i++)
			n += count_members(json_object_array_get_idx(json, i));
	} else if (json_object_is_type(json, json_type_object)) {
		json_object_object_foreach(json, name, member) {
			(void)name;
			n += 1 + count_members(member);
		}
	}
	return n;
}

/* The same in its text: a colon is in no other place but strings. *@zero: one has a 0 byte. */
static size_t count_colons(const char *text, bool *zero)
{
	bool in_string = false;
	size_t n = 0;

	for (; *text; text++) {
		if (in_string && *text == '\\') {
			text++;
			*zero |= !strncmp(text, "u0000", 5);
		} else if (*text == '"') {
			in_string = !in_string;
		} else if (*text == ':' && !in_string) {
			n++;
		}
	}
	return n;
}

static char *parse_json(const char *text, json_object **json)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_MAX_DEPTH);
	enum json_tokener_error error;
	bool zero = false;

	if (!tokener)
		return duplicate("no memory for the definition");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With its 0 byte: there is no more to come. */
	*json = json_tokener_parse_ex(tokener, text, strlen(text) + 1);
	error = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (error != json_tokener_success)
		return format("the definition is no JSON: %s", json_tokener_error_desc(error));
	if (!json_object_is_type(*json, json_type_object))
		return duplicate("the definition is no JSON object");
	if (count_colons(text, &zero) != count_members(*json))
		return duplicate("the definition has one name twice in an object");
	if (zero)
		return duplicate("the definition has a 0 byte in it");
	return NULL;
}

char *read_json(FILE *in, json_object **json)
{
	__cleanup_free char *text = NULL;
	char *why;

	why = read_all(in, &text);
	return why ?: parse_json(text, json);
}

/* NULL when it is no string */
static const char *get_string(json_object *json)
{
	return json_object_is_type(json, json_type_string) ? json_object_get_string(json) : NULL;
}

static const char *get_text(json_object *json, const char *name)
{
	json_object *member = json_object_object_get(json, name);

	return get_string(member);
}

static char *add_attr(struct definition *definition, json_object *json)
{
	struct definition_attr attr = {};
	__cleanup_free char *name = NULL;
	size_t i;

	if (!json_object_is_type(json, json_type_object) || json_object_object_length(json) != 1)
		return duplicate("\"attrs\": one of them is not an object with one member");
	json_object_object_foreach(json, key, value) {
		attr.name = key;
		attr.value = get_string(value);
	}
	name = quote(attr.name);
	/* mdevctl writes wherever the name leads, an absolute one even outside of sysfs. */
	if (!is_plain_name(attr.name))
		return format("attribute %s: its name is empty, a path or starts with a dot", name);
	if (!attr.value)
		return format("attribute %s: its value is not a string", name);
	/* mdevctl would write nothing at all. */
	if (!*attr.value)
		return format("attribute %s: its value is empty", name);
	if (strlen(attr.value) > VALUE_MAX_SIZE)
		return format("attribute %s: its value is longer than %d bytes", name,
			      VALUE_MAX_SIZE);
	for (i = 0; i < definition->nr_attrs; i++)
		if (!strcmp(definition->attrs[i].name, attr.name))
			return format("attribute %s is given twice", name);
	definition->attrs[definition->nr_attrs++] = attr;
	return NULL;
}

static char *add_attrs(struct definition *definition, json_object *list)
{
	char *why = NULL;
	size_t i;

	if (!list)
		return NULL;
	if (!json_object_is_type(list, json_type_array))
		return duplicate("\"attrs\" is no array");
	definition->attrs = calloc(json_object_array_length(list) + 1, sizeof(*definition->attrs));
	if (!definition->attrs)
		return duplicate("no memory for the definition");
	for (i = 0; !why && i < json_object_array_length(list); i++)
		why = add_attr(definition, json_object_array_get_idx(list, i));
	return why;
}

char *read_definition(FILE *in, const char *type, struct definition *definition)
{
	__cleanup_free char *quoted = quote(type);
	const char *start, *its_type;
	char *why;

	why = read_json(in, &definition->json);
	if (why)
		return why;
	its_type = get_text(definition->json, "mdev_type");
	if (!its_type || strcmp(its_type, type))
		return format("\"mdev_type\" is not %s, the type that mdevctl names", quoted);
	start = get_text(definition->json, "start");
	if (!start || (strcmp(start, "manual") && strcmp(start, "auto")))
		return duplicate("\"start\" is neither \"manual\" nor \"auto\"");
	return add_attrs(definition, json_object_object_get(definition->json, "attrs"));
}
