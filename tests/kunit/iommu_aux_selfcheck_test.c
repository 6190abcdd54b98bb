// SPDX-License-Identifier: GPL-2.0-only
/*
 * The self-check that decides whether the module may be loaded: it is content with this kernel,
 * and notices one that treats a device which leaves its group in another way, where nothing of the
 * module stays.
 */
#include <linux/module.h>

#include "iommu/aux/private.h"
#include "iommu_aux_fixture.h"

static void this_kernel_is_good(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, aux_self_check(NULL));
	/* and nothing is left of it */
	KUNIT_EXPECT_NULL(test, aux_self_check(NULL));
}

static void keep_fwnode(struct device *member)
{
	fwnode_handle_get(member->iommu->fwspec->iommu_fwnode);
}

static void a_kernel_that_keeps_the_fwspecs_reference_is_noticed(struct kunit *test)
{
	const char *reason = aux_self_check(keep_fwnode);

	KUNIT_ASSERT_NOT_NULL(test, reason);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(reason, "reference to its IOMMU"), "%s", reason);
	KUNIT_EXPECT_NULL(test, aux_self_check(NULL));
}

static struct iommu_device *instance;

static void keep_fwnode_and_look(struct device *member)
{
	instance = member->iommu->iommu_dev;
	keep_fwnode(member);
}

static void a_module_that_finds_fault_is_refused_and_leaves_nothing(struct kunit *test)
{
	int refused, loaded = 0;
	struct device *left;

	/* none from before the suites, nor from another suite: they would lose their IOMMU */
	KUNIT_ASSERT_TRUE(test, list_empty(&aux_groups));
	aux_stop();
	refused = aux_start(keep_fwnode_and_look);
	left = instance->dev;
	/* the other suites need the module; and what was left would be in its way */
	if (refused)
		loaded = aux_start(NULL);

	KUNIT_EXPECT_EQ(test, refused, -EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, left);
	KUNIT_EXPECT_EQ(test, loaded, 0);
	KUNIT_EXPECT_NOT_NULL(test, instance->dev);
	KUNIT_EXPECT_NULL(test, aux_self_check(NULL));
}

/* Built in, or where modules are never unloaded, there are no references to be counted */
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
static struct module *owner;

static void keep_module(struct device *member)
{
	owner = member->iommu->iommu_dev->ops->owner;
	__module_get(owner);
}

static void a_kernel_that_keeps_the_modules_reference_is_noticed(struct kunit *test)
{
	const char *reason = aux_self_check(keep_module);

	module_put(owner);
	KUNIT_ASSERT_NOT_NULL(test, reason);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(reason, "module reference"), "%s", reason);
}
#endif

static struct kunit_case selfcheck_cases[] = {
	KUNIT_CASE(this_kernel_is_good),
	KUNIT_CASE(a_kernel_that_keeps_the_fwspecs_reference_is_noticed),
	KUNIT_CASE(a_module_that_finds_fault_is_refused_and_leaves_nothing),
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
	KUNIT_CASE(a_kernel_that_keeps_the_modules_reference_is_noticed),
#endif
	{ }
};

static struct kunit_suite selfcheck_suite = {
	.name = "iommu_aux_selfcheck",
	.test_cases = selfcheck_cases,
};

kunit_test_suite(selfcheck_suite);
