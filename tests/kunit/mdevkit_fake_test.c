// SPDX-License-Identifier: GPL-2.0-only
/* What the suites of mdevkit share; see mdevkit_fake.h. */

#include <linux/module.h>

#include <mdevkit/kunit.h>

#include "mdevkit_fake.h"

static int fake_reset(struct mdevkit_device *kdev)
{
	struct fake_device *fake = container_of(kdev, struct fake_device, kdev);

	fake->resets++;
	if (fake->on_reset)
		fake->on_reset(fake);
	return fake->reset_result;
}

static int fake_start_dma(struct mdevkit_device *kdev, ioasid_t pasid)
{
	struct fake_device *fake = container_of(kdev, struct fake_device, kdev);

	fake->starts++;
	fake->pasid = pasid;
	if (fake->gone_at_start)
		mdevkit_device_set_gone(kdev);
	return fake->start_result;
}

static void fake_drain(struct mdevkit_device *kdev)
{
	struct fake_device *fake = container_of(kdev, struct fake_device, kdev);

	fake->drains++;
	if (fake->on_drain)
		fake->on_drain(fake);
}

static int fake_open(struct mdevkit_device *kdev)
{
	struct fake_device *fake = container_of(kdev, struct fake_device, kdev);

	fake->opens++;
	return fake->open_result;
}

static void fake_close(struct mdevkit_device *kdev)
{
	struct fake_device *fake = container_of(kdev, struct fake_device, kdev);

	fake->closes++;
}

int fake_bar_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset, unsigned int width,
		  u64 *value)
{
	struct fake_device *fake = container_of(kdev, struct fake_device, kdev);

	fake->reads++;
	fake->bar = bar;
	fake->offset = offset;
	fake->width = width;
	*value = fake->value;
	return 0;
}

int fake_bar_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset, unsigned int width,
		   u64 value)
{
	struct fake_device *fake = container_of(kdev, struct fake_device, kdev);

	fake->writes++;
	fake->bar = bar;
	fake->offset = offset;
	fake->width = width;
	fake->value = value;
	return 0;
}

/**
 * fake_device_create() - make a device with a PCI personality
 * @test: fails if that is not possible; frees the device at its end
 * @desc: the personality
 *
 * Return: the device, as at open.
 */
struct fake_device *fake_device_create(struct kunit *test, const struct mdevkit_pci_desc *desc)
{
	struct fake_device *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	char why[MDEVKIT_WHY_SIZE];

	KUNIT_ASSERT_NOT_NULL(test, fake);
	KUNIT_ASSERT_EQ(test, mdevkit_config_check(desc, why), 0);
	fake->ops.reset = fake_reset;
	fake->ops.start_dma = fake_start_dma;
	fake->ops.drain = fake_drain;
	fake->ops.open = fake_open;
	fake->ops.close = fake_close;
	fake->type.sysfs_name = "fake";
	fake->type.dma = MDEVKIT_DMA_PASID;
	fake->type.pci = desc;
	fake->kdev.type = &fake->type;
	fake->kdev.ops = &fake->ops;
	mdevkit_kunit_set_up(test, &fake->kdev, &fake->bus, "fake");
	mdevkit_irqs_reset(&fake->kdev);
	fake->kdev.priv->dma_reasons |= MDEVKIT_DMA_RESET;
	return fake;
}

u32 fake_config_read(struct kunit *test, struct fake_device *fake, unsigned int offset,
		     unsigned int width)
{
	return mdevkit_kunit_config_read(test, &fake->kdev, offset, width);
}

void fake_config_write(struct kunit *test, struct fake_device *fake, unsigned int offset,
		       unsigned int width, u32 value)
{
	mdevkit_kunit_config_write(test, &fake->kdev, offset, width, value);
}

/* Walks the capability list as a guest does. Returns 0 if there is no such capability. */
unsigned int fake_config_find_cap(struct kunit *test, struct fake_device *fake, u8 cap_id)
{
	unsigned int offset, steps;

	if (!(fake_config_read(test, fake, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	offset = fake_config_read(test, fake, PCI_CAPABILITY_LIST, 1);
	for (steps = 0; offset; steps++) {
		KUNIT_ASSERT_LT(test, steps, 48);
		KUNIT_EXPECT_EQ(test, offset % 4, 0);
		KUNIT_EXPECT_GE(test, offset, 0x40);
		if (fake_config_read(test, fake, offset + PCI_CAP_LIST_ID, 1) == cap_id)
			return offset;
		offset = fake_config_read(test, fake, offset + PCI_CAP_LIST_NEXT, 1);
	}
	return 0;
}

MODULE_DESCRIPTION("KUnit tests for mdevkit");
MODULE_LICENSE("GPL");
MDEVKIT_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
