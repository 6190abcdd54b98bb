// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arming: putting a group's domain where its members' DMA comes from.
 *
 * The core's attach_dev() cannot do it, because it runs with the aux group's mutex held
 * and attaching a PASID takes the mutex of the dma_dev's group. So a domain comes on
 * an aux group in two steps, and this file is the second one.
 *
 * What is armed is kept in our own records, and disarming goes by them alone: the lookup
 * function may answer differently by then.
 */
#define pr_fmt(fmt) "iommu_aux: " fmt

#include <linux/completion.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include "private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct workqueue_struct *aux_wq;

/* A member that is armed plainly on @dma_dev, other than @m */
static struct aux_member *aux_plain_sibling(struct aux_member *m, struct device *dma_dev)
{
	struct aux_member *other;

	list_for_each_entry(other, &m->group->members, node)
		if (other != m && other->armed_on == dma_dev &&
		    other->armed_pasid == IOMMU_PASID_INVALID)
			return other;
	return NULL;
}

static int aux_attach_pasid(struct aux_member *m, struct aux_domain *d, struct device *dma_dev)
{
	int ret;

	if (m->pasid == IOMMU_PASID_INVALID) {
		ret = aux_pasid_alloc(m, dma_dev);
		if (ret)
			return ret;
	}
	if (m->pasid >= dma_dev->iommu->max_pasids)
		return -ENOSPC;

	ret = iommu_attach_device_pasid(d->inner, dma_dev, m->pasid, NULL);
	if (!ret)
		m->armed_pasid = m->pasid;
	return ret;
}

/*
 * The calls for the device's group, because those for a device do nothing when another
 * one has been plugged into the group since. It then has the same domain, and no
 * driver, as we own the group's DMA.
 */
static int aux_attach_plain(struct aux_member *m, struct aux_domain *d, struct device *dma_dev)
{
	struct iommu_group *iommu_group;
	int ret;

	m->armed_pasid = IOMMU_PASID_INVALID;

	/* Slices of one device that cannot tell them apart share a group, and its domain */
	if (aux_plain_sibling(m, dma_dev))
		return 0;

	iommu_group = iommu_group_get(dma_dev);
	if (!iommu_group)
		return -ENODEV;
	ret = iommu_attach_group(d->inner, iommu_group);
	iommu_group_put(iommu_group);
	return ret;
}

static int aux_refuse_to_arm(struct aux_member *m, struct device *dma_dev,
			     const char *reason, int error)
{
	if (!m->warned)
		dev_err(m->dev, "%s cannot isolate: %s\n", dev_name(dma_dev), reason);
	m->warned = true;
	return error;
}

/*
 * The device that the lookup function has named is held like the one named at join. It stays
 * so when the member is disarmed: it must not be the host's while the member can use it.
 */
static int aux_hold_target(struct aux_member *m, struct device *dma_dev, bool plain,
			   const char **reason)
{
	int ret;

	if (m->named.dev == dma_dev)
		return 0;
	aux_hold_drop(&m->named);
	if (m->joined.dev == dma_dev)
		return 0;

	ret = aux_hold_take(m, &m->named, dma_dev, plain, false, reason);
	if (!ret)
		m->named.fresh = true;
	return ret;
}

static int aux_arm_on(struct aux_member *m, struct aux_domain *d, struct device *dma_dev)
{
	struct iommu_device *instance = aux_instance(dma_dev);
	const char *reason;
	bool plain;
	int ret;

	if (!instance)
		return -ENODEV;
	if (instance != d->iommu) {
		dev_err_ratelimited(m->dev,
				    "%s sits behind another IOMMU than the group's domain\n",
				    dev_name(dma_dev));
		return -EINVAL;
	}

	plain = m->whole || !aux_has_pasids(dma_dev);
	ret = aux_check(dma_dev, plain, &reason);
	if (ret)
		return aux_refuse_to_arm(m, dma_dev, reason, ret);
	ret = aux_hold_target(m, dma_dev, plain, &reason);
	if (ret)
		return aux_refuse_to_arm(m, dma_dev, reason, -EBUSY);

	return plain ? aux_attach_plain(m, d, dma_dev) :
		       aux_attach_pasid(m, d, dma_dev);
}

/*
 * Ask the lookup function for the member's dma_dev, and see to it that we hear of that
 * one's removal. Under group->lock, but not under arm_lock, which the notifier takes.
 */
static int aux_resolve(struct aux_member *m, iommu_aux_lookup_t lookup)
{
	m->target = lookup(m->dev);
	if (!m->target)
		return READ_ONCE(m->dma_dev) ? 0 : -ENODEV;
	return aux_watch_bus(m->target->bus);
}

/* Under arm_lock, after aux_resolve(). No target: the member is translated by itself */
static int aux_arm(struct aux_member *m, struct aux_domain *d)
{
	struct device *dma_dev = m->target;
	int ret;

	m->target = NULL;
	if (!dma_dev)
		return 0;

	/* It may have gone since it was named */
	if (dma_dev == m->joined.dev && !m->dma_dev)
		ret = -ENODEV;
	else
		ret = aux_arm_on(m, d, dma_dev);
	if (!ret)
		m->armed_on = get_device(dma_dev);
	trace_iommu_aux_arm(m, dma_dev, ret ? m->pasid : m->armed_pasid, d, ret);
	return ret;
}

/* Under arm_lock. Does nothing for a member that is not armed */
static void aux_disarm(struct aux_member *m, struct aux_domain *d)
{
	struct device *dma_dev = m->armed_on;
	struct iommu_group *iommu_group;
	int ret = 0;

	if (!dma_dev)
		return;

	/* A device that has left its IOMMU has taken its translations along */
	iommu_group = iommu_group_get(dma_dev);
	if (!iommu_group)
		ret = -ENODEV;
	else if (m->armed_pasid != IOMMU_PASID_INVALID)
		iommu_detach_device_pasid(d->inner, dma_dev, m->armed_pasid);
	else if (!aux_plain_sibling(m, dma_dev))
		iommu_detach_group(d->inner, iommu_group);
	iommu_group_put(iommu_group);

	trace_iommu_aux_disarm(m, dma_dev, m->armed_pasid, d, ret);
	m->armed_on = NULL;
	m->armed_pasid = IOMMU_PASID_INVALID;
	put_device(dma_dev);
}

/* Under arm_lock: disarm all members, the last one first */
static void aux_disarm_all(struct iommu_aux_group *group)
{
	struct aux_domain *d = group->armed;
	struct aux_member *m;

	list_for_each_entry_reverse(m, &group->members, node)
		aux_disarm(m, d);

	group->lookup = NULL;
	group->set_by_us = false;
	spin_lock(&aux_spinlock);
	group->armed = NULL;
	list_del_init(&group->armed_node);
	spin_unlock(&aux_spinlock);
}

/* Under arm_lock, all members resolved: arm all, or none */
static int aux_arm_all(struct iommu_aux_group *group, struct aux_domain *d)
{
	struct aux_member *m;
	int ret = 0;

	/*
	 * From here on, whoever takes the domain off the group finds it armed and waits
	 * for arm_lock to disarm it: the domain cannot slip away while members are armed.
	 */
	scoped_guard(spinlock, &aux_spinlock) {
		if (group->domain != &d->domain)
			return -EBUSY;
		group->armed = d;
		list_add_tail(&group->armed_node, &d->armed);
	}

	list_for_each_entry(m, &group->members, node) {
		ret = aux_arm(m, d);
		if (ret)
			break;
	}
	if (ret)
		aux_disarm_all(group);
	list_for_each_entry(m, &group->members, node) {
		if (ret && m->named.fresh)
			aux_hold_drop(&m->named);
		m->named.fresh = false;
	}
	return ret;
}

/* Under group->lock, the domain being on the group: ask for all dma_devs, then arm */
static int aux_arm_group(struct iommu_aux_group *group, struct aux_domain *d,
			 iommu_aux_lookup_t lookup, bool set_by_us)
{
	struct aux_member *m;
	int ret;

	list_for_each_entry(m, &group->members, node) {
		ret = aux_resolve(m, lookup);
		if (ret)
			return ret;
	}

	guard(mutex)(&group->arm_lock);
	ret = aux_arm_all(group, d);
	if (ret)
		return ret;
	group->lookup = lookup;
	group->set_by_us = set_by_us;
	return 0;
}

int iommu_aux_attach_group(struct iommu_domain *domain, struct iommu_group *iommu_group,
			   iommu_aux_lookup_t lookup)
{
	struct aux_domain *d = to_aux_domain(domain);
	/* Put after the guard below has let go of the group's own lock */
	struct iommu_aux_group *group __free(aux_group_put) = aux_group_find(iommu_group);
	bool set_by_us;
	int ret;

	if (!d || !lookup || !group)
		return -EINVAL;

	guard(mutex)(&group->lock);
	scoped_guard(spinlock, &aux_spinlock) {
		if (group->armed)
			return -EBUSY;
		set_by_us = group->domain != domain;
	}

	if (set_by_us) {
		ret = iommu_attach_group(domain, iommu_group);
		if (ret)
			return ret;
	}
	ret = aux_arm_group(group, d, lookup, set_by_us);
	if (ret && set_by_us)
		iommu_detach_group(domain, iommu_group);
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_aux_attach_group);

void iommu_aux_detach_group(struct iommu_domain *domain, struct iommu_group *iommu_group,
			    iommu_aux_lookup_t lookup)
{
	/* Put after the guard below has let go of the group's own lock */
	struct iommu_aux_group *group __free(aux_group_put) = aux_group_find(iommu_group);
	bool set_by_us;

	if (!group) {
		pr_warn_ratelimited("group %d is no aux group: nothing to detach\n",
				    iommu_group_id(iommu_group));
		return;
	}

	guard(mutex)(&group->lock);
	scoped_guard(mutex, &group->arm_lock) {
		/* A domain that is not armed may have been freed: compare it, do not look at it */
		if (!group->armed || &group->armed->domain != domain) {
			pr_warn_ratelimited("group %d (%s) is not armed with the domain to be detached\n",
					    iommu_group_id(iommu_group), group->name);
			return;
		}
		set_by_us = group->set_by_us;
		aux_disarm_all(group);
	}

	if (set_by_us)
		iommu_detach_group(domain, iommu_group);
}
EXPORT_SYMBOL_GPL(iommu_aux_detach_group);

int iommu_attach_group_with_lookup(struct iommu_domain *domain, struct iommu_group *iommu_group,
				   iommu_aux_lookup_t lookup)
{
	if (!lookup)
		return iommu_attach_group(domain, iommu_group);
	return iommu_aux_attach_group(domain, iommu_group, lookup);
}
EXPORT_SYMBOL_GPL(iommu_attach_group_with_lookup);

int iommu_aux_get_pasid(struct iommu_domain *domain, struct device *member)
{
	struct aux_member *m = aux_member_of(member);

	if (!m || m == &m->group->anchor)
		return -ENODEV;

	guard(mutex)(&m->group->arm_lock);
	if (!m->armed_on || &m->group->armed->domain != domain)
		return -EINVAL;
	if (m->armed_pasid == IOMMU_PASID_INVALID)
		return -EOPNOTSUPP;
	return m->armed_pasid;
}
EXPORT_SYMBOL_GPL(iommu_aux_get_pasid);

bool iommu_aux_member_is_armed(struct device *member)
{
	struct aux_member *m = aux_member_of(member);

	return m && READ_ONCE(m->armed_on);
}
EXPORT_SYMBOL_GPL(iommu_aux_member_is_armed);

/* A member that joins an armed group gets what the others have. Under group->lock */
int aux_arm_joined(struct aux_member *m)
{
	struct iommu_aux_group *group = m->group;
	iommu_aux_lookup_t lookup;
	int ret;

	scoped_guard(mutex, &group->arm_lock)
		lookup = group->lookup;
	if (!lookup)
		return 0;

	ret = aux_resolve(m, lookup);
	if (ret)
		return ret;

	guard(mutex)(&group->arm_lock);
	if (group->armed)
		ret = aux_arm(m, group->armed);
	m->named.fresh = false;
	return ret;
}

/* A member that leaves gives up what it has; the others keep theirs. Under group->lock */
void aux_disarm_left(struct aux_member *m)
{
	struct iommu_aux_group *group = m->group;

	guard(mutex)(&group->arm_lock);
	if (group->armed)
		aux_disarm(m, group->armed);
}

/* Disarm a group whose user should have done it */
void aux_disarm_group(struct iommu_aux_group *group, const char *why)
{
	guard(mutex)(&group->arm_lock);
	if (!group->armed)
		return;
	pr_err_ratelimited("group %d (%s) is armed while %s: disarmed by force; its driver has to call iommu_aux_detach_group() first\n",
			   iommu_group_id(group->iommu_group), group->name, why);
	aux_disarm_all(group);
}

struct aux_disarm_work {
	struct work_struct work;
	struct completion done;
	struct iommu_aux_group *group;
};

static void aux_disarm_work(struct work_struct *work)
{
	struct aux_disarm_work *w = container_of(work, struct aux_disarm_work, work);

	aux_disarm_group(w->group, "its domain is taken off");
	complete(&w->done);
}

/*
 * The same from inside the core, with the aux group's iommu_group mutex held. Another
 * thread does it, because that mutex must not be held while one of the same class is
 * taken. Waiting for it is safe: what it takes, arm_lock and dma_devs' group
 * mutexes, is never held by anybody who waits for an aux group's mutex.
 */
void aux_disarm_group_in_core(struct iommu_aux_group *group)
{
	struct aux_disarm_work w = { .group = group };

	INIT_WORK_ONSTACK(&w.work, aux_disarm_work);
	init_completion(&w.done);
	queue_work(aux_wq, &w.work);
	wait_for_completion(&w.done);
	destroy_work_on_stack(&w.work);
}

/* A dma_dev goes away: no member may keep a translation on it. True if one had */
bool aux_disarm_device(struct iommu_aux_group *group, struct device *dma_dev)
{
	struct aux_member *m;
	bool any = false;

	lockdep_assert_held(&group->arm_lock);
	list_for_each_entry_reverse(m, &group->members, node) {
		if (m->armed_on != dma_dev)
			continue;
		aux_disarm(m, group->armed);
		any = true;
	}
	return any;
}

int aux_attach_init(void)
{
	aux_wq = alloc_workqueue("iommu_aux", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return aux_wq ? 0 : -ENOMEM;
}

void aux_attach_exit(void)
{
	destroy_workqueue(aux_wq);
}
