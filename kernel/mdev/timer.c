// SPDX-License-Identifier: GPL-2.0-only
/* What a driver with a clock of its own needs on every kernel. */

#include <linux/export.h>

#include <mdevkit/timer.h>

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
			   clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_setup(timer, function, clock, mode);
}
EXPORT_SYMBOL_GPL(mdevkit_hrtimer_setup);
