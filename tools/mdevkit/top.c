// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit top: how busy mdevs are, from the kit's counters in debugfs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "describe.h"
#include "number.h"
#include "sysfs.h"
#include "table.h"

#define COUNTERS "/sys/kernel/debug/mdevkit/counters"
#define CLEAR_SCREEN "\033[H\033[2J"

static const char *const names[] = { "reads", "writes", "interrupts", "faults" };

#define NR_COUNTERS (sizeof(names) / sizeof(*names))

struct sample {
	char *uuid;
	unsigned long long counts[NR_COUNTERS];
};

struct samples {
	struct sample *list;
	size_t nr;
	struct timespec at;
};

#define __cleanup_samples __attribute__((cleanup(free_samples)))

static void free_samples(struct samples *samples)
{
	size_t i;

	for (i = 0; i < samples->nr; i++)
		free(samples->list[i].uuid);
	free(samples->list);
	*samples = (struct samples){};
}

/* "UUID NAME NUMBER NAME NUMBER…"; a name that is not known is a newer kit's. */
static void take_line(struct samples *samples, char *line)
{
	struct sample sample = {};
	const char *uuid = strsep(&line, " ");
	char *name, *number;
	size_t i;

	if (!is_uuid(uuid))
		return;
	while ((name = strsep(&line, " ")) && (number = strsep(&line, " ")))
		for (i = 0; i < NR_COUNTERS; i++)
			if (!strcmp(name, names[i]))
				parse_number(number, 10, ULLONG_MAX, &sample.counts[i]);
	sample.uuid = duplicate(uuid);
	samples->list = must(reallocarray(samples->list, samples->nr + 1, sizeof(*samples->list)));
	samples->list[samples->nr++] = sample;
}

static int take_samples(struct cli *cli, struct samples *samples)
{
	__cleanup_free char *text = read_file(COUNTERS);
	int error = errno;
	char *line, *rest = text;

	if (!text && error == ENOENT)
		return failed(cli, COUNTERS ": is not there: load the kit (modprobe mdevkit), and "
					    "mount debugfs");
	if (!text)
		return failed(cli, COUNTERS ": %s: only root can read it", strerror(error));
	clock_gettime(CLOCK_MONOTONIC, &samples->at);
	while ((line = strsep(&rest, "\n")))
		take_line(samples, line);
	return EXIT_OK;
}

static const struct sample *find_sample(const struct samples *samples, const char *uuid)
{
	size_t i;

	for (i = 0; i < samples->nr; i++)
		if (!strcmp(samples->list[i].uuid, uuid))
			return &samples->list[i];
	return NULL;
}

/* How often in a second; a device that was made anew under the same name begins at 0. */
static double rate(const struct samples *before, const struct samples *after,
		   const struct sample *now, size_t counter)
{
	const struct sample *then = find_sample(before, now->uuid);
	double seconds = after->at.tv_sec - before->at.tv_sec +
			 (after->at.tv_nsec - before->at.tv_nsec) / 1e9;

	if (!then || then->counts[counter] > now->counts[counter] || seconds <= 0)
		return 0;
	return (now->counts[counter] - then->counts[counter]) / seconds;
}

static void show_table(struct cli *cli, const struct model *m, const struct samples *before,
		       const struct samples *after)
{
	struct table table = { .nr_columns = 7 };
	size_t i, c;

	table_row(&table, (const char *[]){ "MDEV", "TYPE", "READS/S", "WRITES/S", "IRQS/S",
					    "FAULTS/S", "USERS" });
	for (i = 0; i < after->nr; i++) {
		const struct sample *now = &after->list[i];
		const struct mdev *d = find_mdev(m, now->uuid);
		__cleanup_free char *users = d ? users_text(d) : NULL;
		char *rates[NR_COUNTERS];

		for (c = 0; c < NR_COUNTERS; c++)
			rates[c] = format("%.0f", rate(before, after, now, c));
		table_row(&table, (const char *[]){ now->uuid, d ? d->type : NULL, rates[0],
						    rates[1], rates[2], rates[3], users });
		for (c = 0; c < NR_COUNTERS; c++)
			free(rates[c]);
	}
	if (cli->colours)
		fputs(CLEAR_SCREEN, cli->out);
	table_print(cli, &table);
	fflush(cli->out);
}

/* One object in one line each time: a program reads them as they come. */
static void show_json(struct cli *cli, const struct samples *before, const struct samples *after)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	size_t i, c;

	for (i = 0; i < after->nr; i++) {
		const struct sample *now = &after->list[i];
		struct json_object *one = json_object_new_object();

		json_object_object_add(one, "uuid", json_text(now->uuid));
		for (c = 0; c < NR_COUNTERS; c++) {
			__cleanup_free char *key = format("%s_per_second", names[c]);

			json_object_object_add(one, names[c],
					       json_object_new_uint64(now->counts[c]));
			json_object_object_add(
				one, key,
				json_object_new_double(rate(before, after, now, c)));
		}
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "mdevs", list);
	fprintf(cli->out, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	fflush(cli->out);
}

static int watch(struct cli *cli, unsigned long long interval, unsigned long long count)
{
	struct samples before __cleanup_samples = {};
	unsigned long long n;
	int status = take_samples(cli, &before);

	for (n = 0; status == EXIT_OK && (!count || n < count); n++) {
		struct samples after = {};
		struct model m __cleanup_model = {};

		sleep(interval);
		status = take_samples(cli, &after);
		if (status == EXIT_OK && cli->json) {
			show_json(cli, &before, &after);
		} else if (status == EXIT_OK) {
			model_load(&m);
			show_table(cli, &m, &before, &after);
		}
		free_samples(&before);
		before = after;
		if (ferror(cli->out))
			return EXIT_ERROR;
	}
	return status;
}

static int top(struct cli *cli, int argc, char **argv)
{
	const char *interval_text = take_value(&argc, argv, "--interval");
	const char *count_text = take_value(&argc, argv, "--count");
	unsigned long long interval = 1, count = 0;

	if (unknown_option(argc, argv))
		return usage_error(cli, "no option \"%s\", or it lacks its value",
				   unknown_option(argc, argv));
	if (argc)
		return usage_error(cli, "top takes no argument, but there is \"%s\"", argv[0]);
	if (interval_text && (!parse_number(interval_text, 10, 3600, &interval) || !interval))
		return usage_error(cli, "\"%s\" is no number of seconds up to 3600", interval_text);
	if (count_text && !parse_number(count_text, 10, INT_MAX, &count))
		return usage_error(cli, "\"%s\" is no number of times", count_text);
	return watch(cli, interval, count);
}

const struct command top_command = {
	.name = "top",
	.arguments = "[--interval SECONDS] [--count N] [--json]",
	.summary = "Show how busy each mdev is, again and again",
	.help = "\n"
		"Reads and writes of the device file, interrupts sent, and pages that were put\n"
		"into mappings, for each second of the interval (1). It ends after N times, or\n"
		"when it is interrupted. Accesses to mapped pages are not seen by the kit.\n",
	.run = top,
};
