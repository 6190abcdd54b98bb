// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tutorial's driver (kernel/samples/hello) does what README.md promises.
 */
#include <string.h>
#include <unistd.h>

#include "sysfs.h"
#include "vfio.h"

#define HELLO_PARENT	"/sys/devices/virtual/hello/hello"
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define DIE_ROLL	0x0
#define DIE_SIDES	0x4
#define DIE_COUNT	0x8

struct die {
	char uuid[UUID_SIZE];
	struct vfio_space space;
	struct vfio_client client;
};

static void die_open(struct die *die, const struct vfio_mode *mode)
{
	memset(die, 0, sizeof(*die));
	mdev_uuid(getpid(), die->uuid);
	REQUIRE_OK(mdev_create(HELLO_PARENT, "hello-die", die->uuid));
	REQUIRE_OK(vfio_space_open(&die->space, mode));
	REQUIRE_OK(vfio_client_open(&die->client, &die->space, die->uuid));
}

static void die_close(struct die *die)
{
	vfio_client_close(&die->client);
	vfio_space_close(&die->space);
	CHECK_ERR(mdev_remove(die->uuid), 0);
}

static u32 get(struct die *die, u64 offset)
{
	return vfio_get(&die->client, 0, offset, 4);
}

TEST_ALL_MODES("every roll is a number from 1 to SIDES, and is counted")
{
	unsigned int seen = 0;
	struct die die;

	die_open(&die, mode);
	CHECK_EQ(get(&die, DIE_SIDES), 6);
	for (int i = 0; i < 500; i++) {
		u32 number = get(&die, DIE_ROLL);

		REQUIRE(number >= 1 && number <= 6, "roll %u", number);
		seen |= 1 << number;
	}
	CHECK_EQ(get(&die, DIE_COUNT), 500);
	/* The chance that one of six numbers never comes in 500 rolls is below 10^-38 */
	CHECK_EQ(seen, 0x7e);
	die_close(&die);
}

TEST_ALL_MODES("the highest number raises the MSI, others do not")
{
	struct die die;
	int fd;

	die_open(&die, mode);
	fd = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&die.client, MSI, 0, 1, &fd));
	for (int i = 0; i < 100; i++) {
		bool highest = get(&die, DIE_ROLL) == 6;

		CHECK_EQ(eventfd_take(fd), highest);
	}
	close(fd);
	die_close(&die);
}

TEST_ALL_MODES("a reset makes it a fresh die")
{
	struct die die;

	die_open(&die, mode);
	vfio_put(&die.client, 0, DIE_SIDES, 4, 20);
	CHECK_EQ(get(&die, DIE_SIDES), 20);
	vfio_put(&die.client, 0, DIE_SIDES, 4, 0);
	CHECK_EQ(get(&die, DIE_SIDES), 20);
	get(&die, DIE_ROLL);
	REQUIRE_OK(vfio_reset(&die.client));
	CHECK_EQ(get(&die, DIE_SIDES), 6);
	CHECK_EQ(get(&die, DIE_COUNT), 0);
	die_close(&die);
}

TEST_ALL_MODES("a register has one width: other accesses are refused")
{
	struct die die;
	u8 byte;

	die_open(&die, mode);
	CHECK_EQ(vfio_read(&die.client, 0, DIE_SIDES, &byte, 1), -EINVAL);
	CHECK_EQ(vfio_read(&die.client, 0, DIE_SIDES + 1, &byte, 1), -EINVAL);
	die_close(&die);
}

TEST("a parent has a hundred of them")
{
	char uuid[UUID_SIZE];

	REQUIRE_EQ(mdev_available(HELLO_PARENT, "hello-die"), 100);
	mdev_uuid(getpid(), uuid);
	REQUIRE_OK(mdev_create(HELLO_PARENT, "hello-die", uuid));
	CHECK_EQ(mdev_available(HELLO_PARENT, "hello-die"), 99);
	CHECK_ERR(mdev_remove(uuid), 0);
	CHECK_EQ(mdev_available(HELLO_PARENT, "hello-die"), 100);
}

static const char *load(void)
{
	return module_load("hello", NULL) ? "module hello cannot be loaded" : NULL;
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = load,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
