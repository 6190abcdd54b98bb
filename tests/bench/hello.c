// SPDX-License-Identifier: GPL-2.0-only
/* The tutorial's device, of which a parent has a hundred: is each as cheap as the first? */
#include "ktap.h"
#include "measure.h"
#include "sysfs.h"

#define HELLO_PARENT	"/sys/devices/virtual/hello/hello"
#define HELLO_TYPE	"hello-die"
#define DICE		100

static int create(void *data)
{
	return mdev_create(HELLO_PARENT, HELLO_TYPE, data);
}

static int remove_it(void *data)
{
	return mdev_remove(data);
}

TEST_LONG("hello: the 1st and the 100th die", 300)
{
	static const struct bench_step first[] = {
		{ "hello.create_1", create },
		{ "hello.remove_1", remove_it },
	};
	static const struct bench_step last[] = {
		{ "hello.create_100", create },
		{ "hello.remove_100", remove_it },
	};
	char uuid[UUID_SIZE], other[UUID_SIZE];

	mdev_uuid(0, uuid);
	bench_cycle(BENCH_KIT, first, ARRAY_SIZE(first), uuid, 101, 1);
	for (unsigned int i = 1; i < DICE; i++) {
		mdev_uuid(i, other);
		REQUIRE_OK(create(other));
	}
	bench_cycle(BENCH_KIT, last, ARRAY_SIZE(last), uuid, 101, 1);
	for (unsigned int i = 1; i < DICE; i++) {
		mdev_uuid(i, other);
		REQUIRE_OK(remove_it(other));
	}
}
