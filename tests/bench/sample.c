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

#include "measure.h"
#include "sysfs.h"
#include "vfio.h"

static const struct sample {
	const char *name;
	const char *parent;
	const char *type;
	unsigned int bar;	/* one with registers or memory at @offset */
	u64 offset;
} samples[] = {
	{ "hello", "/sys/devices/virtual/hello/hello", "hello-die", 0, 4 },
	{ "mdpy", "/sys/devices/virtual/mdpy/mdpy", "mdpy-vga", 0, 0 },
	{ "mbochs", "/sys/devices/virtual/mbochs/mbochs", "mbochs-small", 2, 0x600 },
};

struct user {
	const struct sample *sample;
	char uuid[UUID_SIZE];
	struct vfio_space space;
	struct vfio_client client;
	int group;
	u8 bytes[4];
};

static int read_4(void *data)
{
	struct user *user = data;

	return pread(user->client.fd, user->bytes, 4, user->client.bars[user->sample->bar].offset +
		     user->sample->offset) == 4 ? 0 : -EIO;
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

static int create(void *data)
{
	struct user *user = data;

	return mdev_create(user->sample->parent, user->sample->type, user->uuid);
}

static int remove_it(void *data)
{
	struct user *user = data;

	return mdev_remove(user->uuid);
}

static int open_close(void *data)
{
	struct user *user = data;
	int fd = ioctl(user->space.groups[0].fd, VFIO_GROUP_GET_DEVICE_FD, user->uuid);

	return fd < 0 || close(fd) ? -errno : 0;
}

static const char *key(const struct sample *sample, const char *what, char *buf, size_t size)
{
	snprintf(buf, size, "%s.%s", sample->name, what);
	return buf;
}

TEST_LONG("sample: what all drivers do in the same way", 300)
{
	const char *name = getenv("BENCH_SAMPLE"), *side = bench_side();
	char keys[2][64], buf[64];
	struct user user = { };
	struct bench_step life[] = {
		{ keys[0], create },
		{ keys[1], remove_it },
	};

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		if (name && !strcmp(samples[i].name, name))
			user.sample = &samples[i];
	REQUIRE(user.sample, "BENCH_SAMPLE names the driver that is loaded");
	mdev_uuid(0, user.uuid);
	key(user.sample, "create", keys[0], sizeof(keys[0]));
	key(user.sample, "remove", keys[1], sizeof(keys[1]));
	bench_cycle(side, life, ARRAY_SIZE(life), &user, 101, 1);

	REQUIRE_OK(create(&user));
	REQUIRE_OK(vfio_space_open(&user.space, vfio_type1v2));
	REQUIRE_OK(vfio_join_group(&user.space, user.uuid));
	bench_one(side, key(user.sample, "open_close", buf, sizeof(buf)), open_close, &user);
	REQUIRE_OK(vfio_client_open(&user.client, &user.space, user.uuid));
	REQUIRE_OK(get_info(&user));
	bench_one(side, key(user.sample, "read4", buf, sizeof(buf)), read_4, &user);
	bench_one(side, key(user.sample, "config_read4", buf, sizeof(buf)), config_read_4, &user);
	bench_one(side, key(user.sample, "get_info", buf, sizeof(buf)), get_info, &user);
	vfio_client_close(&user.client);
	vfio_leave_group(&user.space, user.uuid);
	vfio_space_close(&user.space);
	REQUIRE_OK(remove_it(&user));
}
