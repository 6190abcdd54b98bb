/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the instructions of an operation go: QEMU writes the address of each one into a file of
 * the host (lab/run --qemu "-D FILE"), and tests/bench/trace makes a list of functions of it.
 */
#ifndef _BENCH_TRACE_H
#define _BENCH_TRACE_H

#include "measure.h"

/* True when the environment's BENCH_TRACE has this key among its words */
bool bench_is_traced(const char *key);

/* Runs the steps a few times, and has those of the step @which traced */
void bench_trace(const char *side, const struct bench_step *steps, unsigned int nr_steps,
		 unsigned int which, void *data);

#endif /* _BENCH_TRACE_H */
