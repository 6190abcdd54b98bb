/* SPDX-License-Identifier: GPL-2.0-only */
/* The mdevs of one iommu group: placement.c makes it, arming.c arms it. */
#ifndef _MDEVKIT_GROUP_H
#define _MDEVKIT_GROUP_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct iommu_aux_group;
struct iommu_domain;

/**
 * struct mdevkit_group_key - what the mdevs of a group have in common
 * @owner: a parent device; with placement "slot" the PCI bus; NULL: nothing, an mdev by itself
 * @slot: with placement "slot": the slot on that bus
 */
struct mdevkit_group_key {
	const void *owner;
	unsigned int slot;
};

/**
 * struct mdevkit_group - an aux group and its mdevs
 * @entry: in all_groups, guarded by groups_lock
 * @key: whose mdevs are in; constant
 * @aux: the aux group
 * @lock: guards what follows, and the members' flags in_use, ioas_attached, armed and suspended.
 *	Inside VFIO's device_set locks, outside a device's access lock and the locks of iommu_aux
 * @members: the mdevs
 * @users: members whose flag armed is set; the group is armed while it is not 0
 * @domain: the domain that the group is armed with, or NULL
 * @pt_id: iommufd: the IOAS or page table, as the user named it, that is attached
 */
struct mdevkit_group {
	struct list_head entry;
	struct mdevkit_group_key key;
	struct iommu_aux_group *aux;

	struct mutex lock;	/* members, users, domain, pt_id */
	struct list_head members;
	unsigned int users;
	struct iommu_domain *domain;
	u32 pt_id;
};

#endif /* _MDEVKIT_GROUP_H */
