// SPDX-License-Identifier: GPL-2.0-only
/* What a driver with a clock of its own needs on every kernel. */

#include <linux/export.h>

#include <mdevkit/timer.h>

void mdevkit_hrtimer_setup(struct hrtimer *timer,
			   enum hrtimer_restart (*function)(struct hrtimer *timer),
			   clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_setup(timer, function, clock, mode);
}
EXPORT_SYMBOL_GPL(mdevkit_hrtimer_setup);
