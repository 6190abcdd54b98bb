// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "callout.h"
#include "notify.h"
#include "sysfs.h"

static const struct {
	const char *action;
	const char *done;
} actions[] = {
	{ "start", "started" },
	{ "stop", "stopped" },
	{ "define", "defined" },
	{ "undefine", "undefined" },
	{ "modify", "modified" },
};

/* What is to be said, to be freed, or NULL */
static char *outcome(const struct callout_request *request)
{
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(actions[i].action, request->action))
			continue;
		if (!strcmp(request->state, "success"))
			return duplicate(actions[i].done);
		if (!strcmp(request->state, "failure"))
			return format("%s failed", request->action);
		/* mdevctl says none when a callout refused, and after any live modification. */
		if (!strcmp(request->action, "modify"))
			return NULL;
		return format("%s was refused", request->action);
	}
	return NULL;
}

void notify(const struct callout_request *request, FILE *err)
{
	__cleanup_free char *what = outcome(request);
	bool good = !strcmp(request->state, "success");

	if (!what)
		return;
	if (*get_root()) {
		fprintf(err, "mdevkit: mdev %s (%s on %s) %s\n", request->uuid, request->type,
			request->parent, what);
		return;
	}
	openlog("mdevkit", 0, LOG_DAEMON);
	syslog(good ? LOG_INFO : LOG_WARNING, "mdev %s (%s on %s) %s", request->uuid, request->type,
	       request->parent, what);
	closelog();
}
