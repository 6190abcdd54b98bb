// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU driver behind aux groups, as the IOMMU core sees it.
 *
 * It is registered under a software node of its own, so that the core finds it for
 * devices whose fwspec points there, and for no other. There is no hardware: questions
 * about a member are answered by the IOMMU of the member's dma_dev.
 */
#define pr_fmt(fmt) "iommu_aux: " fmt

#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/property.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "private.h"

DEFINE_SPINLOCK(aux_spinlock);
DEFINE_SRCU(aux_srcu);

static struct iommu_device aux_iommu;

struct iommu_device *aux_iommu_device(void)
{
	return &aux_iommu;
}

/*
 * The dma_dev that answers for a member. For the anchor it is that of any member:
 * they all sit behind one IOMMU instance. Valid inside the caller's SRCU section.
 */
static struct device *aux_answering_device(struct aux_member *m)
{
	struct iommu_aux_group *group = m->group;

	if (m != &group->anchor)
		return READ_ONCE(m->dma_dev);

	guard(spinlock)(&aux_spinlock);
	list_for_each_entry(m, &group->members, node)
		if (m->dma_dev)
			return m->dma_dev;
	return NULL;
}

/* The group's domain is on all members: what one of them cannot do, the anchor cannot */
static bool aux_tracks_dirty(struct aux_member *m)
{
	struct iommu_aux_group *group = m->group;

	if (m != &group->anchor)
		return m->dirty;

	guard(spinlock)(&aux_spinlock);
	list_for_each_entry(m, &group->members, node)
		if (!m->dirty)
			return false;
	return true;
}

static bool aux_capable(struct device *dev, enum iommu_cap cap)
{
	struct aux_member *m = aux_member_of(dev);
	struct device *dma_dev;

	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
	case IOMMU_CAP_NOEXEC:
	case IOMMU_CAP_ENFORCE_CACHE_COHERENCY:
	case IOMMU_CAP_DIRTY_TRACKING:
		break;
	default:
		/* flush queues, boot protection, ATS: of no meaning for a member */
		return false;
	}

	guard(srcu)(&aux_srcu);
	dma_dev = aux_answering_device(m);
	if (!dma_dev)
		return false;
	if (cap == IOMMU_CAP_DIRTY_TRACKING)
		return aux_tracks_dirty(m);
	return device_iommu_capable(dma_dev, cap);
}

static struct iommu_domain *aux_alloc_paging(struct device *dev, u32 flags,
					     const struct iommu_user_data *user_data)
{
	struct aux_member *m = aux_member_of(dev);
	struct device *dma_dev;

	if (user_data || (flags & ~(IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_PASID)))
		return ERR_PTR(-EOPNOTSUPP);

	guard(srcu)(&aux_srcu);
	dma_dev = aux_answering_device(m);
	if (!dma_dev)
		return ERR_PTR(-ENODEV);
	if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) && !aux_tracks_dirty(m))
		return ERR_PTR(-EOPNOTSUPP);
	return aux_domain_alloc(m, dma_dev, flags);
}

MDEVKIT_DEFINE_ALLOC_PAGING_FLAGS(aux_alloc_paging);

/* The anchor is the only device that the core probes; members are added by hand */
static struct iommu_device *aux_probe_device(struct device *dev)
{
	return &aux_iommu;
}

static struct iommu_group *aux_device_group(struct device *dev)
{
	struct aux_member *anchor = dev->iommu->priv;
	struct iommu_group *iommu_group = iommu_group_alloc();
	int ret;

	if (IS_ERR(iommu_group))
		return iommu_group;

	ret = iommu_group_set_name(iommu_group, anchor->group->name);
	if (ret) {
		iommu_group_put(iommu_group);
		return ERR_PTR(ret);
	}
	return iommu_group;
}

/*
 * A member cannot use addresses that its dma_dev cannot use, among them the MSI
 * window: a PASID-tagged write there would be an interrupt, not a DMA (VT-d 3.14).
 */
static void aux_get_resv_regions(struct device *dev, struct list_head *list)
{
	struct aux_member *m = aux_member_of(dev);
	struct device *dma_dev;

	if (m == &m->group->anchor)
		return;

	guard(srcu)(&aux_srcu);
	dma_dev = aux_answering_device(m);
	if (dma_dev)
		iommu_get_resv_regions(dma_dev, list);
}

/* A disarmed member's DMA is blocked, whatever the default domain is called */
static int aux_def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_ops aux_iommu_ops = {
	.owner			= THIS_MODULE,
	.capable		= aux_capable,
	MDEVKIT_ALLOC_PAGING_FLAGS_OPS(aux_alloc_paging),
	.probe_device		= aux_probe_device,
	.device_group		= aux_device_group,
	.get_resv_regions	= aux_get_resv_regions,
	.def_domain_type	= aux_def_domain_type,
	.identity_domain	= &aux_identity_domain,
	.blocked_domain		= &aux_blocked_domain,
	.release_domain		= &aux_blocked_domain,
	.default_domain_ops	= &aux_domain_ops,
};

/*
 * Registers the driver. When the self-check finds fault with this kernel, nothing of it stays.
 * @meddle: for tests, see aux_self_check()
 */
int aux_start(void (*meddle)(struct device *member))
{
	const char *reason;
	int ret;

	ret = aux_attach_init();
	if (ret)
		return ret;

	ret = aux_msi_init();
	if (ret)
		goto err_attach;

	aux_iommu.fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(aux_iommu.fwnode)) {
		ret = PTR_ERR(aux_iommu.fwnode);
		goto err_msi;
	}

	ret = iommu_device_sysfs_add(&aux_iommu, NULL, NULL, "iommu_aux");
	if (ret)
		goto err_fwnode;

	ret = iommu_device_register(&aux_iommu, &aux_iommu_ops, NULL);
	if (ret) {
		pr_err("the IOMMU core refused the driver: %d\n", ret);
		goto err_sysfs;
	}

	reason = aux_self_check(meddle);
	if (reason) {
		pr_err("not loaded, because this kernel is not what it was made for: %s\n", reason);
		ret = -EOPNOTSUPP;
		goto err_register;
	}

	return 0;

err_register:
	iommu_device_unregister(&aux_iommu);
err_sysfs:
	iommu_device_sysfs_remove(&aux_iommu);
err_fwnode:
	fwnode_remove_software_node(aux_iommu.fwnode);
err_msi:
	aux_msi_exit();
err_attach:
	aux_attach_exit();
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(aux_start);

/* Undo of aux_start(), when there are no groups */
void aux_stop(void)
{
	iommu_device_unregister(&aux_iommu);
	iommu_device_sysfs_remove(&aux_iommu);
	fwnode_remove_software_node(aux_iommu.fwnode);
	aux_msi_exit();
	aux_attach_exit();
}
EXPORT_SYMBOL_IF_KUNIT(aux_stop);

static int __init aux_init(void)
{
	int ret = aux_start(NULL);

	if (ret)
		return ret;
	aux_debugfs_init();
	return 0;
}

static void __exit aux_exit(void)
{
	aux_debugfs_exit();
	aux_unwatch_buses();
	aux_trials_exit();
	aux_stop();

	/* Whoever has freed the last domain may not have returned from aux_domain_free() yet */
	synchronize_rcu_tasks();
}

module_init(aux_init);
module_exit(aux_exit);

MODULE_DESCRIPTION("IOMMU groups for devices behind a PASID of another device");
MODULE_LICENSE("GPL");
