// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aux groups: the anchor, and who is in.
 *
 * A group made with iommu_group_alloc() alone has no default domain, and the core warns when
 * its user lets go of it. So each group starts with an anchor: a platform device
 * whose fwspec points to our software node. The platform bus is one that the core watches; it
 * probes the anchor, and sets the group up around it. Members are then added by hand,
 * since the core does not watch their bus.
 */
#define pr_fmt(fmt) "iommu_aux: " fmt

#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "private.h"
#include "trace.h"

#define ANCHOR_NAME "iommu-aux-group"

LIST_HEAD(aux_groups);
EXPORT_SYMBOL_IF_KUNIT(aux_groups);

/* One of our groups, referenced; NULL when the group is somebody else's */
struct iommu_aux_group *aux_group_find(struct iommu_group *iommu_group)
{
	struct iommu_aux_group *group;

	guard(spinlock)(&aux_spinlock);
	list_for_each_entry(group, &aux_groups, node)
		if (group->iommu_group == iommu_group && kref_get_unless_zero(&group->ref))
			return group;
	return NULL;
}

static void aux_group_free(struct iommu_aux_group *group)
{
	mutex_destroy(&group->arm_lock);
	mutex_destroy(&group->lock);
	kfree(group->name);
	kfree(group);
}

struct iommu_aux_group *iommu_aux_group_create(const char *name)
{
	struct iommu_aux_group *group;
	struct platform_device *pdev;
	int ret;

	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return ERR_PTR(-ENOMEM);

	kref_init(&group->ref);
	mutex_init(&group->lock);
	mutex_init(&group->arm_lock);
	INIT_LIST_HEAD(&group->members);
	INIT_LIST_HEAD(&group->armed_node);

	group->name = kstrdup(name, GFP_KERNEL);
	if (!group->name) {
		ret = -ENOMEM;
		goto err_free;
	}

	pdev = platform_device_alloc(ANCHOR_NAME, PLATFORM_DEVID_AUTO);
	if (!pdev) {
		ret = -ENOMEM;
		goto err_free;
	}
	group->anchor_pdev = pdev;
	group->anchor.dev = &pdev->dev;
	group->anchor.group = group;
	group->anchor.pasid = IOMMU_PASID_INVALID;
	group->anchor.armed_pasid = IOMMU_PASID_INVALID;

	ret = aux_dev_iommu_setup(&pdev->dev, &group->anchor);
	if (ret)
		goto err_pdev;

	ret = platform_device_add(pdev);
	if (ret) {
		/* The core has freed it if it has seen the device and did not take it */
		if (pdev->dev.iommu)
			aux_dev_iommu_free(&pdev->dev);
		goto err_pdev;
	}

	/* Adding the device does not tell whether the core's probe has worked out */
	group->iommu_group = iommu_group_get(&pdev->dev);
	if (!group->iommu_group) {
		pr_err("the IOMMU core did not set group %s up\n", name);
		platform_device_unregister(pdev);
		ret = -ENODEV;
		goto err_free;
	}

	spin_lock(&aux_spinlock);
	list_add_tail(&group->node, &aux_groups);
	spin_unlock(&aux_spinlock);
	return group;

err_pdev:
	platform_device_put(pdev);
err_free:
	aux_group_free(group);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(iommu_aux_group_create);

struct iommu_aux_group *iommu_aux_group_get(struct iommu_aux_group *group)
{
	kref_get(&group->ref);
	return group;
}
EXPORT_SYMBOL_GPL(iommu_aux_group_get);

static void aux_group_destroy(struct iommu_aux_group *group)
{
	/* Without members nothing is armed in fact, but the group may be marked so */
	spin_lock(&aux_spinlock);
	list_del(&group->node);
	list_del_init(&group->armed_node);
	group->armed = NULL;
	spin_unlock(&aux_spinlock);

	if (group->set_by_us && group->domain)
		iommu_detach_group(group->domain, group->iommu_group);

	platform_device_unregister(group->anchor_pdev);
	iommu_group_put(group->iommu_group);
	aux_group_free(group);
}

static void aux_group_release(struct kref *ref)
{
	aux_group_destroy(container_of(ref, struct iommu_aux_group, ref));
}

void iommu_aux_group_put(struct iommu_aux_group *group)
{
	if (group)
		kref_put(&group->ref, aux_group_release);
}
EXPORT_SYMBOL_GPL(iommu_aux_group_put);

struct iommu_group *iommu_aux_group_to_iommu_group(struct iommu_aux_group *group)
{
	return group->iommu_group;
}
EXPORT_SYMBOL_GPL(iommu_aux_group_to_iommu_group);

/*
 * The group's instance, set by the first member. A domain that was left on the group by
 * members who have gone binds it too.
 */
static int aux_set_instance(struct iommu_aux_group *group, struct device *dma_dev)
{
	struct iommu_device *instance = aux_instance(dma_dev);
	struct iommu_device *bound;

	guard(spinlock)(&aux_spinlock);
	bound = group->iommu;
	if (!bound && group->domain)
		bound = to_aux_domain(group->domain)->iommu;
	if (bound && bound != instance)
		return -EINVAL;
	group->iommu = instance;
	return 0;
}

/* Under arm_lock. The counterpart is in aux_hold_take() */
void aux_list_del(struct aux_member *m)
{
	lockdep_assert_held(&m->group->arm_lock);
	spin_lock(&aux_spinlock);
	list_del(&m->node);
	spin_unlock(&aux_spinlock);
}

static void aux_unlist(struct aux_member *m)
{
	mutex_lock(&m->group->arm_lock);
	aux_list_del(m);
	mutex_unlock(&m->group->arm_lock);
}

/* After the last member: the next one may bring another instance. Under group->lock */
static void aux_clear_instance(struct iommu_aux_group *group)
{
	if (!list_empty(&group->members))
		return;
	spin_lock(&aux_spinlock);
	group->iommu = NULL;
	spin_unlock(&aux_spinlock);
	aux_set_msi_domain(&group->anchor_pdev->dev, NULL);
}

/* Make @member a device of the core's group. Undone by iommu_group_remove_device() */
int aux_enter_iommu_group(struct aux_member *m)
{
	struct device *member = m->dev;
	int ret;

	ret = aux_dev_iommu_setup(member, m);
	if (ret)
		return ret;

	/* The core puts this reference when the device is removed from its group */
	__module_get(THIS_MODULE);
	member->iommu->iommu_dev = aux_iommu_device();

	ret = iommu_group_add_device(m->group->iommu_group, member);
	if (ret) {
		module_put(THIS_MODULE);
		aux_dev_iommu_free(member);
	}
	return ret;
}

static int aux_join_locked(struct aux_member *m, struct device *dma_dev, bool plain)
{
	struct iommu_aux_group *group = m->group;
	struct device *member = m->dev;
	const char *reason;
	bool first;
	int ret;

	if (member->iommu || member->iommu_group) {
		dev_err_ratelimited(member, "is in an IOMMU group already\n");
		return -EBUSY;
	}

	first = list_empty(&group->members);
	ret = aux_set_instance(group, dma_dev);
	if (ret) {
		dev_err_ratelimited(member,
				    "%s sits behind another IOMMU than the members of group %d (%s): give it a group of its own\n",
				    dev_name(dma_dev), iommu_group_id(group->iommu_group),
				    group->name);
		return ret;
	}

	mutex_lock(&group->arm_lock);
	ret = aux_hold_take(m, &m->joined, dma_dev, plain, true, &reason);
	mutex_unlock(&group->arm_lock);
	if (ret) {
		dev_err_ratelimited(member, "%s cannot isolate: %s\n", dev_name(dma_dev),
				    reason);
		goto err_instance;
	}

	if (!plain) {
		ret = aux_pasid_alloc(m, dma_dev);
		if (ret)
			goto err_list;
	}
	m->dirty = device_iommu_capable(dma_dev, IOMMU_CAP_DIRTY_TRACKING) &&
		   (plain || aux_trial_dirty(dma_dev, m->pasid));

	aux_set_msi_domain(member, dma_dev);
	if (first)
		aux_set_msi_domain(&group->anchor_pdev->dev, dma_dev);

	ret = aux_enter_iommu_group(m);
	if (ret)
		goto err_pasid;

	ret = aux_arm_joined(m);
	if (ret)
		goto err_leave;
	return 0;

err_leave:
	iommu_group_remove_device(member);
err_pasid:
	aux_set_msi_domain(member, NULL);
	aux_pasid_free(m);
err_list:
	aux_unlist(m);
	aux_hold_drop(&m->named);
	aux_hold_drop(&m->joined);
err_instance:
	aux_clear_instance(group);
	return ret;
}

static int aux_join(struct aux_member *m, struct device *dma_dev)
{
	bool plain = m->whole || !aux_has_pasids(dma_dev);
	const char *reason;
	int ret;

	ret = aux_check(dma_dev, plain, &reason);
	if (ret) {
		dev_err_ratelimited(m->dev, "%s cannot isolate: %s\n", dev_name(dma_dev),
				    reason);
		return ret;
	}
	ret = aux_watch_bus(dma_dev->bus);
	if (ret)
		return ret;

	guard(mutex)(&m->group->lock);
	return aux_join_locked(m, dma_dev, plain);
}

int iommu_aux_group_join(struct iommu_aux_group *group, struct device *member,
			 struct device *dma_dev, unsigned int flags)
{
	struct aux_member *m;
	int ret;

	if (!dma_dev || (flags & ~IOMMU_AUX_WHOLE_DEVICE)) {
		dev_err_ratelimited(member,
				    "joins group %s without a dma_dev, or with unknown flags %#x\n",
				    group->name, flags);
		return -EINVAL;
	}

	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;

	m->dev = member;
	m->group = iommu_aux_group_get(group);
	m->dma_dev = dma_dev;
	m->pasid = IOMMU_PASID_INVALID;
	m->armed_pasid = IOMMU_PASID_INVALID;
	m->whole = flags & IOMMU_AUX_WHOLE_DEVICE;

	ret = aux_join(m, dma_dev);
	trace_iommu_aux_join(m, dma_dev, m->pasid, NULL, ret);
	if (ret) {
		/* The core's callbacks may still be looking at it, and at its dma_dev */
		synchronize_srcu(&aux_srcu);
		iommu_aux_group_put(m->group);
		kfree(m);
	}
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_aux_group_join);

void iommu_aux_group_leave(struct device *member)
{
	struct aux_member *m = aux_member_of(member);
	struct iommu_aux_group *group;
	struct device *dma_dev;

	if (!m || m == &m->group->anchor)
		return;

	group = m->group;
	mutex_lock(&group->lock);
	aux_disarm_left(m);
	aux_unlist(m);
	iommu_group_remove_device(member);
	aux_set_msi_domain(member, NULL);
	aux_clear_instance(group);

	/* No earlier: whoever gets the PASID next must not see this member's memory */
	trace_iommu_aux_leave(m, m->joined.dev, m->pasid, NULL, 0);
	aux_pasid_free(m);
	dma_dev = get_device(m->joined.dev);
	aux_hold_drop(&m->named);
	aux_hold_drop(&m->joined);
	mutex_unlock(&group->lock);

	/* The core's callbacks may still be looking at it */
	synchronize_srcu(&aux_srcu);
	put_device(dma_dev);
	kfree(m);
	iommu_aux_group_put(group);
}
EXPORT_SYMBOL_GPL(iommu_aux_group_leave);

/*
 * When a dma_dev loses its driver, or is removed, its members should have left. If
 * not, no translation may stay behind: the device, or the PASIDs, may be somebody else's soon.
 * The members stay in their groups, without a device.
 */
static bool aux_member_uses(struct aux_member *m, struct device *dma_dev)
{
	return m->dma_dev == dma_dev || m->armed_on == dma_dev ||
	       m->named.dev == dma_dev;
}

static struct iommu_aux_group *aux_group_find_user(struct device *dma_dev)
{
	struct iommu_aux_group *group;
	struct aux_member *m;

	list_for_each_entry(group, &aux_groups, node)
		list_for_each_entry(m, &group->members, node)
			if (aux_member_uses(m, dma_dev) && kref_get_unless_zero(&group->ref))
				return group;
	return NULL;
}

static void aux_group_destroy_work(struct work_struct *work)
{
	struct iommu_aux_group *group = container_of(work, struct iommu_aux_group, destroy_work);

	aux_group_destroy(group);
}

/* Inside a bus notifier no device may be removed, not even an anchor */
static void aux_group_release_later(struct kref *ref)
{
	struct iommu_aux_group *group = container_of(ref, struct iommu_aux_group, ref);

	INIT_WORK(&group->destroy_work, aux_group_destroy_work);
	queue_work(aux_wq, &group->destroy_work);
}

void aux_device_gone(struct device *dma_dev)
{
	struct iommu_aux_group *group;
	struct aux_member *m;
	bool any = false;

	for (;;) {
		bool hurt;

		spin_lock(&aux_spinlock);
		group = aux_group_find_user(dma_dev);
		spin_unlock(&aux_spinlock);
		if (!group)
			break;
		any = true;

		mutex_lock(&group->arm_lock);
		hurt = aux_disarm_device(group, dma_dev);
		spin_lock(&aux_spinlock);
		list_for_each_entry(m, &group->members, node)
			if (m->dma_dev == dma_dev) {
				WRITE_ONCE(m->dma_dev, NULL);
				hurt = true;
			}
		spin_unlock(&aux_spinlock);
		list_for_each_entry(m, &group->members, node)
			aux_hold_gone(m, dma_dev);
		mutex_unlock(&group->arm_lock);

		/* Not if it was named for a member once, and is not in use now */
		if (hurt)
			dev_warn(dma_dev,
				 "goes away while group %d (%s) has members behind it: their DMA stays blocked\n",
				 iommu_group_id(group->iommu_group), group->name);
		kref_put(&group->ref, aux_group_release_later);
	}
	if (any)
		synchronize_srcu(&aux_srcu);
}

struct aux_bus {
	struct list_head node;
	const struct bus_type *bus;
	struct notifier_block nb;
};

static LIST_HEAD(aux_buses);
static DEFINE_MUTEX(aux_buses_lock);

static int aux_bus_event(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action != BUS_NOTIFY_UNBOUND_DRIVER && action != BUS_NOTIFY_REMOVED_DEVICE)
		return NOTIFY_DONE;
	aux_device_gone(data);
	aux_trial_forget(data);
	return NOTIFY_OK;
}

/* Hear of removals on a bus from now on */
int aux_watch_bus(const struct bus_type *bus)
{
	struct aux_bus *b;
	int ret;

	guard(mutex)(&aux_buses_lock);
	list_for_each_entry(b, &aux_buses, node)
		if (b->bus == bus)
			return 0;

	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	b->bus = bus;
	b->nb.notifier_call = aux_bus_event;
	/* before the IOMMU core, which then forgets the device */
	b->nb.priority = 1;
	ret = bus_register_notifier(bus, &b->nb);
	if (ret) {
		kfree(b);
		return ret;
	}
	list_add_tail(&b->node, &aux_buses);
	return 0;
}

void aux_unwatch_buses(void)
{
	struct aux_bus *b, *next;

	list_for_each_entry_safe(b, next, &aux_buses, node) {
		bus_unregister_notifier(b->bus, &b->nb);
		list_del(&b->node);
		kfree(b);
	}
}
