// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "callout.h"
#include "capabilities.h"
#include "definition.h"
#include "live.h"
#include "notify.h"
#include "precheck.h"
#include "rules.h"
#include "sysfs.h"

/* A callout's answer: NULL, or in one sentence why not. What mdevctl is to read goes to @out. */
typedef char *(*answer_fn)(const struct callout_request *request, FILE *in, FILE *out, FILE *err);

static char *answer_capabilities(const struct callout_request *request, FILE *in, FILE *out,
				 FILE *err)
{
	return print_capabilities(in, out);
}

static char *answer_attributes(const struct callout_request *request, FILE *in, FILE *out,
			       FILE *err)
{
	return print_attributes(request, out);
}

static char *answer_save(const struct callout_request *request, FILE *in, FILE *out, FILE *err)
{
	__cleanup_definition struct definition definition = {};
	char *warning, *why;

	why = read_definition(in, request->type, &definition);
	if (!why)
		why = check_definition(request, &definition);
	if (why)
		return why;
	warning = blocked_reason(request);
	if (warning)
		fprintf(err, "warning: it cannot be started as things are: %s\n", warning);
	free(warning);
	return NULL;
}

static char *answer_start(const struct callout_request *request, FILE *in, FILE *out, FILE *err)
{
	__cleanup_definition struct definition definition = {};
	char *why;

	why = read_definition(in, request->type, &definition);
	if (!why)
		why = check_definition(request, &definition);
	return why ?: check_start(request);
}

static char *answer_live(const struct callout_request *request, FILE *in, FILE *out, FILE *err)
{
	__cleanup_definition struct definition definition = {};
	char *why;

	why = read_definition(in, request->type, &definition);
	if (!why)
		why = check_definition(request, &definition);
	return why ?: set_attributes(request, &definition);
}

/*
 * Nothing to be said against it: what is wrong must be possible to stop and to forget, and a post
 * is too late to refuse.
 */
static char *answer_nothing(const struct callout_request *request, FILE *in, FILE *out, FILE *err)
{
	return NULL;
}

static const struct {
	const char *event;
	const char *action;
	answer_fn answer;
} answers[] = {
	{ "get", "capabilities", answer_capabilities },
	{ "get", "attributes", answer_attributes },
	{ "pre", "define", answer_save },
	{ "pre", "modify", answer_save },
	{ "pre", "start", answer_start },
	{ "pre", "stop", answer_nothing },
	{ "pre", "undefine", answer_nothing },
	{ "post", "define", answer_nothing },
	{ "post", "modify", answer_nothing },
	{ "post", "start", answer_nothing },
	{ "post", "stop", answer_nothing },
	{ "post", "undefine", answer_nothing },
	{ "live", "modify", answer_live },
};

static answer_fn find_answer(const struct callout_request *request)
{
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (!strcmp(answers[i].event, request->event) &&
		    !strcmp(answers[i].action, request->action))
			return answers[i].answer;
	return NULL;
}

static bool read_arguments(int argc, char **argv, struct callout_request *request)
{
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt(argc, argv, "t:e:a:s:u:p:")) != -1) {
		switch (option) {
		case 't':
			request->type = optarg;
			break;
		case 'e':
			request->event = optarg;
			break;
		case 'a':
			request->action = optarg;
			break;
		case 's':
			request->state = optarg;
			break;
		case 'u':
			request->uuid = optarg;
			break;
		case 'p':
			request->parent = optarg;
			break;
		default:
			return false;
		}
	}
	return optind == argc && request->type && request->event && request->action &&
	       request->state && request->uuid && request->parent;
}

/*
 * A parent that is not there now (its driver is not loaded) is nobody's: its types' names do not
 * tell whose they are, and another script of mdevctl's may be about to make it. mdevctl then saves,
 * shows and forgets definitions without a check, and refuses a start itself; the check comes with
 * the first start that can succeed.
 */
static bool is_mine(const struct callout_request *request)
{
	__cleanup_free char *folder = format("/sys/class/mdev_bus/%s/mdevkit", request->parent);

	return is_plain_name(request->parent) && path_exists(folder);
}

static char *check_names(const struct callout_request *request)
{
	__cleanup_free char *parent = quote(request->parent);
	__cleanup_free char *uuid = quote(request->uuid);

	/* Whoever's it were: mdevctl would write its definition where the name leads to. */
	if (!is_plain_name(request->parent) && strcmp(request->event, "get"))
		return format("%s cannot be a parent's name: it is empty or a path",
			      parent);
	if (!is_plain_name(request->uuid))
		return format("%s is no UUID", uuid);
	return NULL;
}

/* An mdevctl that cannot write all of it takes the script for broken. */
static void drain(FILE *in)
{
	char rest[4096];

	while (!isatty(fileno(in)) && fread(rest, 1, sizeof(rest), in))
		;
}

static int reply(const struct callout_request *request, FILE *in, FILE *out, FILE *err)
{
	__cleanup_free char *why = NULL;
	answer_fn answer = find_answer(request);

	if (!answer)
		return CALLOUT_NOT_MINE;
	why = check_names(request);
	if (!why && !is_mine(request))
		return CALLOUT_NOT_MINE;
	if (!why)
		why = answer(request, in, out, err);
	if (!why && (fflush(out) || ferror(out)))
		why = format("the answer cannot be written: %s", strerror(errno));
	if (!why)
		return CALLOUT_ACCEPTED;
	fprintf(err, "%s\n", why);
	return CALLOUT_REFUSED;
}

int callout(int argc, char **argv, FILE *in, FILE *out, FILE *err)
{
	struct callout_request request = {};
	int code = CALLOUT_ACCEPTED;

	if (!secure_getenv("MDEVKIT_ROOT"))
		set_root(secure_getenv("MDEVCTL_ENV_ROOT"));
	if (!read_arguments(argc, argv, &request)) {
		fputs("mdevctl calls: -t TYPE -e EVENT -a ACTION -s STATE -u UUID -p PARENT\n",
		      err);
		return CALLOUT_REFUSED;
	}
	if (strcmp(request.event, "notify"))
		code = reply(&request, in, out, err);
	else if (is_mine(&request))
		notify(&request, err);
	drain(in);
	return code;
}
