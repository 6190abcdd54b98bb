// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups: who may come in, what comes with it, and what is left when somebody has gone.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/platform_device.h>

#include "iommu_aux_fixture.h"

static const struct mock_iommu_config pasid_iommu = { .max_pasids = 1 << 8 };

/* One PASID parent and a group that nobody is in */
struct group_test {
	struct mock_iommu *iommu;
	struct device *parent;
	struct iommu_aux_group *group;
};

static struct group_test *group_test_make(struct kunit *test)
{
	struct group_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->iommu = aux_test_iommu(test, &pasid_iommu);
	t->parent = aux_test_device(test, t->iommu, 8);
	t->group = aux_test_group(test);
	return t;
}

/* What cannot join is left as it was */
static void expect_refused(struct kunit *test, struct iommu_aux_group *group,
			   struct device *member, struct device *dma_dev, unsigned int flags,
			   int error)
{
	KUNIT_EXPECT_EQ_MSG(test, error, iommu_aux_group_join(group, member, dma_dev, flags),
			    "%s, flags %#x", dev_name(dma_dev), flags);
	KUNIT_EXPECT_NULL(test, member->iommu_group);
	KUNIT_EXPECT_NULL(test, member->iommu);
}

static void expect_joins(struct kunit *test, struct iommu_aux_group *group,
			 struct device *member, struct device *dma_dev, unsigned int flags)
{
	ASSERT_NO_ERRNO(test, iommu_aux_group_join(group, member, dma_dev, flags));
	iommu_aux_group_leave(member);
}

/* The DMA that a device does without a PASID goes by a domain of this type */
static void expect_translation(struct kunit *test, struct device *device, unsigned int type)
{
	KUNIT_EXPECT_EQ(test, mock_iommu_translation(device, IOMMU_NO_PASID)->type, type);
}

/* A page with @content at 0x1000, and nowhere else */
static void map_a_page(struct kunit *test, struct iommu_domain *domain, u64 content)
{
	struct page *page = aux_test_page(test, content);

	ASSERT_NO_ERRNO(test, iommu_map(domain, 0x1000, page_to_phys(page), PAGE_SIZE,
					IOMMU_READ, GFP_KERNEL));
}

static void a_group_shows_its_name_and_has_a_default_domain(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct iommu_group *core_group = aux_test_core_group(t->group);
	struct device *member;

	KUNIT_EXPECT_GE(test, iommu_group_id(core_group), 0);
	member = aux_test_member(test, t->group, t->parent);
	KUNIT_ASSERT_NOT_NULL(test, iommu_get_domain_for_dev(member));
	KUNIT_EXPECT_EQ(test, iommu_get_domain_for_dev(member)->type, IOMMU_DOMAIN_IDENTITY);

	/* VFIO claims the group, which blocks it, and lets go of it */
	ASSERT_NO_ERRNO(test, iommu_group_claim_dma_owner(core_group, test));
	KUNIT_EXPECT_EQ(test, iommu_get_domain_for_dev(member)->type, IOMMU_DOMAIN_BLOCKED);
	iommu_group_release_dma_owner(core_group);
	KUNIT_EXPECT_EQ(test, iommu_get_domain_for_dev(member)->type, IOMMU_DOMAIN_IDENTITY);
}

static int take_device(struct device *dev, void *data)
{
	*(struct device **)data = dev;
	return 1;
}

static void an_empty_group_gives_no_domain(struct kunit *test)
{
	struct iommu_aux_group *group = aux_test_group(test);
	struct device *anchor = NULL;

	iommu_group_for_each_dev(aux_test_core_group(group), &anchor, take_device);
	KUNIT_ASSERT_NOT_NULL(test, anchor);
	KUNIT_EXPECT_EQ(test, PTR_ERR(iommu_paging_domain_alloc(anchor)), -ENODEV);
	KUNIT_EXPECT_FALSE(test, device_iommu_capable(anchor, IOMMU_CAP_CACHE_COHERENCY));
	/* the anchor is no member that could be asked about, or could leave */
	KUNIT_EXPECT_EQ(test, iommu_aux_member_pasid(anchor), IOMMU_PASID_INVALID);
	iommu_aux_group_leave(anchor);
	KUNIT_EXPECT_NOT_NULL(test, anchor->iommu_group);
}

static void a_member_has_a_pasid_of_its_own_until_it_leaves(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *member[2];

	for (int i = 0; i < 2; i++) {
		member[i] = aux_test_member(test, t->group, t->parent);
		KUNIT_EXPECT_NE(test, iommu_aux_member_pasid(member[i]), IOMMU_PASID_INVALID);
		KUNIT_EXPECT_NE(test, iommu_aux_member_pasid(member[i]), IOMMU_NO_PASID);
		KUNIT_EXPECT_PTR_EQ(test, iommu_aux_member_dma_dev(member[i]), t->parent);
		KUNIT_EXPECT_PTR_EQ(test, member[i]->iommu_group, aux_test_core_group(t->group));
	}
	KUNIT_EXPECT_NE(test, iommu_aux_member_pasid(member[0]), iommu_aux_member_pasid(member[1]));

	aux_test_leave(test, member[0]);
	KUNIT_EXPECT_EQ(test, iommu_aux_member_pasid(member[0]), IOMMU_PASID_INVALID);
	KUNIT_EXPECT_NULL(test, member[0]->iommu_group);
	KUNIT_EXPECT_NULL(test, member[0]->iommu);
	/* leaving twice does nothing */
	iommu_aux_group_leave(member[0]);
}

static void pasids_run_out_and_are_used_again(struct kunit *test)
{
	struct mock_iommu *iommu = aux_test_iommu(test, &pasid_iommu);
	/* PASIDs 1 to 7 */
	struct device *parent = aux_test_device(test, iommu, 3);
	struct iommu_aux_group *group = aux_test_group(test);
	struct device *member[8], *late = aux_test_lone_member(test);
	ioasid_t freed;
	int n;

	for (n = 0; n < 8; n++) {
		int ret;

		member[n] = aux_test_lone_member(test);
		ret = iommu_aux_group_join(group, member[n], parent, 0);
		if (ret) {
			KUNIT_EXPECT_EQ(test, ret, -ENOSPC);
			break;
		}
		aux_test_leaves_by_itself(test, member[n]);
	}
	/* fewer when somebody else in this kernel uses some */
	KUNIT_ASSERT_GE(test, n, 2);
	KUNIT_ASSERT_LE(test, n, 7);
	expect_refused(test, group, late, parent, 0, -ENOSPC);

	freed = iommu_aux_member_pasid(member[1]);
	aux_test_leave(test, member[1]);
	ASSERT_NO_ERRNO(test, iommu_aux_group_join(group, late, parent, 0));
	KUNIT_EXPECT_EQ(test, iommu_aux_member_pasid(late), freed);
	iommu_aux_group_leave(late);
}

static void the_pasids_that_are_left_are_counted(struct kunit *test)
{
	struct mock_iommu *iommu = aux_test_iommu(test, &pasid_iommu);
	struct device *narrow = aux_test_device(test, iommu, 3);
	struct device *wide = aux_test_device(test, iommu, 8);
	struct device *without = aux_test_device(test, iommu, 0);
	struct iommu_aux_group *group = aux_test_group(test);
	unsigned int left = iommu_aux_pasids_left(narrow), left_wide = iommu_aux_pasids_left(wide);
	struct device *member[7], *late = aux_test_lone_member(test);
	ioasid_t foreign;

	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(without), 0);
	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(late), 0);
	/* PASIDs 1 to 7; fewer when somebody else in this kernel uses some */
	KUNIT_ASSERT_GE(test, left, 3);
	KUNIT_ASSERT_LE(test, left, 7);

	/* the number holds: so many can join, and not one more */
	for (unsigned int i = 0; i < left; i++) {
		KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(narrow), left - i);
		KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(wide), left_wide - i);
		member[i] = aux_test_member(test, group, narrow);
	}
	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(narrow), 0);
	expect_refused(test, group, late, narrow, 0, -ENOSPC);
	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(wide), left_wide - left);

	/* with a hole in the middle, and what somebody else has taken */
	aux_test_leave(test, member[1]);
	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(narrow), 1);
	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(wide), left_wide - left + 1);
	foreign = iommu_alloc_global_pasid(narrow);
	KUNIT_ASSERT_NE(test, foreign, IOMMU_PASID_INVALID);
	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(narrow), 0);
	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(wide), left_wide - left);
	iommu_free_global_pasid(foreign);
	KUNIT_EXPECT_EQ(test, iommu_aux_pasids_left(narrow), 1);
}

static void a_reused_pasid_never_sees_the_former_members_memory(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct iommu_aux_group *other = aux_test_group(test);
	struct device *former = aux_test_member(test, t->group, t->parent);
	ioasid_t pasid = iommu_aux_member_pasid(former);
	struct iommu_domain *domain = aux_test_domain(test, former);
	struct device *next;
	u64 value = 0;

	map_a_page(test, domain, 0x5ec4e7);
	aux_test_attach(test, domain, t->group);
	ASSERT_NO_ERRNO(test, aux_test_read(former, 0x1000, &value));

	/* it leaves in full flight, and its PASID goes to the next one at once */
	mock_iommu_clear_log(t->iommu);
	aux_test_leave(test, former);
	EXPECT_STEPS(test, t->iommu, "block_pasid %s %u\n", dev_name(t->parent), pasid);
	next = aux_test_member(test, other, t->parent);
	KUNIT_EXPECT_EQ(test, iommu_aux_member_pasid(next), pasid);
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(next, 0x1000, &value));
}

/* The next one to ask for a PASID while one is about to lose its domain */
static void take_a_pasid(struct device *dev, ioasid_t pasid, void *data)
{
	ioasid_t *taken = data;

	*taken = iommu_alloc_global_pasid(dev);
	if (*taken != IOMMU_PASID_INVALID)
		iommu_free_global_pasid(*taken);
}

static void a_pasid_is_given_back_after_its_translation_has_gone(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *member = aux_test_member(test, t->group, t->parent);
	ioasid_t pasid = iommu_aux_member_pasid(member), taken = IOMMU_PASID_INVALID;

	mock_iommu_watch(t->iommu, take_a_pasid, &taken);
	aux_test_attach(test, aux_test_domain(test, member), t->group);
	aux_test_leave(test, member);
	KUNIT_EXPECT_NE(test, taken, IOMMU_PASID_INVALID);
	KUNIT_EXPECT_NE(test, taken, pasid);

	/* and not much later */
	take_a_pasid(t->parent, 0, &taken);
	KUNIT_EXPECT_EQ(test, taken, pasid);
}

static void what_cannot_join_is_left_as_it_was(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *shared = aux_test_device(test, t->iommu, 0);
	struct device *member = aux_test_lone_member(test);
	struct device *lone = aux_test_lone_member(test);
	struct device *in = aux_test_member(test, t->group, t->parent);
	const struct {
		const char *what;
		struct iommu_aux_group *group;
		struct device *member;
		struct device *dma_dev;
		unsigned int flags;
		int error;
	} cases[] = {
		{ "no dma_dev", t->group, member, NULL, 0, -EINVAL },
		{ "unknown flags", t->group, member, t->parent, BIT(7), -EINVAL },
		{ "no IOMMU", t->group, member, lone, 0, -ENODEV },
		{ "a member for a dma_dev", t->group, member, in, 0, -EINVAL },
		{ "a member again", t->group, in, t->parent, 0, -EBUSY },
		{ "a member of another group", aux_test_group(test), in, t->parent, 0, -EBUSY },
		{ "a slice in a shared group", t->group, member, shared, 0, -EOPNOTSUPP },
		{ "a whole device in a shared group", t->group, member, shared,
		  IOMMU_AUX_WHOLE_DEVICE, -EOPNOTSUPP },
	};

	aux_test_sibling(test, t->iommu, shared);
	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ_MSG(test, cases[i].error,
				    iommu_aux_group_join(cases[i].group, cases[i].member,
							 cases[i].dma_dev, cases[i].flags),
				    "%s", cases[i].what);
		KUNIT_EXPECT_NULL_MSG(test, member->iommu_group, "%s", cases[i].what);
		KUNIT_EXPECT_NULL_MSG(test, member->iommu, "%s", cases[i].what);
		KUNIT_EXPECT_PTR_EQ_MSG(test, iommu_aux_member_dma_dev(in), t->parent, "%s",
					cases[i].what);
	}
}

static void a_second_instance_is_refused_while_the_first_is_in(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *near_too = aux_test_device(test, t->iommu, 0);
	struct device *far = aux_test_device(test, aux_test_iommu(test, &pasid_iommu), 8);
	struct device *member[2] = { aux_test_member(test, t->group, t->parent),
				     aux_test_member(test, t->group, near_too) };
	struct device *stranger = aux_test_lone_member(test);

	for (int i = 0; i < 2; i++) {
		expect_refused(test, t->group, stranger, far, 0, -EINVAL);
		aux_test_leave(test, member[i]);
	}

	/* with nobody in, the group is free */
	expect_joins(test, t->group, stranger, far, 0);
}

static void a_domain_left_on_the_group_binds_it_to_the_instance(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *far = aux_test_device(test, aux_test_iommu(test, &pasid_iommu), 8);
	struct device *member = aux_test_member(test, t->group, t->parent);
	struct device *stranger = aux_test_lone_member(test);
	struct iommu_domain *domain = aux_test_domain(test, member);
	struct aux_test_attachment *a = aux_test_attach(test, domain, t->group);

	aux_test_leave(test, member);
	expect_refused(test, t->group, stranger, far, 0, -EINVAL);
	aux_test_detach(test, a);

	/* and when VFIO has put it there and it is not armed, so that nobody else would look */
	member = aux_test_member(test, t->group, t->parent);
	a = aux_test_core_attach(test, domain, t->group);
	aux_test_leave(test, member);
	expect_refused(test, t->group, stranger, far, 0, -EINVAL);
	aux_test_core_detach(test, a);
	expect_joins(test, t->group, stranger, far, 0);
}

static void who_joins_a_group_in_use_gets_what_the_others_have(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *early = aux_test_member(test, t->group, t->parent);
	struct iommu_domain *domain = aux_test_domain(test, early);
	struct aux_test_attachment *a;
	struct device *late;
	ioasid_t pasid;
	u64 value = 0;

	map_a_page(test, domain, 77);
	a = aux_test_attach(test, domain, t->group);
	mock_iommu_clear_log(t->iommu);

	late = aux_test_member(test, t->group, t->parent);
	pasid = iommu_aux_member_pasid(late);
	EXPECT_STEPS(test, t->iommu, "set_pasid %s %u 1\n", dev_name(t->parent), pasid);
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(late), domain);
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, late), (int)pasid);
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(late, 0x1000, &value));
	KUNIT_EXPECT_EQ(test, value, 77);

	/* one leaves, the other does not notice */
	aux_test_leave(test, early);
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(late, 0x1000, &value));
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 1);
	aux_test_leave(test, late);
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 0);

	/* the last one has left, the group is still in use: the next one gets in */
	late = aux_test_member(test, t->group, t->parent);
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(late, 0x1000, &value));
	aux_test_detach(test, a);
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(late, 0x1000, &value));
}

static void who_cannot_be_armed_does_not_join_a_group_in_use(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *early = aux_test_member(test, t->group, t->parent);
	struct device *late = aux_test_lone_member(test);
	struct iommu_domain *domain = aux_test_domain(test, early);

	aux_test_attach(test, domain, t->group);
	mock_iommu_fail(t->iommu, MOCK_IOMMU_SET_PASID, 1, -ENOMEM);
	expect_refused(test, t->group, late, t->parent, 0, -ENOMEM);
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 1);
	KUNIT_EXPECT_TRUE(test, iommu_aux_member_is_armed(early));

	ASSERT_NO_ERRNO(test, iommu_aux_group_join(t->group, late, t->parent, 0));
	KUNIT_EXPECT_TRUE(test, iommu_aux_member_is_armed(late));
	iommu_aux_group_leave(late);
}

static void joining_a_group_that_only_carries_a_domain_arms_nothing(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *early = aux_test_member(test, t->group, t->parent);
	struct iommu_domain *domain = aux_test_domain(test, early);
	struct device *late;

	aux_test_core_attach(test, domain, t->group);
	mock_iommu_clear_log(t->iommu);
	late = aux_test_member(test, t->group, t->parent);
	EXPECT_NO_STEPS(test, t->iommu);
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(late), domain);
	KUNIT_EXPECT_FALSE(test, iommu_aux_member_is_armed(late));
}

static void members_keep_their_group_alive(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct iommu_aux_group *group = iommu_aux_group_create("short lived");
	struct device *member = aux_test_lone_member(test);
	struct iommu_group *core_group;
	int ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, group);
	ret = iommu_aux_group_join(group, member, t->parent, 0);
	KUNIT_EXPECT_PTR_EQ(test, iommu_aux_group_get(group), group);
	iommu_aux_group_put(group);
	iommu_aux_group_put(group);
	ASSERT_NO_ERRNO(test, ret);

	core_group = iommu_group_get(member);
	KUNIT_EXPECT_NOT_NULL(test, core_group);
	iommu_group_put(core_group);
	iommu_aux_group_leave(member);
	KUNIT_EXPECT_NULL(test, member->iommu_group);
	iommu_aux_group_put(NULL);
}

static void a_group_goes_away_with_a_domain_still_attached(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct iommu_aux_group *group = iommu_aux_group_create("left attached");
	struct device *member = aux_test_lone_member(test);
	struct iommu_domain *domain;
	int ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, group);
	ret = iommu_aux_group_join(group, member, t->parent, 0);
	if (ret)
		iommu_aux_group_put(group);
	ASSERT_NO_ERRNO(test, ret);
	domain = aux_test_domain(test, member);
	KUNIT_EXPECT_EQ(test, 0, iommu_aux_attach_group(domain, aux_test_core_group(group),
							iommu_aux_member_dma_dev));
	iommu_aux_group_leave(member);
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 0);
	iommu_aux_group_put(group);
	aux_test_free_domain(test, domain);
	KUNIT_EXPECT_EQ(test, mock_iommu_domains(t->iommu), 0);
}

static void when_the_parent_goes_no_translation_stays(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *member[3];
	struct iommu_domain *domain;
	struct aux_test_attachment *a;
	ioasid_t pasid[3];

	for (int i = 0; i < 3; i++) {
		member[i] = aux_test_member(test, t->group, t->parent);
		pasid[i] = iommu_aux_member_pasid(member[i]);
	}
	domain = aux_test_domain(test, member[0]);
	a = aux_test_attach(test, domain, t->group);
	mock_iommu_clear_log(t->iommu);

	/* nobody has told the members */
	get_device(t->parent);
	aux_test_unplug(test, t->parent);
	EXPECT_STEPS(test, t->iommu,
		     "block_pasid %s %u\nblock_pasid %s %u\nblock_pasid %s %u\nblocked %s\n",
		     dev_name(t->parent), pasid[2], dev_name(t->parent), pasid[1],
		     dev_name(t->parent), pasid[0], dev_name(t->parent));
	put_device(t->parent);

	for (int i = 0; i < 3; i++) {
		KUNIT_EXPECT_FALSE(test, iommu_aux_member_is_armed(member[i]));
		KUNIT_EXPECT_NULL(test, iommu_aux_member_dma_dev(member[i]));
		KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, member[i]), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, PTR_ERR(iommu_paging_domain_alloc(member[0])), -ENODEV);
	KUNIT_EXPECT_FALSE(test, device_iommu_capable(member[0], IOMMU_CAP_CACHE_COHERENCY));

	/* the domain is still good to be unmapped and freed */
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(domain, 0x1000), 0);
	aux_test_detach(test, a);
	for (int i = 0; i < 3; i++)
		aux_test_leave(test, member[i]);
	aux_test_free_domain(test, domain);
	KUNIT_EXPECT_EQ(test, mock_iommu_domains(t->iommu), 0);
}

/* A parent's driver, whose remove callback can still bring its members' DMA to an end */
static int parent_probe(struct platform_device *pdev)
{
	return 0;
}

static struct device *member_at_remove;
static bool armed_at_remove;

static void parent_remove(struct platform_device *pdev)
{
	armed_at_remove = iommu_aux_member_is_armed(member_at_remove);
}

static void when_the_parent_loses_its_driver_no_translation_stays(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *member = aux_test_member(test, t->group, t->parent);
	struct platform_driver driver = {
		.driver.name = dev_name(t->parent),
		.probe = parent_probe,
		.remove = parent_remove,
		/* or the core itself complains about PASIDs that are left */
		.driver_managed_dma = true,
	};

	member_at_remove = member;
	armed_at_remove = false;
	aux_test_attach(test, aux_test_domain(test, member), t->group);
	ASSERT_NO_ERRNO(test, platform_driver_register(&driver));
	KUNIT_EXPECT_PTR_EQ(test, t->parent->driver, &driver.driver);
	KUNIT_EXPECT_TRUE(test, iommu_aux_member_is_armed(member));

	platform_driver_unregister(&driver);
	KUNIT_EXPECT_TRUE(test, armed_at_remove);
	KUNIT_EXPECT_FALSE(test, iommu_aux_member_is_armed(member));
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 0);
	KUNIT_EXPECT_NULL(test, iommu_aux_member_dma_dev(member));
}

static void a_whole_device_is_blocked_unless_armed(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *vf = t->parent, *member;
	struct iommu_domain *domain;
	struct aux_test_attachment *a;

	expect_translation(test, vf, IOMMU_DOMAIN_IDENTITY);
	member = aux_test_whole_member(test, t->group, vf);
	expect_translation(test, vf, IOMMU_DOMAIN_BLOCKED);
	domain = aux_test_domain(test, member);
	a = aux_test_attach(test, domain, t->group);
	expect_translation(test, vf, IOMMU_DOMAIN_UNMANAGED);
	aux_test_detach(test, a);
	expect_translation(test, vf, IOMMU_DOMAIN_BLOCKED);
	aux_test_leave(test, member);
	expect_translation(test, vf, IOMMU_DOMAIN_IDENTITY);
}

/* A device that a member has already, and who else gets it */
struct second_case {
	const char *what;
	unsigned int pasid_bits;
	unsigned int first_flags;
	bool same_group;
	unsigned int flags;
	int result;
};

static const struct second_case second_cases[] = {
	{ "a whole device a second time", 8, IOMMU_AUX_WHOLE_DEVICE, false,
	  IOMMU_AUX_WHOLE_DEVICE, -EOPNOTSUPP },
	{ "a whole device in slices", 8, IOMMU_AUX_WHOLE_DEVICE, false, 0, -EOPNOTSUPP },
	{ "a whole device in slices of the same group", 8, IOMMU_AUX_WHOLE_DEVICE, true, 0,
	  -EOPNOTSUPP },
	/* one that cannot tell its slices apart has them in one group */
	{ "slices without PASIDs in two groups", 0, 0, false, 0, -EOPNOTSUPP },
	{ "slices without PASIDs in one group", 0, 0, true, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(second_case, second_cases, what);

static void a_whole_device_is_nobody_elses(struct kunit *test)
{
	const struct second_case *c = test->param_value;
	struct group_test *t = group_test_make(test);
	struct device *device = aux_test_device(test, t->iommu, c->pasid_bits);
	struct iommu_aux_group *group = c->same_group ? t->group : aux_test_group(test);
	struct device *late = aux_test_lone_member(test), *first;

	/* the group has another whole device, which makes no difference */
	aux_test_whole_member(test, t->group, t->parent);
	first = c->first_flags ? aux_test_whole_member(test, t->group, device) :
				 aux_test_member(test, t->group, device);
	if (c->result)
		expect_refused(test, group, late, device, c->flags, c->result);
	else
		expect_joins(test, group, late, device, c->flags);

	/* when the first one has left, the device is free */
	aux_test_leave(test, first);
	expect_joins(test, group, late, device, c->flags);
}

static void expect_not_wrapped(struct kunit *test, struct iommu_aux_group *group,
			       struct device *device, unsigned int flags, int error)
{
	expect_refused(test, group, aux_test_lone_member(test), device, flags, error);
	expect_translation(test, device, IOMMU_DOMAIN_IDENTITY);
}

KUNIT_DEFINE_ACTION_WRAPPER(unregister_driver, platform_driver_unregister,
			    struct platform_driver *);

/* A driver of its own for a device: unbound at the end of the test, or now */
static struct platform_driver *bind_driver(struct kunit *test, struct device *device,
					   bool managed_dma)
{
	struct platform_driver *driver = kunit_kzalloc(test, sizeof(*driver), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, driver);
	driver->driver.name = kunit_kasprintf(test, "%s", dev_name(device));
	driver->driver_managed_dma = managed_dma;
	ASSERT_NO_ERRNO(test, platform_driver_register(driver));
	ASSERT_NO_ERRNO(test, kunit_add_action_or_reset(test, unregister_driver, driver));
	KUNIT_ASSERT_PTR_EQ(test, device->driver, &driver->driver);
	return driver;
}

static void a_device_that_the_host_uses_is_not_wrapped(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *vf = t->parent, *plain = aux_test_device(test, t->iommu, 0);
	struct platform_driver *driver = bind_driver(test, vf, false);

	bind_driver(test, plain, false);
	expect_not_wrapped(test, t->group, vf, IOMMU_AUX_WHOLE_DEVICE, -EBUSY);
	expect_not_wrapped(test, t->group, plain, 0, -EBUSY);

	/* its slices have PASIDs: the driver's own DMA goes on beside them */
	aux_test_leave(test, aux_test_member(test, t->group, vf));

	/* without a driver, and with one that leaves DMA alone, it can be wrapped */
	kunit_release_action(test, unregister_driver, driver);
	aux_test_leave(test, aux_test_whole_member(test, t->group, vf));
	bind_driver(test, vf, true);
	aux_test_leave(test, aux_test_whole_member(test, t->group, vf));
}

static void a_wrapped_device_is_not_the_hosts(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *vf = t->parent;
	struct platform_driver *driver;

	aux_test_whole_member(test, t->group, vf);
	driver = kunit_kzalloc(test, sizeof(*driver), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, driver);
	driver->driver.name = kunit_kasprintf(test, "%s", dev_name(vf));
	ASSERT_NO_ERRNO(test, platform_driver_register(driver));
	KUNIT_EXPECT_NULL(test, vf->driver);
	platform_driver_unregister(driver);
}

static void a_device_that_firmware_uses_is_not_wrapped(struct kunit *test)
{
	const struct mock_iommu_config config = { .max_pasids = 256, .direct = true };
	struct mock_iommu *iommu = aux_test_iommu(test, &config);
	struct device *vf = aux_test_device(test, iommu, 0);

	expect_not_wrapped(test, aux_test_group(test), vf, IOMMU_AUX_WHOLE_DEVICE, -EOPNOTSUPP);
}

static void who_is_plugged_in_beside_the_parent_stops_the_next_arming(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	struct device *member = aux_test_member(test, t->group, t->parent);
	struct iommu_domain *domain = aux_test_domain(test, member);
	struct aux_test_attachment *a = aux_test_attach(test, domain, t->group);
	struct device *late = aux_test_lone_member(test), *sibling;
	struct iommu_group *core_group = iommu_group_get(t->parent);
	int attached, claimed;

	sibling = aux_test_sibling(test, t->iommu, t->parent);
	/* while a PASID is in use the core gives the group to nobody */
	claimed = iommu_group_claim_dma_owner(core_group, test);
	iommu_group_put(core_group);
	KUNIT_EXPECT_EQ(test, claimed, -EBUSY);
	expect_refused(test, t->group, late, t->parent, 0, -EOPNOTSUPP);

	aux_test_detach(test, a);
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 0);
	attached = iommu_aux_attach_group(domain, aux_test_core_group(t->group),
					  iommu_aux_member_dma_dev);
	KUNIT_EXPECT_EQ(test, attached, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 0);

	aux_test_unplug(test, sibling);
	aux_test_attach(test, domain, t->group);
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 1);
}

/* Which devices can carry members */
struct device_case {
	const char *what;
	struct mock_iommu_config config;
	unsigned int pasid_bits;
	bool shared;
	unsigned int flags;
	int result;
};

static const struct device_case device_cases[] = {
	{ "a device with PASIDs", { .max_pasids = 256 }, 8, false, 0, 0 },
	{ "a whole device with PASIDs", { .max_pasids = 256 }, 8, false,
	  IOMMU_AUX_WHOLE_DEVICE, 0 },
	{ "a whole device without PASIDs", { .max_pasids = 256 }, 0, false,
	  IOMMU_AUX_WHOLE_DEVICE, 0 },
	{ "a device without PASIDs", { .max_pasids = 256 }, 0, false, 0, -EOPNOTSUPP },
	{ "an IOMMU without PASIDs", { }, 8, false, 0, -EOPNOTSUPP },
	{ "an incoherent IOMMU", { .max_pasids = 256, .incoherent = true }, 8, false, 0,
	  -EOPNOTSUPP },
	{ "PASIDs for shared addresses only", { .max_pasids = 256, .no_paging_pasid = true }, 8,
	  false, 0, -EOPNOTSUPP },
	{ "a whole device in a shared group", { .max_pasids = 256 }, 8, true,
	  IOMMU_AUX_WHOLE_DEVICE, -EOPNOTSUPP },
	{ "PASIDs that others in the group could forge", { .max_pasids = 256 }, 8, true, 0,
	  -EOPNOTSUPP },
	{ "unknown flags", { .max_pasids = 256 }, 8, false, BIT(5), -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(device_case, device_cases, what);

static void a_device_is_checked_and_the_reason_is_given(struct kunit *test)
{
	const struct device_case *c = test->param_value;
	struct mock_iommu *iommu = aux_test_iommu(test, &c->config);
	struct device *parent = aux_test_device(test, iommu, c->pasid_bits);
	const char *reason = "none";

	if (c->shared)
		aux_test_sibling(test, iommu, parent);
	KUNIT_EXPECT_EQ(test, c->result, iommu_aux_check_device(parent, c->flags, &reason));
	if (c->result)
		KUNIT_EXPECT_NOT_NULL(test, reason);
	else
		KUNIT_EXPECT_NULL(test, reason);
	/* the reason is optional, and asking leaves nothing behind */
	KUNIT_EXPECT_EQ(test, c->result, iommu_aux_check_device(parent, c->flags, NULL));
	KUNIT_EXPECT_EQ(test, mock_iommu_domains(iommu), 0);
}

static void a_device_without_iommu_is_told_so(struct kunit *test)
{
	const char *reason = NULL;

	KUNIT_EXPECT_EQ(test, -ENODEV, iommu_aux_check_device(aux_test_lone_member(test), 0,
							      &reason));
	KUNIT_ASSERT_NOT_NULL(test, reason);
	KUNIT_EXPECT_NOT_NULL(test, strstr(reason, "no IOMMU"));
}

static void asking_for_a_domain_when_there_is_none_left_gives_a_reason(struct kunit *test)
{
	struct group_test *t = group_test_make(test);
	const char *reason = NULL;

	/* it is not the device that cannot, and next time it may work */
	mock_iommu_fail(t->iommu, MOCK_IOMMU_ALLOC, 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, -ENOMEM, iommu_aux_check_device(t->parent, 0, &reason));
	KUNIT_EXPECT_NOT_NULL(test, reason);
	KUNIT_EXPECT_EQ(test, 0, iommu_aux_check_device(t->parent, 0, &reason));
	KUNIT_EXPECT_NULL(test, reason);
}

static void asking_again_costs_no_domain(struct kunit *test)
{
	const struct mock_iommu_config shared_only = { .max_pasids = 256, .no_paging_pasid = true };
	const struct mock_iommu_config *const configs[] = { &pasid_iommu, &shared_only };
	static const int results[] = { 0, -EOPNOTSUPP };

	for (int i = 0; i < ARRAY_SIZE(configs); i++) {
		struct mock_iommu *iommu = aux_test_iommu(test, configs[i]);
		struct device *parent = aux_test_device(test, iommu, 8);
		struct platform_driver *driver = bind_driver(test, parent, false);

		for (int round = 0; round < 3; round++) {
			KUNIT_EXPECT_EQ(test, results[i], iommu_aux_check_device(parent, 0, NULL));
			EXPECT_STEPS(test, iommu, "%s", round ? "" : "alloc 1\nfree 1\n");
		}

		/* another driver may have made another device of it */
		kunit_release_action(test, unregister_driver, driver);
		mock_iommu_clear_log(iommu);
		KUNIT_EXPECT_EQ(test, results[i], iommu_aux_check_device(parent, 0, NULL));
		EXPECT_STEPS(test, iommu, "alloc 2\nfree 2\n");
	}
}

/*
 * Everything at once: one thread joins and leaves, one arms and disarms, one takes the domain off
 * and puts it on like VFIO. What counts is what lockdep and KASAN say, and that
 * nothing is left.
 */
struct race {
	struct device *parent;
	struct iommu_aux_group *group;
	struct iommu_domain *domain;
	struct device *member;
	atomic_t rounds;
};

static int race_join(void *data)
{
	struct race *r = data;

	while (!kthread_should_stop()) {
		if (!iommu_aux_group_join(r->group, r->member, r->parent, 0)) {
			atomic_inc(&r->rounds);
			iommu_aux_group_leave(r->member);
		}
		cond_resched();
	}
	return 0;
}

static int race_arm(void *data)
{
	struct race *r = data;
	struct iommu_group *core_group = aux_test_core_group(r->group);

	while (!kthread_should_stop()) {
		if (!iommu_aux_attach_group(r->domain, core_group, iommu_aux_member_dma_dev)) {
			atomic_inc(&r->rounds);
			iommu_aux_detach_group(r->domain, core_group,
					       iommu_aux_member_dma_dev);
		}
		cond_resched();
	}
	return 0;
}

static int race_core(void *data)
{
	struct race *r = data;
	struct iommu_group *core_group = aux_test_core_group(r->group);

	while (!kthread_should_stop()) {
		if (!iommu_attach_group(r->domain, core_group)) {
			atomic_inc(&r->rounds);
			usleep_range(50, 100);
			iommu_detach_group(r->domain, core_group);
		}
		usleep_range(10, 20);
	}
	return 0;
}

#define RACERS	3

static bool race_has_idlers(struct race race[RACERS])
{
	for (int i = 0; i < RACERS; i++)
		if (!atomic_read(&race[i].rounds))
			return true;
	return false;
}

static void joining_arming_and_detaching_at_once_leaves_nothing(struct kunit *test)
{
	static int (*const threads[RACERS])(void *) = { race_join, race_arm, race_core };
	struct group_test *t = group_test_make(test);
	struct device *stays = aux_test_member(test, t->group, t->parent);
	struct iommu_domain *domain = aux_test_domain(test, stays);
	struct task_struct *task[RACERS];
	struct race race[RACERS];

	for (int i = 0; i < RACERS; i++) {
		race[i] = (struct race){
			.parent = t->parent,
			.group = t->group,
			.domain = domain,
			.member = i ? NULL : aux_test_lone_member(test),
		};
		task[i] = kthread_run(threads[i], &race[i], "iommu_aux_race/%d", i);
	}
	/* However slow the kernel is, each has had its turns */
	msleep(500);
	for (int waited = 0; waited < 60000 && race_has_idlers(race); waited += 20)
		msleep(20);
	for (int i = 0; i < RACERS; i++) {
		if (!IS_ERR(task[i]))
			kthread_stop(task[i]);
		KUNIT_EXPECT_FALSE(test, IS_ERR(task[i]));
	}
	for (int i = 0; i < RACERS; i++)
		KUNIT_EXPECT_GT(test, atomic_read(&race[i].rounds), 0);

	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 0);
	KUNIT_EXPECT_FALSE(test, iommu_aux_member_is_armed(stays));
	aux_test_attach(test, domain, t->group);
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 1);
}

/*
 * One thread wants a device as a whole, one in slices, each for a group of its own. In each round
 * both are let go at once; whoever is in stays until the other one has been told.
 */
struct rivals {
	struct device *device;
	atomic_t round;
	atomic_t answers;
	atomic_t in;
	atomic_t both;
	atomic_t wins[2];
};

struct rival {
	struct rivals *all;
	struct iommu_aux_group *group;
	struct device *member;
	unsigned int flags;
	int index;
};

static int compete(void *data)
{
	struct rival *r = data;
	struct rivals *all = r->all;

	for (int round = 1; !kthread_should_stop(); round++) {
		int ret;

		while (atomic_read(&all->round) < round && !kthread_should_stop())
			cond_resched();
		if (kthread_should_stop())
			break;
		ret = iommu_aux_group_join(r->group, r->member, all->device, r->flags);
		if (!ret) {
			atomic_inc(&all->wins[r->index]);
			if (atomic_inc_return(&all->in) == 2)
				atomic_inc(&all->both);
		}
		atomic_inc(&all->answers);
		while (atomic_read(&all->answers) < 2 && !kthread_should_stop())
			cond_resched();
		if (!ret) {
			atomic_dec(&all->in);
			iommu_aux_group_leave(r->member);
		}
		atomic_inc(&all->answers);
	}
	return 0;
}

static void two_who_want_the_same_whole_device_at_once_do_not_both_get_it(struct kunit *test)
{
	struct mock_iommu *iommu = aux_test_iommu(test, &pasid_iommu);
	struct rivals all = { .device = aux_test_device(test, iommu, 8) };
	struct task_struct *task[2];
	struct rival rival[2];

	for (int i = 0; i < 2; i++) {
		rival[i] = (struct rival){
			.all = &all,
			.group = aux_test_group(test),
			.member = aux_test_lone_member(test),
			.flags = i ? IOMMU_AUX_WHOLE_DEVICE : 0,
			.index = i,
		};
		task[i] = kthread_run(compete, &rival[i], "iommu_aux_rival/%d", i);
	}
	for (int round = 1; round <= 300; round++) {
		atomic_set(&all.answers, 0);
		atomic_set(&all.round, round);
		while (atomic_read(&all.answers) < 4)
			usleep_range(10, 50);
	}
	for (int i = 0; i < 2; i++)
		kthread_stop(task[i]);

	KUNIT_EXPECT_EQ(test, atomic_read(&all.both), 0);
	KUNIT_EXPECT_GE(test, atomic_read(&all.wins[0]) + atomic_read(&all.wins[1]), 300);
}

static struct kunit_case group_cases[] = {
	KUNIT_CASE(a_group_shows_its_name_and_has_a_default_domain),
	KUNIT_CASE(an_empty_group_gives_no_domain),
	KUNIT_CASE(a_member_has_a_pasid_of_its_own_until_it_leaves),
	KUNIT_CASE(pasids_run_out_and_are_used_again),
	KUNIT_CASE(the_pasids_that_are_left_are_counted),
	KUNIT_CASE(a_reused_pasid_never_sees_the_former_members_memory),
	KUNIT_CASE(a_pasid_is_given_back_after_its_translation_has_gone),
	KUNIT_CASE(what_cannot_join_is_left_as_it_was),
	KUNIT_CASE(a_second_instance_is_refused_while_the_first_is_in),
	KUNIT_CASE(a_domain_left_on_the_group_binds_it_to_the_instance),
	KUNIT_CASE(who_joins_a_group_in_use_gets_what_the_others_have),
	KUNIT_CASE(who_cannot_be_armed_does_not_join_a_group_in_use),
	KUNIT_CASE(joining_a_group_that_only_carries_a_domain_arms_nothing),
	KUNIT_CASE(members_keep_their_group_alive),
	KUNIT_CASE(a_group_goes_away_with_a_domain_still_attached),
	KUNIT_CASE(when_the_parent_goes_no_translation_stays),
	KUNIT_CASE(when_the_parent_loses_its_driver_no_translation_stays),
	KUNIT_CASE(a_whole_device_is_blocked_unless_armed),
	KUNIT_CASE_PARAM(a_whole_device_is_nobody_elses, second_case_gen_params),
	KUNIT_CASE(a_device_that_the_host_uses_is_not_wrapped),
	KUNIT_CASE(a_wrapped_device_is_not_the_hosts),
	KUNIT_CASE(a_device_that_firmware_uses_is_not_wrapped),
	KUNIT_CASE(who_is_plugged_in_beside_the_parent_stops_the_next_arming),
	KUNIT_CASE_PARAM(a_device_is_checked_and_the_reason_is_given, device_case_gen_params),
	KUNIT_CASE(a_device_without_iommu_is_told_so),
	KUNIT_CASE(asking_for_a_domain_when_there_is_none_left_gives_a_reason),
	KUNIT_CASE(asking_again_costs_no_domain),
	KUNIT_CASE_SLOW(two_who_want_the_same_whole_device_at_once_do_not_both_get_it),
	KUNIT_CASE_SLOW(joining_arming_and_detaching_at_once_leaves_nothing),
	{ }
};

static struct kunit_suite group_suite = {
	.name = "iommu_aux_group",
	.test_cases = group_cases,
};

kunit_test_suite(group_suite);
