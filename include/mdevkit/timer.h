/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers of a device. What runs by itself has to be stopped by the driver's close callback:
 * reset does not run at close.
 */
#ifndef _MDEVKIT_TIMER_H
#define _MDEVKIT_TIMER_H

#include <linux/hrtimer.h>

/**
 * mdevkit_hrtimer_setup() - prepare a high resolution timer
 * @timer: the timer
 * @function: called when it expires, in hard interrupt context
 * @clock: CLOCK_MONOTONIC or another one
 * @mode: HRTIMER_MODE_REL or another one
 *
 * hrtimer_setup() came with 6.13, and hrtimer_init() went with 6.15: a driver that
 * calls this one looks for no version.
 *
 * Context: any.
 */
void mdevkit_hrtimer_setup(struct hrtimer *timer,
			   enum hrtimer_restart (*function)(struct hrtimer *timer),
			   clockid_t clock, enum hrtimer_mode mode);

#endif /* _MDEVKIT_TIMER_H */
