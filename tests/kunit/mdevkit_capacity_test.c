// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: the capacity that the types of a parent share. */

#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>

#include "mdevkit_fake.h"
#include "mock_iommu.h"

#define CAPACITY 24

static const struct mdevkit_type types[] = {
	{ .sysfs_name = "1", .cost = 1 },
	{ .sysfs_name = "2", .cost = 2 },
	{ .sysfs_name = "7", .cost = 7 },
	{ .sysfs_name = "p", .cost = 1, .dma = MDEVKIT_DMA_PASID },
};

static struct mdevkit_parent *capacity_parent(struct kunit *test)
{
	struct mdevkit_parent *parent;
	struct device *dev;

	parent = kunit_kzalloc(test, struct_size(parent, types, ARRAY_SIZE(types)), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, parent);
	/* a device without an IOMMU */
	dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->init_name = "fake-parent";
	parent->dev = dev;
	parent->capacity = CAPACITY;
	mutex_init(&parent->capacity_lock);
	parent->nr_types = ARRAY_SIZE(types);
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		parent->types[i].parent = parent;
		parent->types[i].type = &types[i];
	}
	return parent;
}

static void expect_available(struct kunit *test, struct mdevkit_parent *parent, unsigned int left)
{
	for (unsigned int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, mdevkit_type_available(&parent->types[i].mdev_type),
				left / types[i].cost);
}

static void availability_is_the_truth_after_each_step(struct kunit *test)
{
	struct mdevkit_parent *parent = capacity_parent(test);
	static const u8 steps[] = { 2, 2, 1, 2, 0, 1 };		/* 7 + 7 + 2 + 7 = 23, + 1 */
	unsigned int left = CAPACITY;

	expect_available(test, parent, left);
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct mdevkit_type *type = &types[steps[i]];
		bool fits = type->cost <= left;

		KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, type), fits ? 0 : -ENOSPC);
		if (fits)
			left -= type->cost;
		expect_available(test, parent, left);
	}
	KUNIT_EXPECT_EQ(test, left, 0);
	mdevkit_capacity_give(parent, &types[2]);
	expect_available(test, parent, 7);
	KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, &types[1]), 0);
	expect_available(test, parent, 5);
}

static void pasid_types_need_an_iommu(struct kunit *test)
{
	struct mdevkit_parent *parent = capacity_parent(test);

	KUNIT_EXPECT_EQ(test, mdevkit_type_available(&parent->types[3].mdev_type), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, &types[3]), -EOPNOTSUPP);
	KUNIT_EXPECT_NOT_NULL(test, mdevkit_parent_blocked_reason(parent));
	expect_available(test, parent, CAPACITY);
}

/* Somebody who takes, asks or gives while another holds the capacity's lock */
struct waiter {
	struct mdevkit_parent *parent;
	void (*step)(struct mdevkit_parent *parent);
	struct completion done;
};

static void step_take(struct mdevkit_parent *parent)
{
	mdevkit_capacity_take(parent, &types[0]);
}

static void step_ask(struct mdevkit_parent *parent)
{
	mdevkit_type_available(&parent->types[0].mdev_type);
}

static void step_give(struct mdevkit_parent *parent)
{
	mdevkit_capacity_give(parent, &types[0]);
}

static int wait_for_capacity(void *data)
{
	struct waiter *w = data;

	w->step(w->parent);
	complete(&w->done);
	return 0;
}

static void each_step_waits_for_the_one_before(struct kunit *test)
{
	static void (*const steps[])(struct mdevkit_parent *) = { step_take, step_ask, step_give };
	struct mdevkit_parent *parent = capacity_parent(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		struct waiter w = { .parent = parent, .step = steps[i] };
		struct task_struct *task;

		init_completion(&w.done);
		task = kthread_create(wait_for_capacity, &w, "mdevkit_capacity/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		get_task_struct(task);
		scoped_guard(mutex, &parent->capacity_lock) {
			wake_up_process(task);
			KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&w.done, HZ / 10), 0);
		}
		KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&w.done, 10 * HZ), 0);
		kthread_stop_put(task);
	}
	expect_available(test, parent, CAPACITY);
}

/* Puts the parent behind an IOMMU with three PASIDs to give away, 1 to 3 */
static struct mock_iommu *capacity_iommu(struct kunit *test, struct mdevkit_parent *parent)
{
	static const struct mock_iommu_config config = { .max_pasids = 4 };
	struct mock_iommu *iommu = mock_iommu_create("capacity-iommu", &config);

	KUNIT_ASSERT_FALSE(test, IS_ERR(iommu));
	parent->dev = mock_iommu_add_device(iommu, "capacity-parent", 2, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(parent->dev));
	return iommu;
}

static void capacity_iommu_remove(struct mock_iommu *iommu, struct mdevkit_parent *parent)
{
	mock_iommu_remove_device(parent->dev);
	mock_iommu_destroy(iommu);
}

static void pasids_that_others_have_are_not_available(struct kunit *test)
{
	struct mdevkit_parent *parent = capacity_parent(test);
	struct mdev_type *by_pasid = &parent->types[3].mdev_type;
	struct mock_iommu *iommu = capacity_iommu(test, parent);
	ioasid_t taken[3];

	/* The machine's pool is one for all devices */
	for (unsigned int i = 0; i < ARRAY_SIZE(taken); i++) {
		KUNIT_EXPECT_EQ(test, mdevkit_type_available(by_pasid), 3 - i);
		taken[i] = iommu_alloc_global_pasid(parent->dev);
	}
	KUNIT_EXPECT_EQ(test, mdevkit_type_available(by_pasid), 0);
	expect_available(test, parent, CAPACITY);
	for (unsigned int i = 0; i < ARRAY_SIZE(taken); i++)
		iommu_free_global_pasid(taken[i]);
	/* and the other limit */
	KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, &types[2]), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, &types[2]), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, &types[2]), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, &types[1]), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_type_available(by_pasid), 1);
	capacity_iommu_remove(iommu, parent);
}

static void short_memory_is_no_lack_of_isolation(struct kunit *test)
{
	struct mdevkit_parent *parent = capacity_parent(test);
	struct mock_iommu *iommu = capacity_iommu(test, parent);

	mock_iommu_fail(iommu, MOCK_IOMMU_ALLOC, 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, &types[3]), -ENOMEM);
	expect_available(test, parent, CAPACITY);
	KUNIT_EXPECT_EQ(test, mdevkit_capacity_take(parent, &types[3]), 0);
	expect_available(test, parent, CAPACITY - 1);
	capacity_iommu_remove(iommu, parent);
}

static struct kunit_case capacity_test_cases[] = {
	KUNIT_CASE(availability_is_the_truth_after_each_step),
	KUNIT_CASE(pasid_types_need_an_iommu),
	KUNIT_CASE(pasids_that_others_have_are_not_available),
	KUNIT_CASE(short_memory_is_no_lack_of_isolation),
	KUNIT_CASE(each_step_waits_for_the_one_before),
	{}
};

static struct kunit_suite capacity_test_suite = {
	.name = "mdevkit_capacity",
	.test_cases = capacity_test_cases,
};

kunit_test_suite(capacity_test_suite);
