// SPDX-License-Identifier: GPL-2.0-only
/* Which subcommand, its help, its options, its errors. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mdevkit.h"
#include "sysfs.h"

static const struct command *const commands[] = {
	&list_command, &show_command, &doctor_command, &graph_command, &policy_command,
	&group_command, &bind_command, &unbind_command, &lease_command, &gc_command,
	&export_command, &top_command,
};

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static void print_help(FILE *out)
{
	size_t i;

	fputs("Usage: mdevkit COMMAND [ARGUMENT…] [--json]\n\n"
	      "Looks at, explains and manages the mediated devices of this host.\n\n",
	      out);
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nmdevkit COMMAND --help says more, mdevkit(8) all. Exit status: 0 fine,\n"
	      "1 a problem was found, 2 wrong usage, 3 what was asked for could not be done.\n",
	      out);
}

static void print_command_help(FILE *out, const struct command *command)
{
	fprintf(out, "Usage: mdevkit %s%s%s\n\n%s.\n%s", command->name,
		*command->arguments ? " " : "", command->arguments, command->summary,
		command->help);
}

static void __attribute__((format(printf, 3, 0)))
print_line(struct cli *cli, const char *severity, const char *fmt, va_list args)
{
	fprintf(cli->err, "mdevkit: %s: ", severity);
	vfprintf(cli->err, fmt, args);
	fputc('\n', cli->err);
}

int usage_error(struct cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(cli, "error", fmt, args);
	va_end(args);
	if (cli->command)
		fprintf(cli->err, "Try: mdevkit %s --help\n", cli->command);
	else
		fputs("Try: mdevkit --help\n", cli->err);
	return EXIT_USAGE;
}

int failed(struct cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(cli, "error", fmt, args);
	va_end(args);
	return EXIT_ERROR;
}

void warn(struct cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line(cli, "warning", fmt, args);
	va_end(args);
}

int print_json(struct cli *cli, struct json_object *object)
{
	const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			  JSON_C_TO_STRING_NOSLASHESCAPE;

	fprintf(cli->out, "%s\n", json_object_to_json_string_ext(object, flags));
	json_object_put(object);
	return EXIT_OK;
}

static void drop_arguments(int *argc, char **argv, int at, int count)
{
	memmove(argv + at, argv + at + count, (*argc - at - count) * sizeof(*argv));
	*argc -= count;
}

bool take_flag(int *argc, char **argv, const char *flag)
{
	int i;

	for (i = 0; i < *argc; i++) {
		if (strcmp(argv[i], flag))
			continue;
		drop_arguments(argc, argv, i, 1);
		return true;
	}
	return false;
}

const char *take_value(int *argc, char **argv, const char *flag)
{
	size_t len = strlen(flag);
	const char *value;
	int i;

	for (i = 0; i < *argc; i++) {
		if (strncmp(argv[i], flag, len))
			continue;
		if (argv[i][len] == '=') {
			value = argv[i] + len + 1;
			drop_arguments(argc, argv, i, 1);
			return value;
		}
		if (!argv[i][len] && i + 1 < *argc) {
			value = argv[i + 1];
			drop_arguments(argc, argv, i, 2);
			return value;
		}
	}
	return NULL;
}

const char *unknown_option(int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		if (argv[i][0] == '-')
			return argv[i];
	return NULL;
}

static bool wants_colours(FILE *out)
{
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (no_color && *no_color)
		return false;
	return terminal && strcmp(terminal, "dumb") && isatty(fileno(out));
}

static int run_command(struct cli *cli, const struct command *command, int argc, char **argv)
{
	int status;

	cli->command = command->name;
	if (take_flag(&argc, argv, "--help")) {
		print_command_help(cli->out, command);
		return EXIT_OK;
	}
	if (!path_exists("/sys/bus"))
		return failed(cli, "/sys: sysfs is not mounted, so nothing can be found out");
	cli->json = take_flag(&argc, argv, "--json");
	status = command->run(cli, argc, argv);
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(cli->out) || ferror(cli->out))
		return failed(cli, "the output could not be written");
	return status;
}

int mdevkit_run(int argc, char **argv, FILE *out, FILE *err)
{
	struct cli cli = { .out = out, .err = err, .colours = wants_colours(out) };
	/* Its own: options are taken out of it */
	__cleanup_free char **copy = must(calloc(argc + 1, sizeof(*copy)));
	const struct command *command;

	if (argc < 2) {
		print_help(err);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help(out);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		fputs("mdevkit " MDEVKIT_VERSION "\n", out);
		return EXIT_OK;
	}
	command = find_command(argv[1]);
	if (!command)
		return usage_error(&cli, "no command \"%s\"", argv[1]);
	memcpy(copy, argv, argc * sizeof(*argv));
	return run_command(&cli, command, argc - 2, copy + 2);
}
