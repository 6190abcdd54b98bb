// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: timers that are set up in the same way on every kernel. */

#include <kunit/test.h>
#include <linux/completion.h>

#include <mdevkit/timer.h>

struct clock {
	struct hrtimer timer;
	struct completion struck;
	unsigned int strokes;
};

static enum hrtimer_restart clock_strikes(struct hrtimer *timer)
{
	struct clock *clock = container_of(timer, struct clock, timer);

	if (++clock->strokes < 3) {
		hrtimer_forward_now(timer, ms_to_ktime(1));
		return HRTIMER_RESTART;
	}
	complete(&clock->struck);
	return HRTIMER_NORESTART;
}

static void a_timer_calls_its_function_until_that_has_enough(struct kunit *test)
{
	struct clock *clock = kunit_kzalloc(test, sizeof(*clock), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, clock);
	init_completion(&clock->struck);
	mdevkit_hrtimer_setup(&clock->timer, clock_strikes, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_start(&clock->timer, ms_to_ktime(1), HRTIMER_MODE_REL);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&clock->struck, 10 * HZ), 0);
	hrtimer_cancel(&clock->timer);
	KUNIT_EXPECT_EQ(test, clock->strokes, 3);
}

static struct kunit_case timer_test_cases[] = {
	KUNIT_CASE(a_timer_calls_its_function_until_that_has_enough),
	{}
};

static struct kunit_suite timer_test_suite = {
	.name = "mdevkit_timer",
	.test_cases = timer_test_cases,
};

kunit_test_suite(timer_test_suite);
