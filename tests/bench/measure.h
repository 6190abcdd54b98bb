/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counting instructions in a VM of lab/run --icount, where the time stamp counter advances by
 * one for each. It goes on while the CPU is idle, too: what sleeps is measured as a time.
 */
#ifndef _BENCH_MEASURE_H
#define _BENCH_MEASURE_H

#include "types.h"

/* Whose number it is: what is measured stands before one of these in the file of results */
#define BENCH_KIT	"kit"
#define BENCH_PEER	"peer"
#define BENCH_FLOOR	"floor"

/**
 * struct bench_step - one operation of a cycle
 * @key: the name of its number, or NULL when it is only there to undo another
 * @run: the operation; 0 or -errno
 */
struct bench_step {
	const char *key;
	int (*run)(void *data);
};

/* True when only the short form is wanted: what takes long is left out */
bool bench_is_short(void);

/* The side that this run of the program measures, BENCH_KIT or BENCH_PEER */
const char *bench_side(void);

/*
 * Runs the steps one after the other, again and again, and writes the mean of the middle half of
 * each to the file of results. @batch: how often a step is repeated before the next one. The test
 * has failed when a step does.
 */
void bench_cycle(const char *side, const struct bench_step *steps, unsigned int nr_steps,
		 void *data, unsigned int rounds, unsigned int batch);

/* One step that can be repeated: a system call without consequences */
void bench_one(const char *side, const char *key, int (*run)(void *data), void *data);

/* Writes a number that was found in another way */
void bench_result(const char *side, const char *key, double value);

#endif /* _BENCH_MEASURE_H */
