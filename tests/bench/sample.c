// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's samples with a display, mdpy and mbochs, and the tutorial's device of the kit: what
 * all drivers do in the same way. BENCH_SAMPLE names the one that is loaded.
 */
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "life.h"
#include "measure.h"
#include "vfio.h"

static const struct sample {
	const char *name;
	struct bench_mdev mdev;
	unsigned int bar;	/* one with registers or memory at @offset */
	u64 offset;
} samples[] = {
	{ "hello", { .parent = "/sys/devices/virtual/hello/hello", .type = "hello-die" },
	  0, 4 },
	{ "mdpy", { .parent = "/sys/devices/virtual/mdpy/mdpy", .type = "mdpy-vga" },
	  0, 0 },
	{ "mbochs", { .parent = "/sys/devices/virtual/mbochs/mbochs", .type = "mbochs-small" },
	  2, 0x600 },
};

struct user {
	struct sample sample;
	struct vfio_space space;
	struct vfio_client client;
	u8 bytes[4];
};

static int read_4(void *data)
{
	struct user *user = data;

	return pread(user->client.fd, user->bytes, 4, user->client.bars[user->sample.bar].offset +
		     user->sample.offset) == 4 ? 0 : -EIO;
}

static int config_read_4(void *data)
{
	struct user *user = data;

	return pread(user->client.fd, user->bytes, 4,
		     user->client.config.offset + PCI_VENDOR_ID) == 4 ? 0 : -EIO;
}

static int get_info(void *data)
{
	struct user *user = data;
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return ioctl(user->client.fd, VFIO_DEVICE_GET_INFO, &info) ? -errno : 0;
}

static void one(struct user *user, const char *what, int (*run)(void *data))
{
	char key[64];

	snprintf(key, sizeof(key), "%s.%s", user->sample.name, what);
	bench_one(bench_side(), key, run, user);
}

TEST_LONG("sample: what all drivers do in the same way", 300)
{
	const char *name = getenv("BENCH_SAMPLE");
	struct user user = { };
	struct bench_mdev *mdev = &user.sample.mdev;

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		if (name && !strcmp(samples[i].name, name))
			user.sample = samples[i];
	REQUIRE(user.sample.name, "BENCH_SAMPLE names the driver that is loaded");
	mdev_uuid(0, mdev->uuid);
	bench_create_remove(bench_side(), mdev, name, "", 101);
	bench_open_close(bench_side(), mdev, name);

	REQUIRE_OK(mdev_create(mdev->parent, mdev->type, mdev->uuid));
	REQUIRE_OK(vfio_space_open(&user.space, vfio_type1v2));
	REQUIRE_OK(vfio_client_open(&user.client, &user.space, mdev->uuid));
	REQUIRE_OK(get_info(&user));
	one(&user, "read4", read_4);
	one(&user, "config_read4", config_read_4);
	one(&user, "get_info", get_info);
	vfio_client_close(&user.client);
	vfio_space_close(&user.space);
	REQUIRE_OK(mdev_remove(mdev->uuid));
}
