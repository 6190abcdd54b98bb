// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinner: a device without hardware that pins the tenant's memory as it is told, for
 * tests/lab/pinner.c.
 */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include <mdevkit/pin.h>

#include "pinner_regs.h"

/*
 * @lock guards all but @unmaps. A pin of a slot is its slot's until UNPIN, also without memory;
 * one of GRAB is nobody's, and goes when it is taken back
 */
struct pinner {
	struct mdevkit_device kdev;
	struct mutex lock;	/* of the registers and pins */
	u64 iova;
	u32 length;
	u32 slot;
	u32 status;
	u32 value;
	u32 offset;
	atomic_t unmaps;
	struct mdevkit_pin *pins[PINNER_SLOTS];
};

static struct pinner *to_pinner(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct pinner, kdev);
}

static int pinner_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
		       unsigned int width, u64 *value)
{
	struct pinner *p = to_pinner(kdev);

	guard(mutex)(&p->lock);
	switch (offset) {
	case PINNER_IOVA:
		*value = p->iova;
		break;
	case PINNER_LENGTH:
		*value = p->length;
		break;
	case PINNER_SLOT:
		*value = p->slot;
		break;
	case PINNER_STATUS:
		*value = p->status;
		break;
	case PINNER_VALUE:
		*value = p->value;
		break;
	case PINNER_OFFSET:
		*value = p->offset;
		break;
	case PINNER_UNMAPS:
		*value = atomic_read(&p->unmaps);
		break;
	default:
		*value = 0;
	}
	return 0;
}

static int pinner_pin(struct pinner *p, bool write)
{
	struct mdevkit_pin *pin;

	if (p->pins[p->slot])
		return -EBUSY;
	pin = mdevkit_dma_pin(&p->kdev, p->iova, p->length, write, p);
	if (IS_ERR(pin))
		return PTR_ERR(pin);
	p->pins[p->slot] = pin;
	return 0;
}

static int pinner_command(struct pinner *p, u32 command)
{
	struct mdevkit_pin *pin = p->pins[p->slot];

	switch (command) {
	case PINNER_PIN:
	case PINNER_PIN_READ:
		return pinner_pin(p, command == PINNER_PIN);
	case PINNER_UNPIN:
		mdevkit_dma_unpin(pin);
		p->pins[p->slot] = NULL;
		return 0;
	case PINNER_LOAD:
	case PINNER_STORE:
		if (!pin)
			return -ENOENT;
		return mdevkit_pin_rw(pin, p->offset, &p->value, sizeof(p->value),
				      command == PINNER_STORE);
	default:
		return -EINVAL;
	}
}

static void pinner_grab(struct pinner *p, u64 iova)
{
	/* By any number of threads at a time */
	mdevkit_dma_pin(&p->kdev, iova, 1, true, NULL);
}

static int pinner_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
			unsigned int width, u64 value)
{
	struct pinner *p = to_pinner(kdev);

	if (offset == PINNER_GRAB) {
		pinner_grab(p, value);
		return 0;
	}
	guard(mutex)(&p->lock);
	switch (offset) {
	case PINNER_IOVA:
		p->iova = value;
		break;
	case PINNER_LENGTH:
		p->length = value;
		break;
	case PINNER_SLOT:
		p->slot = value % PINNER_SLOTS;
		break;
	case PINNER_VALUE:
		p->value = value;
		break;
	case PINNER_OFFSET:
		p->offset = value;
		break;
	case PINNER_COMMAND:
		p->status = -pinner_command(p, value);
		break;
	}
	return 0;
}

static void pinner_dma_unmap(struct mdevkit_device *kdev, struct mdevkit_pin *pin)
{
	atomic_inc(&to_pinner(kdev)->unmaps);
	if (!pin->drvdata)
		mdevkit_dma_unpin(pin);
}

static int pinner_create(struct mdevkit_device *kdev)
{
	mutex_init(&to_pinner(kdev)->lock);
	return 0;
}

static void pinner_close(struct mdevkit_device *kdev)
{
	struct pinner *p = to_pinner(kdev);

	guard(mutex)(&p->lock);
	for (unsigned int i = 0; i < PINNER_SLOTS; i++) {
		mdevkit_dma_unpin(p->pins[i]);
		p->pins[i] = NULL;
	}
}

static int pinner_reset(struct mdevkit_device *kdev)
{
	struct pinner *p = to_pinner(kdev);

	pinner_close(kdev);
	guard(mutex)(&p->lock);
	p->iova = 0;
	p->length = 0;
	p->slot = 0;
	p->status = 0;
	p->value = 0;
	p->offset = 0;
	atomic_set(&p->unmaps, 0);
	return 0;
}

static const struct mdevkit_pci_desc pinner_pci = {
	.vendor = 0x1af4,
	.device = 0x10fd,
	.class = 0xff0000,
	.express = true,
	.pm = true,
	.bars[0] = {
		.size = PINNER_BAR_SIZE,
		.widths = MDEVKIT_WIDTH_4 | MDEVKIT_WIDTH_8,
		.read = pinner_read,
		.write = pinner_write,
	},
};

static const struct mdevkit_type pinner_types[] = {
	{
		.sysfs_name = "one",
		.pretty_name = "Pinner of memory",
		.cost = 1,
		.dma = MDEVKIT_DMA_SOFTWARE,
		.pci = &pinner_pci,
	},
};

static const struct mdevkit_device_ops pinner_ops = {
	.create = pinner_create,
	.close = pinner_close,
	.reset = pinner_reset,
	.dma_unmap = pinner_dma_unmap,
};

static struct mdevkit_driver pinner_driver = {
	.name = "pinner",
	.device_size = MDEVKIT_DEVICE_SIZE(struct pinner, kdev),
	.ops = &pinner_ops,
	.types = pinner_types,
	.nr_types = ARRAY_SIZE(pinner_types),
	.capacity = PINNER_CAPACITY,
	.software_parent = "pinner",
};
module_mdevkit_driver(pinner_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test module of the lab: pins a tenant's memory");
