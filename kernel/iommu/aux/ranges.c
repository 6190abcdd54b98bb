// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inner domains whose page table is the core's own (generic_pt) have no map_pages and unmap_pages:
 * the core hands whole ranges to the page table. It does the same with an aux domain around such
 * a one, and finds in place of a page table what passes the ranges on.
 */
#include <linux/generic_pt/iommu.h>

#include "private.h"

/* The core takes it for a struct pt_iommu, of which it looks at the operations and nothing else */
static_assert(offsetof(struct aux_domain, domain) == offsetof(struct pt_iommu, domain));
static_assert(offsetof(struct aux_domain, range_ops) == offsetof(struct pt_iommu, ops));

static struct pt_iommu *inner_table(struct pt_iommu *table)
{
	return iommupt_from_domain(aux_domain_of(&table->domain)->inner);
}

static int aux_map_range(struct pt_iommu *table, dma_addr_t iova, phys_addr_t paddr,
			 dma_addr_t len, unsigned int prot, gfp_t gfp, size_t *mapped)
{
	struct pt_iommu *inner = inner_table(table);

	return inner->ops->map_range(inner, iova, paddr, len, prot, gfp, mapped);
}

static size_t aux_unmap_range(struct pt_iommu *table, dma_addr_t iova, dma_addr_t len,
			      struct iommu_iotlb_gather *gather)
{
	struct pt_iommu *inner = inner_table(table);

	return inner->ops->unmap_range(inner, iova, len, gather);
}

static const struct pt_iommu_ops aux_range_ops = {
	.map_range	= aux_map_range,
	.unmap_range	= aux_unmap_range,
};

/* Has the core hand ranges to an aux domain, if the inner domain takes them, and tells whether */
bool aux_domain_take_ranges(struct aux_domain *d)
{
	if (!iommupt_from_domain(d->inner))
		return false;
	d->domain.is_iommupt = true;
	d->range_ops = &aux_range_ops;
	return true;
}
