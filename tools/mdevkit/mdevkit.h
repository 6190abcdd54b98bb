/* SPDX-License-Identifier: GPL-2.0-only */
/* The command mdevkit: what its subcommands share. */
#ifndef MDEVKIT_TOOLS_MDEVKIT_H
#define MDEVKIT_TOOLS_MDEVKIT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "model.h"

/* Exit codes, documented in mdevkit(8) */
enum {
	EXIT_OK = 0,
	EXIT_PROBLEM = 1, /* doctor: there is a problem; group: it is not viable */
	EXIT_USAGE = 2,
	EXIT_ERROR = 3, /* what was asked for could not be done */
};

struct cli {
	FILE *out, *err;
	bool json;
	bool colours;
	const char *command;
};

/**
 * struct command - a subcommand
 * @name: as typed
 * @arguments: for its usage line
 * @summary: for the list of commands
 * @help: what more --help says
 * @run: gets the arguments after the name, --json taken out of them
 */
struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	const char *help;
	int (*run)(struct cli *cli, int argc, char **argv);
};

int mdevkit_run(int argc, char **argv, FILE *out, FILE *err);

extern const struct command list_command, show_command, doctor_command, graph_command;
extern const struct command policy_command, group_command, bind_command, unbind_command;
extern const struct command lease_command, gc_command, export_command, top_command;

/* One line on stderr; they return the exit code that goes with it. */
int usage_error(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int failed(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void warn(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints and frees. */
int print_json(struct cli *cli, struct json_object *object);
/* Removes the option from the arguments; false: it was not among them */
bool take_flag(int *argc, char **argv, const char *flag);
/* The same for "--name VALUE" and "--name=VALUE". NULL: not there, or without value */
const char *take_value(int *argc, char **argv, const char *flag);
/* The first argument that looks like an option, or NULL */
const char *unknown_option(int argc, char **argv);

#endif
