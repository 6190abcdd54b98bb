// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit doctor: runs the checks and prints what they found. */
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "doctor.h"
#include "sysfs.h"
#include "table.h"

static const char *const verdict_names[] = {
	[OK] = "ok",
	[WARNING] = "warning",
	[PROBLEM] = "problem",
	[UNKNOWN] = "unknown",
};

static const enum colour verdict_colours[] = {
	[OK] = GREEN,
	[WARNING] = YELLOW,
	[PROBLEM] = RED,
	[UNKNOWN] = BLUE,
};

void add_check(struct findings *f, char *name, enum verdict verdict, char *text, char *remedy)
{
	f->checks = append(f->checks, &f->nr_checks, sizeof(*f->checks));
	f->checks[f->nr_checks - 1] = (struct check){
		.name = name,
		.verdict = verdict,
		.text = text,
		.remedy = remedy,
	};
}

bool kernel_parameter(const char *word)
{
	__cleanup_free char *line = read_file("/proc/cmdline");
	char *next, *rest = NULL;

	for (next = strtok_r(line ?: (char[]){ "" }, " \n", &rest); next;
	     next = strtok_r(NULL, " \n", &rest))
		if (!strcmp(next, word))
			return true;
	return false;
}

static void examine(struct findings *f)
{
	model_load(&f->model);
	f->release = read_file("/proc/sys/kernel/osrelease");
	check_kernel(f);
	check_modules(f);
	check_secure_boot(f);
	check_iommu(f);
	check_interrupts(f);
	check_vfio(f);
	check_memlock(f);
	check_mdevctl(f);
	check_parents(f);
	check_mdevs(f);
}

static void findings_free(struct findings *f)
{
	size_t i;

	for (i = 0; i < f->nr_checks; i++) {
		free(f->checks[i].name);
		free(f->checks[i].text);
		free(f->checks[i].remedy);
	}
	free(f->checks);
	free(f->release);
	model_free(&f->model);
}

static void print_check(struct cli *cli, const struct check *check)
{
	__cleanup_free char *name = printable(check->name);
	__cleanup_free char *text = printable(check->text);
	__cleanup_free char *remedy = printable(check->remedy ?: "");

	fprintf(cli->out, "%s%-8s%s %s: %s\n", colour_start(cli, verdict_colours[check->verdict]),
		verdict_names[check->verdict], colour_end(cli), name, text);
	if (check->remedy)
		fprintf(cli->out, "         → %s\n", remedy);
}

static size_t count(const struct findings *f, enum verdict verdict)
{
	size_t i, n = 0;

	for (i = 0; i < f->nr_checks; i++)
		n += f->checks[i].verdict == verdict;
	return n;
}

static void print_text(struct cli *cli, const struct findings *f)
{
	size_t i;

	for (i = 0; i < f->nr_checks; i++)
		print_check(cli, &f->checks[i]);
	fprintf(cli->out, "\n%zu ok, %zu warnings, %zu problems, %zu unknown\n", count(f, OK),
		count(f, WARNING), count(f, PROBLEM), count(f, UNKNOWN));
}

static void print_findings_json(struct cli *cli, const struct findings *f)
{
	struct json_object *o = json_object_new_object();
	struct json_object *checks = json_object_new_array();
	size_t i;

	for (i = 0; i < f->nr_checks; i++) {
		const struct check *check = &f->checks[i];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "name", json_text(check->name));
		json_object_object_add(one, "verdict", json_text(verdict_names[check->verdict]));
		json_object_object_add(one, "text", json_text(check->text));
		json_object_object_add(one, "remedy", json_text(check->remedy));
		json_object_array_add(checks, one);
	}
	json_object_object_add(o, "checks", checks);
	json_object_object_add(o, "problems", json_number(count(f, PROBLEM)));
	print_json(cli, o);
}

static int doctor(struct cli *cli, int argc, char **argv)
{
	struct findings f = {};
	int status;

	if (argc)
		return usage_error(cli, "doctor takes no argument, but there is \"%s\"", argv[0]);
	examine(&f);
	if (cli->json)
		print_findings_json(cli, &f);
	else
		print_text(cli, &f);
	status = count(&f, PROBLEM) ? EXIT_PROBLEM : EXIT_OK;
	findings_free(&f);
	return status;
}

const struct command doctor_command = {
	.name = "doctor",
	.arguments = "[--json]",
	.summary = "What this host can do, what is missing, and the remedy",
	.help = "\n"
		"Each check ends with ok, warning, problem or unknown (only root sees all).\n"
		"Exit status: 1 when there is a problem. Nothing is changed.\n",
	.run = doctor,
};
