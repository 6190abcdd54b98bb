// SPDX-License-Identifier: GPL-2.0-only
/*
 * copier: a device without hardware that reads the tenant's memory as often as it is
 * told, by the kit or by VFIO alone, for tests/bench. Its parent has a thousand of them.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include <mdevkit/mdevkit.h>

#include "copier_regs.h"

static void *buffer;	/* of all of them: nobody looks at what is in it */

struct copier {
	struct mdevkit_device kdev;
	struct mutex lock;	/* guards the registers */
	u64 iova;
	u32 length;
	u32 times;
	u32 status;
};

static struct copier *to_copier(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct copier, kdev);
}

static int copier_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
		       unsigned int width, u64 *value)
{
	struct copier *c = to_copier(kdev);

	guard(mutex)(&c->lock);
	switch (offset) {
	case COPIER_IOVA:
		*value = c->iova;
		break;
	case COPIER_LENGTH:
		*value = c->length;
		break;
	case COPIER_TIMES:
		*value = c->times;
		break;
	case COPIER_STATUS:
		*value = c->status;
		break;
	default:
		*value = 0;
	}
	return 0;
}

static int copier_run(struct copier *c, u32 command)
{
	int ret = 0;

	for (u32 i = 0; i < c->times && !ret; i++)
		ret = command & COPIER_VFIO ?
		      vfio_dma_rw(&c->kdev.vdev, c->iova, buffer, c->length, false) :
		      mdevkit_dma_rw(&c->kdev, c->iova, buffer, c->length, false);
	return ret;
}

static int copier_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
			unsigned int width, u64 value)
{
	struct copier *c = to_copier(kdev);

	guard(mutex)(&c->lock);
	switch (offset) {
	case COPIER_IOVA:
		c->iova = value;
		break;
	case COPIER_LENGTH:
		c->length = min_t(u64, value, COPIER_MAX_LENGTH);
		break;
	case COPIER_TIMES:
		c->times = value;
		break;
	case COPIER_COMMAND:
		c->status = -copier_run(c, value);
		break;
	}
	return 0;
}

static const struct mdevkit_pci_desc copier_pci = {
	.vendor = 0x1af4,
	.device = 0x10fe,
	.class = 0xff0000,
	.bars[0] = {
		.size = COPIER_BAR_SIZE,
		.widths = MDEVKIT_WIDTH_4 | MDEVKIT_WIDTH_8,
		.read = copier_read,
		.write = copier_write,
	},
};

static const struct mdevkit_type copier_types[] = {
	{
		.sysfs_name = "one",
		.pretty_name = "Copier of memory",
		.cost = 1,
		.dma = MDEVKIT_DMA_SOFTWARE,
		.pci = &copier_pci,
	},
};

static int copier_create(struct mdevkit_device *kdev)
{
	mutex_init(&to_copier(kdev)->lock);
	return 0;
}

static int copier_reset(struct mdevkit_device *kdev)
{
	struct copier *c = to_copier(kdev);

	guard(mutex)(&c->lock);
	c->iova = 0;
	c->length = 0;
	c->times = 0;
	c->status = 0;
	return 0;
}

static const struct mdevkit_device_ops copier_ops = {
	.create = copier_create,
	.reset = copier_reset,
};

static struct mdevkit_driver copier_driver = {
	.name = "copier",
	.device_size = MDEVKIT_DEVICE_SIZE(struct copier, kdev),
	.ops = &copier_ops,
	.types = copier_types,
	.nr_types = ARRAY_SIZE(copier_types),
	.capacity = COPIER_CAPACITY,
	.software_parent = "copier",
};

static int __init copier_init(void)
{
	int ret;

	buffer = kvzalloc(COPIER_MAX_LENGTH, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	ret = mdevkit_register_driver(&copier_driver);
	if (ret)
		kvfree(buffer);
	return ret;
}
module_init(copier_init);

static void __exit copier_exit(void)
{
	mdevkit_unregister_driver(&copier_driver);
	kvfree(buffer);
}
module_exit(copier_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test module of the lab: reads a tenant's memory");
