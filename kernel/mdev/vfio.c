// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VFIO asks of a device: its ioctls, and the operations for the two ways
 * in which an mdev's DMA can be translated (by software, or by an IOMMU).
 */

#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "private.h"

/* The argument of a query, of which every user gives @min_size. All begin with argsz. */
static __always_inline int query_get(void *arg, const void __user *user, size_t min_size)
{
	if (copy_from_user(arg, user, min_size))
		return -EFAULT;
	return *(u32 *)arg < min_size ? -EINVAL : 0;
}

/*
 * Gives it back. What the user has beyond @size is left alone. Usercopy looks for the object
 * behind a size that the compiler does not know: not for those who have room for all.
 */
static __always_inline int query_put(void __user *user, const void *arg, size_t size)
{
	u32 argsz = *(const u32 *)arg;
	unsigned long left;

	left = argsz < size ? copy_to_user(user, arg, argsz) : copy_to_user(user, arg, size);
	return left ? -EFAULT : 0;
}

static int vfio_get_info(struct mdevkit_device *kdev, void __user *arg)
{
	struct vfio_device_info info = {};
	int ret;

	ret = query_get(&info, arg, offsetofend(struct vfio_device_info, num_irqs));
	if (ret)
		return ret;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return query_put(arg, &info, sizeof(info));
}

static int vfio_get_irq_info(struct mdevkit_device *kdev, void __user *arg)
{
	struct vfio_irq_info info = {};
	int ret;

	ret = query_get(&info, arg, offsetofend(struct vfio_irq_info, count));
	if (ret)
		return ret;
	if (info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.flags = mdevkit_irq_info_flags(kdev, info.index);
	info.count = mdevkit_irq_count(kdev, info.index);
	return query_put(arg, &info, sizeof(info));
}

static int region_add_sparse_mmap(struct vfio_info_cap *caps, u64 size)
{
	DEFINE_RAW_FLEX(struct vfio_region_info_cap_sparse_mmap, sparse, areas, 1);

	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = 1;
	sparse->areas[0].size = size;
	return vfio_info_add_capability(caps, &sparse->header, __struct_size(sparse));
}

static int vfio_get_region_info_caps(struct vfio_device *vdev, struct vfio_region_info *info,
				     struct vfio_info_cap *caps)
{
	struct mdevkit_device *kdev = mdevkit_from_vdev(vdev);
	const struct mdevkit_bar *bar;

	if (info->index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info->offset = MDEVKIT_REGION_OFFSET(info->index);
	info->flags = 0;
	info->size = 0;
	info->cap_offset = 0;
	if (info->index == VFIO_PCI_CONFIG_REGION_INDEX) {
		info->size = mdevkit_config_size(kdev);
		info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
		return 0;
	}
	if (info->index >= PCI_STD_NUM_BARS)
		return 0;
	bar = &kdev->type->pci->bars[info->index];
	if (!bar->size)
		return 0;
	info->size = bar->size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (!bar->passthrough_size)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	if (bar->passthrough_size == bar->size)
		return 0;
	return region_add_sparse_mmap(caps, bar->passthrough_size);
}

static long vfio_set_irqs(struct mdevkit_device *kdev, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set hdr;
	unsigned int nr = 0;
	void *data;
	size_t size;
	int ret;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	if (hdr.argsz < minsz)
		return -EINVAL;
	if (hdr.index < VFIO_PCI_NUM_IRQS)
		nr = mdevkit_irq_count(kdev, hdr.index);
	ret = vfio_set_irqs_validate_and_prepare(&hdr, nr, VFIO_PCI_NUM_IRQS, &size);
	if (ret)
		return ret;
	/* Or is it bools or eventfds, but none of them? */
	if (!size)
		return hdr.flags & VFIO_IRQ_SET_DATA_NONE ? mdevkit_irq_set(kdev, &hdr, NULL) :
							    -EINVAL;
	data = vmemdup_user(arg + minsz, size);
	if (IS_ERR(data))
		return PTR_ERR(data);
	ret = mdevkit_irq_set(kdev, &hdr, data);
	kvfree(data);
	return ret;
}

static long vfio_set_ioeventfd(struct mdevkit_device *kdev, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_ioeventfd, fd);
	struct vfio_device_ioeventfd io;
	unsigned int width;

	if (copy_from_user(&io, arg, minsz))
		return -EFAULT;
	width = io.flags & VFIO_DEVICE_IOEVENTFD_SIZE_MASK;
	if (io.argsz < minsz || io.flags != width || hweight32(width) != 1)
		return -EINVAL;
	/* The flags of the widths are the widths */
	return mdevkit_ioeventfd_set(kdev, io.offset, width, io.data, io.fd);
}

static long mdevkit_vfio_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct mdevkit_device *kdev = mdevkit_from_vdev(vdev);
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return vfio_get_info(kdev, user);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vfio_get_irq_info(kdev, user);
	case VFIO_DEVICE_SET_IRQS:
		return vfio_set_irqs(kdev, user);
	case VFIO_DEVICE_RESET:
		return mdevkit_device_reset(kdev);
	case VFIO_DEVICE_IOEVENTFD:
		return vfio_set_ioeventfd(kdev, user);
	default:
		return -ENOTTY;
	}
}

MDEVKIT_DEFINE_VFIO_IOCTL(mdevkit_vfio_ioctl, vfio_get_region_info_caps)

static ssize_t mdevkit_vfio_read(struct vfio_device *vdev, char __user *buf, size_t count,
				 loff_t *ppos)
{
	return mdevkit_region_rw(mdevkit_from_vdev(vdev), buf, count, ppos, false);
}

static ssize_t mdevkit_vfio_write(struct vfio_device *vdev, const char __user *buf, size_t count,
				  loff_t *ppos)
{
	return mdevkit_region_rw(mdevkit_from_vdev(vdev), (char __user *)buf, count, ppos, true);
}

static int mdevkit_vfio_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	return mdevkit_region_mmap(mdevkit_from_vdev(vdev), vma);
}

static void mdevkit_vfio_request(struct vfio_device *vdev, unsigned int count)
{
	mdevkit_release_request(mdevkit_from_vdev(vdev), count);
}

static int mdevkit_vfio_open(struct vfio_device *vdev)
{
	struct mdevkit_device *kdev = mdevkit_from_vdev(vdev);

	mdevkit_ioeventfds_init(kdev);
	return mdevkit_device_open(kdev);
}

static void mdevkit_vfio_close(struct vfio_device *vdev)
{
	struct mdevkit_device *kdev = mdevkit_from_vdev(vdev);

	mdevkit_ioeventfds_release(kdev);
	mdevkit_device_close(kdev);
}

static void mdevkit_vfio_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	mdevkit_pins_unmap(mdevkit_from_vdev(vdev), iova, length);
}

static int mdevkit_vfio_attach_ioas(struct vfio_device *vdev, u32 *pt_id)
{
	return mdevkit_group_attach_ioas(mdevkit_from_vdev(vdev), pt_id);
}

static void mdevkit_vfio_detach_ioas(struct vfio_device *vdev)
{
	mdevkit_group_detach_ioas(mdevkit_from_vdev(vdev));
}

static void mdevkit_vfio_unbind_iommufd(struct vfio_device *vdev)
{
	mdevkit_group_unbind_iommufd(mdevkit_from_vdev(vdev));
}

#define VFIO_OPS_COMMON					\
	.open_device = mdevkit_vfio_open,		\
	.close_device = mdevkit_vfio_close,		\
	.read = mdevkit_vfio_read,			\
	.write = mdevkit_vfio_write,			\
	.mmap = mdevkit_vfio_mmap,			\
	MDEVKIT_VFIO_IOCTL_OPS(mdevkit_vfio_ioctl, vfio_get_region_info_caps), \
	.request = mdevkit_vfio_request

#define VFIO_OPS_EMULATED				\
	VFIO_OPS_COMMON,				\
	.bind_iommufd = vfio_iommufd_emulated_bind,	\
	.unbind_iommufd = vfio_iommufd_emulated_unbind,	\
	.attach_ioas = vfio_iommufd_emulated_attach_ioas, \
	.detach_ioas = vfio_iommufd_emulated_detach_ioas

/* No IOMMU: the device does no DMA, or mdevkit_dma_rw() */
const struct vfio_device_ops mdevkit_software_ops = {
	.name = "mdevkit",
	VFIO_OPS_EMULATED,
};

/* And its driver can pin memory: VFIO has to tell what is unmapped */
const struct vfio_device_ops mdevkit_pinning_ops = {
	.name = "mdevkit-pinning",
	VFIO_OPS_EMULATED,
	.dma_unmap = mdevkit_vfio_dma_unmap,
};

/* The mdev is in an aux group and is attached like a physical device */
const struct vfio_device_ops mdevkit_aux_ops = {
	.name = "mdevkit-aux",
	VFIO_OPS_COMMON,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = mdevkit_vfio_unbind_iommufd,
	.attach_ioas = mdevkit_vfio_attach_ioas,
	.detach_ioas = mdevkit_vfio_detach_ioas,
};
