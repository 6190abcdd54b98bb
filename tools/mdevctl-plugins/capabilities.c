// SPDX-License-Identifier: GPL-2.0-only
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "capabilities.h"
#include "definition.h"
#include "sysfs.h"

#define PROTOCOL_VERSION 2

/* All of them: what is missing here is an error in mdevctl, not a thing that it does alone. */
static const char *const actions[] = {
	"start", "stop", "define", "undefine", "modify", "attributes", "capabilities", NULL
};

static const char *const events[] = { "pre", "post", "notify", "get", "live", NULL };

/* What is in @provided, a list of mdevctl's, and in @known */
static json_object *common(json_object *provided, const char *const *known)
{
	json_object *both = json_object_new_array();
	size_t i, k;

	for (i = 0; i < json_object_array_length(provided); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(provided, i));

		for (k = 0; name && known[k]; k++)
			if (!strcmp(name, known[k]))
				json_object_array_add(both, json_object_new_string(name));
	}
	return both;
}

char *print_capabilities(FILE *in, FILE *out)
{
	__cleanup_json json_object *question = NULL;
	__cleanup_json json_object *answer = NULL;
	json_object *provides, *version, *their_actions, *their_events, *supports;
	char *why;
	int number;

	why = read_json(in, &question);
	if (why)
		return why;
	if (!json_object_object_get_ex(question, "provides", &provides) ||
	    !json_object_object_get_ex(provides, "version", &version) ||
	    !json_object_is_type(version, json_type_int) ||
	    !json_object_object_get_ex(provides, "actions", &their_actions) ||
	    !json_object_is_type(their_actions, json_type_array) ||
	    !json_object_object_get_ex(provides, "events", &their_events) ||
	    !json_object_is_type(their_events, json_type_array))
		return duplicate("mdevctl's capabilities: version, actions or events are missing");
	number = json_object_get_int(version);
	if (number < 1)
		return format("mdevctl's capabilities: there is no version %d", number);
	answer = json_object_new_object();
	supports = json_object_new_object();
	json_object_object_add(answer, "supports", supports);
	if (number > PROTOCOL_VERSION)
		number = PROTOCOL_VERSION;
	json_object_object_add(supports, "version", json_object_new_int(number));
	json_object_object_add(supports, "actions", common(their_actions, actions));
	json_object_object_add(supports, "events", common(their_events, events));
	fprintf(out, "%s\n", json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
	return NULL;
}
