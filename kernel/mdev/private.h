/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of mdevkit.ko share with one another. */
#ifndef _MDEVKIT_PRIVATE_H
#define _MDEVKIT_PRIVATE_H

#include <linux/cleanup.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <mdevkit/mdevkit.h>

struct mdevkit_config;
struct mdevkit_group;
struct mdevkit_irqs;
struct mdevkit_pins;

/* VFIO leaves the layout of the device file to its driver; vfio-pci's is what users know. */
#define MDEVKIT_REGION_SHIFT	40
#define MDEVKIT_REGION_OFFSET(index)	((u64)(index) << MDEVKIT_REGION_SHIFT)
#define MDEVKIT_OFFSET_INDEX(pos)	((pos) >> MDEVKIT_REGION_SHIFT)
#define MDEVKIT_OFFSET_MASK		(MDEVKIT_REGION_OFFSET(1) - 1)

/* How slices of a parent are put into iommu groups; see docs/placement.md */
enum mdevkit_placement {
	MDEVKIT_PLACE_MDEV,
	MDEVKIT_PLACE_PARENT,
	MDEVKIT_PLACE_SLOT,
};

/**
 * enum mdevkit_dma_reason - what has to hold for a device to do DMA; all of it
 * @MDEVKIT_DMA_IOMMU_READY: armed by its group, and not being drained; kind software: open
 * @MDEVKIT_DMA_BUS_MASTER: the tenant has set Bus Master Enable, in power state D0
 * @MDEVKIT_DMA_RESET: the last reset is over, and the driver did not fail it
 * @MDEVKIT_DMA_PARENT: its parent is not being reset
 *
 * That the parent has not gone is one, too; it is kept in the device's flag gone, because it
 * ends without any lock.
 */
enum mdevkit_dma_reason {
	MDEVKIT_DMA_IOMMU_READY = BIT(0),
	MDEVKIT_DMA_BUS_MASTER = BIT(1),
	MDEVKIT_DMA_RESET = BIT(2),
	MDEVKIT_DMA_PARENT = BIT(3),
};

#define MDEVKIT_DMA_ALL_REASONS						\
	(MDEVKIT_DMA_IOMMU_READY | MDEVKIT_DMA_BUS_MASTER |		\
	 MDEVKIT_DMA_RESET | MDEVKIT_DMA_PARENT)

/**
 * struct mdevkit_counters - what a CPU has seen of a device's use
 * @reads: reads of the device file
 * @writes: writes of it
 * @faults: pages that were put into a mapping
 */
struct mdevkit_counters {
	u64 reads;
	u64 writes;
	u64 faults;
};

/**
 * struct mdevkit_device_private - what only mdevkit.ko knows of a device
 * @kdev: the device
 */
struct mdevkit_device_private {
	struct mdevkit_device *kdev;

	/*
	 * Held for reading around BAR accesses and config reads, for writing around config
	 * writes and the life cycle callbacks. Guards config, pasid,
	 * dma_reasons, dma_started, open and parent_reset.
	 */
	struct rw_semaphore access;
	/*
	 * Held for reading around page faults. memory_enabled and blocked are written with
	 * both locks held for writing. Inside access and the mmap lock.
	 */
	struct rw_semaphore mapping;
	wait_queue_head_t unblocked;	/* blocked is 0, or gone is set */
	/*
	 * Held for reading while mdevkit_dma_rw() copies the tenant's memory, and faults it
	 * in. dma_started is written with both locks held for writing. Inside access,
	 * outside the mmap lock.
	 */
	struct rw_semaphore dma_gate;
	struct mdevkit_config *config;
	struct mdevkit_irqs *irqs;
	struct mdevkit_pins *pins;	/* NULL: its driver pins nothing */
	struct mdevkit_group *group;	/* aux group that the mdev is in, or NULL */
	struct mutex ioeventfds_lock;	/* guards the next two */
	struct list_head ioeventfds;
	unsigned int nr_ioeventfds;
	struct work_struct ioeventfds_work;	/* while open */
	struct list_head group_entry;	/* guarded by the group's lock, as are the next four */
	bool in_use;			/* open, as far as the group is concerned */
	bool ioas_attached;		/* by iommufd */
	bool armed;			/* counts in its group's users */
	bool suspended;			/* was armed before the replace that is under way */
	struct list_head parent_entry;	/* guarded by the parent's devices_lock */
	struct work_struct tell_work;	/* shows the user that the parent goes or has gone */
	struct page *dead_page;		/* shown where there is nothing; NULL if not open */
	unsigned int blocked;		/* faults wait; see mdevkit_mmap_block() */
	ioasid_t pasid;			/* of its DMA, or IOMMU_NO_PASID; valid while translated */
	unsigned int dma_reasons;	/* enum mdevkit_dma_reason that hold */
	bool dma_started;		/* all of them, and so the driver was told */
	bool open;			/* a user has it, and the driver knows */
	bool parent_reset;		/* its parent is being reset: hardware is not touched */
	bool io_enabled;
	bool memory_enabled;
	bool gone;			/* set once, by the parent's end; read anywhere */
	struct mdevkit_counters __percpu *counters;
	struct list_head counters_entry;	/* guarded by counters.c's shown_lock */
};

struct mdevkit_type_entry {
	struct mdev_type mdev_type;
	struct mdevkit_parent *parent;
	const struct mdevkit_type *type;
};

struct mdevkit_parent {
	struct mdev_parent mdev_parent;
	struct kref ref;		/* one for the registration, one for each type's kobject */
	struct device *dev;
	struct mdevkit_driver *drv;
	void *drvdata;
	struct list_head entry;		/* in the list of parents, guarded by parents_lock */

	struct mutex capacity_lock;	/* guards used */
	unsigned int capacity;
	unsigned int used;
	/* Guarded by policy.c's placement_lock. */
	unsigned int nr_devices;	/* mdevs that exist: the policies are fixed meanwhile */
	enum mdevkit_placement placement;
	bool peer_dma;			/* lent pages may be mapped for DMA; read by anybody */

	/* Held for reading while its devices are reset; outside devices_lock and their access */
	struct rw_semaphore life;
	/* Guards devices, which change with life held for writing, too, gone and resetting.
	 * Innermost lock, taken in any context.
	 */
	spinlock_t devices_lock;
	struct list_head devices;
	bool gone;
	bool resetting;			/* meanwhile there are no new devices */

	unsigned int nr_types;
	struct mdev_type **mdev_types;
	struct mdevkit_type_entry types[] __counted_by(nr_types);
};

/* The kit itself asks without a call. */
#define mdevkit_device_gone(kdev)	READ_ONCE((kdev)->priv->gone)

static inline struct mdevkit_device *mdevkit_from_vdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct mdevkit_device, vdev);
}

static inline struct mdevkit_type_entry *mdevkit_type_entry(struct mdev_type *mtype)
{
	return container_of(mtype, struct mdevkit_type_entry, mdev_type);
}

/* capacity.c */
unsigned int mdevkit_type_available(struct mdev_type *mtype);
int mdevkit_capacity_take(struct mdevkit_parent *parent, const struct mdevkit_type *type);
void mdevkit_capacity_give(struct mdevkit_parent *parent, const struct mdevkit_type *type);

/* attributes.c */
int mdevkit_attributes_check(const struct mdevkit_driver *drv);
int mdevkit_attributes_emit(const struct mdevkit_driver *drv, char *buf);

/* counters.c */
void mdevkit_counters_sum(struct mdevkit_device *kdev, struct mdevkit_counters *sum);
void mdevkit_counters_show(struct mdevkit_device *kdev);
void mdevkit_counters_hide(struct mdevkit_device *kdev);
void mdevkit_counters_init(void);
void mdevkit_counters_exit(void);

/* policy.c */
extern const struct attribute_group mdevkit_policy_group;
const char *mdevkit_parent_blocked_reason(struct mdevkit_parent *parent);
struct pci_bus *mdevkit_parent_slot(const struct mdevkit_parent *parent, unsigned int *slot);
int mdevkit_parent_list(struct mdevkit_parent *parent);
void mdevkit_parent_unlist(struct mdevkit_parent *parent);
int mdevkit_parent_set_placement(struct mdevkit_parent *parent, enum mdevkit_placement placement);
void mdevkit_policy_pin(struct mdevkit_parent *parent);
void mdevkit_policy_unpin(struct mdevkit_parent *parent);

/* device.c */
int mdevkit_device_init(struct mdevkit_device *kdev);
void mdevkit_device_free(struct mdevkit_device *kdev);
int mdevkit_device_probe(struct mdev_device *mdev, const struct vfio_device_ops *vfio_ops);
void mdevkit_device_remove(struct mdev_device *mdev);
int mdevkit_device_open(struct mdevkit_device *kdev);
void mdevkit_device_close(struct mdevkit_device *kdev);
int mdevkit_device_reset(struct mdevkit_device *kdev);
int mdevkit_device_reset_locked(struct mdevkit_device *kdev);
void mdevkit_device_reset_prepare(struct mdevkit_device *kdev);
void mdevkit_device_reset_done(struct mdevkit_device *kdev);
void mdevkit_device_ask(struct mdevkit_device *kdev);

/* dma.c */
void mdevkit_dma_forbid(struct mdevkit_device *kdev, enum mdevkit_dma_reason reason);
int mdevkit_dma_allow(struct mdevkit_device *kdev, enum mdevkit_dma_reason reason);
int mdevkit_dma_iommu_ready(struct mdevkit_device *kdev, ioasid_t pasid);
void mdevkit_dma_iommu_gone(struct mdevkit_device *kdev);
void mdevkit_dma_set_bus_master(struct mdevkit_device *kdev, bool on);
#if IS_ENABLED(CONFIG_KUNIT)
int mdevkit_dma_copy(struct mdevkit_device *kdev, u64 iova, void *data, size_t len, bool write);
#endif

/* pin.c */
int mdevkit_pins_init(struct mdevkit_device *kdev);
void mdevkit_pins_free(struct mdevkit_device *kdev);
void mdevkit_pins_unmap(struct mdevkit_device *kdev, u64 iova, u64 length);
void mdevkit_pins_take_all(struct mdevkit_device *kdev);
int mdevkit_pins_start(void);
void mdevkit_pins_stop(void);

/* vfio.c */
extern const struct vfio_device_ops mdevkit_software_ops;
extern const struct vfio_device_ops mdevkit_pinning_ops;
extern const struct vfio_device_ops mdevkit_aux_ops;

/* check.c */
#define MDEVKIT_WHY_SIZE	80
int mdevkit_config_check(const struct mdevkit_pci_desc *desc, char *why);
int mdevkit_type_check(const struct mdevkit_type *type, const struct mdevkit_device_ops *ops,
		       char *why);

/* config.c */
int mdevkit_config_init(struct mdevkit_device *kdev);
void mdevkit_config_free(struct mdevkit_device *kdev);
void mdevkit_config_open(struct mdevkit_device *kdev);
void mdevkit_config_reset(struct mdevkit_device *kdev);
size_t mdevkit_config_size(const struct mdevkit_device *kdev);
int mdevkit_config_read(struct mdevkit_device *kdev, u64 offset, u8 *buf, size_t count);
int mdevkit_config_write(struct mdevkit_device *kdev, u64 offset, const u8 *buf, size_t count,
			 bool *flr);

/* msix.c */
static inline u64 mdevkit_msix_table_end(const struct mdevkit_pci_desc *desc)
{
	return desc->msix_table + (u64)desc->msix_vectors * PCI_MSIX_ENTRY_SIZE;
}

static inline u64 mdevkit_msix_pba_end(const struct mdevkit_pci_desc *desc)
{
	return desc->msix_pba + (u64)DIV_ROUND_UP(desc->msix_vectors, 64) * 8;
}

/**
 * mdevkit_msix_covers() - does an offset belong to the MSI-X table or PBA?
 * @desc: the personality
 * @bar: the BAR
 * @offset: offset in it
 *
 * Return: true if mdevkit emulates it.
 */
static inline bool mdevkit_msix_covers(const struct mdevkit_pci_desc *desc, unsigned int bar,
				       u64 offset)
{
	if (!desc->msix_vectors || bar != desc->msix_bar)
		return false;
	return (offset >= desc->msix_table && offset < mdevkit_msix_table_end(desc)) ||
	       (offset >= desc->msix_pba && offset < mdevkit_msix_pba_end(desc));
}

u64 mdevkit_msix_next_edge(const struct mdevkit_pci_desc *desc, unsigned int bar, u64 offset);
int mdevkit_msix_read(struct mdevkit_device *kdev, u64 offset, unsigned int width, u64 *value);
int mdevkit_msix_write(struct mdevkit_device *kdev, u64 offset, unsigned int width, u64 value);

/* region.c */
ssize_t mdevkit_region_rw(struct mdevkit_device *kdev, char __user *buf, size_t count,
			  loff_t *ppos, bool write);
int mdevkit_region_write_config(struct mdevkit_device *kdev, u64 offset, const u8 *buf,
				size_t count);
int mdevkit_bar_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
		     unsigned int width, u64 *value);
int mdevkit_bar_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
		      unsigned int width, u64 value);
unsigned int mdevkit_access_width(u8 widths, u64 offset, size_t count);
bool mdevkit_bar_takes(const struct mdevkit_device *kdev, unsigned int index, u64 offset,
		       size_t count);
bool mdevkit_bar_transfer_fits(const struct mdevkit_device *kdev, unsigned int index, u64 offset,
			       size_t count);

/* mmap.c */
int mdevkit_region_mmap(struct mdevkit_device *kdev, struct vm_area_struct *vma);
int mdevkit_mmap_open(struct mdevkit_device *kdev);
void mdevkit_mmap_close(struct mdevkit_device *kdev);
void mdevkit_mmap_block(struct mdevkit_device *kdev);
void mdevkit_mmap_unblock(struct mdevkit_device *kdev);
void mdevkit_mmap_revoke(struct mdevkit_device *kdev);
void mdevkit_mmap_set_memory(struct mdevkit_device *kdev, bool enabled);

/* irq.c */
int mdevkit_irqs_init(struct mdevkit_device *kdev);
void mdevkit_irqs_free(struct mdevkit_device *kdev);
void mdevkit_irqs_release_user(struct mdevkit_device *kdev);
void mdevkit_irqs_reset(struct mdevkit_device *kdev);
void mdevkit_irqs_discard(struct mdevkit_device *kdev);
void mdevkit_irq_set_intx_disable(struct mdevkit_device *kdev, bool disable);
bool mdevkit_irq_intx_status(struct mdevkit_device *kdev);
void mdevkit_irq_set_msi_mask(struct mdevkit_device *kdev, u32 mask);
u32 mdevkit_irq_msi_pending(struct mdevkit_device *kdev);
bool mdevkit_irq_ask(struct mdevkit_device *kdev);
void mdevkit_release_request(struct mdevkit_device *kdev, unsigned int count);
unsigned int mdevkit_irq_count(const struct mdevkit_device *kdev, unsigned int index);
u32 mdevkit_irq_info_flags(const struct mdevkit_device *kdev, unsigned int index);
u64 mdevkit_irqs_delivered(struct mdevkit_device *kdev);
int mdevkit_irq_set(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr, void *data);

/* ioeventfd.c */
int mdevkit_ioeventfd_set(struct mdevkit_device *kdev, u64 pos, unsigned int width, u64 data,
			  int fd);
void mdevkit_ioeventfds_init(struct mdevkit_device *kdev);
void mdevkit_ioeventfds_release(struct mdevkit_device *kdev);

/* placement.c */
int mdevkit_group_join(struct mdevkit_device *kdev);
void mdevkit_group_leave(struct mdevkit_device *kdev);

/* arming.c */
int mdevkit_group_arm(struct mdevkit_device *kdev);
void mdevkit_group_disarm(struct mdevkit_device *kdev);
int mdevkit_group_attach_ioas(struct mdevkit_device *kdev, u32 *pt_id);
void mdevkit_group_detach_ioas(struct mdevkit_device *kdev);
void mdevkit_group_unbind_iommufd(struct mdevkit_device *kdev);
#if IS_ENABLED(CONFIG_KUNIT)
bool mdevkit_iommufd_bound(struct mdevkit_device *kdev);
int mdevkit_iommufd_attach(struct mdevkit_device *kdev, u32 *pt_id);
void mdevkit_iommufd_detach(struct mdevkit_device *kdev);
#endif

#endif /* _MDEVKIT_PRIVATE_H */
