// SPDX-License-Identifier: GPL-2.0-only
/* The life of an mdev, see life.h. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "ktap.h"
#include "life.h"
#include "measure.h"
#include "vfio.h"

/* One that is opened again and again by way of its group */
struct opened {
	const char *uuid;
	struct vfio_space space;
};

static int create(void *data)
{
	const struct bench_mdev *mdev = data;

	return mdev_create(mdev->parent, mdev->type, mdev->uuid);
}

static int remove_it(void *data)
{
	const struct bench_mdev *mdev = data;

	return mdev_remove(mdev->uuid);
}

static int open_close(void *data)
{
	struct opened *opened = data;
	int fd = ioctl(opened->space.groups[0].fd, VFIO_GROUP_GET_DEVICE_FD, opened->uuid);

	return fd < 0 || close(fd) ? -errno : 0;
}

void bench_create_remove(const char *side, struct bench_mdev *mdev, const char *prefix,
			 const char *suffix, unsigned int rounds)
{
	char keys[2][64];
	const struct bench_step steps[] = {
		{ keys[0], create },
		{ keys[1], remove_it },
	};

	snprintf(keys[0], sizeof(keys[0]), "%s.create%s", prefix, suffix);
	snprintf(keys[1], sizeof(keys[1]), "%s.remove%s", prefix, suffix);
	bench_cycle(side, steps, ARRAY_SIZE(steps), mdev, rounds, 1);
}

void bench_first_and_nth(const char *side, struct bench_mdev *mdev, const char *prefix,
			 unsigned int nr, unsigned int rounds)
{
	char other[UUID_SIZE], suffix[16];

	snprintf(suffix, sizeof(suffix), "_%u", nr);
	mdev_uuid(0, mdev->uuid);
	bench_create_remove(side, mdev, prefix, "_1", rounds);
	for (unsigned int i = 1; i < nr; i++) {
		mdev_uuid(i, other);
		REQUIRE_OK(mdev_create(mdev->parent, mdev->type, other));
	}
	bench_create_remove(side, mdev, prefix, suffix, rounds);
	for (unsigned int i = 1; i < nr; i++) {
		mdev_uuid(i, other);
		REQUIRE_OK(mdev_remove(other));
	}
}

void bench_open_close(const char *side, struct bench_mdev *mdev, const char *prefix)
{
	struct opened opened = { .uuid = mdev->uuid };
	char key[64];

	snprintf(key, sizeof(key), "%s.open_close", prefix);
	REQUIRE_OK(create(mdev));
	REQUIRE_OK(vfio_space_open(&opened.space, vfio_type1v2));
	REQUIRE_OK(vfio_join_group(&opened.space, mdev->uuid));
	bench_one(side, key, open_close, &opened);
	vfio_leave_group(&opened.space, mdev->uuid);
	vfio_space_close(&opened.space);
	REQUIRE_OK(remove_it(mdev));
}
