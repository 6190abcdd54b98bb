// SPDX-License-Identifier: GPL-2.0-only
/*
 * The self-check: does this kernel treat what we make by hand as we believe it does?
 *
 * Joining a group fills in what the core keeps for itself, struct dev_iommu and the fwspec, and
 * takes references in its name. No header says who frees what. So a scratch device joins
 * a scratch group and leaves again when we are loaded, and everything has to be as before.
 */
#include <kunit/visibility.h>
#include <linux/module.h>

#include "private.h"

/* A fwnode that counts its references, in place of our own */
static atomic_t fwnode_refs = ATOMIC_INIT(0);

static struct fwnode_handle *counting_get(struct fwnode_handle *fwnode)
{
	atomic_inc(&fwnode_refs);
	return fwnode;
}

static void counting_put(struct fwnode_handle *fwnode)
{
	atomic_dec(&fwnode_refs);
}

static const struct fwnode_operations counting_ops = {
	.get	= counting_get,
	.put	= counting_put,
};

static struct fwnode_handle counting_fwnode;

/* Built in, or where modules are never unloaded, there is nothing to count */
static int module_refs(void)
{
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
	return module_refcount(THIS_MODULE);
#else
	return 0;
#endif
}

static int is_first(struct device *dev, void *data)
{
	/* not 0: no other device is asked */
	return dev == data ? 1 : -ENODEV;
}

static unsigned int domain_type(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain ? domain->type : 0;
}

/* VFIO takes the group, and gives it back */
static const char *check_claim(struct iommu_aux_group *group, struct device *member)
{
	const char *reason = NULL;

	if (iommu_group_claim_dma_owner(group->iommu_group, group))
		return "the core does not hand out a group";
	if (domain_type(member) != IOMMU_DOMAIN_BLOCKED)
		reason = "a group in use is not blocked";
	iommu_group_release_dma_owner(group->iommu_group);
	if (!reason && domain_type(member) != IOMMU_DOMAIN_IDENTITY)
		reason = "a group that is given back is in no default domain";
	return reason;
}

static const char *check_inside(struct iommu_aux_group *group, struct aux_member *m)
{
	if (m->dev->iommu_group != group->iommu_group || aux_member_of(m->dev) != m)
		return "a device that joins is not in its group";
	if (iommu_group_for_each_dev(group->iommu_group, group->anchor.dev, is_first) != 1)
		return "the first device of a group is not its anchor";
	return check_claim(group, m->dev);
}

/* Joins and leaves. @meddle: for tests, does in between what a changed kernel would do */
static const char *check_member(struct iommu_aux_group *group, struct device *member,
				void (*meddle)(struct device *member))
{
	struct aux_member m = {
		.dev = member,
		.group = group,
		.pasid = IOMMU_PASID_INVALID,
		.armed_pasid = IOMMU_PASID_INVALID,
	};
	int refs = module_refs();
	const char *reason;

	if (aux_enter_iommu_group(&m))
		return "a device cannot join a group";
	fwnode_handle_put(member->iommu->fwspec->iommu_fwnode);
	member->iommu->fwspec->iommu_fwnode = fwnode_handle_get(&counting_fwnode);

	reason = check_inside(group, &m);
	if (meddle)
		meddle(member);

	iommu_group_remove_device(member);
	if (reason)
		return reason;
	if (member->iommu || member->iommu_group)
		return "a device that has left its group keeps what it had there";
	if (module_refs() != refs)
		return "a device that has left its group leaves a module reference behind";
	if (atomic_read(&fwnode_refs))
		return "a device that has left its group leaves a reference to its IOMMU behind";
	return NULL;
}

static const char *check_group(struct device *member, void (*meddle)(struct device *member))
{
	struct iommu_aux_group *group = iommu_aux_group_create("self-check");
	struct device *anchor;
	const char *reason;

	if (IS_ERR(group))
		return "no group can be made";
	anchor = get_device(group->anchor.dev);
	reason = check_member(group, member, meddle);
	iommu_aux_group_put(group);
	if (!reason && (anchor->iommu || anchor->iommu_group))
		reason = "a group that has gone leaves its anchor behind";
	put_device(anchor);
	return reason;
}

/* NULL when all is well, otherwise what is not, for the log */
const char *aux_self_check(void (*meddle)(struct device *member))
{
	struct device *member;
	const char *reason;
	int refs;

	fwnode_init(&counting_fwnode, &counting_ops);
	atomic_set(&fwnode_refs, 0);

	member = root_device_register("iommu-aux-self-check");
	if (IS_ERR(member))
		return "no device can be made";
	refs = module_refs();
	reason = check_group(member, meddle);
	if (!reason && module_refs() != refs)
		reason = "a group that has gone leaves a module reference behind";
	root_device_unregister(member);
	return reason;
}
EXPORT_SYMBOL_IF_KUNIT(aux_self_check);
