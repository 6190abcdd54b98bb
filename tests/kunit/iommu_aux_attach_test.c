// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach and detach: the contract of iommu_aux.h, step by step.
 */
#include "iommu_aux_fixture.h"

#define MAX_MEMBERS	17

static const struct mock_iommu_config pasid_iommu = { .max_pasids = 1 << 8 };

/* One PASID parent and a group of members behind it */
struct attach_test {
	struct mock_iommu *iommu;
	struct device *parent;
	struct iommu_aux_group *group;
	struct iommu_group *core_group;
	unsigned int count;
	struct device *member[MAX_MEMBERS];
};

static struct attach_test *attach_test_make(struct kunit *test, unsigned int count)
{
	struct attach_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->iommu = aux_test_iommu(test, &pasid_iommu);
	t->parent = aux_test_device(test, t->iommu, 8);
	t->group = aux_test_group(test);
	t->core_group = aux_test_core_group(t->group);
	t->count = count;
	for (unsigned int i = 0; i < count; i++)
		t->member[i] = aux_test_member(test, t->group, t->parent);
	mock_iommu_clear_log(t->iommu);
	return t;
}

/* "set_pasid dev P domain" for members 0 to @count - 1 */
static char *set_steps(struct kunit *test, struct attach_test *t, unsigned int count,
		       unsigned int domain)
{
	char *steps = "";

	for (unsigned int i = 0; i < count; i++)
		steps = kunit_kasprintf(test, "%sset_pasid %s %u %u\n", steps, dev_name(t->parent),
					iommu_aux_member_pasid(t->member[i]), domain);
	return steps;
}

/* "block_pasid dev P" for members @count - 1 down to 0 */
static char *block_steps(struct kunit *test, struct attach_test *t, unsigned int count)
{
	char *steps = "";

	while (count--)
		steps = kunit_kasprintf(test, "%sblock_pasid %s %u\n", steps, dev_name(t->parent),
					iommu_aux_member_pasid(t->member[count]));
	return steps;
}

static void expect_nothing_attached(struct kunit *test, struct attach_test *t)
{
	KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 0);
	for (unsigned int i = 0; i < t->count; i++)
		KUNIT_EXPECT_FALSE(test, iommu_aux_member_is_armed(t->member[i]));
}

/*
 * A lookup function that answers from a table. Members that are not in it: NULL.
 */
static struct {
	struct device *member;
	struct device *dma_dev;
} answers[MAX_MEMBERS];

static void answer(unsigned int i, struct device *member, struct device *dma_dev)
{
	answers[i].member = member;
	answers[i].dma_dev = dma_dev;
}

static struct device *look_up_answer(struct device *member)
{
	for (unsigned int i = 0; i < MAX_MEMBERS; i++)
		if (answers[i].member == member)
			return answers[i].dma_dev;
	return NULL;
}

static int attach_test_init(struct kunit *test)
{
	memset(answers, 0, sizeof(answers));
	return 0;
}

static const unsigned int member_counts[] = { 1, 2, MAX_MEMBERS };

static void describe_count(const unsigned int *count, char *text)
{
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "%u members", *count);
}

KUNIT_ARRAY_PARAM(member_count, member_counts, describe_count);

static void attach_covers_every_member_and_detach_undoes_it(struct kunit *test)
{
	const unsigned int *count = test->param_value;
	struct attach_test *t = attach_test_make(test, *count);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct aux_test_attachment *a;

	EXPECT_STEPS(test, t->iommu, "alloc 1\n");
	for (unsigned int i = 0; i < t->count; i++) {
		KUNIT_EXPECT_PTR_NE(test, iommu_get_domain_for_dev(t->member[i]), domain);
		KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, t->member[i]), -EINVAL);
	}

	a = aux_test_attach(test, domain, t->group);
	EXPECT_STEPS(test, t->iommu, "%s", set_steps(test, t, t->count, 1));
	for (unsigned int i = 0; i < t->count; i++) {
		ioasid_t pasid = iommu_aux_member_pasid(t->member[i]);

		KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(t->member[i]), domain);
		KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, t->member[i]), (int)pasid);
		KUNIT_EXPECT_TRUE(test, iommu_aux_member_is_armed(t->member[i]));
		KUNIT_EXPECT_NOT_NULL(test, mock_iommu_translation(t->parent, pasid));
	}

	aux_test_detach(test, a);
	EXPECT_STEPS(test, t->iommu, "%s", block_steps(test, t, t->count));
	expect_nothing_attached(test, t);
	for (unsigned int i = 0; i < t->count; i++) {
		KUNIT_EXPECT_PTR_NE(test, iommu_get_domain_for_dev(t->member[i]), domain);
		KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, t->member[i]), -EINVAL);
	}
}

static void failure_at_member_k_undoes_the_ones_before(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 5);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	for (unsigned int k = 0; k < t->count; k++) {
		mock_iommu_clear_log(t->iommu);
		mock_iommu_fail(t->iommu, MOCK_IOMMU_SET_PASID, k + 1, -ENOMEM);
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				iommu_aux_attach_group(domain, t->core_group,
						       iommu_aux_member_dma_dev));
		EXPECT_STEPS(test, t->iommu, "%sset_pasid %s %u 1 = %d\n%s",
			     set_steps(test, t, k, 1), dev_name(t->parent),
			     iommu_aux_member_pasid(t->member[k]), -ENOMEM,
			     block_steps(test, t, k));
		expect_nothing_attached(test, t);
		KUNIT_EXPECT_PTR_NE(test, iommu_get_domain_for_dev(t->member[0]), domain);
	}

	aux_test_attach(test, domain, t->group);
}

static void failure_leaves_the_domain_that_vfio_put_on_the_group(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	aux_test_core_attach(test, domain, t->group);
	mock_iommu_fail(t->iommu, MOCK_IOMMU_SET_PASID, 2, -EIO);
	KUNIT_EXPECT_EQ(test, -EIO, iommu_aux_attach_group(domain, t->core_group,
							   iommu_aux_member_dma_dev));
	expect_nothing_attached(test, t);
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(t->member[0]), domain);
}

static void a_group_that_carries_the_domain_is_only_armed_and_disarmed(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct aux_test_attachment *vfio, *a;

	vfio = aux_test_core_attach(test, domain, t->group);
	EXPECT_STEPS(test, t->iommu, "alloc 1\n");
	expect_nothing_attached(test, t);
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(t->member[1]), domain);

	a = aux_test_attach(test, domain, t->group);
	EXPECT_STEPS(test, t->iommu, "%s", set_steps(test, t, 2, 1));
	aux_test_detach(test, a);
	EXPECT_STEPS(test, t->iommu, "%s", block_steps(test, t, 2));
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(t->member[1]), domain);

	aux_test_core_detach(test, vfio);
	KUNIT_EXPECT_PTR_NE(test, iommu_get_domain_for_dev(t->member[1]), domain);
}

static void wrapped_devices_and_pasids_mix_in_one_group(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct device *vf = aux_test_device(test, t->iommu, 0);
	struct device *pf = aux_test_device(test, t->iommu, 8);
	struct device *wraps_vf = aux_test_member(test, t->group, vf);
	struct device *wraps_pf = aux_test_whole_member(test, t->group, pf);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct aux_test_attachment *a;
	ioasid_t pasid = iommu_aux_member_pasid(t->member[0]);

	KUNIT_EXPECT_EQ(test, iommu_aux_member_pasid(wraps_vf), IOMMU_PASID_INVALID);
	KUNIT_EXPECT_EQ(test, iommu_aux_member_pasid(wraps_pf), IOMMU_PASID_INVALID);
	mock_iommu_clear_log(t->iommu);

	a = aux_test_attach(test, domain, t->group);
	EXPECT_STEPS(test, t->iommu, "set_pasid %s %u 1\nattach %s 1\nattach %s 1\n",
		     dev_name(t->parent), pasid, dev_name(vf), dev_name(pf));
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, t->member[0]), (int)pasid);
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, wraps_vf), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, wraps_pf), -EOPNOTSUPP);

	aux_test_detach(test, a);
	EXPECT_STEPS(test, t->iommu, "blocked %s\nblocked %s\nblock_pasid %s %u\n",
		     dev_name(pf), dev_name(vf), dev_name(t->parent), pasid);
}

static void failure_of_a_wrapped_device_undoes_pasids_and_devices(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct device *vf[2];
	struct iommu_domain *domain;
	ioasid_t pasid = iommu_aux_member_pasid(t->member[0]);
	const char *back;

	for (int i = 0; i < 2; i++) {
		vf[i] = aux_test_device(test, t->iommu, 0);
		aux_test_member(test, t->group, vf[i]);
	}
	domain = aux_test_domain(test, t->member[0]);
	mock_iommu_clear_log(t->iommu);

	mock_iommu_fail(t->iommu, MOCK_IOMMU_ATTACH, 2, -EBUSY);
	KUNIT_EXPECT_EQ(test, -EBUSY, iommu_aux_attach_group(domain, t->core_group,
							     iommu_aux_member_dma_dev));
	/* Older cores put the device that failed back, newer ones leave that to its driver */
	back = kunit_kasprintf(test, "blocked %s\n", dev_name(vf[1]));
	if (!strstr(mock_iommu_log(t->iommu), back))
		back = "";
	EXPECT_STEPS(test, t->iommu,
		     "set_pasid %s %u 1\nattach %s 1\nattach %s 1 = %d\n"
		     "%sblocked %s\nblock_pasid %s %u\n",
		     dev_name(t->parent), pasid, dev_name(vf[0]), dev_name(vf[1]), -EBUSY,
		     back, dev_name(vf[0]), dev_name(t->parent), pasid);
	expect_nothing_attached(test, t);
}

static void members_without_an_answer_are_left_alone(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 3);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	answer(0, t->member[0], t->parent);
	answer(2, t->member[2], t->parent);
	mock_iommu_clear_log(t->iommu);

	ASSERT_NO_ERRNO(test, iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	EXPECT_STEPS(test, t->iommu, "set_pasid %s %u 1\nset_pasid %s %u 1\n",
		     dev_name(t->parent), iommu_aux_member_pasid(t->member[0]),
		     dev_name(t->parent), iommu_aux_member_pasid(t->member[2]));
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, t->member[1]), -EINVAL);
	/* translated by itself: the stock API still tells the domain */
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(t->member[1]), domain);

	iommu_aux_detach_group(domain, t->core_group, look_up_answer);
	expect_nothing_attached(test, t);
}

static void lookup_may_name_another_device_of_the_instance(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct device *other = aux_test_device(test, t->iommu, 8);
	struct device *vf = aux_test_device(test, t->iommu, 0);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	answer(0, t->member[0], other);
	answer(1, t->member[1], vf);
	mock_iommu_clear_log(t->iommu);

	ASSERT_NO_ERRNO(test, iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	EXPECT_STEPS(test, t->iommu, "set_pasid %s %u 1\nblocked %s\nattach %s 1\n",
		     dev_name(other), iommu_aux_member_pasid(t->member[0]), dev_name(vf),
		     dev_name(vf));
	iommu_aux_detach_group(domain, t->core_group, look_up_answer);
	EXPECT_STEPS(test, t->iommu, "blocked %s\nblock_pasid %s %u\n", dev_name(vf),
		     dev_name(other), iommu_aux_member_pasid(t->member[0]));
	/* the device is the host's again only when the member cannot use it any more */
	aux_test_leave(test, t->member[1]);
	EXPECT_STEPS(test, t->iommu, "identity %s\n", dev_name(vf));
}

static void a_device_that_lookup_names_is_given_back_when_it_names_another(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct device *vf[2] = { aux_test_device(test, t->iommu, 0),
				 aux_test_device(test, t->iommu, 0) };
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	answer(0, t->member[0], vf[0]);
	ASSERT_NO_ERRNO(test, iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	iommu_aux_detach_group(domain, t->core_group, look_up_answer);
	mock_iommu_clear_log(t->iommu);

	answer(0, t->member[0], vf[1]);
	ASSERT_NO_ERRNO(test, iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	EXPECT_STEPS(test, t->iommu, "identity %s\nblocked %s\nattach %s 1\n",
		     dev_name(vf[0]), dev_name(vf[1]), dev_name(vf[1]));
	iommu_aux_detach_group(domain, t->core_group, look_up_answer);
	mock_iommu_clear_log(t->iommu);

	/* one that was claimed by an attach that failed is given back at once */
	answer(0, t->member[0], vf[0]);
	answer(1, t->member[1], t->parent);
	mock_iommu_fail(t->iommu, MOCK_IOMMU_SET_PASID, 1, -EIO);
	KUNIT_EXPECT_EQ(test, -EIO,
			iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	EXPECT_STEPS(test, t->iommu,
		     "identity %s\nblocked %s\nattach %s 1\nset_pasid %s %u 1 = %d\n"
		     "blocked %s\nidentity %s\n",
		     dev_name(vf[1]), dev_name(vf[0]), dev_name(vf[0]), dev_name(t->parent),
		     iommu_aux_member_pasid(t->member[1]), -EIO, dev_name(vf[0]),
		     dev_name(vf[0]));
}

static void lookup_cannot_name_what_somebody_else_has(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1), *other = attach_test_make(test, 0);
	struct device *whole = aux_test_device(test, t->iommu, 8);
	struct device *plain = aux_test_device(test, t->iommu, 0);
	struct device *hosts = aux_test_device(test, t->iommu, 0);
	struct device *slice = aux_test_lone_member(test);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct device *const taken[] = { whole, plain, hosts };

	aux_test_whole_member(test, other->group, whole);
	aux_test_member(test, other->group, plain);
	ASSERT_NO_ERRNO(test, iommu_device_claim_dma_owner(hosts, test));
	mock_iommu_clear_log(t->iommu);
	for (int i = 0; i < ARRAY_SIZE(taken); i++) {
		answer(0, t->member[0], taken[i]);
		KUNIT_EXPECT_EQ_MSG(test, -EBUSY,
				    iommu_aux_attach_group(domain, t->core_group, look_up_answer),
				    "device %d", i);
	}
	EXPECT_NO_STEPS(test, t->iommu);
	iommu_device_release_dma_owner(hosts);

	/* and what it has named is taken, armed or not: in slices only once more in slices */
	whole = aux_test_device(test, t->iommu, 8);
	answer(0, t->member[0], whole);
	ASSERT_NO_ERRNO(test, iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	iommu_aux_detach_group(domain, t->core_group, look_up_answer);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_aux_group_join(other->group, slice, whole,
								IOMMU_AUX_WHOLE_DEVICE));
	aux_test_member(test, other->group, whole);
}

static void a_device_plugged_in_beside_a_wrapped_one_does_not_stop_the_detach(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 0);
	struct device *vf = aux_test_device(test, t->iommu, 0);
	struct device *member = aux_test_whole_member(test, t->group, vf);
	struct iommu_domain *domain = aux_test_domain(test, member);
	struct aux_test_attachment *a = aux_test_attach(test, domain, t->group);
	struct device *sibling = aux_test_sibling(test, t->iommu, vf);

	/* nobody can use it meanwhile: it shares the domain, but its DMA is owned */
	KUNIT_EXPECT_NE(test, iommu_device_claim_dma_owner(sibling, test), 0);
	mock_iommu_clear_log(t->iommu);
	aux_test_detach(test, a);
	EXPECT_STEPS(test, t->iommu, "blocked %s\nblocked %s\n", dev_name(vf), dev_name(sibling));
	aux_test_free_domain(test, domain);
	EXPECT_STEPS(test, t->iommu, "free 1\n");

	domain = aux_test_domain(test, member);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_aux_attach_group(domain, t->core_group,
								  iommu_aux_member_dma_dev));
	aux_test_unplug(test, sibling);
	aux_test_attach(test, domain, t->group);
}

static void null_function_is_the_stock_attach(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	mock_iommu_clear_log(t->iommu);
	ASSERT_NO_ERRNO(test, iommu_attach_group_with_lookup(domain, t->core_group, NULL));
	EXPECT_NO_STEPS(test, t->iommu);
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(t->member[0]), domain);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			iommu_attach_group_with_lookup(domain, t->core_group, NULL));
	iommu_detach_group(domain, t->core_group);
}

static void with_a_function_it_is_the_aux_attach(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	ASSERT_NO_ERRNO(test, iommu_attach_group_with_lookup(domain, t->core_group,
							     iommu_aux_member_dma_dev));
	KUNIT_EXPECT_TRUE(test, iommu_aux_member_is_armed(t->member[0]));
	iommu_aux_detach_group(domain, t->core_group, iommu_aux_member_dma_dev);
}

static void an_armed_or_occupied_group_is_busy(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct iommu_domain *second = aux_test_domain(test, t->member[0]);
	struct aux_test_attachment *a, *vfio;

	a = aux_test_attach(test, domain, t->group);
	mock_iommu_clear_log(t->iommu);
	KUNIT_EXPECT_EQ(test, -EBUSY, iommu_aux_attach_group(second, t->core_group,
							     iommu_aux_member_dma_dev));
	KUNIT_EXPECT_EQ(test, -EBUSY, iommu_aux_attach_group(domain, t->core_group,
							     iommu_aux_member_dma_dev));
	KUNIT_EXPECT_EQ(test, -EBUSY, iommu_attach_group(second, t->core_group));
	EXPECT_NO_STEPS(test, t->iommu);
	KUNIT_EXPECT_TRUE(test, iommu_aux_member_is_armed(t->member[1]));
	aux_test_detach(test, a);

	vfio = aux_test_core_attach(test, domain, t->group);
	KUNIT_EXPECT_EQ(test, -EBUSY, iommu_aux_attach_group(second, t->core_group,
							     iommu_aux_member_dma_dev));
	aux_test_core_detach(test, vfio);

	a = aux_test_attach(test, second, t->group);
	KUNIT_EXPECT_PTR_EQ(test, iommu_get_domain_for_dev(t->member[0]), second);
	aux_test_detach(test, a);
}

/* iommufd replaces the domain of a group without taking the old one off first */
static void an_armed_group_keeps_its_domain_when_it_is_to_be_replaced(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct iommu_domain *second = aux_test_domain(test, t->member[0]);
	struct aux_test_attachment *a = aux_test_attach(test, domain, t->group);

	KUNIT_EXPECT_EQ(test, -EBUSY, MDEVKIT_CALL_ATTACH_DEV(second, t->member[0], domain));
	KUNIT_EXPECT_EQ(test, 0, MDEVKIT_CALL_ATTACH_DEV(domain, t->member[0], domain));
	for (unsigned int i = 0; i < t->count; i++)
		KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, t->member[i]),
				(int)iommu_aux_member_pasid(t->member[i]));
	aux_test_detach(test, a);
}

static void what_does_not_fit_is_invalid(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct attach_test *other = attach_test_make(test, 1);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct iommu_domain *foreign = aux_test_domain(test, other->member[0]);
	struct iommu_domain *physical = aux_test_domain(test, t->parent);
	struct iommu_group *physical_group = iommu_group_get(t->parent);

	/* no lookup function */
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_aux_attach_group(domain, t->core_group, NULL));
	/* no aux group, no aux domain */
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_aux_attach_group(domain, physical_group,
							      iommu_aux_member_dma_dev));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_aux_attach_group(physical, t->core_group,
							      iommu_aux_member_dma_dev));
	/* a domain of another instance */
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_aux_attach_group(foreign, t->core_group,
							      iommu_aux_member_dma_dev));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_attach_group(foreign, t->core_group));
	/* the lookup function names a device of another instance, whose driver is not even asked */
	mock_iommu_clear_log(other->iommu);
	answer(0, t->member[0], other->parent);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	EXPECT_NO_STEPS(test, other->iommu);
	/* or one without IOMMU */
	answer(0, t->member[0], aux_test_lone_member(test));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			iommu_aux_attach_group(domain, t->core_group, look_up_answer));

	/* detaching what is not attached does nothing but say so */
	mock_iommu_clear_log(t->iommu);
	iommu_aux_detach_group(domain, physical_group, iommu_aux_member_dma_dev);
	iommu_aux_detach_group(domain, t->core_group, iommu_aux_member_dma_dev);
	EXPECT_NO_STEPS(test, t->iommu);

	iommu_group_put(physical_group);
	expect_nothing_attached(test, t);
}

static void no_pasid_left_for_a_member_that_needs_one_only_now(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 0);
	struct device *vf = aux_test_device(test, t->iommu, 0);
	struct device *narrow = aux_test_device(test, t->iommu, 1);
	struct device *member = aux_test_member(test, t->group, vf);
	struct device *taker = aux_test_lone_member(test);
	struct iommu_domain *domain = aux_test_domain(test, member);
	struct iommu_aux_group *taken = aux_test_group(test);

	/* a device with a PASID width of 1 bit has one PASID: 1 */
	if (iommu_aux_group_join(taken, taker, narrow, 0))
		kunit_skip(test, "somebody else in this kernel uses PASID 1");
	aux_test_leaves_by_itself(test, taker);

	answer(0, member, narrow);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	aux_test_leave(test, taker);

	ASSERT_NO_ERRNO(test, iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, member), 1);
	iommu_aux_detach_group(domain, t->core_group, look_up_answer);
}

static void a_pasid_too_large_for_the_device_is_no_space(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct device *narrow = aux_test_device(test, t->iommu, 1);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	/* the second member's PASID is 2 at least */
	answer(1, t->member[1], narrow);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	expect_nothing_attached(test, t);
}

static void a_device_that_shares_its_group_cannot_isolate(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct device *vf = aux_test_device(test, t->iommu, 0);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	aux_test_sibling(test, t->iommu, vf);
	answer(0, t->member[0], vf);
	for (int i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
				iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	expect_nothing_attached(test, t);
}

static void a_wrapped_device_in_use_is_busy(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct device *vf = aux_test_device(test, t->iommu, 0);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct iommu_domain *physical = aux_test_domain(test, vf);

	ASSERT_NO_ERRNO(test, iommu_attach_device(physical, vf));
	answer(0, t->member[0], vf);
	KUNIT_EXPECT_EQ(test, -EBUSY,
			iommu_aux_attach_group(domain, t->core_group, look_up_answer));
	KUNIT_EXPECT_PTR_EQ(test, mock_iommu_translation(vf, IOMMU_NO_PASID), physical);
	iommu_detach_device(physical, vf);
}

static void slices_of_a_device_without_pasids_share_one_attachment(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 0);
	struct device *card = aux_test_device(test, t->iommu, 0);
	struct device *slice[3];
	struct iommu_domain *domain;
	struct aux_test_attachment *a;

	for (int i = 0; i < 3; i++)
		slice[i] = aux_test_member(test, t->group, card);
	domain = aux_test_domain(test, slice[0]);
	mock_iommu_clear_log(t->iommu);

	a = aux_test_attach(test, domain, t->group);
	EXPECT_STEPS(test, t->iommu, "attach %s 1\n", dev_name(card));

	/* it stays until the last one has gone */
	aux_test_leave(test, slice[0]);
	EXPECT_NO_STEPS(test, t->iommu);
	KUNIT_EXPECT_TRUE(test, iommu_aux_member_is_armed(slice[1]));
	aux_test_detach(test, a);
	EXPECT_STEPS(test, t->iommu, "blocked %s\n", dev_name(card));
}

static void detach_copes_with_a_lookup_that_has_become_null(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 3);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	for (unsigned int i = 0; i < 3; i++)
		answer(i, t->member[i], t->parent);
	ASSERT_NO_ERRNO(test, iommu_aux_attach_group(domain, t->core_group, look_up_answer));

	/* the device is still there: what was put on it must come off all the same */
	answer(1, t->member[1], NULL);
	mock_iommu_clear_log(t->iommu);
	iommu_aux_detach_group(domain, t->core_group, look_up_answer);
	EXPECT_STEPS(test, t->iommu, "%s", block_steps(test, t, 3));
	expect_nothing_attached(test, t);
}

static void detach_skips_a_device_that_has_gone(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct device *vf = aux_test_device(test, t->iommu, 8);
	struct device *behind_vf = aux_test_member(test, t->group, vf);
	struct device *last = aux_test_member(test, t->group, t->parent);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct aux_test_attachment *a = aux_test_attach(test, domain, t->group);

	aux_test_unplug(test, vf);
	KUNIT_EXPECT_NULL(test, iommu_aux_member_dma_dev(behind_vf));
	mock_iommu_clear_log(t->iommu);
	aux_test_detach(test, a);
	EXPECT_STEPS(test, t->iommu, "block_pasid %s %u\nblock_pasid %s %u\n",
		     dev_name(t->parent), iommu_aux_member_pasid(last),
		     dev_name(t->parent), iommu_aux_member_pasid(t->member[0]));

	/* and attach refuses, as it can no longer cover every member */
	KUNIT_EXPECT_EQ(test, -ENODEV, iommu_aux_attach_group(domain, t->core_group,
							      iommu_aux_member_dma_dev));
	expect_nothing_attached(test, t);
	aux_test_leave(test, behind_vf);
	aux_test_attach(test, domain, t->group);
}

static void attach_works_again_after_detach(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	for (int i = 0; i < 3; i++) {
		struct aux_test_attachment *a = aux_test_attach(test, domain, t->group);

		KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 2);
		aux_test_detach(test, a);
		KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->parent), 0);
	}
}

static void the_core_taking_the_domain_away_disarms_by_force(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 2);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct page *page = aux_test_page(test, 42);
	struct aux_test_attachment *a;
	u64 value;

	ASSERT_NO_ERRNO(test, iommu_map(domain, 0x1000, page_to_phys(page), PAGE_SIZE,
					IOMMU_READ, GFP_KERNEL));
	ASSERT_NO_ERRNO(test, iommu_attach_group(domain, t->core_group));
	a = aux_test_attach(test, domain, t->group);
	ASSERT_NO_ERRNO(test, aux_test_read(t->member[1], 0x1000, &value));
	mock_iommu_clear_log(t->iommu);

	/* as VFIO would if nobody disarmed before */
	iommu_detach_group(domain, t->core_group);
	EXPECT_STEPS(test, t->iommu, "%s", block_steps(test, t, 2));
	expect_nothing_attached(test, t);
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member[1], 0x1000, &value));

	/* the detach that comes too late finds nothing */
	aux_test_detach(test, a);
	EXPECT_NO_STEPS(test, t->iommu);

	aux_test_detach(test, aux_test_attach(test, domain, t->group));
}

static void freeing_an_armed_domain_disarms_by_force(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct aux_test_attachment *a = aux_test_attach(test, domain, t->group);

	/* nobody may do this; it must not leave a PASID on freed page tables all the same */
	mock_iommu_clear_log(t->iommu);
	aux_test_free_domain(test, domain);
	EXPECT_STEPS(test, t->iommu, "%sfree 1\n", block_steps(test, t, 1));
	aux_test_forget(test, a);
	iommu_detach_group(NULL, t->core_group);
}

/* What counts is that KASAN is silent: the domain has gone, only its address is left */
static void a_domain_that_has_been_freed_is_not_looked_at(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct iommu_domain *freed = aux_test_domain(test, t->member[0]);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);

	aux_test_free_domain(test, freed);
	/* on an idle group, and on one that is armed with another domain */
	for (int armed = 0; armed < 2; armed++) {
		mock_iommu_clear_log(t->iommu);
		iommu_aux_detach_group(freed, t->core_group, iommu_aux_member_dma_dev);
		KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(freed, t->member[0]), -EINVAL);
		EXPECT_NO_STEPS(test, t->iommu);
		if (!armed)
			aux_test_attach(test, domain, t->group);
	}
	KUNIT_EXPECT_TRUE(test, iommu_aux_member_is_armed(t->member[0]));
}

static void the_pasid_of_what_is_no_member_is_an_error(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct iommu_domain *other = aux_test_domain(test, t->member[0]);
	struct device *stranger = aux_test_lone_member(test);

	aux_test_attach(test, domain, t->group);
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, stranger), -ENODEV);
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(domain, t->parent), -ENODEV);
	KUNIT_EXPECT_EQ(test, iommu_aux_get_pasid(other, t->member[0]), -EINVAL);
	KUNIT_EXPECT_EQ(test, iommu_aux_member_pasid(stranger), IOMMU_PASID_INVALID);
	KUNIT_EXPECT_NULL(test, iommu_aux_member_dma_dev(stranger));
	KUNIT_EXPECT_FALSE(test, iommu_aux_member_is_armed(stranger));
}

static void dma_works_only_while_armed(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct page *page = aux_test_page(test, 0x1122334455667788);
	struct aux_test_attachment *vfio, *a;
	u64 value = 0;

	ASSERT_NO_ERRNO(test, iommu_map(domain, 0x10000, page_to_phys(page), PAGE_SIZE,
					IOMMU_READ, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member[0], 0x10000, &value));
	vfio = aux_test_core_attach(test, domain, t->group);
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member[0], 0x10000, &value));

	a = aux_test_attach(test, domain, t->group);
	KUNIT_EXPECT_EQ(test, 0, aux_test_read(t->member[0], 0x10000, &value));
	KUNIT_EXPECT_EQ(test, value, 0x1122334455667788);
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member[0], 0x20000, &value));
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_write(t->member[0], 0x10000, 1));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, iommu_unmap(domain, 0x10000, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member[0], 0x10000, &value));
	ASSERT_NO_ERRNO(test, iommu_map(domain, 0x10000, page_to_phys(page), PAGE_SIZE,
					IOMMU_READ | IOMMU_WRITE, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, aux_test_write(t->member[0], 0x10000, 7));
	KUNIT_EXPECT_EQ(test, aux_test_page_content(page), 7);

	aux_test_detach(test, a);
	KUNIT_EXPECT_EQ(test, -EFAULT, aux_test_read(t->member[0], 0x10000, &value));
	aux_test_core_detach(test, vfio);
}

static void two_groups_see_their_own_memory_at_the_same_address(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct iommu_aux_group *second = aux_test_group(test);
	struct device *member[2] = { t->member[0], aux_test_member(test, second, t->parent) };
	struct iommu_aux_group *group[2] = { t->group, second };
	struct page *page[2];
	u64 value;

	for (int i = 0; i < 2; i++) {
		struct iommu_domain *domain = aux_test_domain(test, member[i]);

		page[i] = aux_test_page(test, 100 + i);
		ASSERT_NO_ERRNO(test, iommu_map(domain, 0x1000, page_to_phys(page[i]), PAGE_SIZE,
						IOMMU_READ | IOMMU_WRITE, GFP_KERNEL));
		aux_test_attach(test, domain, group[i]);
	}
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, 0, aux_test_read(member[i], 0x1000, &value));
		KUNIT_EXPECT_EQ(test, value, 100 + i);
		KUNIT_EXPECT_EQ(test, 0, aux_test_write(member[i], 0x1000, 200 + i));
	}
	for (int i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, aux_test_page_content(page[i]), 200 + i);
}

static void sixty_four_groups_share_one_domain(struct kunit *test)
{
	struct attach_test *t = attach_test_make(test, 1);
	struct iommu_domain *domain = aux_test_domain(test, t->member[0]);
	struct page *page = aux_test_page(test, 5);
	struct device *member[64];
	u64 value;

	aux_test_attach(test, domain, t->group);
	for (int i = 0; i < 64; i++) {
		struct iommu_aux_group *group = aux_test_group(test);

		member[i] = aux_test_member(test, group, t->parent);
		aux_test_attach(test, domain, group);
	}
	/* one page table: a page is mapped once for all of them */
	KUNIT_EXPECT_EQ(test, mock_iommu_domains(t->iommu), 1);
	ASSERT_NO_ERRNO(test, iommu_map(domain, 0x1000, page_to_phys(page), PAGE_SIZE,
					IOMMU_READ, GFP_KERNEL));
	for (int i = 0; i < 64; i++) {
		value = 0;
		KUNIT_EXPECT_EQ(test, 0, aux_test_read(member[i], 0x1000, &value));
		KUNIT_EXPECT_EQ(test, value, 5);
	}
}

static struct kunit_case attach_cases[] = {
	KUNIT_CASE_PARAM(attach_covers_every_member_and_detach_undoes_it, member_count_gen_params),
	KUNIT_CASE(failure_at_member_k_undoes_the_ones_before),
	KUNIT_CASE(failure_leaves_the_domain_that_vfio_put_on_the_group),
	KUNIT_CASE(a_group_that_carries_the_domain_is_only_armed_and_disarmed),
	KUNIT_CASE(wrapped_devices_and_pasids_mix_in_one_group),
	KUNIT_CASE(failure_of_a_wrapped_device_undoes_pasids_and_devices),
	KUNIT_CASE(members_without_an_answer_are_left_alone),
	KUNIT_CASE(lookup_may_name_another_device_of_the_instance),
	KUNIT_CASE(a_device_that_lookup_names_is_given_back_when_it_names_another),
	KUNIT_CASE(lookup_cannot_name_what_somebody_else_has),
	KUNIT_CASE(a_device_plugged_in_beside_a_wrapped_one_does_not_stop_the_detach),
	KUNIT_CASE(null_function_is_the_stock_attach),
	KUNIT_CASE(with_a_function_it_is_the_aux_attach),
	KUNIT_CASE(an_armed_or_occupied_group_is_busy),
	KUNIT_CASE(an_armed_group_keeps_its_domain_when_it_is_to_be_replaced),
	KUNIT_CASE(what_does_not_fit_is_invalid),
	KUNIT_CASE(no_pasid_left_for_a_member_that_needs_one_only_now),
	KUNIT_CASE(a_pasid_too_large_for_the_device_is_no_space),
	KUNIT_CASE(a_device_that_shares_its_group_cannot_isolate),
	KUNIT_CASE(a_wrapped_device_in_use_is_busy),
	KUNIT_CASE(slices_of_a_device_without_pasids_share_one_attachment),
	KUNIT_CASE(detach_copes_with_a_lookup_that_has_become_null),
	KUNIT_CASE(detach_skips_a_device_that_has_gone),
	KUNIT_CASE(attach_works_again_after_detach),
	KUNIT_CASE(the_core_taking_the_domain_away_disarms_by_force),
	KUNIT_CASE(freeing_an_armed_domain_disarms_by_force),
	KUNIT_CASE(a_domain_that_has_been_freed_is_not_looked_at),
	KUNIT_CASE(the_pasid_of_what_is_no_member_is_an_error),
	KUNIT_CASE(dma_works_only_while_armed),
	KUNIT_CASE(two_groups_see_their_own_memory_at_the_same_address),
	KUNIT_CASE_SLOW(sixty_four_groups_share_one_domain),
	{ }
};

static struct kunit_suite attach_suite = {
	.name = "iommu_aux_attach",
	.init = attach_test_init,
	.test_cases = attach_cases,
};

kunit_test_suite(attach_suite);
