// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aux domains: what an aux domain says and does is what the inner domain says and does.
 */
#include <linux/mm.h>
#include <linux/msi.h>
#include <linux/sizes.h>
#include <uapi/linux/iommufd.h>

#include "iommu_aux_fixture.h"

/* A group of one member with an armed domain, and the domain of the IOMMU inside it */
struct domain_test {
	struct mock_iommu *iommu;
	struct device *parent;
	struct iommu_aux_group *group;
	struct device *member;
	struct iommu_domain *domain;
	struct iommu_domain *inner;
};

static struct domain_test *domain_test_make(struct kunit *test,
					    const struct mock_iommu_config *config)
{
	struct domain_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->iommu = aux_test_iommu(test, config);
	t->parent = aux_test_device(test, t->iommu, 8);
	t->group = aux_test_group(test);
	t->member = aux_test_member(test, t->group, t->parent);
	t->domain = aux_test_domain(test, t->member);
	aux_test_attach(test, t->domain, t->group);
	t->inner = mock_iommu_translation(t->parent, iommu_aux_member_pasid(t->member));
	KUNIT_ASSERT_NOT_NULL(test, t->inner);
	KUNIT_ASSERT_PTR_NE(test, t->inner, t->domain);
	mock_iommu_clear_log(t->iommu);
	return t;
}

/* Both domains say the same about an address, and it is this */
static void expect_phys(struct kunit *test, struct domain_test *t, unsigned long iova,
			phys_addr_t phys)
{
	KUNIT_EXPECT_EQ_MSG(test, iommu_iova_to_phys(t->domain, iova), phys, "iova %#lx", iova);
	KUNIT_EXPECT_EQ_MSG(test, iommu_iova_to_phys(t->inner, iova), phys, "iova %#lx", iova);
}

struct size_case {
	const char *what;
	unsigned long page_sizes;
	size_t size;
};

static const struct size_case size_cases[] = {
	{ "4 KiB of 4 KiB only", SZ_4K, SZ_4K },
	{ "2 MiB of 4 KiB only", SZ_4K, SZ_2M },
	{ "4 KiB", SZ_4K | SZ_2M | SZ_1G, SZ_4K },
	{ "64 KiB of an ARM granule", SZ_64K | SZ_512M, SZ_64K },
	{ "2 MiB", SZ_4K | SZ_2M | SZ_1G, SZ_2M },
	{ "1 GiB", SZ_4K | SZ_2M | SZ_1G, SZ_1G },
};

KUNIT_ARRAY_PARAM_DESC(size_case, size_cases, what);

static void mapping_is_the_inner_domains_at_any_page_size(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	const struct mock_iommu_config config = {
		.max_pasids = 256,
		.page_sizes = c->page_sizes,
		.aperture_end = (1ULL << 40) - 1,
	};
	struct domain_test *t = domain_test_make(test, &config);
	unsigned long iova = 2UL * SZ_1G;
	phys_addr_t phys = 8ULL * SZ_1G;

	KUNIT_EXPECT_EQ(test, t->domain->pgsize_bitmap, c->page_sizes);
	KUNIT_EXPECT_EQ(test, t->domain->geometry.aperture_start,
			t->inner->geometry.aperture_start);
	KUNIT_EXPECT_EQ(test, t->domain->geometry.aperture_end, (1ULL << 40) - 1);
	KUNIT_EXPECT_TRUE(test, t->domain->geometry.force_aperture);

	ASSERT_NO_ERRNO(test, iommu_map(t->domain, iova, phys, c->size, IOMMU_READ, GFP_KERNEL));
	expect_phys(test, t, iova - 1, 0);
	expect_phys(test, t, iova, phys);
	expect_phys(test, t, iova + c->size - 1, phys + c->size - 1);
	expect_phys(test, t, iova + c->size, 0);
	/* the largest page that fits was used */
	KUNIT_EXPECT_EQ(test, mock_iommu_leaf_size(t->inner, iova),
			(size_t)BIT(__fls(c->page_sizes & GENMASK(__fls(c->size), 0))));

	/* twice is an error, and the first one stays */
	KUNIT_EXPECT_EQ(test, -EEXIST, iommu_map(t->domain, iova, 0, c->size, IOMMU_READ,
						 GFP_KERNEL));
	expect_phys(test, t, iova, phys);

	KUNIT_EXPECT_EQ(test, c->size, iommu_unmap(t->domain, iova, c->size));
	expect_phys(test, t, iova, 0);
	expect_phys(test, t, iova + c->size - 1, 0);
}

static const struct mock_iommu_config pasid_iommu = { .max_pasids = 256 };

static void a_range_is_split_into_pages_and_merged_into_large_ones(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);
	unsigned long iova = SZ_1G - SZ_4K;
	phys_addr_t phys = 4ULL * SZ_1G - SZ_4K;
	size_t size = SZ_4K + SZ_1G + 2 * SZ_2M + SZ_4K;

	/* small, 1 GiB, two times 2 MiB, small */
	ASSERT_NO_ERRNO(test, iommu_map(t->domain, iova, phys, size, IOMMU_READ | IOMMU_WRITE,
					GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, mock_iommu_leaf_size(t->inner, iova), SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_iommu_leaf_size(t->inner, SZ_1G), SZ_1G);
	KUNIT_EXPECT_EQ(test, mock_iommu_leaf_size(t->inner, 2UL * SZ_1G), SZ_2M);
	KUNIT_EXPECT_EQ(test, mock_iommu_leaf_size(t->inner, 2UL * SZ_1G + 2 * SZ_2M), SZ_4K);
	for (size_t offset = 0; offset < size; offset += SZ_1M - SZ_4K)
		expect_phys(test, t, iova + offset, phys + offset);

	/* out of step with the physical address: small pages only */
	ASSERT_NO_ERRNO(test, iommu_map(t->domain, 8UL * SZ_1G, SZ_4K, SZ_2M, IOMMU_READ,
					GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, mock_iommu_leaf_size(t->inner, 8UL * SZ_1G), SZ_4K);

	/* taking 4 KiB out of a 2 MiB page takes the page, as on real IOMMUs */
	KUNIT_EXPECT_EQ(test, SZ_2M, iommu_unmap(t->domain, 2UL * SZ_1G, SZ_4K));
	expect_phys(test, t, 2UL * SZ_1G, 0);
	expect_phys(test, t, 2UL * SZ_1G + SZ_4K, 0);
	expect_phys(test, t, 2UL * SZ_1G + SZ_2M, phys + SZ_4K + SZ_1G + SZ_2M);

	/* and unmapping stops at the hole */
	KUNIT_EXPECT_EQ(test, SZ_4K + SZ_1G, iommu_unmap(t->domain, iova, size));
	KUNIT_EXPECT_EQ(test, SZ_2M + SZ_4K,
			iommu_unmap(t->domain, 2UL * SZ_1G + SZ_2M, SZ_2M + SZ_4K));
	KUNIT_EXPECT_EQ(test, SZ_2M, iommu_unmap(t->domain, 8UL * SZ_1G, SZ_2M));
	KUNIT_EXPECT_EQ(test, 0, iommu_unmap(t->domain, iova, SZ_4K));
}

static void a_mapping_that_fails_half_way_leaves_nothing(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);

	/* the second run of pages fails: small ones first, then a large one */
	mock_iommu_fail(t->iommu, MOCK_IOMMU_MAP, 2, -ENOMEM);
	KUNIT_EXPECT_EQ(test, -ENOMEM, iommu_map(t->domain, SZ_2M - SZ_4K, SZ_2M - SZ_4K,
						 SZ_2M + SZ_4K, IOMMU_READ, GFP_KERNEL));
	expect_phys(test, t, SZ_2M - SZ_4K, 0);
	expect_phys(test, t, SZ_2M, 0);

	/* one page in the way, in the middle */
	ASSERT_NO_ERRNO(test, iommu_map(t->domain, SZ_64K, SZ_1G, SZ_4K, IOMMU_READ, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, -EEXIST, iommu_map(t->domain, SZ_32K, SZ_2M + SZ_4K, SZ_64K,
						 IOMMU_READ, GFP_KERNEL));
	expect_phys(test, t, SZ_32K, 0);
	expect_phys(test, t, SZ_64K, SZ_1G);

	/* beyond the aperture */
	KUNIT_EXPECT_EQ(test, -ERANGE, iommu_map(t->domain, 1UL << 48, 0, SZ_4K, IOMMU_READ,
						 GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap(t->domain, SZ_64K, SZ_4K));
}

/* A page that is reached by DMA until the batch is over, and not a moment longer */
static void unmapping_in_batches_is_the_inner_domains_too(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);
	phys_addr_t phys = page_to_phys(aux_test_page(test, 7));
	struct iommu_iotlb_gather gather;
	u64 value;

	for (unsigned long iova = 0; iova < SZ_32K; iova += SZ_4K)
		ASSERT_NO_ERRNO(test, iommu_map(t->domain, iova, phys, SZ_4K, IOMMU_READ,
						GFP_KERNEL));

	/* two that touch make one batch */
	iommu_iotlb_gather_init(&gather);
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap_fast(t->domain, 0, SZ_4K, &gather));
	KUNIT_EXPECT_EQ(test, SZ_8K, iommu_unmap_fast(t->domain, SZ_4K, SZ_8K, &gather));
	KUNIT_EXPECT_EQ(test, gather.start, 0);
	KUNIT_EXPECT_EQ(test, gather.end, SZ_4K + SZ_8K - 1);
	expect_phys(test, t, SZ_4K, 0);
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(t->member, SZ_8K, &value));
	iommu_iotlb_sync(t->domain, &gather);
	for (unsigned long iova = 0; iova < SZ_4K + SZ_8K; iova += SZ_4K)
		KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member, iova, &value));

	/* a flush ends any batch */
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap_fast(t->domain, SZ_16K, SZ_4K, &gather));
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(t->member, SZ_16K, &value));
	iommu_flush_iotlb_all(t->domain);
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member, SZ_16K, &value));

	/* the ones beside it are there all the time */
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(t->member, SZ_16K - SZ_4K, &value));
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(t->member, SZ_16K + SZ_4K, &value));
	/* and unmapping without a batch waits for the IOTLB itself */
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap(t->domain, SZ_16K + SZ_4K, SZ_4K));
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member, SZ_16K + SZ_4K, &value));
}

static void permissions_are_kept(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);
	struct page *page = aux_test_page(test, 9);
	u64 value;

	ASSERT_NO_ERRNO(test, iommu_map(t->domain, 0x1000, page_to_phys(page), SZ_4K, IOMMU_WRITE,
					GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member, 0x1000, &value));
	KUNIT_EXPECT_EQ(test, 0, aux_test_write(t->member, 0x1000, 10));
	KUNIT_EXPECT_EQ(test, aux_test_page_content(page), 10);
	/* across the end of the mapping */
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_write(t->member, 0x1ffc, 0));
	KUNIT_EXPECT_EQ(test, SZ_4K, iommu_unmap(t->domain, 0x1000, SZ_4K));
}

static void a_group_reserves_what_its_parent_reserves(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);
	struct iommu_resv_region *region;
	bool msi = false, hole = false;
	LIST_HEAD(regions);
	int count = 0;

	ASSERT_NO_ERRNO(test, iommu_get_group_resv_regions(aux_test_core_group(t->group),
							   &regions));
	list_for_each_entry(region, &regions, list) {
		count++;
		msi |= region->type == IOMMU_RESV_MSI &&
		       region->start == MOCK_IOMMU_MSI_START &&
		       region->length == MOCK_IOMMU_MSI_SIZE;
		hole |= region->type == IOMMU_RESV_RESERVED &&
			region->start == MOCK_IOMMU_HOLE_START &&
			region->length == MOCK_IOMMU_HOLE_SIZE;
	}
	iommu_put_resv_regions(t->member, &regions);
	KUNIT_EXPECT_EQ(test, count, 2);
	KUNIT_EXPECT_TRUE(test, msi);
	KUNIT_EXPECT_TRUE(test, hole);
}

struct cap_case {
	const char *what;
	struct mock_iommu_config config;
	enum iommu_cap cap;
	bool capable;
};

static const struct cap_case cap_cases[] = {
	{ "coherent", { .max_pasids = 256 }, IOMMU_CAP_CACHE_COHERENCY, true },
	{ "no snoop control", { .max_pasids = 256 }, IOMMU_CAP_ENFORCE_CACHE_COHERENCY, false },
	{ "snoop control", { .max_pasids = 256, .snoop = true },
	  IOMMU_CAP_ENFORCE_CACHE_COHERENCY, true },
	{ "no dirty tracking", { .max_pasids = 256 }, IOMMU_CAP_DIRTY_TRACKING, false },
	{ "dirty tracking", { .max_pasids = 256, .dirty = true }, IOMMU_CAP_DIRTY_TRACKING, true },
	{ "no dirty tracking behind PASIDs",
	  { .max_pasids = 256, .dirty = true, .no_dirty_pasid = true },
	  IOMMU_CAP_DIRTY_TRACKING, false },
	{ "flush queue", { .max_pasids = 256 }, IOMMU_CAP_DEFERRED_FLUSH, false },
};

KUNIT_ARRAY_PARAM_DESC(cap_case, cap_cases, what);

struct anchor_says {
	enum iommu_cap cap;
	bool capable;
};

/* The anchor is the first device of each group */
static int ask_anchor(struct device *dev, void *data)
{
	struct anchor_says *anchor = data;

	anchor->capable = device_iommu_capable(dev, anchor->cap);
	return 1;
}

static void capabilities_are_the_parents(struct kunit *test)
{
	const struct cap_case *c = test->param_value;
	struct domain_test *t = domain_test_make(test, &c->config);
	struct anchor_says anchor = { .cap = c->cap };

	KUNIT_EXPECT_EQ(test, c->capable, device_iommu_capable(t->member, c->cap));
	/* VFIO asks the first one only */
	iommu_group_for_each_dev(aux_test_core_group(t->group), &anchor, ask_anchor);
	KUNIT_EXPECT_EQ(test, c->capable, anchor.capable);
}

struct snoop_case {
	const char *what;
	struct mock_iommu_config config;
	bool enforced;
	bool asked;
};

static const struct snoop_case snoop_cases[] = {
	{ "an IOMMU that can", { .max_pasids = 256, .snoop = true }, true, true },
	{ "an IOMMU that cannot", { .max_pasids = 256 }, false, false },
	{ "an IOMMU that cannot and says yes", { .max_pasids = 256, .agrees_to_snoop = true },
	  false, false },
};

KUNIT_ARRAY_PARAM_DESC(snoop_case, snoop_cases, what);

static void coherency_is_enforced_only_where_it_can_be(struct kunit *test)
{
	const struct snoop_case *c = test->param_value;
	struct domain_test *t = domain_test_make(test, &c->config);

	KUNIT_ASSERT_NOT_NULL(test, t->domain->ops->enforce_cache_coherency);
	KUNIT_EXPECT_EQ(test, c->enforced, t->domain->ops->enforce_cache_coherency(t->domain));
	EXPECT_STEPS(test, t->iommu, "%s", c->asked ? "coherent 1\n" : "");
}

static void dirty_tracking_is_the_inner_domains(struct kunit *test)
{
	const struct mock_iommu_config config = { .max_pasids = 256, .dirty = true };
	struct domain_test *t = domain_test_make(test, &config);
	struct iommu_domain *domain;

	/* domain 1 was for a try, 2 is armed */
	KUNIT_EXPECT_NULL(test, t->domain->dirty_ops);
	domain = iommu_paging_domain_alloc_flags(t->member, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	EXPECT_STEPS(test, t->iommu, "alloc 3\n");
	KUNIT_EXPECT_NOT_NULL(test, domain->dirty_ops);
	if (domain->dirty_ops) {
		KUNIT_EXPECT_EQ(test, 0, domain->dirty_ops->set_dirty_tracking(domain, true));
		KUNIT_EXPECT_EQ(test, 0, domain->dirty_ops->read_and_clear_dirty(domain, 0, SZ_4K,
										 0, NULL));
		KUNIT_EXPECT_EQ(test, 0, domain->dirty_ops->set_dirty_tracking(domain, false));
	}
	iommu_domain_free(domain);
	EXPECT_STEPS(test, t->iommu, "dirty_on 3\ndirty_read 3\ndirty_off 3\nfree 3\n");
}

static void dirty_tracking_is_tried_once_and_announced_only_where_it_works(struct kunit *test)
{
	const struct mock_iommu_config config = {
		.max_pasids = 256,
		.dirty = true,
		.no_dirty_pasid = true,
	};
	struct mock_iommu *iommu = aux_test_iommu(test, &config);
	struct device *parent = aux_test_device(test, iommu, 8);
	struct device *vf = aux_test_device(test, iommu, 8);
	struct iommu_aux_group *group = aux_test_group(test), *other = aux_test_group(test);
	struct device *slice = aux_test_member(test, group, parent), *whole;
	struct iommu_domain *domain;
	ioasid_t pasid = iommu_aux_member_pasid(slice);

	EXPECT_STEPS(test, iommu, "alloc 1\nset_pasid %s %u 1 = %d\nfree 1\n", dev_name(parent),
		     pasid, -EINVAL);
	KUNIT_EXPECT_FALSE(test, device_iommu_capable(slice, IOMMU_CAP_DIRTY_TRACKING));
	domain = iommu_paging_domain_alloc_flags(slice, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	KUNIT_EXPECT_EQ(test, PTR_ERR(domain), -EOPNOTSUPP);

	/* the second slice of the device knows already; a whole device has no PASID */
	aux_test_member(test, group, parent);
	EXPECT_NO_STEPS(test, iommu);
	whole = aux_test_whole_member(test, other, vf);
	EXPECT_STEPS(test, iommu, "blocked %s\n", dev_name(vf));
	KUNIT_EXPECT_TRUE(test, device_iommu_capable(whole, IOMMU_CAP_DIRTY_TRACKING));
	domain = iommu_paging_domain_alloc_flags(whole, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	iommu_domain_free(domain);
}

static void a_try_that_could_not_be_made_is_made_again(struct kunit *test)
{
	const struct mock_iommu_config config = { .max_pasids = 256, .dirty = true };
	struct mock_iommu *iommu = aux_test_iommu(test, &config);
	struct device *parent = aux_test_device(test, iommu, 8);
	struct iommu_aux_group *group = aux_test_group(test);
	struct device *member[2];

	mock_iommu_fail(iommu, MOCK_IOMMU_SET_PASID, 1, -EBUSY);
	for (int i = 0; i < 2; i++)
		member[i] = aux_test_member(test, group, parent);
	KUNIT_EXPECT_FALSE(test, device_iommu_capable(member[0], IOMMU_CAP_DIRTY_TRACKING));
	KUNIT_EXPECT_TRUE(test, device_iommu_capable(member[1], IOMMU_CAP_DIRTY_TRACKING));
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(parent), 0);
	KUNIT_EXPECT_EQ(test, mock_iommu_domains(iommu), 0);
}

static void a_domain_that_the_parent_cannot_have_is_refused(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);
	struct iommu_domain *domain;

	domain = iommu_paging_domain_alloc_flags(t->member, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	KUNIT_EXPECT_EQ(test, PTR_ERR(domain), -EOPNOTSUPP);
	domain = iommu_paging_domain_alloc_flags(t->member, IOMMU_HWPT_ALLOC_NEST_PARENT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(domain), -EOPNOTSUPP);
	mock_iommu_fail(t->iommu, MOCK_IOMMU_ALLOC, 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, PTR_ERR(iommu_paging_domain_alloc(t->member)), -ENOMEM);
	KUNIT_EXPECT_EQ(test, mock_iommu_domains(t->iommu), 1);
}

static void mappings_made_before_arming_are_there_after(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);
	struct iommu_aux_group *group = aux_test_group(test);
	struct device *member = aux_test_member(test, group, t->parent);
	struct iommu_domain *domain = aux_test_domain(test, member);
	struct page *page = aux_test_page(test, 0xcafe);
	u64 value = 0;

	ASSERT_NO_ERRNO(test, iommu_map(domain, SZ_1G, page_to_phys(page), SZ_4K, IOMMU_READ,
					GFP_KERNEL));
	aux_test_attach(test, domain, group);
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(member, SZ_1G, &value));
	KUNIT_EXPECT_EQ(test, value, 0xcafe);
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member, SZ_1G, &value));
}

static void freeing_a_domain_frees_the_inner_one(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);
	struct iommu_domain *domain = aux_test_domain(test, t->member);

	ASSERT_NO_ERRNO(test, iommu_map(domain, 0, SZ_1G, SZ_64K, IOMMU_READ, GFP_KERNEL));
	aux_test_free_domain(test, domain);
	EXPECT_STEPS(test, t->iommu, "alloc 2\nfree 2\n");
}

static void a_software_parent_needs_no_unsafe_interrupts(struct kunit *test)
{
	struct domain_test *t = domain_test_make(test, &pasid_iommu);

	if (!IS_ENABLED(CONFIG_GENERIC_MSI_IRQ))
		kunit_skip(test, "this kernel has no MSIs");
	KUNIT_EXPECT_TRUE(test, msi_device_has_isolated_msi(t->member));
	KUNIT_EXPECT_TRUE(test, iommu_group_has_isolated_msi(aux_test_core_group(t->group)));
	aux_test_leave(test, t->member);
	KUNIT_EXPECT_FALSE(test, msi_device_has_isolated_msi(t->member));
}

static struct kunit_case domain_cases[] = {
	KUNIT_CASE_PARAM(mapping_is_the_inner_domains_at_any_page_size, size_case_gen_params),
	KUNIT_CASE(a_range_is_split_into_pages_and_merged_into_large_ones),
	KUNIT_CASE(a_mapping_that_fails_half_way_leaves_nothing),
	KUNIT_CASE(unmapping_in_batches_is_the_inner_domains_too),
	KUNIT_CASE(permissions_are_kept),
	KUNIT_CASE(a_group_reserves_what_its_parent_reserves),
	KUNIT_CASE_PARAM(capabilities_are_the_parents, cap_case_gen_params),
	KUNIT_CASE_PARAM(coherency_is_enforced_only_where_it_can_be, snoop_case_gen_params),
	KUNIT_CASE(dirty_tracking_is_the_inner_domains),
	KUNIT_CASE(dirty_tracking_is_tried_once_and_announced_only_where_it_works),
	KUNIT_CASE(a_try_that_could_not_be_made_is_made_again),
	KUNIT_CASE(a_domain_that_the_parent_cannot_have_is_refused),
	KUNIT_CASE(mappings_made_before_arming_are_there_after),
	KUNIT_CASE(freeing_a_domain_frees_the_inner_one),
	KUNIT_CASE(a_software_parent_needs_no_unsafe_interrupts),
	{ }
};

static struct kunit_suite domain_suite = {
	.name = "iommu_aux_domain",
	.test_cases = domain_cases,
};

kunit_test_suite(domain_suite);
