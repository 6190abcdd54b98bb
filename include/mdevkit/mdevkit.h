/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdevkit: what a vendor driver for mediated devices includes.
 *
 * A vendor driver registers itself (struct mdevkit_driver), then each device
 * that it slices (mdevkit_register_parent()), with the types that can be made
 * of it. mdevkit does the rest: sysfs, capacity, config space, VFIO, interrupts,
 * IOMMU groups. The driver's callbacks contain only its device.
 */
#ifndef _MDEVKIT_MDEVKIT_H
#define _MDEVKIT_MDEVKIT_H

#include <linux/build_bug.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/vfio.h>

#include <mdevkit/pci.h>

struct pci_driver;
struct mdevkit_device;
struct mdevkit_device_private;
struct mdevkit_parent;

/**
 * enum mdevkit_dma_kind - who translates the DMA of a type's mdevs
 * @MDEVKIT_DMA_SOFTWARE: nobody: the device does none, or the driver copies with
 *	mdevkit_dma_rw(); VFIO's emulated IOMMU path
 * @MDEVKIT_DMA_PASID: the parent's IOMMU, by the mdev's own PASID
 * @MDEVKIT_DMA_LOOKUP: the IOMMU of the device that the driver's dma_dev()
 *	names: an mdev backed by a VF or by a whole device
 */
enum mdevkit_dma_kind {
	MDEVKIT_DMA_SOFTWARE,
	MDEVKIT_DMA_PASID,
	MDEVKIT_DMA_LOOKUP,
};

/**
 * struct mdevkit_type - something that a parent can be asked to create
 * @sysfs_name: last part of the type's folder name: the driver's name, a dash and this
 * @pretty_name: text of the type's sysfs file "name"
 * @description: text of the sysfs file "description"
 * @cost: units of the parent's capacity that one mdev of the type takes; at least 1
 * @dma: who translates its DMA
 * @pci: the PCI function that the tenant sees
 * @driver_data: for the driver
 */
struct mdevkit_type {
	const char *sysfs_name;
	const char *pretty_name;
	const char *description;
	unsigned int cost;
	enum mdevkit_dma_kind dma;
	const struct mdevkit_pci_desc *pci;
	unsigned long driver_data;
};

/**
 * struct mdevkit_device_ops - the device that the vendor driver implements
 * @create: an mdev was created: claim what it needs of the parent. No user can
 *	reach the device yet. Its registers are in their reset state afterwards
 * @destroy: undo of @create; the device has no user, its DMA is drained
 * @open: the first user opens the device (optional)
 * @close: the last user has closed it; undo of @open (optional)
 * @reset: bring the device's registers to their state after @create and stop all
 *	its DMA: function level reset, VFIO_DEVICE_RESET, and before each @open.
 *	0 or -errno
 * @start_dma: kinds pasid and lookup, which must have it: the IOMMU translates the device's
 *	DMA and the tenant has set Bus Master Enable; @pasid is to be written into the
 *	device, or IOMMU_NO_PASID where the device uses its own requester ID. What the tenant
 *	has set up meanwhile goes on. 0 or -errno, which fails the user's attach or, when the
 *	tenant starts it, is logged
 * @drain: undo of @start_dma, which it goes with: when it returns the device has no DMA under
 *	way, starts none, and no longer knows its PASID; its registers stay. Cannot fail;
 *	called also when the parent is gone (mdevkit_device_gone())
 * @dma_dev: kind lookup: the device whose IOMMU translates this mdev. Constant from
 *	@create to @destroy. If a driver is bound to it, that one has set driver_managed_dma:
 *	otherwise the mdev cannot be created
 *
 * All may sleep. open, close, start_dma, drain and reset run with the device's access lock
 * held for writing: one of them at a time, and no BAR callback of that device meanwhile, page
 * neither. A tenant that touches its mapping meanwhile waits, so it is in their hands how long.
 * A lock that one of them takes may be held around mdevkit_dma_rw(), one that page takes may not.
 * create and destroy run without a lock, when nobody else can reach the device. BAR
 * callbacks run concurrently with one another. An interrupt may be raised from all of them,
 * and the parent may be reported as gone (mdevkit_parent_set_gone()); it may go at any time,
 * also while one of them runs.
 */
struct mdevkit_device_ops {
	int (*create)(struct mdevkit_device *kdev);
	void (*destroy)(struct mdevkit_device *kdev);
	int (*open)(struct mdevkit_device *kdev);
	void (*close)(struct mdevkit_device *kdev);
	int (*reset)(struct mdevkit_device *kdev);
	int (*start_dma)(struct mdevkit_device *kdev, ioasid_t pasid);
	void (*drain)(struct mdevkit_device *kdev);
	struct device *(*dma_dev)(struct mdevkit_device *kdev);
};

/**
 * struct mdevkit_attr_values - what can be written to a sysfs attribute of each mdev
 * @name: of a writable attribute in one of the driver's dev_groups that has no name
 * @values: "bool" (what kstrtobool() takes), "MIN-MAX" (unsigned, decimal), words with a "|" in
 *	between, or "any"; no white space
 *
 * Tools read it in PARENT/mdevkit/attributes, to check a definition before its mdev exists. The
 * attribute's store function checks all the same.
 */
struct mdevkit_attr_values {
	const char *name;
	const char *values;
};

/**
 * struct mdevkit_driver - a vendor driver
 * @name: name on the mdev bus (/sys/bus/mdev/drivers/NAME)
 * @device_size: MDEVKIT_DEVICE_SIZE() of the driver's structure for one mdev
 * @ops: the device
 * @dev_groups: sysfs attributes of each mdev (optional), settable by mdevctl
 * @attr_values: what can be written to them, up to an entry without a name; "any" to those that
 *	it does not have (optional)
 * @types: what its parents offer, if that is the same for all; see
 *	devm_mdevkit_register_parent()
 * @nr_types: entries of @types
 * @capacity: units that all mdevs of such a parent share
 * @software_parent: make a parent that has no hardware, of this name, and offer @types of it
 *	(optional; see mdevkit_create_software_device())
 * @pci_driver: the driver of its parents, registered and unregistered with it (optional)
 */
struct mdevkit_driver {
	const char *name;
	size_t device_size;
	const struct mdevkit_device_ops *ops;
	const struct attribute_group **dev_groups;
	const struct mdevkit_attr_values *attr_values;
	const struct mdevkit_type *types;
	unsigned int nr_types;
	unsigned int capacity;
	const char *software_parent;
	struct pci_driver *pci_driver;

	/* private: */
	struct mdev_driver mdev;
	struct device *software_dev;
};

/**
 * MDEVKIT_DEVICE_SIZE() - what struct mdevkit_driver's device_size is to be
 * @type: the driver's structure for one mdev
 * @member: its member of type struct mdevkit_device; if that is not the first one, it is
 *	not compiled
 */
#define MDEVKIT_DEVICE_SIZE(type, member)					\
	(sizeof(type) +								\
	 BUILD_BUG_ON_ZERO(offsetof(type, member)) +				\
	 BUILD_BUG_ON_ZERO(!__same_type(((type *)NULL)->member, struct mdevkit_device)))

/**
 * struct mdevkit_device - one mdev; the first member of the driver's own structure
 * @vdev: private: the VFIO device
 * @mdev: the mdev on the bus; &mdev->dev names it in log messages
 * @parent: the parent that it is a slice of
 * @type: its type
 * @ops: the driver's callbacks
 *
 */
struct mdevkit_device {
	struct vfio_device vdev;
	struct mdev_device *mdev;
	struct mdevkit_parent *parent;
	const struct mdevkit_type *type;
	const struct mdevkit_device_ops *ops;

	/* private: */
	struct mdevkit_device_private *priv;
};

int __mdevkit_register_driver(struct mdevkit_driver *drv, struct module *owner,
			      const char *mod_name);
void mdevkit_unregister_driver(struct mdevkit_driver *drv);

/**
 * mdevkit_register_driver() - register a vendor driver on the mdev bus
 * @drv: the driver; lives until mdevkit_unregister_driver()
 *
 * With its software parent and its PCI driver, if it names them.
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL: device_size too small, no ops, wrong attr_values, or what the log says; -EBUSY: the
 * name is taken; -EEXIST: the software parent's; -ENOMEM; or what the registration of the
 * PCI driver returned.
 */
#define mdevkit_register_driver(drv) \
	__mdevkit_register_driver(drv, THIS_MODULE, KBUILD_MODNAME)

/**
 * module_mdevkit_driver() - all that is left of a module which does no more than that
 * @drv: struct mdevkit_driver
 */
#define module_mdevkit_driver(drv) \
	module_driver(drv, mdevkit_register_driver, mdevkit_unregister_driver)

struct mdevkit_parent *mdevkit_register_parent(struct device *dev, struct mdevkit_driver *drv,
					       const struct mdevkit_type *types,
					       unsigned int nr_types, unsigned int capacity,
					       void *drvdata);
struct mdevkit_parent *devm_mdevkit_register_parent(struct device *dev,
						    struct mdevkit_driver *drv, void *drvdata);
void mdevkit_unregister_parent(struct mdevkit_parent *parent);
void mdevkit_parent_set_gone(struct mdevkit_parent *parent);
void *mdevkit_parent_drvdata(struct mdevkit_parent *parent);
struct device *mdevkit_parent_dev(struct mdevkit_parent *parent);

bool mdevkit_device_gone(const struct mdevkit_device *kdev);

/* A parent for drivers that have no hardware */
struct device *mdevkit_create_software_device(const char *name);
void mdevkit_destroy_software_device(struct device *dev);

/* Interrupts: any context */
void mdevkit_irq_signal(struct mdevkit_device *kdev, unsigned int vector);
void mdevkit_irq_set_level(struct mdevkit_device *kdev, bool asserted);
void mdevkit_signal_error(struct mdevkit_device *kdev);
int mdevkit_irq_bind_hw(struct mdevkit_device *kdev, unsigned int vector, int hwirq);
void mdevkit_irq_unbind_hw(struct mdevkit_device *kdev, unsigned int vector);

/* DMA of the kind software, while the device is open */
int mdevkit_dma_rw(struct mdevkit_device *kdev, u64 iova, void *data, size_t len, bool write);

/**
 * mdevkit_device_from_dev() - the device behind a struct device on the mdev bus
 * @dev: &mdev->dev, as the driver's dev_groups attributes get it
 *
 * Context: any, between the driver's create and destroy callbacks.
 * Return: the device.
 */
static inline struct mdevkit_device *mdevkit_device_from_dev(struct device *dev)
{
	return dev_get_drvdata(dev);
}

#endif /* _MDEVKIT_MDEVKIT_H */
