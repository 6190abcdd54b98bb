/* SPDX-License-Identifier: GPL-2.0-only */
/* A device of mdevkit without mdev bus and VFIO, for the KUnit suites. */
#ifndef MDEVKIT_FAKE_H
#define MDEVKIT_FAKE_H

#include <kunit/test.h>

#include "mdev/private.h"
#include "mdevkit_kunit_bus.h"

/**
 * struct fake_device - a device whose callbacks only record
 * @kdev: the device under test
 * @bus: what it has for an mdev and a file
 * @type: its type; @type.pci is the personality given to fake_device_create()
 * @ops: its callbacks
 * @resets: calls of reset
 * @reset_result: what reset returns
 * @starts: calls of start_dma
 * @pasid: its argument
 * @start_result: what start_dma returns
 * @gone_at_start: start_dma finds out that the parent has gone, and says so
 * @drains: calls of drain
 * @on_drain: called then, too, if set
 * @on_reset: called at a reset, if set
 * @opens: calls of open
 * @open_result: what open returns
 * @closes: calls of close
 * @test_data: for the test
 * @reads: calls of fake_bar_read()
 * @writes: calls of fake_bar_write()
 * @bar: last access: BAR,
 * @offset: offset,
 * @width: size
 * @value: and value; reads return it
 */
struct fake_device {
	struct mdevkit_device kdev;
	struct mdevkit_kunit_bus bus;
	struct mdevkit_type type;
	struct mdevkit_device_ops ops;
	int resets;
	int reset_result;
	int starts;
	ioasid_t pasid;
	int start_result;
	bool gone_at_start;
	int drains;
	void (*on_drain)(struct fake_device *fake);
	void (*on_reset)(struct fake_device *fake);
	int opens;
	int open_result;
	int closes;
	void *test_data;
	int reads;
	int writes;
	unsigned int bar;
	u64 offset;
	unsigned int width;
	u64 value;
};

struct fake_device *fake_device_create(struct kunit *test, const struct mdevkit_pci_desc *desc);
int fake_bar_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset, unsigned int width,
		  u64 *value);
int fake_bar_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset, unsigned int width,
		   u64 value);

/* Config space access of a test, which must succeed */
u32 fake_config_read(struct kunit *test, struct fake_device *fake, unsigned int offset,
		     unsigned int width);
void fake_config_write(struct kunit *test, struct fake_device *fake, unsigned int offset,
		       unsigned int width, u32 value);
unsigned int fake_config_find_cap(struct kunit *test, struct fake_device *fake, u8 cap_id);

#endif /* MDEVKIT_FAKE_H */
