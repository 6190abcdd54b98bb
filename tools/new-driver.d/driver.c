// SPDX-License-Identifier: GPL-2.0-only
/*
 * @name@: a vendor driver for mediated devices, made with mdevkit.
 *
 * What there is now: a PCI function with two registers in BAR 0 and one MSI. Replace it by your device.
 */
@if pci
#include <linux/module.h>
@end
#include <linux/mutex.h>
@if pci
#include <linux/pci.h>
@end

#include <mdevkit/mdevkit.h>

/* Registers in BAR 0, 32 bits each */
#define @NAME@_SCRATCH	0x0	/* rw: keeps what was written; 0 after reset */
#define @NAME@_RING	0x4	/* write: raises the MSI; read: how often since the reset */
#define @NAME@_BAR_SIZE	16

/* One mdev. Its first member belongs to the kit */
struct @name@ {
	struct mdevkit_device kdev;
	struct mutex lock;	/* BAR callbacks run in parallel: guards what follows */
	u32 scratch;
	u32 rings;
@if pasid
	ioasid_t pasid;		/* of the DMA that runs, or IOMMU_PASID_INVALID; under the kit's lock */
@end
@if lookup
	bool dma;		/* it runs; under the kit's lock */
@end
};

static struct @name@ *to_@name@(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct @name@, kdev);
}

/* Offsets are inside the BAR, aligned, and of the declared width: the kit has checked */
static int @name@_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
	@pad@unsigned int width, u64 *value)
{
	struct @name@ *dev = to_@name@(kdev);

	guard(mutex)(&dev->lock);
	switch (offset) {
	case @NAME@_SCRATCH:
		*value = dev->scratch;
		break;
	case @NAME@_RING:
		*value = dev->rings;
		break;
	default:
		*value = 0;
	}
	return 0;
}

static int @name@_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
	@pad@ unsigned int width, u64 value)
{
	struct @name@ *dev = to_@name@(kdev);

	guard(mutex)(&dev->lock);
	switch (offset) {
	case @NAME@_SCRATCH:
		dev->scratch = value;
		break;
	case @NAME@_RING:
		dev->rings++;
		mdevkit_irq_signal(kdev, 0);
		break;
	}
	return 0;
}

/* What the tenant sees on the PCI bus: config space is made of this */
static const struct mdevkit_pci_desc @name@_pci = {
	.vendor = 0x1af4,	/* 1af4:10f0 to 10ff are free for experiments */
	.device = 0x10f1,
	.class = 0xff0000,
	.msi_vectors = 1,
	.bars[0] = {
		.size = @NAME@_BAR_SIZE,
		.widths = MDEVKIT_WIDTH_4,
		.read = @name@_read,
		.write = @name@_write,
	},
};

/* What can be created; its type in sysfs is @name@-unit */
static const struct mdevkit_type @name@_types[] = {
	{
		.sysfs_name = "unit",
		.pretty_name = "@name@ unit",
		.description = "Two registers and an interrupt",
		.cost = 1,
@if software
		.dma = MDEVKIT_DMA_SOFTWARE,
@end
@if pasid
		.dma = MDEVKIT_DMA_PASID,
@end
@if lookup
		.dma = MDEVKIT_DMA_LOOKUP,
@end
		.pci = &@name@_pci,
	},
};

/* The life of an mdev: zeroed memory at first, a reset before each new user */
static int @name@_create(struct mdevkit_device *kdev)
{
	struct @name@ *dev = to_@name@(kdev);

	mutex_init(&dev->lock);
@if pasid
	dev->pasid = IOMMU_PASID_INVALID;
@end
	return 0;
}

static void @name@_destroy(struct mdevkit_device *kdev)
{
	mutex_destroy(&to_@name@(kdev)->lock);
}

static int @name@_reset(struct mdevkit_device *kdev)
{
	struct @name@ *dev = to_@name@(kdev);

	guard(mutex)(&dev->lock);
	dev->scratch = 0;
	dev->rings = 0;
	return 0;
}
@if pasid

/* The IOMMU translates what carries @pasid: write it into the hardware, and let the engine run */
static int @name@_start_dma(struct mdevkit_device *kdev, ioasid_t pasid)
{
	to_@name@(kdev)->pasid = pasid;
	return 0;
}

/* When this returns, nothing is under way and the hardware has forgotten the PASID */
static void @name@_drain(struct mdevkit_device *kdev)
{
	to_@name@(kdev)->pasid = IOMMU_PASID_INVALID;
}
@end
@if lookup

/* Whose IOMMU translates the mdev's DMA: here the parent as a whole, for a VF its own device */
static struct device *@name@_dma_dev(struct mdevkit_device *kdev)
{
	return mdevkit_parent_dev(kdev->parent);
}

/* The IOMMU translates the device's DMA: let it work */
static int @name@_start_dma(struct mdevkit_device *kdev, ioasid_t pasid)
{
	to_@name@(kdev)->dma = true;
	return 0;
}

/* When this returns, no DMA is under way */
static void @name@_drain(struct mdevkit_device *kdev)
{
	to_@name@(kdev)->dma = false;
}
@end

static const struct mdevkit_device_ops @name@_ops = {
	.create = @name@_create,
	.destroy = @name@_destroy,
	.reset = @name@_reset,
@if pasid
	.start_dma = @name@_start_dma,
	.drain = @name@_drain,
@end
@if lookup
	.dma_dev = @name@_dma_dev,
	.start_dma = @name@_start_dma,
	.drain = @name@_drain,
@end
};

/* The KUnit suite includes this file for what is above. */
#ifndef @NAME@_KUNIT
@if pci
static struct mdevkit_driver @name@_driver;

static int @name@_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return PTR_ERR_OR_ZERO(devm_mdevkit_register_parent(&pdev->dev, &@name@_driver, NULL));
}

@if pasid
/* The lab's DMA engine, which has PASIDs; replace it by your hardware */
static const struct pci_device_id @name@_ids[] = { { PCI_DEVICE(0x1b36, 0x0d0a) }, { } };
@else
/* QEMU's pci-testdev; replace it by your hardware, and add a MODULE_DEVICE_TABLE() */
static const struct pci_device_id @name@_ids[] = { { PCI_DEVICE(0x1b36, 0x0005) }, { } };
@end

static struct pci_driver @name@_pci_driver = {
	.name = "@name@",
	.id_table = @name@_ids,
	.probe = @name@_probe,
@if lookup
	/* the device's DMA belongs to its tenant, not to the host's DMA API */
	.driver_managed_dma = true,
@end
};

@end
static struct mdevkit_driver @name@_driver = {
	.name = "@name@",
	.device_size = MDEVKIT_DEVICE_SIZE(struct @name@, kdev),
	.ops = &@name@_ops,
	.types = @name@_types,
	.nr_types = ARRAY_SIZE(@name@_types),
@if lookup
	.capacity = 1,
@else
	.capacity = 16,
@end
@if pci
	.pci_driver = &@name@_pci_driver,
@else
	.software_parent = "@name@",
@end
};
module_mdevkit_driver(@name@_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("@name@: mediated devices");
#endif
