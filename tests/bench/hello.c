// SPDX-License-Identifier: GPL-2.0-only
/* The tutorial's device: registers of 32 bits, and a hundred mdevs of one parent. */
#include <linux/pci_regs.h>
#include <unistd.h>

#include "measure.h"
#include "sysfs.h"
#include "vfio.h"

#define HELLO_PARENT	"/sys/devices/virtual/hello/hello"
#define HELLO_TYPE	"hello-die"
#define DIE_SIDES	0x4
#define DICE		100

static int read_4(void *data)
{
	struct vfio_client *client = data;
	u32 sides;

	return pread(client->fd, &sides, 4, client->bars[0].offset + DIE_SIDES) == 4 &&
	       sides == 6 ? 0 : -EIO;
}

static int create(void *data)
{
	return mdev_create(HELLO_PARENT, HELLO_TYPE, data);
}

static int remove_it(void *data)
{
	return mdev_remove(data);
}

TEST("hello: registers of 32 bits")
{
	struct vfio_client client;
	struct vfio_space space;
	char uuid[UUID_SIZE];

	mdev_uuid(0, uuid);
	REQUIRE_OK(create(uuid));
	REQUIRE_OK(vfio_space_open(&space, vfio_type1v2));
	REQUIRE_OK(vfio_client_open(&client, &space, uuid));
	bench_one(BENCH_KIT, "hello.read4", read_4, &client);
	vfio_client_close(&client);
	vfio_space_close(&space);
	REQUIRE_OK(remove_it(uuid));
}

TEST_LONG("hello: the 1st and the 100th die", 300)
{
	static const struct bench_step first[] = {
		{ "hello.create", create },
		{ "hello.remove", remove_it },
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
