// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aux domains.
 *
 * An aux domain is a shell around one paging domain of the real IOMMU, the inner domain.
 * Mapping, invalidation and dirty tracking are the inner domain's: there is no second
 * page table. Attaching a domain to a member changes nothing in hardware, it only
 * takes a note; see attach.c for the rest.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "private.h"
#include "trace.h"

LIST_HEAD(aux_domains);

/* The aux domain behind a domain of the core, NULL for a domain of any other kind */
struct aux_domain *to_aux_domain(struct iommu_domain *domain)
{
	if (!domain || domain->ops != &aux_domain_ops)
		return NULL;
	return aux_domain_of(domain);
}

/*
 * The core has split a range into pages and checked it. The inner domain has the same page
 * sizes, and so its operations are called as the core would.
 */
static int aux_map_pages(struct iommu_domain *domain, unsigned long iova, phys_addr_t paddr,
			 size_t pgsize, size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	struct iommu_domain *inner = aux_domain_of(domain)->inner;

	return inner->ops->map_pages(inner, iova, paddr, pgsize, pgcount, prot, gfp, mapped);
}

static int aux_iotlb_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	struct iommu_domain *inner = aux_domain_of(domain)->inner;

	if (!inner->ops->iotlb_sync_map)
		return 0;
	return inner->ops->iotlb_sync_map(inner, iova, size);
}

static size_t aux_unmap_pages(struct iommu_domain *domain, unsigned long iova, size_t pgsize,
			      size_t pgcount, struct iommu_iotlb_gather *gather)
{
	struct iommu_domain *inner = aux_domain_of(domain)->inner;

	return inner->ops->unmap_pages(inner, iova, pgsize, pgcount, gather);
}

static void aux_flush_iotlb_all(struct iommu_domain *domain)
{
	iommu_flush_iotlb_all(aux_domain_of(domain)->inner);
}

static void aux_iotlb_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
	iommu_iotlb_sync(aux_domain_of(domain)->inner, gather);
}

static phys_addr_t aux_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	struct iommu_domain *inner = aux_domain_of(domain)->inner;

	return inner->ops->iova_to_phys(inner, iova);
}

/*
 * VFIO asks before anything is attached. A driver may agree to anything for a domain
 * without devices, and then refuse to attach it: so go by the instance's capability.
 */
static bool aux_enforce_cache_coherency(struct iommu_domain *domain)
{
	struct aux_domain *d = aux_domain_of(domain);

	if (!d->snoop || !d->inner->ops->enforce_cache_coherency)
		return false;
	return d->inner->ops->enforce_cache_coherency(d->inner);
}

static int aux_set_dirty_tracking(struct iommu_domain *domain, bool enabled)
{
	struct iommu_domain *inner = aux_domain_of(domain)->inner;

	return inner->dirty_ops->set_dirty_tracking(inner, enabled);
}

static int aux_read_and_clear_dirty(struct iommu_domain *domain, unsigned long iova, size_t size,
				    unsigned long flags, struct iommu_dirty_bitmap *dirty)
{
	struct iommu_domain *inner = aux_domain_of(domain)->inner;

	return inner->dirty_ops->read_and_clear_dirty(inner, iova, size, flags, dirty);
}

static const struct iommu_dirty_ops aux_dirty_ops = {
	.set_dirty_tracking	= aux_set_dirty_tracking,
	.read_and_clear_dirty	= aux_read_and_clear_dirty,
};

/*
 * The core puts a paging domain on a device of an aux group, the group's mutex held.
 * -EINVAL makes VFIO and iommufd try another domain, as they have to behind another
 * IOMMU instance.
 */
static int aux_attach_dev(struct iommu_domain *domain, struct device *dev,
			  struct iommu_domain *old)
{
	struct aux_domain *d = aux_domain_of(domain);
	struct aux_member *m = aux_member_of(dev);
	struct iommu_aux_group *group = m->group;
	int ret = 0;

	spin_lock(&aux_spinlock);
	if (group->iommu != d->iommu && group->domain != domain)
		ret = -EINVAL;
	else if (group->armed && group->armed != d)
		ret = -EBUSY;
	else if (m == &group->anchor)
		group->domain = domain;
	spin_unlock(&aux_spinlock);

	trace_iommu_aux_set_domain(m, d, ret);
	return ret;
}

MDEVKIT_DEFINE_ATTACH_DEV(aux_attach_dev);

/*
 * The core takes the domain off the group, and ignores our return value. Whoever armed the
 * group should have disarmed it by now; if not, it has to happen before the
 * core's caller frees the domain and the memory behind it.
 */
static int aux_attach_nothing(struct iommu_domain *domain, struct device *dev,
			      struct iommu_domain *old)
{
	struct aux_member *m = aux_member_of(dev);
	struct iommu_aux_group *group = m->group;
	bool armed = false;

	/*
	 * The anchor is the first device of each group, and speaks for it. A member
	 * comes here on its own when it leaves, the others staying as they are.
	 */
	if (m == &group->anchor) {
		spin_lock(&aux_spinlock);
		armed = group->armed;
		group->domain = NULL;
		spin_unlock(&aux_spinlock);
	}

	trace_iommu_aux_clear_domain(m, NULL, armed ? -EBUSY : 0);
	if (armed)
		aux_disarm_group_in_core(group);
	return 0;
}

MDEVKIT_DEFINE_ATTACH_DEV(aux_attach_nothing);

static const struct iommu_domain_ops aux_nothing_ops = {
	.attach_dev	= MDEVKIT_ATTACH_DEV(aux_attach_nothing),
};

struct iommu_domain aux_identity_domain = {
	.type	= IOMMU_DOMAIN_IDENTITY,
	.ops	= &aux_nothing_ops,
};

struct iommu_domain aux_blocked_domain = {
	.type	= IOMMU_DOMAIN_BLOCKED,
	.ops	= &aux_nothing_ops,
};

/* True when one of the group's members goes by PASID; the inner domain must be fit for that */
static bool aux_group_uses_pasids(struct iommu_aux_group *group)
{
	struct aux_member *m;

	guard(spinlock)(&aux_spinlock);
	list_for_each_entry(m, &group->members, node)
		if (m->pasid != IOMMU_PASID_INVALID)
			return true;
	return false;
}

/* A domain of the real IOMMU. Not every driver that does PASIDs knows the flag for them */
struct iommu_domain *aux_inner_alloc(struct device *dma_dev, u32 flags)
{
	struct iommu_domain *inner;
	int ret;

	inner = iommu_paging_domain_alloc_flags(dma_dev, flags);
	ret = PTR_ERR_OR_ZERO(inner);
	if (ret == -EOPNOTSUPP && (flags & IOMMU_HWPT_ALLOC_PASID))
		inner = iommu_paging_domain_alloc_flags(dma_dev,
							flags & ~IOMMU_HWPT_ALLOC_PASID);
	return inner;
}

struct iommu_domain *aux_domain_alloc(struct aux_member *m, struct device *dma_dev, u32 flags)
{
	static atomic_t next_id = ATOMIC_INIT(0);
	struct iommu_domain *inner;
	struct aux_domain *d;
	int ret;

	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return ERR_PTR(-ENOMEM);

	if (aux_group_uses_pasids(m->group))
		flags |= IOMMU_HWPT_ALLOC_PASID;
	inner = aux_inner_alloc(dma_dev, flags);
	if (IS_ERR(inner)) {
		ret = PTR_ERR(inner);
		goto err_free;
	}
	d->inner = inner;
	if (!(MDEVKIT_IOMMU_PT_RANGES && aux_domain_take_ranges(d)) &&
	    !(inner->ops->map_pages && inner->ops->unmap_pages)) {
		ret = -EOPNOTSUPP;
		goto err_inner;
	}

	/*
	 * The domain may outlive its device, its group and all who use us: an iommufd keeps a page
	 * table for as long as it likes. So it pins us, and the driver of the inner domain.
	 */
	d->owner = inner->owner->owner;
	if (!try_module_get(d->owner)) {
		ret = -ENODEV;
		goto err_inner;
	}

	/* No try: the anchor's reference is there */
	__module_get(THIS_MODULE);

	d->iommu = aux_instance(dma_dev);
	strscpy(d->iommu_name, d->iommu->dev ? dev_name(d->iommu->dev) : "unnamed");
	d->snoop = device_iommu_capable(dma_dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY);
	d->id = atomic_inc_return(&next_id);
	INIT_LIST_HEAD(&d->armed);
	d->domain.type = IOMMU_DOMAIN_UNMANAGED;
	d->domain.ops = &aux_domain_ops;
	d->domain.dirty_ops = inner->dirty_ops ? &aux_dirty_ops : NULL;
	d->domain.pgsize_bitmap = inner->pgsize_bitmap;
	d->domain.geometry = inner->geometry;

	spin_lock(&aux_spinlock);
	list_add_tail(&d->node, &aux_domains);
	spin_unlock(&aux_spinlock);
	return &d->domain;

err_inner:
	iommu_domain_free(inner);
err_free:
	kfree(d);
	return ERR_PTR(ret);
}

/* A group that is armed with @d, referenced; with none left, @d is forgotten, and NULL */
static struct iommu_aux_group *aux_domain_forget(struct aux_domain *d)
{
	struct iommu_aux_group *group, *next;

	guard(spinlock)(&aux_spinlock);
	list_for_each_entry_safe(group, next, &d->armed, armed_node) {
		if (kref_get_unless_zero(&group->ref))
			return group;
		/* On its way out: it has no members, so nothing is armed in fact */
		list_del_init(&group->armed_node);
		group->armed = NULL;
	}

	list_for_each_entry(group, &aux_groups, node)
		if (group->domain == &d->domain)
			group->domain = NULL;
	list_del(&d->node);
	return NULL;
}

static void aux_domain_free(struct iommu_domain *domain)
{
	struct aux_domain *d = aux_domain_of(domain);
	struct iommu_aux_group *group;

	/*
	 * Nobody frees a domain that is on a group, and taking it off has disarmed. Should it
	 * happen all the same, a PASID must not go on using the page table.
	 */
	while ((group = aux_domain_forget(d))) {
		aux_disarm_group(group, "its domain is freed");
		iommu_aux_group_put(group);
	}

	iommu_domain_free(d->inner);
	module_put(d->owner);
	kfree(d);

	/*
	 * With the last reference gone we can be unloaded, while this thread has still to
	 * return: aux_exit() waits for that by tasks RCU. A preemptible kernel without it could not
	 * wait, so there the reference stays.
	 */
	if (IS_ENABLED(CONFIG_TASKS_RCU) || !IS_ENABLED(CONFIG_PREEMPTION))
		module_put(THIS_MODULE);
}

const struct iommu_domain_ops aux_domain_ops = {
	.attach_dev		 = MDEVKIT_ATTACH_DEV(aux_attach_dev),
	.map_pages		 = aux_map_pages,
	.unmap_pages		 = aux_unmap_pages,
	.flush_iotlb_all	 = aux_flush_iotlb_all,
	.iotlb_sync_map		 = aux_iotlb_sync_map,
	.iotlb_sync		 = aux_iotlb_sync,
	.iova_to_phys		 = aux_iova_to_phys,
	.enforce_cache_coherency = aux_enforce_cache_coherency,
	.free			 = aux_domain_free,
};
