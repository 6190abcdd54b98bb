// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of an mdev: created and removed on the mdev bus, opened and closed by
 * VFIO, reset, and stopped when its parent goes away.
 *
 * VFIO holds its device_set lock around open, close, attach and detach, so that
 * these never run against one another for one device. The driver's callbacks
 * are called with the device's access lock held for writing.
 */

#include <kunit/visibility.h>
#include <linux/slab.h>

#include "private.h"

/*
 * What could not be done where mdevkit_device_set_gone() or mdevkit_device_ask() was called.
 * Takes no lock that a tenant can hold: not access, see mdevkit_dma_rw().
 */
static void device_tell_user(struct work_struct *work)
{
	struct mdevkit_device_private *priv =
		container_of(work, struct mdevkit_device_private, tell_work);
	struct mdevkit_device *kdev = priv->kdev;

	/* The user hears of it when its mappings show it already */
	if (mdevkit_device_gone(kdev))
		mdevkit_mmap_revoke(kdev);
	mdevkit_irq_ask(kdev);
}

/**
 * mdevkit_device_init() - give a device its private part
 * @kdev: the device
 *
 * Return: 0 or -ENOMEM.
 */
int mdevkit_device_init(struct mdevkit_device *kdev)
{
	struct mdevkit_device_private *priv = kzalloc(sizeof(*priv), GFP_KERNEL_ACCOUNT);

	if (!priv)
		return -ENOMEM;
	priv->counters = alloc_percpu_gfp(struct mdevkit_counters, GFP_KERNEL_ACCOUNT);
	if (!priv->counters) {
		kfree(priv);
		return -ENOMEM;
	}
	init_rwsem(&priv->access);
	init_rwsem(&priv->mapping);
	init_waitqueue_head(&priv->unblocked);
	init_rwsem(&priv->dma_gate);
	mutex_init(&priv->ioeventfds_lock);
	INIT_LIST_HEAD(&priv->ioeventfds);
	INIT_LIST_HEAD(&priv->group_entry);
	INIT_LIST_HEAD(&priv->parent_entry);
	INIT_WORK(&priv->tell_work, device_tell_user);
	priv->dma_reasons = MDEVKIT_DMA_PARENT;
	priv->kdev = kdev;
	kdev->priv = priv;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_device_init);

/**
 * mdevkit_device_free() - undo of mdevkit_device_init()
 * @kdev: the device, which nobody uses any more
 */
void mdevkit_device_free(struct mdevkit_device *kdev)
{
	free_percpu(kdev->priv->counters);
	kfree(kdev->priv);
	kdev->priv = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_device_free);

static struct mdevkit_device *device_alloc(struct mdev_device *mdev,
					   struct mdevkit_type_entry *entry,
					   const struct vfio_device_ops *vfio_ops)
{
	struct mdevkit_driver *drv = entry->parent->drv;
	struct mdevkit_device *kdev;
	struct vfio_device *vdev;
	int ret;

	vdev = _vfio_alloc_device(drv->device_size, &mdev->dev, vfio_ops);
	if (IS_ERR(vdev))
		return ERR_CAST(vdev);
	kdev = mdevkit_from_vdev(vdev);
	kdev->mdev = mdev;
	kdev->parent = entry->parent;
	kdev->type = entry->type;
	kdev->ops = drv->ops;
	ret = mdevkit_device_init(kdev);
	if (ret) {
		vfio_put_device(vdev);
		return ERR_PTR(ret);
	}
	return kdev;
}

/* A device that is created while its parent goes away must not be missed by either side. */
static int device_list(struct mdevkit_device *kdev)
{
	struct mdevkit_parent *parent = kdev->parent;

	guard(rwsem_write)(&parent->life);
	guard(spinlock_irqsave)(&parent->devices_lock);
	if (parent->gone)
		return -ENODEV;
	if (parent->resetting)
		return -EAGAIN;
	list_add_tail(&kdev->priv->parent_entry, &parent->devices);
	return 0;
}

static void device_unlist(struct mdevkit_device *kdev)
{
	scoped_guard(rwsem_write, &kdev->parent->life) {
		guard(spinlock_irqsave)(&kdev->parent->devices_lock);
		list_del_init(&kdev->priv->parent_entry);
	}
	/* Nobody finds it any more to queue the work again */
	flush_work(&kdev->priv->tell_work);
}

static int device_set_up(struct mdevkit_device *kdev)
{
	struct vfio_device *vdev = &kdev->vdev;
	int ret;

	ret = mdevkit_irqs_init(kdev);
	if (ret)
		return ret;
	ret = mdevkit_config_init(kdev);
	if (ret)
		goto out_irqs;
	ret = mdevkit_pins_init(kdev);
	if (ret)
		goto out_config;
	ret = device_list(kdev);
	if (ret)
		goto out_pins;
	ret = kdev->ops->create ? kdev->ops->create(kdev) : 0;
	if (ret)
		goto out_unlist;

	if (kdev->type->dma == MDEVKIT_DMA_SOFTWARE) {
		ret = vfio_register_emulated_iommu_dev(vdev);
		if (ret)
			goto out_destroy;
		return 0;
	}
	ret = mdevkit_group_join(kdev);
	if (ret)
		goto out_destroy;
	ret = vfio_register_group_dev(vdev);
	if (ret)
		goto out_leave;
	return 0;

out_leave:
	mdevkit_group_leave(kdev);
out_destroy:
	if (kdev->ops->destroy)
		kdev->ops->destroy(kdev);
out_unlist:
	device_unlist(kdev);
out_pins:
	mdevkit_pins_free(kdev);
out_config:
	mdevkit_config_free(kdev);
out_irqs:
	mdevkit_irqs_free(kdev);
	return ret;
}

/**
 * mdevkit_device_probe() - an mdev was created: make its device
 * @mdev: the mdev
 * @vfio_ops: what VFIO calls for it
 *
 * Return: 0; -ENOSPC: the parent's capacity is used up; -ENODEV: the parent is going
 * away; -EOPNOTSUPP: the parent cannot isolate; -ENOMEM; or what the driver returned.
 */
int mdevkit_device_probe(struct mdev_device *mdev, const struct vfio_device_ops *vfio_ops)
{
	struct mdevkit_type_entry *entry = mdevkit_type_entry(mdev->type);
	struct mdevkit_parent *parent = entry->parent;
	struct mdevkit_device *kdev;
	int ret;

	ret = mdevkit_capacity_take(parent, entry->type);
	if (ret)
		return ret;
	kdev = device_alloc(mdev, entry, vfio_ops);
	if (IS_ERR(kdev)) {
		ret = PTR_ERR(kdev);
		goto out_capacity;
	}
	dev_set_drvdata(&mdev->dev, kdev);
	ret = device_set_up(kdev);
	if (ret)
		goto out_put;
	mdevkit_counters_show(kdev);
	return 0;

out_put:
	dev_set_drvdata(&mdev->dev, NULL);
	mdevkit_device_free(kdev);
	vfio_put_device(&kdev->vdev);
out_capacity:
	mdevkit_capacity_give(parent, entry->type);
	return ret;
}

/**
 * mdevkit_device_remove() - an mdev is being removed: undo of mdevkit_device_probe()
 * @mdev: the mdev
 *
 * Waits until the last user has closed the device, and asks it to.
 */
void mdevkit_device_remove(struct mdev_device *mdev)
{
	struct mdevkit_device *kdev = dev_get_drvdata(&mdev->dev);
	struct mdevkit_parent *parent = kdev->parent;
	const struct mdevkit_type *type = kdev->type;

	vfio_unregister_group_dev(&kdev->vdev);
	mdevkit_counters_hide(kdev);
	mdevkit_group_leave(kdev);
	if (kdev->ops->destroy)
		kdev->ops->destroy(kdev);
	device_unlist(kdev);
	mdevkit_pins_free(kdev);
	mdevkit_config_free(kdev);
	mdevkit_irqs_free(kdev);
	dev_set_drvdata(&mdev->dev, NULL);
	mdevkit_device_free(kdev);
	vfio_put_device(&kdev->vdev);
	mdevkit_capacity_give(parent, type);
}

/*
 * The driver's reset. The device does no DMA, and no page of it is in a mapping or gets there.
 * While the parent is being reset the driver's comes later, see mdevkit_device_reset_done().
 */
static int device_reset_quiet(struct mdevkit_device *kdev)
{
	bool call = kdev->ops->reset && !kdev->priv->parent_reset;
	int ret = call ? kdev->ops->reset(kdev) : 0;

	/* While the tenant cannot make it raise new ones */
	if (!ret)
		mdevkit_irqs_discard(kdev);
	return ret;
}

/* With Bus Master Enable, which a reset keeps, DMA may start again. */
static int device_reset_end(struct mdevkit_device *kdev, int ret)
{
	if (ret) {
		dev_err_ratelimited(&kdev->mdev->dev,
				    "reset failed: %d; its DMA stays off until one succeeds\n",
				    ret);
		return ret;
	}
	mdevkit_dma_allow(kdev, MDEVKIT_DMA_RESET);
	return 0;
}

/**
 * mdevkit_device_reset_locked() - reset the function
 * @kdev: the device; its access lock is held for writing
 *
 * The tenant's pages are taken back. One that is touched meanwhile is put in when the
 * reset is over.
 *
 * Return: 0; -ENODEV when the parent has gone; or what the driver returned.
 */
int mdevkit_device_reset_locked(struct mdevkit_device *kdev)
{
	int ret;

	lockdep_assert_held_write(&kdev->priv->access);
	if (mdevkit_device_gone(kdev))
		return -ENODEV;
	/*
	 * Before the mappings are blocked: a copy of mdevkit_dma_rw(), which is waited for
	 * here, may fault on a mapping of the device itself.
	 */
	mdevkit_dma_forbid(kdev, MDEVKIT_DMA_RESET);
	mdevkit_mmap_block(kdev);
	mdevkit_mmap_revoke(kdev);
	mdevkit_irqs_reset(kdev);
	mdevkit_config_reset(kdev);
	ret = device_reset_quiet(kdev);
	mdevkit_mmap_unblock(kdev);
	return device_reset_end(kdev, ret);
}

/* Nobody has the device open: there are no mappings and no eventfds. */
static int device_reset_for_new_user(struct mdevkit_device *kdev)
{
	mdevkit_dma_forbid(kdev, MDEVKIT_DMA_RESET);
	mdevkit_irqs_reset(kdev);
	mdevkit_config_open(kdev);
	return device_reset_end(kdev, device_reset_quiet(kdev));
}

/**
 * mdevkit_device_reset() - VFIO_DEVICE_RESET
 * @kdev: the device
 *
 * Return: as mdevkit_device_reset_locked().
 */
int mdevkit_device_reset(struct mdevkit_device *kdev)
{
	guard(rwsem_write)(&kdev->priv->access);
	return mdevkit_device_reset_locked(kdev);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_device_reset);

/**
 * mdevkit_device_reset_prepare() - the parent is about to be reset
 * @kdev: the device, in its parent's list
 *
 * When it returns, no DMA is under way, and no callback of the driver that might touch hardware,
 * until mdevkit_device_reset_done(); but for close and destroy.
 */
void mdevkit_device_reset_prepare(struct mdevkit_device *kdev)
{
	guard(rwsem_write)(&kdev->priv->access);
	if (kdev->priv->parent_reset)
		return;
	mdevkit_dma_forbid(kdev, MDEVKIT_DMA_PARENT);
	kdev->priv->parent_reset = true;
	mdevkit_mmap_block(kdev);
	mdevkit_mmap_revoke(kdev);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_device_reset_prepare);

/**
 * mdevkit_device_reset_done() - the parent has been reset, and works again
 * @kdev: the device
 *
 * What the parent's reset has left of the device is for the driver's reset to put right. Its tenant
 * hears of that by an error, since it has not asked for it.
 */
void mdevkit_device_reset_done(struct mdevkit_device *kdev)
{
	int ret = 0;

	guard(rwsem_write)(&kdev->priv->access);
	if (!kdev->priv->parent_reset)
		return;
	kdev->priv->parent_reset = false;
	if (kdev->priv->open && !mdevkit_device_gone(kdev)) {
		mdevkit_dma_forbid(kdev, MDEVKIT_DMA_RESET);
		ret = device_reset_quiet(kdev);
	}
	mdevkit_mmap_unblock(kdev);
	if (kdev->priv->open && !mdevkit_device_gone(kdev)) {
		device_reset_end(kdev, ret);
		mdevkit_signal_error(kdev);
	}
	mdevkit_dma_allow(kdev, MDEVKIT_DMA_PARENT);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_device_reset_done);

static int device_open_locked(struct mdevkit_device *kdev)
{
	int ret;

	if (mdevkit_device_gone(kdev))
		return -ENODEV;
	if (kdev->priv->parent_reset)
		return -EAGAIN;
	/* Nobody has a mapping yet */
	ret = mdevkit_mmap_open(kdev);
	if (ret)
		return ret;
	ret = device_reset_for_new_user(kdev);
	if (!ret && kdev->ops->open)
		ret = kdev->ops->open(kdev);
	if (ret)
		mdevkit_mmap_close(kdev);
	kdev->priv->open = !ret;
	/* The other kinds are translated when their group arms them */
	if (!ret && kdev->type->dma == MDEVKIT_DMA_SOFTWARE)
		mdevkit_dma_allow(kdev, MDEVKIT_DMA_IOMMU_READY);
	return ret;
}

static void device_close_locked(struct mdevkit_device *kdev)
{
	mdevkit_dma_forbid(kdev, MDEVKIT_DMA_IOMMU_READY);
	mdevkit_mmap_close(kdev);
	kdev->priv->open = false;
	if (kdev->ops->close)
		kdev->ops->close(kdev);
}

/**
 * mdevkit_device_open() - the first user opens the device
 * @kdev: the device
 *
 * Return: 0; -ENODEV when the parent has gone; or what the driver or the IOMMU
 * returned.
 */
int mdevkit_device_open(struct mdevkit_device *kdev)
{
	int ret;

	scoped_guard(rwsem_write, &kdev->priv->access)
		ret = device_open_locked(kdev);
	if (ret)
		return ret;
	ret = mdevkit_group_arm(kdev);
	if (!ret)
		return 0;
	scoped_guard(rwsem_write, &kdev->priv->access)
		device_close_locked(kdev);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_device_open);

/**
 * mdevkit_device_close() - the last user has closed the device
 * @kdev: the device
 */
void mdevkit_device_close(struct mdevkit_device *kdev)
{
	mdevkit_group_disarm(kdev);
	scoped_guard(rwsem_write, &kdev->priv->access)
		device_close_locked(kdev);
	mdevkit_irqs_release_user(kdev);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_device_close);

/**
 * mdevkit_device_ask() - ask the user to let go of the device
 * @kdev: the device, in its parent's list
 *
 * Context: any; does not wait.
 */
void mdevkit_device_ask(struct mdevkit_device *kdev)
{
	schedule_work(&kdev->priv->tell_work);
}

void mdevkit_device_set_gone(struct mdevkit_device *kdev)
{
	WRITE_ONCE(kdev->priv->gone, true);
	schedule_work(&kdev->priv->tell_work);
}
EXPORT_SYMBOL_GPL(mdevkit_device_set_gone);
