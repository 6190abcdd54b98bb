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
	char other[UUID_SIZE];

	mdev_uuid(0, die.uuid);
	bench_create_remove(BENCH_KIT, &die, "hello", "_1", 101);
	for (unsigned int i = 1; i < DICE; i++) {
		mdev_uuid(i, other);
		REQUIRE_OK(mdev_create(die.parent, die.type, other));
	}
	bench_create_remove(BENCH_KIT, &die, "hello", "_100", 101);
	for (unsigned int i = 1; i < DICE; i++) {
		mdev_uuid(i, other);
		REQUIRE_OK(mdev_remove(other));
	}
}
