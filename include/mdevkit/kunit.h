/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver's mdevs in its KUnit suite: created, opened and used by a tenant, with neither
 * hardware nor VFIO nor the mdev bus. mdevkit_kunit.ko has the functions.
 *
 *	struct mdevkit_device *kdev = mdevkit_kunit_create(test, &foo_driver, &foo_types[0], NULL);
 *
 *	mdevkit_kunit_open(test, kdev);
 *	mdevkit_kunit_write(test, kdev, 0, FOO_DOORBELL, 4, 1);
 *	KUNIT_EXPECT_TRUE(test, mdevkit_kunit_irq_raised(kdev, 0));
 *	KUNIT_EXPECT_STREQ(test, mdevkit_kunit_calls(kdev), "create reset open");
 *
 * It is there where the kernel has KUnit.
 */
#ifndef _MDEVKIT_KUNIT_H
#define _MDEVKIT_KUNIT_H

#include <kunit/test.h>

#include <mdevkit/mdevkit.h>

struct mdevkit_device *mdevkit_kunit_create(struct kunit *test, struct mdevkit_driver *drv,
					    const struct mdevkit_type *type, void *drvdata);
void mdevkit_kunit_open(struct kunit *test, struct mdevkit_device *kdev);
void mdevkit_kunit_close(struct mdevkit_device *kdev);
int mdevkit_kunit_reset(struct mdevkit_device *kdev);

u64 mdevkit_kunit_read(struct kunit *test, struct mdevkit_device *kdev, unsigned int bar,
		       u64 offset, unsigned int width);
void mdevkit_kunit_write(struct kunit *test, struct mdevkit_device *kdev, unsigned int bar,
			 u64 offset, unsigned int width, u64 value);
u32 mdevkit_kunit_config_read(struct kunit *test, struct mdevkit_device *kdev,
			      unsigned int offset, unsigned int width);
void mdevkit_kunit_config_write(struct kunit *test, struct mdevkit_device *kdev,
				unsigned int offset, unsigned int width, u32 value);

int mdevkit_kunit_arm(struct mdevkit_device *kdev, ioasid_t pasid);
void mdevkit_kunit_disarm(struct mdevkit_device *kdev);

bool mdevkit_kunit_irq_raised(struct mdevkit_device *kdev, unsigned int vector);
bool mdevkit_kunit_irq_level(struct mdevkit_device *kdev);

const char *mdevkit_kunit_calls(struct mdevkit_device *kdev);

#endif /* _MDEVKIT_KUNIT_H */
