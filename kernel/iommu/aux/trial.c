// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an IOMMU's driver does not tell and has to be tried: which domains it takes on PASIDs.
 *
 * The answers are kept for each device until it loses its driver or is removed, since
 * people ask often, by reading sysfs.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>

#include "private.h"

enum aux_answer { AUX_UNKNOWN, AUX_YES, AUX_NO };

/**
 * struct aux_trial - answers for a device
 * @node: in aux_trials
 * @dev: the device, referenced
 * @paging: does it take paging domains?
 * @dirty: does it take paging domains that track dirty pages?
 */
struct aux_trial {
	struct list_head node;
	struct device *dev;
	enum aux_answer paging;
	enum aux_answer dirty;
};

static LIST_HEAD(aux_trials);

/* Guards aux_trials, and lets one try at a time. Outside the mutex of a device's iommu_group */
static DEFINE_MUTEX(aux_trials_lock);

static struct aux_trial *aux_trial_find(struct device *dev)
{
	struct aux_trial *t;

	lockdep_assert_held(&aux_trials_lock);
	list_for_each_entry(t, &aux_trials, node)
		if (t->dev == dev)
			return t;
	return NULL;
}

static struct aux_trial *aux_trial_get(struct device *dev)
{
	struct aux_trial *t = aux_trial_find(dev);

	if (t)
		return t;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return NULL;
	t->dev = get_device(dev);
	list_add(&t->node, &aux_trials);
	return t;
}

static void aux_trial_free(struct aux_trial *t)
{
	list_del(&t->node);
	put_device(t->dev);
	kfree(t);
}

/* The device may be another one next time, or behind another driver */
void aux_trial_forget(struct device *dev)
{
	struct aux_trial *t;

	guard(mutex)(&aux_trials_lock);
	t = aux_trial_find(dev);
	if (t)
		aux_trial_free(t);
}

void aux_trials_exit(void)
{
	struct aux_trial *t, *next;

	list_for_each_entry_safe(t, next, &aux_trials, node)
		aux_trial_free(t);
}

/*
 * Some IOMMU drivers know PASIDs for shared virtual addressing only: ask a domain of theirs.
 * -EOPNOTSUPP is such an answer; any other error is none.
 */
int aux_trial_paging(struct device *dev, const char **reason)
{
	struct iommu_domain *domain;
	struct aux_trial *t;
	int ret;

	ret = aux_watch_bus(dev->bus);
	if (ret) {
		*reason = "out of memory";
		return ret;
	}

	guard(mutex)(&aux_trials_lock);
	t = aux_trial_get(dev);
	if (!t) {
		*reason = "out of memory";
		return -ENOMEM;
	}
	if (t->paging == AUX_UNKNOWN) {
		domain = aux_inner_alloc(dev, IOMMU_HWPT_ALLOC_PASID);
		if (IS_ERR(domain)) {
			*reason = "the IOMMU gives no paging domain for the device";
			return PTR_ERR(domain);
		}
		t->paging = domain->ops->set_dev_pasid ? AUX_YES : AUX_NO;
		iommu_domain_free(domain);
	}
	if (t->paging == AUX_NO) {
		*reason = "the IOMMU's driver does PASIDs for shared addresses only";
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Put a domain that tracks dirty pages on a PASID that is free, and take it off again */
static int aux_trial_attach_dirty(struct device *dev, ioasid_t pasid)
{
	struct iommu_domain *domain;
	int ret;

	domain = aux_inner_alloc(dev, IOMMU_HWPT_ALLOC_PASID | IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	ret = iommu_attach_device_pasid(domain, dev, pasid, NULL);
	if (!ret)
		iommu_detach_device_pasid(domain, dev, pasid);
	iommu_domain_free(domain);
	return ret;
}

/*
 * Can a device that tracks dirty pages for itself do so behind a PASID? VT-d of 6.12 refuses such
 * domains there. @pasid: one to try it with. When it cannot be tried now, because memory is
 * short or the device is being reset, the answer is no for this time.
 */
bool aux_trial_dirty(struct device *dev, ioasid_t pasid)
{
	struct aux_trial *t;
	int ret;

	guard(mutex)(&aux_trials_lock);
	t = aux_trial_get(dev);
	if (!t)
		return false;
	if (t->dirty == AUX_UNKNOWN) {
		ret = aux_trial_attach_dirty(dev, pasid);
		if (!ret)
			t->dirty = AUX_YES;
		else if (ret == -EINVAL || ret == -EOPNOTSUPP)
			t->dirty = AUX_NO;
	}
	return t->dirty == AUX_YES;
}
