/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an older kernel lacks.
 *
 * The kit's sources are written for the newest kernel. This header is included
 * in front of each of them (-include) and supplies the rest, as far as
 * kernel/compat/probe did not find it in the kernel's headers. It consists of
 * macros only and includes nothing: the sources' own #define pr_fmt must come first.
 */
#ifndef MDEVKIT_COMPAT_H
#define MDEVKIT_COMPAT_H

/*
 * iommu_domain_ops.attach_dev(domain, dev, old)
 *
 * MDEVKIT_DEFINE_ATTACH_DEV(fn) goes after the function, MDEVKIT_ATTACH_DEV(fn) into
 * the table of operations. Without the third argument fn() is told no old domain.
 * MDEVKIT_CALL_ATTACH_DEV(domain, dev, old) calls it as the core does.
 */
#ifdef MDEVKIT_HAVE_IOMMU_ATTACH_DEV_OLD
#define MDEVKIT_DEFINE_ATTACH_DEV(fn)
#define MDEVKIT_ATTACH_DEV(fn)	fn
#define MDEVKIT_CALL_ATTACH_DEV(domain, dev, old)				\
	((domain)->ops->attach_dev(domain, dev, old))
#else
#define MDEVKIT_DEFINE_ATTACH_DEV(fn)						\
static int fn##_compat(struct iommu_domain *domain, struct device *dev)		\
{										\
	return fn(domain, dev, NULL);						\
}

#define MDEVKIT_ATTACH_DEV(fn)	fn##_compat
#define MDEVKIT_CALL_ATTACH_DEV(domain, dev, old)				\
	((domain)->ops->attach_dev(domain, dev))
#endif

/*
 * iommu_ops.domain_alloc_paging_flags(dev, flags, user_data), and
 * iommu_paging_domain_alloc_flags() for its users
 */
#ifdef MDEVKIT_HAVE_IOMMU_ALLOC_PAGING_FLAGS
#define MDEVKIT_DEFINE_ALLOC_PAGING_FLAGS(fn)
#define MDEVKIT_ALLOC_PAGING_FLAGS_OPS(fn)	.domain_alloc_paging_flags = fn
#else
#define MDEVKIT_DEFINE_ALLOC_PAGING_FLAGS(fn)					\
static struct iommu_domain *fn##_user(struct device *dev, u32 flags,		\
				      struct iommu_domain *parent,		\
				      const struct iommu_user_data *user_data)	\
{										\
	return parent ? ERR_PTR(-EOPNOTSUPP) : fn(dev, flags, user_data);	\
}										\
										\
static struct iommu_domain *fn##_plain(struct device *dev)			\
{										\
	return fn(dev, 0, NULL);						\
}

#define MDEVKIT_ALLOC_PAGING_FLAGS_OPS(fn)					\
	.domain_alloc_user = fn##_user,						\
	.domain_alloc_paging = fn##_plain

/*
 * A driver that knows neither the flags nor domain_alloc_paging() makes a domain without
 * knowing the device, and learns page sizes and address width when it is attached: too late
 * for one that is mapped before. domain_alloc_user() gives a finished one, so prefer that.
 */
#define iommu_paging_domain_alloc_flags(dev, wanted) ({				\
	struct device *__dev = (dev);						\
	u32 __flags = (wanted);							\
	const struct iommu_ops *__ops;						\
	struct iommu_domain *__domain;						\
										\
	__ops = __dev->iommu && __dev->iommu->iommu_dev ?			\
		__dev->iommu->iommu_dev->ops : NULL;				\
	if (__ops && __ops->domain_alloc_user &&				\
	    (__flags || !__ops->domain_alloc_paging)) {				\
		__domain = __ops->domain_alloc_user(__dev, __flags, NULL, NULL);	\
		if (!IS_ERR(__domain))						\
			__domain->owner = __ops;				\
	} else {								\
		__domain = __flags ? ERR_PTR(-EOPNOTSUPP) :			\
				     iommu_paging_domain_alloc(__dev);		\
	}									\
	__domain;								\
})
#endif

/* No such flag: every domain can go on a PASID */
#ifndef MDEVKIT_HAVE_IOMMU_HWPT_ALLOC_PASID
#define IOMMU_HWPT_ALLOC_PASID	0
#endif

/*
 * A driver's function that blocks a PASID, fn(dev, pasid, old): an operation of the
 * blocked domain on the newest kernel, of the driver before.
 */
#ifdef MDEVKIT_HAVE_IOMMU_REMOVE_DEV_PASID
#define MDEVKIT_DEFINE_BLOCK_PASID(fn)
#define MDEVKIT_BLOCK_PASID_DOMAIN_OPS(fn)
#define MDEVKIT_BLOCK_PASID_OPS(fn)	.remove_dev_pasid = fn,
#else
#define MDEVKIT_DEFINE_BLOCK_PASID(fn)						\
static int fn##_compat(struct iommu_domain *domain, struct device *dev,	\
		       ioasid_t pasid, struct iommu_domain *old)		\
{										\
	fn(dev, pasid, old);							\
	return 0;								\
}

#define MDEVKIT_BLOCK_PASID_DOMAIN_OPS(fn)	.set_dev_pasid = fn##_compat,
#define MDEVKIT_BLOCK_PASID_OPS(fn)
#endif

/* Whether kernel/iommu/aux/ranges.c is there: the kernel has page tables that take ranges */
#ifdef MDEVKIT_HAVE_IOMMU_PT_RANGES
#define MDEVKIT_IOMMU_PT_RANGES	1
#else
#define MDEVKIT_IOMMU_PT_RANGES	0
#endif

/* Namespaces of symbols are strings; they were bare words */
#ifdef MDEVKIT_HAVE_IMPORT_NS_STRING
#define MDEVKIT_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#else
#define MDEVKIT_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#endif

/* vmf_insert_mixed(vma, addr, pfn): the number of the page frame was wrapped in a structure */
#ifdef MDEVKIT_HAVE_PFN_T
#define MDEVKIT_PFN(pfn)	((pfn_t) { .val = (pfn) })
#else
#define MDEVKIT_PFN(pfn)	(pfn)
#endif

/*
 * vfio_device_ops.get_region_info_caps(vdev, info, caps)
 *
 * Before there was one, a driver's ioctl did it all. MDEVKIT_DEFINE_VFIO_IOCTL() goes
 * after both functions, MDEVKIT_VFIO_IOCTL_OPS() into the table of operations.
 */
#ifdef MDEVKIT_HAVE_VFIO_REGION_INFO_CAPS
#define MDEVKIT_DEFINE_VFIO_IOCTL(fn, region_info)
#define MDEVKIT_VFIO_IOCTL_OPS(fn, region_info)					\
	.ioctl = fn,								\
	.get_region_info_caps = region_info
#else
#define MDEVKIT_DEFINE_VFIO_IOCTL(fn, region_info)				\
static long fn##_region_info(struct vfio_device *vdev,				\
			     struct vfio_region_info __user *arg)		\
{										\
	size_t minsz = offsetofend(struct vfio_region_info, offset);		\
	struct vfio_region_info info = {};					\
	struct vfio_info_cap caps = {};						\
	int ret;								\
										\
	if (copy_from_user(&info, arg, minsz))					\
		return -EFAULT;							\
	if (info.argsz < minsz)							\
		return -EINVAL;							\
	ret = region_info(vdev, &info, &caps);					\
	if (!ret && caps.size) {						\
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;			\
		info.cap_offset = 0;						\
		if (info.argsz < sizeof(info) + caps.size) {			\
			info.argsz = sizeof(info) + caps.size;			\
		} else {							\
			vfio_info_cap_shift(&caps, sizeof(info));		\
			info.cap_offset = sizeof(info);				\
			if (copy_to_user(arg + 1, caps.buf, caps.size))		\
				ret = -EFAULT;					\
		}								\
	}									\
	if (!ret && copy_to_user(arg, &info, minsz))				\
		ret = -EFAULT;							\
	kfree(caps.buf);							\
	return ret;								\
}										\
										\
static long fn##_compat(struct vfio_device *vdev, unsigned int cmd,		\
			unsigned long arg)					\
{										\
	if (cmd == VFIO_DEVICE_GET_REGION_INFO)					\
		return fn##_region_info(vdev, (void __user *)arg);		\
	return fn(vdev, cmd, arg);						\
}

#define MDEVKIT_VFIO_IOCTL_OPS(fn, region_info)	.ioctl = fn##_compat
#endif

/* hrtimer_setup(timer, function, clock, mode) */
#ifndef MDEVKIT_HAVE_HRTIMER_SETUP
#define hrtimer_setup(timer, fn, clock, mode)					\
do {										\
	hrtimer_init(timer, clock, mode);					\
	(timer)->function = fn;							\
} while (0)
#endif

#endif /* MDEVKIT_COMPAT_H */
