// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the members of a group are armed: while at least one of them is open and attached.
 *
 * iommu_aux keeps a group's domain and its PASIDs; this file decides. The first
 * member that is open and attached arms the whole group by
 * iommu_aux_attach_group(), the last one disarms it. In a container a member is attached
 * with its group; in an iommufd each is by itself, whatever its neighbours are.
 * There the domain can be replaced while members are in use: they are drained and
 * disarmed before, because the core frees the old domain, and armed again with the new one.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include <mdevkit/iommu_aux.h>

#include "group.h"
#include "private.h"

/* The part of iommufd, which the KUnit suites play themselves */
VISIBLE_IF_KUNIT bool mdevkit_iommufd_bound(struct mdevkit_device *kdev)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_iommufd_bound, kdev);
	return vfio_iommufd_device_ictx(&kdev->vdev);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_iommufd_bound);

VISIBLE_IF_KUNIT int mdevkit_iommufd_attach(struct mdevkit_device *kdev, u32 *pt_id)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_iommufd_attach, kdev, pt_id);
	return vfio_iommufd_physical_attach_ioas(&kdev->vdev, pt_id);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_iommufd_attach);

VISIBLE_IF_KUNIT void mdevkit_iommufd_detach(struct mdevkit_device *kdev)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_iommufd_detach, kdev);
	vfio_iommufd_physical_detach_ioas(&kdev->vdev);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_iommufd_detach);

/* The domain that VFIO or iommufd has put on the group, if DMA can be translated by it */
static struct iommu_domain *group_paging_domain(struct mdevkit_device *kdev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&kdev->mdev->dev);

	return domain && (domain->type & __IOMMU_DOMAIN_PAGING) ? domain : NULL;
}

static int group_attach(struct mdevkit_group *group, struct iommu_domain *domain)
{
	int ret;

	ret = iommu_aux_attach_group(domain, iommu_aux_group_to_iommu_group(group->aux),
				     iommu_aux_member_dma_dev);
	if (!ret)
		group->domain = domain;
	return ret;
}

static void group_detach(struct mdevkit_group *group)
{
	iommu_aux_detach_group(group->domain, iommu_aux_group_to_iommu_group(group->aux),
			       iommu_aux_member_dma_dev);
	group->domain = NULL;
}

/* What a member's DMA carries: a device that is a member as a whole has no PASID */
static ioasid_t member_pasid(const struct mdevkit_device *kdev)
{
	ioasid_t pasid = iommu_aux_member_pasid(&kdev->mdev->dev);

	return pasid == IOMMU_PASID_INVALID ? IOMMU_NO_PASID : pasid;
}

static void disarm_member(struct mdevkit_group *group, struct mdevkit_device *kdev)
{
	lockdep_assert_held(&group->lock);
	if (!kdev->priv->armed)
		return;
	mdevkit_dma_iommu_gone(kdev);
	kdev->priv->armed = false;
	if (!--group->users)
		group_detach(group);
}

static int arm_member(struct mdevkit_group *group, struct mdevkit_device *kdev)
{
	struct iommu_domain *domain = group_paging_domain(kdev);
	int ret;

	lockdep_assert_held(&group->lock);
	if (!domain || kdev->priv->armed)
		return 0;
	if (!group->users) {
		ret = group_attach(group, domain);
		if (ret)
			return ret;
	}
	group->users++;
	kdev->priv->armed = true;
	ret = mdevkit_dma_iommu_ready(kdev, member_pasid(kdev));
	if (ret)
		disarm_member(group, kdev);
	return ret;
}

/**
 * mdevkit_group_arm() - a device was opened: let its DMA work if it is attached
 * @kdev: the device
 *
 * In a container it is attached with its group. A device of an iommufd is not, even if the
 * group has a domain because another member is: mdevkit_group_attach_ioas() arms it.
 *
 * Return: 0, or what iommu_aux_attach_group() or the driver's start_dma returned.
 */
int mdevkit_group_arm(struct mdevkit_device *kdev)
{
	struct mdevkit_group *group = kdev->priv->group;
	int ret = 0;

	if (!group)
		return 0;
	guard(mutex)(&group->lock);
	if (!mdevkit_iommufd_bound(kdev))
		ret = arm_member(group, kdev);
	kdev->priv->in_use = !ret;
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_group_arm);

/**
 * mdevkit_group_disarm() - a device is closed: end its DMA
 * @kdev: the device
 */
void mdevkit_group_disarm(struct mdevkit_device *kdev)
{
	struct mdevkit_group *group = kdev->priv->group;

	if (!group)
		return;
	guard(mutex)(&group->lock);
	disarm_member(group, kdev);
	kdev->priv->in_use = false;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_group_disarm);

static bool member_may_be_armed(const struct mdevkit_device *kdev)
{
	return kdev->priv->in_use && kdev->priv->ioas_attached && !mdevkit_device_gone(kdev);
}

/* Ends the DMA of all members, before the group's domain changes. */
static void group_suspend(struct mdevkit_group *group)
{
	struct mdevkit_device_private *priv;

	list_for_each_entry(priv, &group->members, group_entry) {
		priv->suspended = priv->armed;
		disarm_member(group, priv->kdev);
	}
}

/* Arms all members that are open and attached with what is on the group now, or none. */
static int group_arm_all(struct mdevkit_group *group)
{
	struct mdevkit_device_private *priv;
	int ret;

	list_for_each_entry(priv, &group->members, group_entry) {
		ret = member_may_be_armed(priv->kdev) ? arm_member(group, priv->kdev) : 0;
		/* What goes away meanwhile is not what the others wait for */
		if (ret && !mdevkit_device_gone(priv->kdev))
			goto out_disarm;
	}
	return 0;

out_disarm:
	list_for_each_entry(priv, &group->members, group_entry)
		disarm_member(group, priv->kdev);
	return ret;
}

/* The same for each member that can be armed, when there is no way back. */
static void group_arm_possible(struct mdevkit_group *group)
{
	struct mdevkit_device_private *priv;

	list_for_each_entry(priv, &group->members, group_entry)
		if (member_may_be_armed(priv->kdev))
			arm_member(group, priv->kdev);
}

/* A member whose DMA does not go on is blocked, and told by its error interrupt. */
static void group_report_blocked(struct mdevkit_group *group)
{
	struct mdevkit_device_private *priv;

	list_for_each_entry(priv, &group->members, group_entry) {
		if (priv->suspended && !priv->armed) {
			dev_err_ratelimited(&priv->kdev->mdev->dev,
					    "DMA is blocked after a change of its IOAS: attach it again\n");
			mdevkit_signal_error(priv->kdev);
		}
		priv->suspended = false;
	}
}

/*
 * A device that is attached gets another domain, and so do all members of its group. The
 * engines stand still meanwhile: the core frees the old domain. Whether the new one can be
 * armed shows only afterwards, and if it cannot the old IOAS or page table is
 * attached again. Its user may have destroyed it by then: all members are blocked until they
 * are attached to a good one.
 */
static int group_replace_ioas(struct mdevkit_group *group, struct mdevkit_device *kdev, u32 *pt_id)
{
	struct iommu_domain *before = group_paging_domain(kdev);
	u32 former = group->pt_id;
	u32 wanted = *pt_id;
	int ret;

	group_suspend(group);
	ret = mdevkit_iommufd_attach(kdev, pt_id);
	if (ret) {
		group_arm_possible(group);
		goto out;
	}
	ret = group_arm_all(group);
	if (!ret) {
		/* By another name for the same page table it may not be found again */
		if (group_paging_domain(kdev) != before)
			group->pt_id = wanted;
		goto out;
	}
	if (mdevkit_iommufd_attach(kdev, &former))
		group->pt_id = wanted;
	else
		group_arm_possible(group);
out:
	group_report_blocked(group);
	return ret;
}

/**
 * mdevkit_group_attach_ioas() - iommufd: attach a device to an IOAS, or replace its IOAS
 * @kdev: the device
 * @pt_id: the IOAS or page table; changed to the page table that is in use
 *
 * A first attach leaves other members of the group alone: iommufd refuses it if their
 * domain is another one. A replace arms all members that are open and attached, those too
 * that were blocked.
 *
 * Return: 0; -ENODEV when the parent has gone; or what iommufd, iommu_aux_attach_group()
 * or a driver's start_dma returned; then the device is attached as it was before, if it was.
 */
int mdevkit_group_attach_ioas(struct mdevkit_device *kdev, u32 *pt_id)
{
	struct mdevkit_group *group = kdev->priv->group;
	u32 wanted = *pt_id;
	bool first;
	int ret;

	guard(mutex)(&group->lock);
	if (mdevkit_device_gone(kdev))
		return -ENODEV;
	if (kdev->priv->ioas_attached)
		return group_replace_ioas(group, kdev, pt_id);
	first = !group_paging_domain(kdev);
	ret = mdevkit_iommufd_attach(kdev, pt_id);
	if (ret)
		return ret;
	ret = arm_member(group, kdev);
	if (ret)
		mdevkit_iommufd_detach(kdev);
	else if (first)
		group->pt_id = wanted;
	kdev->priv->ioas_attached = !ret;
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_group_attach_ioas);

/**
 * mdevkit_group_detach_ioas() - iommufd: detach a device from its IOAS
 * @kdev: the device
 */
void mdevkit_group_detach_ioas(struct mdevkit_device *kdev)
{
	struct mdevkit_group *group = kdev->priv->group;

	guard(mutex)(&group->lock);
	disarm_member(group, kdev);
	mdevkit_iommufd_detach(kdev);
	kdev->priv->ioas_attached = false;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_group_detach_ioas);

/**
 * mdevkit_group_unbind_iommufd() - iommufd: the device gives its iommufd up
 * @kdev: the device; closed
 *
 * Detaches it too if that was not done.
 */
void mdevkit_group_unbind_iommufd(struct mdevkit_device *kdev)
{
	guard(mutex)(&kdev->priv->group->lock);
	disarm_member(kdev->priv->group, kdev);
	vfio_iommufd_physical_unbind(&kdev->vdev);
	kdev->priv->ioas_attached = false;
}
