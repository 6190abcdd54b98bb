// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_IOEVENTFD: an eventfd whose signal is a write to a register. With KVM's ioeventfd
 * a guest's doorbell reaches the driver without a way through the VMM.
 *
 * The write is done by a worker, as a tenant's own would be: under the access lock, and not at all
 * while the BAR is not decoded. As with vfio-pci, a reset leaves them in place. The worker is
 * the device's own, and not virqfd's: whoever takes any virqfd of the host away waits for those,
 * and a driver's callback may take as long as its tenant likes.
 */

#include <linux/bitops.h>
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "private.h"

/* vfio-pci's limit for a device */
#define MAX_IOEVENTFDS	1000

struct ioeventfd {
	struct list_head entry;
	struct mdevkit_device *kdev;
	struct virqfd *virqfd;
	unsigned int bar;
	unsigned int width;
	u64 offset;
	u64 data;
	bool signalled;		/* for the worker; in any context */
};

/* With interrupts off */
static int ioeventfd_signalled(void *opaque, void *unused)
{
	struct ioeventfd *io = opaque;

	WRITE_ONCE(io->signalled, true);
	queue_work(system_unbound_wq, &io->kdev->priv->ioeventfds_work);
	return 0;
}

/* The next write to be done, in @write */
static bool ioeventfd_next(struct mdevkit_device_private *priv, struct ioeventfd *write)
{
	struct ioeventfd *io;

	guard(mutex)(&priv->ioeventfds_lock);
	list_for_each_entry(io, &priv->ioeventfds, entry) {
		if (!xchg(&io->signalled, false))
			continue;
		*write = *io;
		return true;
	}
	return false;
}

/* Does the writes that eventfds were signalled for. */
static void ioeventfds_work(struct work_struct *work)
{
	struct mdevkit_device_private *priv =
		container_of(work, struct mdevkit_device_private, ioeventfds_work);
	struct ioeventfd io;

	while (ioeventfd_next(priv, &io)) {
		guard(rwsem_read)(&priv->access);
		/* There is nobody to tell if the driver refuses it */
		mdevkit_bar_write(priv->kdev, io.bar, io.offset, io.width, io.data);
	}
}

/* What is no longer in the list: when it returns the worker does not write for it any more. */
static void ioeventfd_free(struct ioeventfd *io)
{
	vfio_virqfd_disable(&io->virqfd);
	flush_work(&io->kdev->priv->ioeventfds_work);
	kfree(io);
}

static struct ioeventfd *ioeventfd_find(struct mdevkit_device *kdev, const struct ioeventfd *like)
{
	struct ioeventfd *io;

	lockdep_assert_held(&kdev->priv->ioeventfds_lock);
	list_for_each_entry(io, &kdev->priv->ioeventfds, entry)
		if (io->bar == like->bar && io->offset == like->offset &&
		    io->width == like->width && io->data == like->data)
			return io;
	return NULL;
}

static int ioeventfd_add(struct mdevkit_device *kdev, const struct ioeventfd *wanted, int fd)
{
	struct ioeventfd *io;
	int ret;

	guard(mutex)(&kdev->priv->ioeventfds_lock);
	if (ioeventfd_find(kdev, wanted))
		return -EEXIST;
	if (kdev->priv->nr_ioeventfds >= MAX_IOEVENTFDS)
		return -ENOSPC;
	io = kmemdup(wanted, sizeof(*wanted), GFP_KERNEL_ACCOUNT);
	if (!io)
		return -ENOMEM;
	ret = vfio_virqfd_enable(io, ioeventfd_signalled, NULL, NULL, &io->virqfd, fd);
	if (ret) {
		kfree(io);
		return ret;
	}
	list_add_tail(&io->entry, &kdev->priv->ioeventfds);
	kdev->priv->nr_ioeventfds++;
	return 0;
}

/* Takes one out of the list, the first one without @like. Return: it, or NULL */
static struct ioeventfd *ioeventfd_take(struct mdevkit_device *kdev, const struct ioeventfd *like)
{
	struct ioeventfd *io;

	guard(mutex)(&kdev->priv->ioeventfds_lock);
	io = like ? ioeventfd_find(kdev, like) :
		    list_first_entry_or_null(&kdev->priv->ioeventfds, struct ioeventfd, entry);
	if (!io)
		return NULL;
	list_del(&io->entry);
	kdev->priv->nr_ioeventfds--;
	return io;
}

/**
 * mdevkit_ioeventfd_set() - VFIO_DEVICE_IOEVENTFD
 * @kdev: the device; open
 * @pos: region and offset of the register
 * @width: bytes to be written
 * @data: what is written
 * @fd: an eventfd whose signal writes that; -1: no longer
 *
 * Context: may sleep.
 * Return: 0; -EINVAL: no register of a BAR that takes such an access (the MSI-X table and PBA do
 * not), or @fd is less than -1; -EEXIST: there is one for that write already; -ENODEV: there is
 * none; -ENOSPC: too many; -EBADF, -EINVAL: not an eventfd; -ENOMEM.
 */
int mdevkit_ioeventfd_set(struct mdevkit_device *kdev, u64 pos, unsigned int width, u64 data,
			  int fd)
{
	struct ioeventfd wanted = {
		.kdev = kdev,
		.bar = MDEVKIT_OFFSET_INDEX(pos),
		.width = width,
		.offset = pos & MDEVKIT_OFFSET_MASK,
		.data = data,
	};
	struct ioeventfd *io;

	if (fd < -1 || MDEVKIT_OFFSET_INDEX(pos) >= PCI_STD_NUM_BARS ||
	    !mdevkit_bar_takes(kdev, wanted.bar, wanted.offset, width) ||
	    mdevkit_msix_covers(kdev->type->pci, wanted.bar, wanted.offset))
		return -EINVAL;
	if (width < sizeof(u64))
		wanted.data &= BIT_ULL(width * BITS_PER_BYTE) - 1;
	if (fd >= 0)
		return ioeventfd_add(kdev, &wanted, fd);
	io = ioeventfd_take(kdev, &wanted);
	if (!io)
		return -ENODEV;
	ioeventfd_free(io);
	return 0;
}

/**
 * mdevkit_ioeventfds_init() - the first user opens the device: there are none
 * @kdev: the device
 */
void mdevkit_ioeventfds_init(struct mdevkit_device *kdev)
{
	INIT_WORK(&kdev->priv->ioeventfds_work, ioeventfds_work);
}

/**
 * mdevkit_ioeventfds_release() - the last user closes the device: no eventfd writes any more
 * @kdev: the device; its access lock is not held
 */
void mdevkit_ioeventfds_release(struct mdevkit_device *kdev)
{
	struct ioeventfd *io;

	while ((io = ioeventfd_take(kdev, NULL)))
		ioeventfd_free(io);
}
