/* SPDX-License-Identifier: GPL-2.0-only */
/* What mdevkit_kunit.ko and the suites of mdevkit itself share: a device without a bus. */
#ifndef MDEVKIT_KUNIT_BUS_H
#define MDEVKIT_KUNIT_BUS_H

#include <kunit/test.h>
#include <linux/fs.h>

#include "mdev/private.h"

/**
 * struct mdevkit_kunit_bus - what a device has in place of the mdev bus and VFIO
 * @mdev: its mdev, which has a name and no more
 * @inode: the inode of its file, so that its mappings can be taken back
 * @mapping: which are none
 */
struct mdevkit_kunit_bus {
	struct mdev_device mdev;
	struct inode inode;
	struct address_space mapping;
};

void mdevkit_kunit_set_up(struct kunit *test, struct mdevkit_device *kdev,
			  struct mdevkit_kunit_bus *bus, const char *name);
void mdevkit_kunit_tear_down(void *kdev);

#endif /* MDEVKIT_KUNIT_BUS_H */
