/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers of a device. What runs by itself has to be stopped by the driver's close callback:
 * reset does not run at close.
 */
#ifndef _MDEVKIT_TIMER_H
#define _MDEVKIT_TIMER_H

#include <linux/hrtimer.h>

void mdevkit_hrtimer_setup(struct hrtimer *timer,
			   enum hrtimer_restart (*function)(struct hrtimer *timer),
			   clockid_t clock, enum hrtimer_mode mode);

#endif /* _MDEVKIT_TIMER_H */
