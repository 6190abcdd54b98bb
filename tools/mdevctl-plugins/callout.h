/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kit's callout and notifier for mdevctl. docs/mdevctl.md says what it checks.
 */
#ifndef MDEVKIT_TOOLS_CALLOUT_H
#define MDEVKIT_TOOLS_CALLOUT_H

#include <stdio.h>

/* mdevctl's exit codes; 3 is no memory (lib/sysfs.h) */
enum {
	CALLOUT_ACCEPTED = 0,
	CALLOUT_REFUSED = 1,
	/* mdevctl asks its next script, or does it without one */
	CALLOUT_NOT_MINE = 2,
};

/* What mdevctl says on the command line */
struct callout_request {
	const char *type;
	const char *event;
	const char *action;
	const char *state;
	const char *uuid;
	const char *parent;
};

int callout(int argc, char **argv, FILE *in, FILE *out, FILE *err);

#endif
