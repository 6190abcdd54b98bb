// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "callout.h"
#include "definition.h"
#include "precheck.h"
#include "rules.h"
#include "sysfs.h"

static char *check_type(const struct callout_request *request)
{
	__cleanup_free char *path = format("/sys/class/mdev_bus/%s/mdev_supported_types/%s",
					   request->parent, request->type);
	__cleanup_free char *type = quote(request->type);

	if (is_plain_name(request->type) && path_exists(path))
		return NULL;
	return format("%s offers no type %s: \"mdevctl types\" lists what there is",
		      request->parent, type);
}

static char *check_attr(const struct rules *rules, const struct callout_request *request,
			const struct definition_attr *attr)
{
	const struct rule *rule = find_rule(rules, attr->name);
	__cleanup_free char *name = quote(attr->name);
	__cleanup_free char *expected = NULL;
	__cleanup_free char *value = NULL;

	if (!rule)
		return format("attribute %s: the mdevs of %s have none of that name", name,
			      request->parent);
	if (rule_allows(rule, attr->value))
		return NULL;
	expected = rule_describe(rule);
	value = quote(attr->value);
	return format("attribute %s: %s is not %s", name, value, expected);
}

char *check_definition(const struct callout_request *request, const struct definition *definition)
{
	__cleanup_rules struct rules rules = {};
	char *why;
	size_t i;

	why = check_type(request);
	if (!why)
		why = read_rules(request->parent, &rules);
	for (i = 0; !why && !rules.unknown && i < definition->nr_attrs; i++)
		why = check_attr(&rules, request, &definition->attrs[i]);
	return why;
}

/* -1 when it cannot be read, with errno */
static long read_available(const struct callout_request *request)
{
	__cleanup_free char *path =
		format("/sys/class/mdev_bus/%s/mdev_supported_types/%s/available_instances",
		       request->parent, request->type);
	__cleanup_free char *text = read_file(path);

	return text ? atol(text) : -1;
}

char *blocked_reason(const struct callout_request *request)
{
	__cleanup_free char *path =
		format("/sys/class/mdev_bus/%s/mdevkit/pasid_blocked", request->parent);
	__cleanup_free char *reason = read_file(path);

	/* Sysfs does not say which types need a PASID: those that do have 0 instances then. */
	if (!reason || !*reason || read_available(request))
		return NULL;
	return format("%s offers 0 instances of %s, and can have no mdev with a PASID: %s",
		      request->parent, request->type, reason);
}

static char *check_uuid_is_free(const struct callout_request *request)
{
	__cleanup_free char *path = format("/sys/bus/mdev/devices/%s", request->uuid);

	if (!path_exists(path))
		return NULL;
	return format("an mdev %s exists already", request->uuid);
}

static char *check_capacity(const struct callout_request *request)
{
	long available = read_available(request);

	if (available < 0)
		return format("%s, type %s: available_instances: %s", request->parent,
			      request->type, strerror(errno));
	if (available)
		return NULL;
	return blocked_reason(request) ?:
		       format("%s has no capacity left for %s: stop another of its mdevs first",
			      request->parent, request->type);
}

char *check_start(const struct callout_request *request)
{
	return check_uuid_is_free(request) ?: check_capacity(request);
}
