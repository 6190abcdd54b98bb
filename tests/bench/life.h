/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of an mdev: created, opened, closed, removed, the same for all drivers. */
#ifndef _BENCH_LIFE_H
#define _BENCH_LIFE_H

#include "sysfs.h"

struct bench_mdev {
	const char *parent;
	const char *type;
	char uuid[UUID_SIZE];
};

/* Counts creation and removal in so many rounds: PREFIX.createSUFFIX and PREFIX.removeSUFFIX */
void bench_create_remove(const char *side, struct bench_mdev *mdev, const char *prefix,
			 const char *suffix, unsigned int rounds);

/* The same for the first and for the @nr-th mdev of a parent: suffixes "_1" and "_NR" */
void bench_first_and_nth(const char *side, struct bench_mdev *mdev, const char *prefix,
			 unsigned int nr, unsigned int rounds);

/* Counts opening with closing, PREFIX.open_close, of an mdev that is made for it */
void bench_open_close(const char *side, struct bench_mdev *mdev, const char *prefix);

#endif /* _BENCH_LIFE_H */
