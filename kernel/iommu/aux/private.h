/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of iommu_aux share.
 *
 * Locks, outer to inner:
 *
 *   aux_group.lock      join, leave, attach, detach of one group, one at a time
 *     iommu_group mutex of the aux group   (the core's; also held by the core when it calls us)
 *   aux_group.arm_lock  what is armed in the group; its list of members is stable under it
 *     iommu_group mutex of a dma_dev (the core's)
 *   aux_spinlock        pointers that the core's callbacks read
 *
 * The core calls attach_dev() and domain allocation with the aux group's
 * iommu_group mutex held: they may take aux_spinlock only. Above all they must not take
 * arm_lock, because a dma_dev's group mutex is taken inside it, and that one is of
 * the same lock class as the one the core holds.
 */
#ifndef IOMMU_AUX_PRIVATE_H
#define IOMMU_AUX_PRIVATE_H

#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <uapi/linux/iommufd.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include <mdevkit/iommu_aux.h>

struct aux_domain;

/**
 * struct aux_hold - a device that a member holds
 * @dev: the device, referenced, or NULL; aux_spinlock
 * @plain: it is attached as a whole, not by PASID
 * @claimed: its DMA is owned by the member's group
 * @fresh: taken by the attach that is under way, which gives it back if it fails
 */
struct aux_hold {
	struct device *dev;
	bool plain;
	bool claimed;
	bool fresh;
};

/**
 * struct aux_member - a device in an aux group
 * @dev: the member, or the anchor
 * @group: the group it is in
 * @node: in aux_group.members; not used by the anchor
 * @dma_dev: device named at join, referenced. NULL once it has gone; read by
 *                the core's callbacks under aux_srcu
 * @joined: the same device, until the member leaves
 * @named: what a lookup function named last, if that is another device; until it names
 *         a third one, or the member leaves. Under arm_lock
 * @pasid: PASID of the member, %IOMMU_PASID_INVALID if it has none
 * @whole: joined with %IOMMU_AUX_WHOLE_DEVICE
 * @dirty: it can have domains that track dirty pages; written at join
 * @warned: the log has told why the member cannot be armed
 * @target: what the lookup function answered, borrowed, while an attach is under way
 * @armed_on: device that has the domain for this member, referenced; under arm_lock
 * @armed_pasid: PASID it is on there, %IOMMU_PASID_INVALID for the plain way
 */
struct aux_member {
	struct device *dev;
	struct iommu_aux_group *group;
	struct list_head node;
	struct device *dma_dev;
	struct aux_hold joined;
	struct aux_hold named;
	ioasid_t pasid;
	bool whole;
	bool dirty;
	bool warned;
	struct device *target;
	struct device *armed_on;
	ioasid_t armed_pasid;
};

/**
 * struct iommu_aux_group - an iommu_group for devices without a requester ID
 * @ref: references of users and members
 * @lock: serialises join, leave, attach, detach
 * @arm_lock: guards what is armed
 * @name: for people
 * @node: in aux_groups
 * @anchor_pdev: the device that makes the IOMMU core set the group up
 * @anchor: its entry; never in @members
 * @iommu_group: the core's group
 * @members: written with @lock, @arm_lock and aux_spinlock held, read with any of them
 * @iommu: the IOMMU instance behind all members, NULL without members; aux_spinlock
 * @domain: what the core last attached to the anchor; aux_spinlock
 * @armed: the domain that is armed, or being armed; written under @arm_lock and aux_spinlock
 * @armed_node: in aux_domain.armed
 * @lookup: the function that the domain was armed with
 * @set_by_us: iommu_aux_attach_group() has put the domain on the group
 * @destroy_work: for a last reference dropped where no device can be removed
 */
struct iommu_aux_group {
	struct kref ref;
	struct mutex lock;	/* join, leave, attach, detach: one at a time */
	struct mutex arm_lock;	/* what is armed, and the list of members */
	char *name;
	struct list_head node;
	struct platform_device *anchor_pdev;
	struct aux_member anchor;
	struct iommu_group *iommu_group;
	struct list_head members;
	struct iommu_device *iommu;
	struct iommu_domain *domain;
	struct aux_domain *armed;
	struct list_head armed_node;
	iommu_aux_lookup_t lookup;
	bool set_by_us;
	struct work_struct destroy_work;
};

/**
 * struct aux_domain - paging domain of an aux group
 * @domain: what the core sees
 * @range_ops: where the core looks for the operations of a page table; see ranges.c
 * @inner: domain of the real IOMMU, which has the page table
 * @iommu: the instance @inner belongs to; to be compared, it may have gone
 * @iommu_name: for people
 * @owner: the module of that IOMMU's driver, if any
 * @snoop: the instance can enforce cache coherency
 * @id: for people
 * @node: in aux_domains; aux_spinlock
 * @armed: groups that have the domain armed; aux_spinlock
 */
struct aux_domain {
	struct iommu_domain domain;
	const void *range_ops;
	struct iommu_domain *inner;
	struct iommu_device *iommu;
	char iommu_name[32];
	struct module *owner;
	bool snoop;
	unsigned int id;
	struct list_head node;
	struct list_head armed;
};

/* attach.c */
extern struct workqueue_struct *aux_wq;
int aux_arm_joined(struct aux_member *m);
void aux_disarm_left(struct aux_member *m);
void aux_disarm_group(struct iommu_aux_group *group, const char *why);
void aux_disarm_group_in_core(struct iommu_aux_group *group);
bool aux_disarm_device(struct iommu_aux_group *group, struct device *dma_dev);
int aux_attach_init(void);
void aux_attach_exit(void);

/* debugfs.c */
void aux_debugfs_init(void);
void aux_debugfs_exit(void);

/* domain.c */
extern const struct iommu_domain_ops aux_domain_ops;
extern struct iommu_domain aux_identity_domain;
extern struct iommu_domain aux_blocked_domain;
extern struct list_head aux_domains;
struct iommu_domain *aux_domain_alloc(struct aux_member *m, struct device *dma_dev, u32 flags);
struct iommu_domain *aux_inner_alloc(struct device *dma_dev, u32 flags);
struct aux_domain *to_aux_domain(struct iommu_domain *domain);

/* Of a domain whose operations are ours */
static inline struct aux_domain *aux_domain_of(struct iommu_domain *domain)
{
	return container_of(domain, struct aux_domain, domain);
}

/* ranges.c, where the kernel has such page tables */
bool aux_domain_take_ranges(struct aux_domain *d);

/* group.c */
extern struct list_head aux_groups;
struct iommu_aux_group *aux_group_find(struct iommu_group *iommu_group);
void aux_list_del(struct aux_member *m);
int aux_enter_iommu_group(struct aux_member *m);
void aux_device_gone(struct device *dma_dev);
int aux_watch_bus(const struct bus_type *bus);
void aux_unwatch_buses(void);
DEFINE_FREE(aux_group_put, struct iommu_aux_group *, iommu_aux_group_put(_T))

/* hold.c */
int aux_hold_take(struct aux_member *m, struct aux_hold *h, struct device *dev, bool plain,
		  bool list, const char **reason);
void aux_hold_drop(struct aux_hold *h);
void aux_hold_gone(struct aux_member *m, struct device *dev);

/* iommu_ops.c */
extern spinlock_t aux_spinlock;
extern struct srcu_struct aux_srcu;
struct iommu_device *aux_iommu_device(void);
int aux_start(void (*meddle)(struct device *member));
void aux_stop(void);

/* isolation.c */
bool aux_has_pasids(struct device *dma_dev);
int aux_check(struct device *dma_dev, bool whole, const char **reason);

/* member.c */
struct iommu_device *aux_instance(struct device *dma_dev);
struct aux_member *aux_member_of(struct device *dev);
int aux_dev_iommu_setup(struct device *dev, struct aux_member *m);
void aux_dev_iommu_free(struct device *dev);
void aux_set_msi_domain(struct device *dev, struct device *dma_dev);
int aux_msi_init(void);
void aux_msi_exit(void);

/* pasid.c */
int aux_pasid_alloc(struct aux_member *m, struct device *dma_dev);
void aux_pasid_free(struct aux_member *m);

/* selfcheck.c */
const char *aux_self_check(void (*meddle)(struct device *member));

/* trial.c */
int aux_trial_paging(struct device *dev, const char **reason);
bool aux_trial_dirty(struct device *dev, ioasid_t pasid);
void aux_trial_forget(struct device *dev);
void aux_trials_exit(void);

#endif /* IOMMU_AUX_PRIVATE_H */
