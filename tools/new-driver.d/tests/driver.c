// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a tenant of @name@ can do. Runs in the lab's VM; mdevkit's tests/lab/lib has the functions.
 */
#include <string.h>
#include <unistd.h>

#include "sysfs.h"
#include "vfio.h"

@if pci
@if pasid
#define PARENT	"/sys/bus/pci/devices/0000:00:03.0"
@else
#define PARENT	"/sys/bus/pci/devices/0000:00:02.0"
@end
@else
#define PARENT	"/sys/devices/virtual/@name@/@name@"
@end
#define TYPE	"@name@-unit"
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define SCRATCH	0x0
#define RING	0x4

struct unit {
	char uuid[UUID_SIZE];
	struct vfio_space space;
	struct vfio_client client;
};

static void unit_open(struct unit *unit, const struct vfio_mode *mode)
{
	memset(unit, 0, sizeof(*unit));
	mdev_uuid(getpid(), unit->uuid);
	REQUIRE_OK(mdev_create(PARENT, TYPE, unit->uuid));
	REQUIRE_OK(vfio_space_open(&unit->space, mode));
	REQUIRE_OK(vfio_client_open(&unit->client, &unit->space, unit->uuid));
}

static void unit_close(struct unit *unit)
{
	vfio_client_close(&unit->client);
	vfio_space_close(&unit->space);
	CHECK_ERR(mdev_remove(unit->uuid), 0);
}

TEST_ALL_MODES("a register keeps its value until a reset")
{
	struct unit unit;

	unit_open(&unit, mode);
	vfio_put(&unit.client, 0, SCRATCH, 4, 0x12345678);
	CHECK_EQ(vfio_get(&unit.client, 0, SCRATCH, 4), 0x12345678);
	REQUIRE_OK(vfio_reset(&unit.client));
	CHECK_EQ(vfio_get(&unit.client, 0, SCRATCH, 4), 0);
	unit_close(&unit);
}

TEST_ALL_MODES("each ring raises the MSI once")
{
	struct unit unit;
	int fd;

	unit_open(&unit, mode);
	fd = eventfd_new();
	REQUIRE_OK(vfio_irq_connect(&unit.client, MSI, 0, 1, &fd));
	for (unsigned int i = 1; i <= 10; i++) {
		vfio_put(&unit.client, 0, RING, 4, 0);
		CHECK_EQ(eventfd_take(fd), 1);
		CHECK_EQ(vfio_get(&unit.client, 0, RING, 4), i);
	}
	close(fd);
	unit_close(&unit);
}
@if dma

TEST_ALL_MODES("it is used with Bus Master Enable set, cleared, and set over a reset")
{
	struct unit unit;

	unit_open(&unit, mode);
	config_set_master(&unit.client, true);
	config_set_master(&unit.client, false);
	config_set_master(&unit.client, true);
	REQUIRE_OK(vfio_reset(&unit.client));
	unit_close(&unit);
}
@end

TEST("an mdev takes its cost from the parent, and gives it back")
{
	long all = mdev_available(PARENT, TYPE);
	char uuid[UUID_SIZE];

	REQUIRE(all > 0, "%ld units", all);
	mdev_uuid(getpid(), uuid);
	REQUIRE_OK(mdev_create(PARENT, TYPE, uuid));
	CHECK_EQ(mdev_available(PARENT, TYPE), all - 1);
	CHECK_ERR(mdev_remove(uuid), 0);
	CHECK_EQ(mdev_available(PARENT, TYPE), all);
}

static const char *load(void)
{
	return module_load("@name@", NULL) ? "module @name@ cannot be loaded" : NULL;
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = load,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
