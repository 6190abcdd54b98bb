// SPDX-License-Identifier: GPL-2.0-only
/* Where the instructions of an operation go, see trace.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"
#include "qmp.h"
#include "trace.h"

#define TRACED_RUNS	3

bool bench_is_traced(const char *key)
{
	const char *words = getenv("BENCH_TRACE"), *at;
	size_t len = strlen(key);

	for (at = words; at && (at = strstr(at, key)); at += len)
		if ((at == words || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

static void hmp(int fd, const char *line)
{
	char arguments[128];

	snprintf(arguments, sizeof(arguments), "\"command-line\": \"%s\"", line);
	REQUIRE(qmp(fd, "human-monitor-command", arguments), "%s", line);
}

/*
 * Functions whose addresses the reader of the trace knows: the operation is what lies between.
 * The program is linked where it says.
 */
void LAB_ATTRIBUTE((noinline)) bench_trace_begins(void)
{
	__asm__ volatile("");
}

void LAB_ATTRIBUTE((noinline)) bench_trace_ends(void)
{
	__asm__ volatile("nop");
}

void bench_trace(const char *side, const struct bench_step *steps, unsigned int nr_steps,
		 unsigned int which, void *data)
{
	int fd = qmp_open();

	for (unsigned int run = 0; run < TRACED_RUNS; run++)
		for (unsigned int i = 0; i < nr_steps; i++) {
			if (i != which) {
				REQUIRE_EQ(steps[i].run(data), 0);
				continue;
			}
			/* The last of the runs counts: what came before it has warmed up */
			if (run == TRACED_RUNS - 1) {
				hmp(fd, "one-insn-per-tb on");
				hmp(fd, "log exec,nochain");
			}
			bench_trace_begins();
			REQUIRE_EQ(steps[i].run(data), 0);
			bench_trace_ends();
			if (run == TRACED_RUNS - 1) {
				hmp(fd, "log none");
				hmp(fd, "one-insn-per-tb off");
			}
		}
	close(fd);
	ktap_note("traced: %s %s", side, steps[which].key);
}
