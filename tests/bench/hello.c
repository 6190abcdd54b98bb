// SPDX-License-Identifier: GPL-2.0-only
/* The tutorial's device, of which a parent has a hundred: is each as cheap as the first? */
#include "ktap.h"
#include "life.h"
#include "measure.h"

#define DICE		100

TEST_LONG("hello: the 1st and the 100th die", 300)
{
	struct bench_mdev die = {
		.parent = "/sys/devices/virtual/hello/hello",
		.type = "hello-die",
	};

	bench_first_and_nth(BENCH_KIT, &die, "hello", DICE, 101);
}
