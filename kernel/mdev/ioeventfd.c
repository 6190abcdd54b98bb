// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_IOEVENTFD: an eventfd whose signal is a write to a register. With KVM's ioeventfd
 * a guest's doorbell reaches the driver without a way through the VMM.
 *
 * The write is done by a worker, as a tenant's own would be: under the access lock, and not at all
 * while the BAR is not decoded. As with vfio-pci, a reset leaves them in place.
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
};

static int ioeventfd_signalled(void *opaque, void *unused)
{
	/* The worker does it */
	return 1;
}

static void ioeventfd_write(void *opaque, void *unused)
{
	struct ioeventfd *io = opaque;

	guard(rwsem_read)(&io->kdev->priv->access);
	/* There is nobody to tell if the driver refuses it */
	mdevkit_bar_write(io->kdev, io->bar, io->offset, io->width, io->data);
}

/* Waits until its worker writes no more. */
static void ioeventfd_free(struct ioeventfd *io)
{
	vfio_virqfd_disable(&io->virqfd);
	list_del(&io->entry);
	io->kdev->priv->nr_ioeventfds--;
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

	if (kdev->priv->nr_ioeventfds >= MAX_IOEVENTFDS)
		return -ENOSPC;
	io = kmemdup(wanted, sizeof(*wanted), GFP_KERNEL_ACCOUNT);
	if (!io)
		return -ENOMEM;
	ret = vfio_virqfd_enable(io, ioeventfd_signalled, ioeventfd_write, NULL, &io->virqfd, fd);
	if (ret) {
		kfree(io);
		return ret;
	}
	list_add_tail(&io->entry, &kdev->priv->ioeventfds);
	kdev->priv->nr_ioeventfds++;
	return 0;
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
	guard(mutex)(&kdev->priv->ioeventfds_lock);
	io = ioeventfd_find(kdev, &wanted);
	if (fd >= 0)
		return io ? -EEXIST : ioeventfd_add(kdev, &wanted, fd);
	if (!io)
		return -ENODEV;
	ioeventfd_free(io);
	return 0;
}

/**
 * mdevkit_ioeventfds_release() - the last user closes the device: no eventfd writes any more
 * @kdev: the device; its access lock is not held
 */
void mdevkit_ioeventfds_release(struct mdevkit_device *kdev)
{
	struct ioeventfd *io, *next;

	guard(mutex)(&kdev->priv->ioeventfds_lock);
	list_for_each_entry_safe(io, next, &kdev->priv->ioeventfds, entry)
		ioeventfd_free(io);
}
