// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints how many thousand times a second the processor's time stamp counter advances, by the
 * clock that QEMU's timers follow. Nothing when that cannot be said.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES	200

struct sample {
	unsigned long long tsc;
	double ns;
};

/* Both clocks at one moment: of many tries the one that nothing came in between */
static struct sample look(void)
{
	unsigned long long best = ~0ULL;
	struct sample sample = { 0 };

	for (int i = 0; i < TRIES; i++) {
		unsigned long long before, after;
		struct timespec now;

		before = __rdtsc();
		clock_gettime(CLOCK_MONOTONIC, &now);
		after = __rdtsc();
		if (after - before < best) {
			best = after - before;
			sample.tsc = before + best / 2;
			sample.ns = now.tv_sec * 1e9 + now.tv_nsec;
		}
	}
	return sample;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct sample from, to;
	double khz;

	from = look();
	nanosleep(&pause, NULL);
	to = look();

	khz = (to.tsc - from.tsc) / (to.ns - from.ns) * 1e6;
	if (khz > 100e3 && khz < 10e6)
		printf("%.0f\n", khz);
	return 0;
}
