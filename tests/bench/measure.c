// SPDX-License-Identifier: GPL-2.0-only
/* Counting instructions, see measure.h. */
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "ktap.h"
#include "measure.h"
#include "trace.h"

#define STEPS_MAX	4
#define ROUNDS_MAX	101
#define WARM_UP		5
#define ONE_ROUNDS	51
#define ONE_BATCH	100

bool bench_is_short(void)
{
	return getenv("BENCH_SHORT");
}

const char *bench_side(void)
{
	const char *side = getenv("BENCH_SIDE");

	REQUIRE(side, "BENCH_SIDE says whose driver is loaded");
	return side;
}

void bench_result(const char *side, const char *key, double value)
{
	const char *path = getenv("BENCH_RESULTS");
	FILE *file = path ? fopen(path, "a") : NULL;

	REQUIRE(file, "BENCH_RESULTS is the file of results");
	fprintf(file, "%s %s %.2f\n", side, key, value);
	CHECK(!fclose(file));
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/*
 * The mean of the middle half: a timer's tick in some of the rounds does not show, and where
 * the kernel's own work comes and goes the number is steadier than a median.
 */
static double middle(u64 *samples, unsigned int n)
{
	double sum = 0;

	qsort(samples, n, sizeof(*samples), compare);
	for (unsigned int i = n / 4; i < n - n / 4; i++)
		sum += samples[i];
	return sum / (n - n / 4 * 2);
}

static u64 measure(const struct bench_step *step, void *data, unsigned int batch, int *failed)
{
	int ret = 0;
	u64 start = __rdtsc();

	for (unsigned int i = 0; i < batch; i++)
		ret |= step->run(data);
	start = __rdtsc() - start;
	if (ret)
		*failed = ret;
	return start;
}

static int nothing(void *data)
{
	return 0;
}

/* What the counting itself costs */
static double overhead(unsigned int batch)
{
	const struct bench_step step = { .run = nothing };
	u64 samples[WARM_UP];
	int failed = 0;

	for (unsigned int i = 0; i < WARM_UP; i++)
		samples[i] = measure(&step, NULL, batch, &failed);
	return middle(samples, WARM_UP);
}

void bench_cycle(const char *side, const struct bench_step *steps, unsigned int nr_steps,
		 void *data, unsigned int rounds, unsigned int batch)
{
	static u64 samples[STEPS_MAX][ROUNDS_MAX];
	double none = overhead(batch);

	REQUIRE(nr_steps <= STEPS_MAX && rounds <= ROUNDS_MAX);
	for (unsigned int round = 0; round < rounds + WARM_UP; round++) {
		for (unsigned int i = 0; i < nr_steps; i++) {
			u64 *sample = &samples[i][round < WARM_UP ? 0 : round - WARM_UP];
			int failed = 0;

			*sample = measure(&steps[i], data, batch, &failed);
			REQUIRE_EQ(failed, 0, "%s of the %s", steps[i].key ?: "a step", side);
		}
	}
	for (unsigned int i = 0; i < nr_steps; i++)
		if (steps[i].key && bench_is_traced(steps[i].key))
			bench_trace(side, steps, nr_steps, i, data);
	for (unsigned int i = 0; i < nr_steps; i++)
		if (steps[i].key)
			bench_result(side, steps[i].key,
				     (middle(samples[i], rounds) - none) / batch);
}

void bench_one(const char *side, const char *key, int (*run)(void *data), void *data)
{
	const struct bench_step step = { .key = key, .run = run };

	bench_cycle(side, &step, 1, data, ONE_ROUNDS, ONE_BATCH);
}
