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
struct mdevkit_pin;

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
 * @sysfs_name: last part of the type's folder name, PREFIX-THIS. The prefix is the name of the
 *	parent's own driver (of struct pci_driver), for a software parent that parent's name
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
 * @create: an mdev was created: claim what it needs of the parent, and initialise what @reset
 *	leaves alone: locks, attributes. No user can reach the device yet. It need not set
 *	registers: the driver's structure is zeroed memory, and @reset comes before each user.
 *	0 or -errno, with which creating fails; @destroy is not called then
 * @destroy: undo of @create; the device has no user, its DMA is drained
 * @open: the first user opens the device (optional)
 * @close: the last user has closed it; undo of @open (optional)
 * @reset: bring the device's registers to the state in which a user finds them, and stop all
 *	its DMA: function level reset, VFIO_DEVICE_RESET, before each @open, and after the
 *	parent was reset. 0 or -errno
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
 * @dma_unmap: kind software: the kit takes the memory of a pin back, as the tenant unmaps it, or
 *	because the device may do no DMA any more. When it returns nothing uses that
 *	memory: not the driver, not hardware. It may call mdevkit_dma_unpin() for this pin. Called
 *	once for a pin, whatever other callbacks run, and with or without the device's
 *	access lock held: it waits for none of them, nor for mdevkit_dma_rw(), and for no more than
 *	milliseconds for anything, as the tenant waits for it. Without it nothing can be
 *	pinned (optional; see mdevkit/pin.h)
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
	void (*dma_unmap)(struct mdevkit_device *kdev, struct mdevkit_pin *pin);
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
 * @software_parent: make a parent that has no hardware, /sys/devices/virtual/THIS/THIS, and offer
 *	@types of it, as THIS-TYPE (optional; see mdevkit_create_software_device())
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

/* A number that differs when one of the structures does that drivers and the kit share */
#define __MDEVKIT_SIZE(number, what)	((number) * 1021UL + sizeof(what))
#define MDEVKIT_INTERFACE							\
	__MDEVKIT_SIZE(__MDEVKIT_SIZE(__MDEVKIT_SIZE(__MDEVKIT_SIZE(		\
	__MDEVKIT_SIZE(__MDEVKIT_SIZE(__MDEVKIT_SIZE(__MDEVKIT_SIZE(1UL,	\
		       struct mdevkit_device), struct mdevkit_device_ops),	\
		       struct mdevkit_driver), struct mdevkit_type),		\
		       struct mdevkit_pci_desc), struct mdevkit_io_page),	\
		       struct mdevkit_attr_values), struct mdevkit_pci_bytes)

/**
 * __mdevkit_register_driver() - register a vendor driver on the mdev bus
 * @drv: the driver
 * @owner: its module; use mdevkit_register_driver()
 * @mod_name: the module's name
 * @interface: MDEVKIT_INTERFACE as the driver's compiler saw it
 *
 * Context: process context, may sleep.
 * Return: see mdevkit_register_driver().
 */
int __mdevkit_register_driver(struct mdevkit_driver *drv, struct module *owner,
			      const char *mod_name, unsigned long interface);

/**
 * mdevkit_unregister_driver() - undo of mdevkit_register_driver()
 * @drv: the driver; all parents that it has registered itself are unregistered
 *
 * Context: process context, may sleep, as mdevkit_unregister_parent() does.
 */
void mdevkit_unregister_driver(struct mdevkit_driver *drv);

/**
 * mdevkit_register_driver() - register a vendor driver on the mdev bus
 * @drv: the driver; lives until mdevkit_unregister_driver()
 *
 * With its software parent and its PCI driver, if it names them.
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL: device_size too small, no ops, wrong attr_values, or what the log says;
 * -EBUSY: the name is taken; -EEXIST: the software parent's; -ENOEXEC: the driver was compiled
 * for another version of mdevkit, which a kernel without CONFIG_MODVERSIONS does not notice
 * itself; -ENOMEM; or what the registration of the PCI driver returned.
 */
#define mdevkit_register_driver(drv) \
	__mdevkit_register_driver(drv, THIS_MODULE, KBUILD_MODNAME, MDEVKIT_INTERFACE)

/**
 * module_mdevkit_driver() - all that is left of a module which does no more than that
 * @drv: struct mdevkit_driver
 */
#define module_mdevkit_driver(drv) \
	module_driver(drv, mdevkit_register_driver, mdevkit_unregister_driver)

/**
 * mdevkit_register_parent() - offer slices of a device
 * @dev: the device; stays until mdevkit_unregister_parent()
 * @drv: the driver, registered before
 * @types: what can be created of it; stays as long as @dev
 * @nr_types: entries of @types
 * @capacity: units that all mdevs of the parent share; at most INT_MAX
 * @drvdata: for the driver, see mdevkit_parent_drvdata()
 *
 * From the return on, and even before it, mdevs can be created and the
 * driver's callbacks called.
 *
 * Context: process context, may sleep. Not under a lock that the driver's callbacks take.
 * Return: the parent, or an ERR_PTR: -EINVAL: a declaration that is not possible, the log
 * says which; -EEXIST: @dev is a parent already; -ENOMEM.
 */
struct mdevkit_parent *mdevkit_register_parent(struct device *dev, struct mdevkit_driver *drv,
					       const struct mdevkit_type *types,
					       unsigned int nr_types, unsigned int capacity,
					       void *drvdata);

/**
 * devm_mdevkit_register_parent() - offer slices of a device until it loses its driver
 * @dev: the device, which is being probed
 * @drv: the driver, registered before; its types and capacity are those of the parent
 * @drvdata: for the driver, see mdevkit_parent_drvdata()
 *
 * What the slices use of @dev has to be managed too, and be there before. A driver of which
 * the hardware can vanish does not use this: it has to call mdevkit_parent_set_gone() first.
 *
 * Context: process context, may sleep. Not under a lock that the driver's callbacks take.
 * Return: as mdevkit_register_parent().
 */
struct mdevkit_parent *devm_mdevkit_register_parent(struct device *dev,
						    struct mdevkit_driver *drv, void *drvdata);

/**
 * mdevkit_unregister_parent() - take a device's slices back
 * @parent: the parent
 *
 * Removes all its mdevs. Those in use are waited for, their users asked to let go; a
 * driver whose hardware is gone already calls mdevkit_parent_set_gone() first.
 *
 * Context: process context, may sleep for as long as a user keeps a device open.
 */
void mdevkit_unregister_parent(struct mdevkit_parent *parent);

/**
 * mdevkit_parent_set_gone() - the parent's hardware does not answer any more
 * @parent: the parent
 *
 * To be called on surprise removal or a fatal error, before
 * mdevkit_unregister_parent(); for instance by a callback of a device that finds out. When it
 * returns, mdevkit_device_gone() is true for all devices: their tenants read all-ones,
 * their writes are dropped, and their DMA is not started any more. Soon after, the same
 * holds for mapped pages, and the tenants are asked to let go.
 *
 * It does not wait, neither for callbacks that are running, on other CPUs or further up
 * the stack, nor for page faults. What these use of the parent has to stay until
 * mdevkit_unregister_parent() has returned.
 *
 * Context: any.
 */
void mdevkit_parent_set_gone(struct mdevkit_parent *parent);

/**
 * mdevkit_parent_reset_prepare() - the parent is going to be reset, by whoever
 * @parent: the parent
 *
 * For the reset_prepare of struct pci_error_handlers, for error_detected, for a suspend. When it
 * returns the DMA of all its devices is drained, and no callback of them runs that may touch the
 * parent, nor begins; but close and destroy may. Meanwhile the tenants' reads give all-ones and
 * their writes are dropped; whoever touches a mapping waits; a device that is opened, or
 * created, fails with EAGAIN. After mdevkit_parent_set_gone() no mdevkit_parent_reset_done() needs
 * to follow.
 *
 * Context: process context, may sleep: for as long as callbacks take that run just now. Not
 * under a lock that these take, nor from one of them.
 */
void mdevkit_parent_reset_prepare(struct mdevkit_parent *parent);

/**
 * mdevkit_parent_reset_done() - the parent has been reset and works
 * @parent: the parent
 *
 * Undo of mdevkit_parent_reset_prepare(). The reset callback is called for each open device,
 * and its tenant told by the eventfd of VFIO_PCI_ERR_IRQ_INDEX. DMA goes on where it is
 * allowed: start_dma is called then.
 *
 * Context: process context, may sleep. Not under a lock that callbacks take.
 */
void mdevkit_parent_reset_done(struct mdevkit_parent *parent);

/**
 * mdevkit_parent_drvdata() - what the driver gave to mdevkit_register_parent()
 * @parent: the parent
 *
 * Context: any, from the callbacks on, until mdevkit_unregister_parent() has returned.
 * Return: that pointer; NULL for the software parent that struct mdevkit_driver names.
 */
void *mdevkit_parent_drvdata(struct mdevkit_parent *parent);

/**
 * mdevkit_parent_dev() - the device that is sliced
 * @parent: the parent
 *
 * Context: any, from the callbacks on, until mdevkit_unregister_parent() has returned.
 * Return: the device.
 */
struct device *mdevkit_parent_dev(struct mdevkit_parent *parent);

/**
 * mdevkit_device_gone() - has the device failed, or its parent gone away under it?
 * @kdev: the device
 *
 * No lock keeps it from becoming true, not even during a callback: what a driver does after it
 * has looked must be harmless on hardware that does not answer.
 *
 * Context: any.
 * Return: true once the device's hardware must not be touched any more.
 */
bool mdevkit_device_gone(const struct mdevkit_device *kdev);

/**
 * mdevkit_device_set_gone() - this device has failed for good, its parent goes on
 * @kdev: the device
 *
 * As mdevkit_parent_set_gone(), for one device: its tenant reads all-ones, its writes are
 * dropped, its DMA is not started any more, soon its mappings show nothing, and then it is
 * asked to let go. It can be opened again only as a new mdev. What DMA is under way the driver
 * ends itself; drain is called at the latest when the tenant closes the device.
 *
 * It does not wait.
 *
 * Context: any, from the driver's create callback on until its destroy callback has returned.
 */
void mdevkit_device_set_gone(struct mdevkit_device *kdev);

/**
 * mdevkit_create_software_device() - make a parent that has no hardware
 * @name: its name, and the name of its class: the device is /sys/devices/virtual/NAME/NAME
 *	and its types are called NAME-TYPE. Must stay valid as long as the device
 *
 * The device does not do anything by itself; give it to mdevkit_register_parent().
 *
 * Context: process context, may sleep.
 * Return: the device, to be given back by mdevkit_destroy_software_device(), or an
 * ERR_PTR: -EEXIST: there is a class of that name; -ENOMEM.
 */
struct device *mdevkit_create_software_device(const char *name);

/**
 * mdevkit_destroy_software_device() - undo of mdevkit_create_software_device()
 * @dev: the device; no longer a parent
 *
 * Context: process context, may sleep.
 */
void mdevkit_destroy_software_device(struct device *dev);

/**
 * mdevkit_irq_signal() - raise a message signalled interrupt
 * @kdev: the device
 * @vector: MSI or MSI-X vector, whichever the tenant uses; out of range: nothing happens
 *
 * Without an eventfd for the vector, and while the tenant uses INTx, the message stays
 * pending, as the PBA shows, and is sent when there is one; several become one. A reset and a
 * close drop it. A line has a level instead, see mdevkit_irq_set_level().
 *
 * Context: any, also hard interrupt.
 */
void mdevkit_irq_signal(struct mdevkit_device *kdev, unsigned int vector);

/**
 * mdevkit_irq_set_level() - set the level of the device's one interrupt line
 * @kdev: the device
 * @asserted: the new level
 *
 * With INTx the tenant is signalled as long as the line is asserted and not
 * masked; with MSI or MSI-X vector 0 is raised when the line becomes asserted, and a
 * message that still waits by then is dropped when it is deasserted (PCI 3.0, 6.8.3.5).
 *
 * Context: any, also hard interrupt.
 */
void mdevkit_irq_set_level(struct mdevkit_device *kdev, bool asserted);

/**
 * mdevkit_signal_error() - tell the user that the device has failed for good
 * @kdev: the device
 *
 * Signals the eventfd of VFIO_PCI_ERR_IRQ_INDEX; QEMU stops the VM then.
 *
 * Context: any, also hard interrupt.
 */
void mdevkit_signal_error(struct mdevkit_device *kdev);

/**
 * mdevkit_irq_bind_hw() - let a hardware interrupt raise a vector of the tenant
 * @kdev: the device
 * @vector: MSI or MSI-X vector of the tenant
 * @hwirq: Linux interrupt number, as of pci_irq_vector(); nobody else uses it
 *
 * The interrupt is enabled while the tenant has an eventfd for the vector. Meanwhile a
 * message stays pending in the hardware, which needs a mask bit for it: MSI-X.
 * The tenant's own PBA does not show that one.
 *
 * Context: may sleep; the driver's create callback. (What is pending of a former user of the
 * interrupt is dropped at open.)
 * Return: 0; -EINVAL: no such vector; -EBUSY: the vector is bound; or what
 * request_irq() returned.
 */
int mdevkit_irq_bind_hw(struct mdevkit_device *kdev, unsigned int vector, int hwirq);

/**
 * mdevkit_irq_unbind_hw() - undo of mdevkit_irq_bind_hw()
 * @kdev: the device
 * @vector: the vector; nothing happens if it is not bound
 *
 * When it returns the interrupt handler does not run any more. At the latest the
 * driver's destroy callback calls it.
 *
 * Context: may sleep.
 */
void mdevkit_irq_unbind_hw(struct mdevkit_device *kdev, unsigned int vector);

/**
 * mdevkit_dma_rw() - copy from or to the tenant's memory
 * @kdev: the device; of kind software, between its create and destroy callbacks
 * @iova: address as the tenant's device sees it
 * @data: the host's copy
 * @len: bytes
 * @write: true: from @data to the tenant; false: to @data
 *
 * When the tenant's write that clears Bus Master Enable, a reset, or the last close has
 * returned, no copy is under way and none begins.
 *
 * The tenant's memory may be such that a copy takes as long as the tenant likes (it may
 * be backed by a file system of the tenant's). That tenant's own calls wait for it then:
 * do not let others wait, by a lock or a thread that serves other devices too.
 *
 * Context: may sleep; BAR callbacks may call it, and threads, timers' work and the like
 * of the driver; struct mdevkit_bar's page may not.
 * Return: 0; -EINVAL: another DMA kind, or the range is not mapped; -EFAULT; -EPERM:
 * mapped without that permission, or DMA is not allowed: the device is not open, the tenant
 * has not set Bus Master Enable, it is being reset, or its last reset failed; -ENODEV: the
 * parent has gone.
 */
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
