// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: definitions from nowhere, as mdevctl hands them to the callout before it saves them.
 * What is accepted has only the parent's attributes, each with a value that it takes. Made and run
 * by make fuzz.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "callout.h"
#include "rules.h"
#include "sysfs.h"

#define PARENT "0000:00:03.0"
#define TYPE "mdma-1"
#define FOLDER "/sys/class/mdev_bus/" PARENT

static FILE *nowhere;
static char root[] = "/tmp/mdevkit-fuzz-XXXXXX";

static void must_be(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "accepted, but %s\n", what);
	abort();
}

static void make_folder(const char *path)
{
	__cleanup_free char *full = format("%s%s/", root, path);
	char *slash;

	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(full, 0700);
		*slash = '/';
	}
}

static void make_file(const char *path, const char *text)
{
	__cleanup_free char *full = format("%s%s", root, path);
	FILE *file = fopen(full, "w");

	must_be(file && fputs(text, file) >= 0 && !fclose(file), "no file can be made");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	must_be(mkdtemp(root), "no folder can be made");
	setenv("MDEVKIT_ROOT", root, 1);
	nowhere = fopen("/dev/null", "w");
	make_folder("/sys/bus/mdev/devices");
	make_folder(FOLDER "/mdevkit");
	make_folder(FOLDER "/mdev_supported_types/" TYPE);
	make_file(FOLDER "/mdev_supported_types/" TYPE "/available_instances", "4\n");
	make_file(FOLDER "/mdev_supported_types/" TYPE "/device_api", "vfio-pci\n");
	make_file(FOLDER "/mdevkit/pasid_blocked", "\n");
	make_file(FOLDER "/mdevkit/attributes",
		  "lanes 1-8\nloopback bool\nspeed slow|fast\nlabel any\n");
	return 0;
}

static void check_attribute(const struct rules *rules, struct json_object *attribute)
{
	must_be(json_object_is_type(attribute, json_type_object), "an attribute is no object");
	json_object_object_foreach(attribute, name, value) {
		const struct rule *rule = find_rule(rules, name);

		must_be(rule, "the parent has no such attribute");
		must_be(json_object_is_type(value, json_type_string), "a value is no string");
		must_be(rule_allows(rule, json_object_get_string(value)), "a value is wrong");
	}
}

static void check_accepted(const char *text)
{
	struct json_object *definition = json_tokener_parse(text);
	struct json_object *list;
	struct rules rules __cleanup_rules = {};
	__cleanup_free char *why = read_rules(PARENT, &rules);

	must_be(!why, "there are no rules");
	must_be(json_object_is_type(definition, json_type_object), "it is no object");
	if (json_object_object_get_ex(definition, "attrs", &list)) {
		must_be(!list || json_object_is_type(list, json_type_array), "attrs is no list");
		for (size_t i = 0; list && i < json_object_array_length(list); i++)
			check_attribute(&rules, json_object_array_get_idx(list, i));
	}
	json_object_put(definition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[] = { "callout", "-t", TYPE, "-e", "pre", "-a", "define", "-s", "none",
			 "-u", "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "-p", PARENT, NULL };
	__cleanup_free char *text = format("%.*s", (int)size, (const char *)data);
	FILE *in;
	int code;

	if (!size)
		return 0;
	in = fmemopen((void *)data, size, "r");
	must_be(in, "it cannot be read");
	code = callout(13, argv, in, nowhere, nowhere);
	fclose(in);
	must_be(code == CALLOUT_ACCEPTED || code == CALLOUT_REFUSED, "with an unknown status");
	if (code == CALLOUT_ACCEPTED)
		check_accepted(text);
	return 0;
}
