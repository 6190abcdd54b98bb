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

/**
 * mdevkit_kunit_create() - an mdev of a driver
 * @test: fails if it cannot be created; removes it at its end
 * @drv: the driver; it need not be registered
 * @type: one of its types
 * @drvdata: what the driver gives to mdevkit_register_parent()
 *
 * If the create callback fails, so does the test, and destroy is not called, as for a real mdev.
 *
 * There is no mdev bus and no sysfs. Of kdev->mdev the struct device in it has a name, for log
 * messages, and mdevkit_device_from_dev() finds the device by it: a test can call the show and
 * store functions of attributes. mdevkit_parent_drvdata() gives @drvdata; pass NULL, as
 * the software parent of struct mdevkit_driver has it, for a driver that uses one.
 *
 * Context: process context, may sleep.
 * Return: the device, after the driver's create callback.
 */
struct mdevkit_device *mdevkit_kunit_create(struct kunit *test, struct mdevkit_driver *drv,
					    const struct mdevkit_type *type, void *drvdata);

/**
 * mdevkit_kunit_open() - a tenant opens the device, which is reset before
 * @test: fails if it cannot be opened
 * @kdev: the device
 *
 * Context: process context, may sleep.
 */
void mdevkit_kunit_open(struct kunit *test, struct mdevkit_device *kdev);

/**
 * mdevkit_kunit_close() - the tenant closes the device, if it is open
 * @kdev: the device
 *
 * Context: process context, may sleep.
 */
void mdevkit_kunit_close(struct mdevkit_device *kdev);

/**
 * mdevkit_kunit_reset() - the tenant resets the device
 * @kdev: the device
 *
 * Context: process context, may sleep.
 * Return: what VFIO_DEVICE_RESET would.
 */
int mdevkit_kunit_reset(struct mdevkit_device *kdev);

/**
 * mdevkit_kunit_read() - the tenant reads registers
 * @test: fails if the driver returns an error
 * @kdev: the device, open
 * @bar: number of the BAR
 * @offset: in the BAR
 * @width: 1, 2, 4 or 8 bytes
 *
 * Context: process context, may sleep.
 * Return: what is read; all-ones where decode is off.
 */
u64 mdevkit_kunit_read(struct kunit *test, struct mdevkit_device *kdev, unsigned int bar,
		       u64 offset, unsigned int width);

/**
 * mdevkit_kunit_write() - the tenant writes to registers
 * @test: fails if the driver returns an error
 * @kdev: the device, open
 * @bar: number of the BAR
 * @offset: in the BAR
 * @width: 1, 2, 4 or 8 bytes
 * @value: what is written
 *
 * Context: process context, may sleep.
 */
void mdevkit_kunit_write(struct kunit *test, struct mdevkit_device *kdev, unsigned int bar,
			 u64 offset, unsigned int width, u64 value);

/**
 * mdevkit_kunit_config_read() - the tenant reads config space
 * @test: fails if @offset and @width are outside
 * @kdev: the device
 * @offset: first byte
 * @width: 1, 2 or 4 bytes
 *
 * Context: process context, may sleep.
 * Return: what is read.
 */
u32 mdevkit_kunit_config_read(struct kunit *test, struct mdevkit_device *kdev,
			      unsigned int offset, unsigned int width);

/**
 * mdevkit_kunit_config_write() - the tenant writes to config space
 * @test: fails if @offset and @width are outside
 * @kdev: the device
 * @offset: first byte
 * @width: 1, 2 or 4 bytes
 * @value: what is written
 *
 * Context: process context, may sleep.
 */
void mdevkit_kunit_config_write(struct kunit *test, struct mdevkit_device *kdev,
				unsigned int offset, unsigned int width, u32 value);

/**
 * mdevkit_kunit_arm() - the IOMMU translates the device's DMA from now on
 * @kdev: the device, open; its DMA starts if the tenant has set Bus Master Enable, too
 * @pasid: given to start_dma
 *
 * Context: process context, may sleep.
 * Return: 0, or what start_dma returned.
 */
int mdevkit_kunit_arm(struct mdevkit_device *kdev, ioasid_t pasid);

/**
 * mdevkit_kunit_disarm() - the IOMMU will translate it no longer: its DMA is drained
 * @kdev: the device
 *
 * Context: process context, may sleep.
 */
void mdevkit_kunit_disarm(struct mdevkit_device *kdev);

/**
 * mdevkit_kunit_irq_raised() - was a message raised since the last time?
 * @kdev: the device
 * @vector: MSI or MSI-X vector; the tenant need not have enabled it
 *
 * Asking clears it: the next call tells what was raised after this one. A reset and a close drop
 * what was raised before.
 *
 * Context: any.
 * Return: true if it was, once or several times.
 */
bool mdevkit_kunit_irq_raised(struct mdevkit_device *kdev, unsigned int vector);

/**
 * mdevkit_kunit_irq_level() - the level of the device's interrupt line
 * @kdev: the device
 *
 * Context: any.
 * Return: true if it is asserted.
 */
bool mdevkit_kunit_irq_level(struct mdevkit_device *kdev);

/**
 * mdevkit_kunit_calls() - which of the driver's callbacks were called since the last time
 * @kdev: the device
 *
 * Asking clears the list: the next call begins with what was called after this one.
 *
 * Context: any, while no callback runs.
 * Return: "create reset open start_dma(7) drain close" and the like, valid until the next call
 * of any function with the device.
 */
const char *mdevkit_kunit_calls(struct mdevkit_device *kdev);

#endif /* _MDEVKIT_KUNIT_H */
