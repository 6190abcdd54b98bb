/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which CPU something runs on, and proof that what should run at once did.
 */
#ifndef _LAB_CPUS_H
#define _LAB_CPUS_H

#include <pthread.h>
#include <stdatomic.h>

#include "types.h"

/* One CPU: number @n, modulo those there are */

/* The calling thread runs there from now on */
void pin_self(unsigned int n);

/* Starts a thread that never runs elsewhere */
void start_pinned(pthread_t *thread, unsigned int n, void *(*work)(void *arg), void *arg);

/*
 * What several workers (threads, or processes that share this structure; all zero at first)
 * did at overlapping times, on which CPUs.
 */
struct overlap {
	atomic_ulong cpus;	/* a bit for each CPU that a worker was seen on */
	atomic_uint last;	/* who has made progress last, plus one */
	atomic_uint changes;	/* how often that was another one than the time before */
};

/* The worker number @who has made a step */
void overlap_step(struct overlap *overlap, unsigned int who);

/* Checks that the workers took turns at least @changes times (a slow kernel: fewer), on two CPUs */
void check_overlap(struct overlap *overlap, unsigned int changes);

#endif /* _LAB_CPUS_H */
