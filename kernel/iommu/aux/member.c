// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes a device a member, or the anchor, of an aux group in the eyes of the IOMMU core
 * and of VFIO: its struct dev_iommu, and the interrupts that it can raise.
 */
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "private.h"

static struct irq_domain *aux_no_msi_domain;

struct iommu_device *aux_instance(struct device *dma_dev)
{
	return dma_dev->iommu ? dma_dev->iommu->iommu_dev : NULL;
}

/* The entry of a member or an anchor, NULL for any other device */
struct aux_member *aux_member_of(struct device *dev)
{
	if (!dev || aux_instance(dev) != aux_iommu_device())
		return NULL;
	return dev->iommu->priv;
}

struct device *iommu_aux_member_dma_dev(struct device *member)
{
	struct aux_member *m = aux_member_of(member);

	return m ? READ_ONCE(m->dma_dev) : NULL;
}
EXPORT_SYMBOL_GPL(iommu_aux_member_dma_dev);

/*
 * Give a device its struct dev_iommu, by hand: iommu_fwspec_init() is for the core's
 * own callers, who hold a mutex that modules cannot reach. The core frees both
 * structures, and the reference on the software node, when the device leaves its group.
 */
int aux_dev_iommu_setup(struct device *dev, struct aux_member *m)
{
	struct iommu_fwspec *fwspec;
	struct dev_iommu *di;

	di = kzalloc(sizeof(*di), GFP_KERNEL);
	if (!di)
		return -ENOMEM;

	fwspec = kzalloc(struct_size(fwspec, ids, 1), GFP_KERNEL);
	if (!fwspec) {
		kfree(di);
		return -ENOMEM;
	}

	fwspec->iommu_fwnode = fwnode_handle_get(aux_iommu_device()->fwnode);
	mutex_init(&di->lock);
	di->fwspec = fwspec;
	di->priv = m;
	dev->iommu = di;
	return 0;
}

/* For a device that the core never saw: undo aux_dev_iommu_setup() */
void aux_dev_iommu_free(struct device *dev)
{
	struct dev_iommu *di = dev->iommu;

	dev->iommu = NULL;
	fwnode_handle_put(di->fwspec->iommu_fwnode);
	kfree(di->fwspec);
	kfree(di);
}

/*
 * VFIO asks each device of a group, the anchor too, whether it can raise only interrupts
 * of its own. A member raises those of its dma_dev. A dma_dev without MSIs (a
 * software device) raises none at all: an irq_domain says so that has no interrupts in it.
 */
void aux_set_msi_domain(struct device *dev, struct device *dma_dev)
{
	struct irq_domain *domain = NULL;

	if (dma_dev) {
		domain = dev_get_msi_domain(dma_dev);
		if (!domain)
			domain = aux_no_msi_domain;
	}
	dev_set_msi_domain(dev, domain);
}

#ifdef CONFIG_GENERIC_MSI_IRQ
static const struct irq_domain_ops aux_no_msi_ops = { };

int aux_msi_init(void)
{
	struct fwnode_handle *fwnode = irq_domain_alloc_named_fwnode("iommu_aux");

	if (!fwnode)
		return -ENOMEM;
	aux_no_msi_domain = irq_domain_create_tree(fwnode, &aux_no_msi_ops, NULL);
	if (!aux_no_msi_domain) {
		irq_domain_free_fwnode(fwnode);
		return -ENOMEM;
	}
	aux_no_msi_domain->flags |= IRQ_DOMAIN_FLAG_ISOLATED_MSI;
	return 0;
}

void aux_msi_exit(void)
{
	struct fwnode_handle *fwnode = aux_no_msi_domain->fwnode;

	irq_domain_remove(aux_no_msi_domain);
	irq_domain_free_fwnode(fwnode);
}
#else
int aux_msi_init(void)
{
	return 0;
}

void aux_msi_exit(void)
{
}
#endif
