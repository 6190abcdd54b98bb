// SPDX-License-Identifier: GPL-2.0-only
/*
 * May a device do DMA? And the copies that a driver makes of the tenant's memory, for devices
 * of the DMA kind software; what it pins of that is in pin.c.
 *
 * DMA is allowed by several independent reasons (enum mdevkit_dma_reason), and it is on
 * while all of them hold. Each has a bit of its own, so that none can undo another's; one
 * function compares them with what the driver was told, acts and records.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/vfio.h>

#include "private.h"

/* Drivers of kind software are not told: they find out by mdevkit_dma_rw(). */
static bool dma_is_software(const struct mdevkit_device *kdev)
{
	return kdev->type->dma == MDEVKIT_DMA_SOFTWARE;
}

static int dma_start(struct mdevkit_device *kdev)
{
	int ret;

	if (dma_is_software(kdev) || !kdev->ops->start_dma)
		return 0;
	mdevkit_mmap_block(kdev);
	ret = kdev->ops->start_dma(kdev, kdev->priv->pasid);
	mdevkit_mmap_unblock(kdev);
	return ret;
}

static void dma_end(struct mdevkit_device *kdev)
{
	if (dma_is_software(kdev) || !kdev->ops->drain)
		return;
	mdevkit_mmap_block(kdev);
	kdev->ops->drain(kdev);
	mdevkit_mmap_unblock(kdev);
}

/* Waits for each mdevkit_dma_rw() that is under way; the next one sees what is recorded. */
static void dma_record(struct mdevkit_device *kdev, bool started)
{
	guard(rwsem_write)(&kdev->priv->dma_gate);
	kdev->priv->dma_started = started;
}

static bool dma_allowed(struct mdevkit_device *kdev)
{
	return kdev->priv->dma_reasons == MDEVKIT_DMA_ALL_REASONS && !mdevkit_device_gone(kdev);
}

/* Has the driver start or end the device's DMA, as the reasons now have it. */
static int dma_switch(struct mdevkit_device *kdev)
{
	bool allowed = dma_allowed(kdev);
	int ret;

	if (allowed == kdev->priv->dma_started)
		return 0;
	if (!allowed) {
		dma_end(kdev);
		dma_record(kdev, false);
		mdevkit_pins_take_all(kdev);
		return 0;
	}
	ret = dma_start(kdev);
	if (ret)
		return ret;
	/* It may have been the driver who found that out just now */
	if (mdevkit_device_gone(kdev)) {
		dma_end(kdev);
		return -ENODEV;
	}
	dma_record(kdev, true);
	return 0;
}

/**
 * mdevkit_dma_forbid() - a reason to allow DMA has ended
 * @kdev: the device; its access lock is held for writing, or it has no user yet
 * @reason: the reason
 *
 * When it returns, no DMA is under way.
 */
void mdevkit_dma_forbid(struct mdevkit_device *kdev, enum mdevkit_dma_reason reason)
{
	kdev->priv->dma_reasons &= ~reason;
	dma_switch(kdev);
}

/**
 * mdevkit_dma_allow() - a reason to allow DMA holds from now on
 * @kdev: the device; its access lock is held for writing, or it has no user yet
 * @reason: the reason
 *
 * A driver that cannot start is asked again whenever a reason is reported, even if it
 * held before.
 *
 * Return: 0; what the driver's start_dma returned; -ENODEV: the parent has gone meanwhile.
 */
int mdevkit_dma_allow(struct mdevkit_device *kdev, enum mdevkit_dma_reason reason)
{
	int ret;

	kdev->priv->dma_reasons |= reason;
	ret = dma_switch(kdev);
	if (ret && !mdevkit_device_gone(kdev))
		dev_err_ratelimited(&kdev->mdev->dev, "DMA does not start: %d\n", ret);
	return ret;
}

/**
 * mdevkit_dma_iommu_ready() - the IOMMU translates the device's DMA now: let it work
 * @kdev: the device; armed, open
 * @pasid: the PASID of that DMA, or IOMMU_NO_PASID
 *
 * Without Bus Master Enable its DMA starts when the tenant sets that.
 *
 * Return: 0; -ENODEV when the parent has gone; or what the driver returned: then it is as
 * if the device had not been armed.
 */
int mdevkit_dma_iommu_ready(struct mdevkit_device *kdev, ioasid_t pasid)
{
	int ret;

	guard(rwsem_write)(&kdev->priv->access);
	if (mdevkit_device_gone(kdev))
		return -ENODEV;
	kdev->priv->pasid = pasid;
	ret = mdevkit_dma_allow(kdev, MDEVKIT_DMA_IOMMU_READY);
	if (ret)
		mdevkit_dma_forbid(kdev, MDEVKIT_DMA_IOMMU_READY);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_dma_iommu_ready);

/**
 * mdevkit_dma_iommu_gone() - the IOMMU will soon translate no more: end the device's DMA
 * @kdev: the device
 *
 * When it returns, the device has forgotten its PASID and no DMA is under way.
 */
void mdevkit_dma_iommu_gone(struct mdevkit_device *kdev)
{
	guard(rwsem_write)(&kdev->priv->access);
	mdevkit_dma_forbid(kdev, MDEVKIT_DMA_IOMMU_READY);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_dma_iommu_gone);

/**
 * mdevkit_dma_set_bus_master() - the tenant has set or cleared Bus Master Enable
 * @kdev: the device; its access lock is held for writing, or it has no user yet
 * @on: may it do DMA? (in D0 only)
 *
 * When it returns after false, no DMA is under way. A driver that cannot start is
 * asked again at the next write to the Command register or the power state.
 */
void mdevkit_dma_set_bus_master(struct mdevkit_device *kdev, bool on)
{
	if (on)
		mdevkit_dma_allow(kdev, MDEVKIT_DMA_BUS_MASTER);
	else
		mdevkit_dma_forbid(kdev, MDEVKIT_DMA_BUS_MASTER);
}

/* VFIO's copy. KUnit puts its own in its place. */
VISIBLE_IF_KUNIT int mdevkit_dma_copy(struct mdevkit_device *kdev, u64 iova, void *data,
				      size_t len, bool write)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_dma_copy, kdev, iova, data, len, write);
	return vfio_dma_rw(&kdev->vdev, iova, data, len, write);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_dma_copy);

int mdevkit_dma_rw(struct mdevkit_device *kdev, u64 iova, void *data, size_t len, bool write)
{
	if (!dma_is_software(kdev))
		return -EINVAL;
	guard(rwsem_read)(&kdev->priv->dma_gate);
	if (mdevkit_device_gone(kdev))
		return -ENODEV;
	if (!kdev->priv->dma_started)
		return -EPERM;
	return mdevkit_dma_copy(kdev, iova, data, len, write);
}
EXPORT_SYMBOL_GPL(mdevkit_dma_rw);
