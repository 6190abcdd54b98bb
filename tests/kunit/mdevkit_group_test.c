// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: which iommu group an mdev is in, when its members are armed, and that an engine stands
 * still before its translation goes. Against the mock IOMMU; the part of VFIO and iommufd, which
 * put domains on the group, is played by the test.
 */

#include <kunit/static_stub.h>
#include <linux/sizes.h>

#include <mdevkit/iommu_aux.h>

#include "mdevkit_fake.h"
#include "mock_iommu.h"

static const struct mdevkit_pci_desc desc = {
	.vendor = 0x1234,
	.device = 0x0003,
	.bars[0] = { .size = SZ_4K },
};

/* A parent with two slices; the iommufd that stands behind them has two IOAS */
struct group_test {
	struct mock_iommu *iommu;
	struct device *dev;
	struct mdevkit_parent *parent;
	struct fake_device *slice[2];
	struct iommu_group *core_group;
	struct iommu_domain *ioas[2];
	struct iommu_domain *present;
	bool attached[2];
	bool iommufd;
	int replace_result;
	unsigned int running_at_replace;
	unsigned int pasids_at_replace;
	unsigned int drains_without_translation;
};

KUNIT_DEFINE_ACTION_WRAPPER(destroy_iommu, mock_iommu_destroy, struct mock_iommu *);
KUNIT_DEFINE_ACTION_WRAPPER(unplug, mock_iommu_remove_device, struct device *);
KUNIT_DEFINE_ACTION_WRAPPER(unregister, device_unregister, struct device *);
KUNIT_DEFINE_ACTION_WRAPPER(leave, mdevkit_group_leave, struct mdevkit_device *);
KUNIT_DEFINE_ACTION_WRAPPER(free_domain, iommu_domain_free, struct iommu_domain *);

static void undo(struct kunit *test, kunit_action_t *action, void *arg)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, action, arg), 0);
}

static void released(struct device *dev)
{
}

static struct device *member_of(struct fake_device *fake)
{
	return &fake->bus.mdev.dev;
}

static struct iommu_domain *translation(struct group_test *t, unsigned int n)
{
	return mock_iommu_translation(t->dev, iommu_aux_member_pasid(member_of(t->slice[n])));
}

/* When a driver is told to drain, what it drains must still be translated */
static void check_translation(struct fake_device *fake)
{
	struct group_test *t = fake->test_data;

	if (!translation(t, fake == t->slice[1]))
		t->drains_without_translation++;
}

static struct fake_device *add_slice(struct kunit *test, struct group_test *t, unsigned int n)
{
	struct fake_device *fake = fake_device_create(test, &desc);

	fake->test_data = t;
	fake->on_drain = check_translation;
	fake->type.dma = MDEVKIT_DMA_PASID;
	fake->kdev.parent = t->parent;
	fake->bus.mdev.dev.init_name = NULL;
	dev_set_name(member_of(fake), "fake-slice%u", n);
	fake->bus.mdev.dev.release = released;
	KUNIT_ASSERT_EQ(test, device_register(member_of(fake)), 0);
	undo(test, unregister, member_of(fake));
	KUNIT_ASSERT_EQ(test, mdevkit_group_join(&fake->kdev), 0);
	undo(test, leave, &fake->kdev);
	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	return fake;
}

static struct group_test *group_test_make(struct kunit *test, enum mdevkit_placement placement)
{
	static const struct mock_iommu_config config = { .max_pasids = 256 };
	struct group_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->iommu = mock_iommu_create("mdevkit-group", &config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->iommu);
	undo(test, destroy_iommu, t->iommu);
	t->dev = mock_iommu_add_device(t->iommu, "mdevkit-group-parent", 8, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->dev);
	undo(test, unplug, t->dev);
	t->parent = kunit_kzalloc(test, sizeof(*t->parent), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->parent);
	t->parent->dev = t->dev;
	t->parent->placement = placement;
	for (unsigned int i = 0; i < ARRAY_SIZE(t->slice); i++)
		t->slice[i] = add_slice(test, t, i);
	t->core_group = member_of(t->slice[0])->iommu_group;
	for (unsigned int i = 0; i < ARRAY_SIZE(t->ioas); i++) {
		t->ioas[i] = iommu_paging_domain_alloc(member_of(t->slice[0]));
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->ioas[i]);
		undo(test, free_domain, t->ioas[i]);
	}
	return t;
}

static void expect_running(struct kunit *test, struct group_test *t, bool first, bool second)
{
	KUNIT_EXPECT_EQ(test, t->slice[0]->kdev.priv->dma_started, first);
	KUNIT_EXPECT_EQ(test, t->slice[1]->kdev.priv->dma_started, second);
	/* what is not armed has no translation, and no engine was drained too late */
	if (!first && !second)
		KUNIT_EXPECT_EQ(test, mock_iommu_attached_pasids(t->dev), 0);
	KUNIT_EXPECT_EQ(test, t->drains_without_translation, 0);
}

static void placement_decides_who_shares_a_group(struct kunit *test)
{
	struct group_test *t = group_test_make(test, MDEVKIT_PLACE_MDEV);

	KUNIT_EXPECT_PTR_NE(test, member_of(t->slice[0])->iommu_group,
			    member_of(t->slice[1])->iommu_group);
	KUNIT_EXPECT_NE(test, iommu_aux_member_pasid(member_of(t->slice[0])),
			iommu_aux_member_pasid(member_of(t->slice[1])));
}

static void slices_of_one_parent_can_share_a_group(struct kunit *test)
{
	struct group_test *t = group_test_make(test, MDEVKIT_PLACE_PARENT);

	KUNIT_EXPECT_PTR_EQ(test, member_of(t->slice[0])->iommu_group,
			    member_of(t->slice[1])->iommu_group);
	KUNIT_EXPECT_NE(test, iommu_aux_member_pasid(member_of(t->slice[0])),
			iommu_aux_member_pasid(member_of(t->slice[1])));
}

/* A container: the group has its domain before a device is opened */
static void an_engine_is_drained_before_its_translation_goes(struct kunit *test)
{
	struct group_test *t = group_test_make(test, MDEVKIT_PLACE_PARENT);

	KUNIT_ASSERT_EQ(test, iommu_attach_group(t->ioas[0], t->core_group), 0);
	expect_running(test, t, false, false);
	KUNIT_EXPECT_EQ(test, mdevkit_group_arm(&t->slice[0]->kdev), 0);
	expect_running(test, t, true, false);
	KUNIT_EXPECT_EQ(test, mdevkit_group_arm(&t->slice[1]->kdev), 0);
	expect_running(test, t, true, true);
	for (unsigned int i = 0; i < ARRAY_SIZE(t->slice); i++)
		KUNIT_EXPECT_EQ(test, t->slice[i]->pasid,
				iommu_aux_member_pasid(member_of(t->slice[i])));

	mdevkit_group_disarm(&t->slice[0]->kdev);
	expect_running(test, t, false, true);
	mdevkit_group_disarm(&t->slice[1]->kdev);
	expect_running(test, t, false, false);
	KUNIT_EXPECT_EQ(test, t->slice[0]->drains, 1);
	KUNIT_EXPECT_EQ(test, t->slice[1]->drains, 1);
	iommu_detach_group(t->ioas[0], t->core_group);
}

static void a_device_in_a_group_without_a_domain_is_not_armed(struct kunit *test)
{
	struct group_test *t = group_test_make(test, MDEVKIT_PLACE_PARENT);

	KUNIT_EXPECT_EQ(test, mdevkit_group_arm(&t->slice[0]->kdev), 0);
	expect_running(test, t, false, false);
	mdevkit_group_disarm(&t->slice[0]->kdev);
	KUNIT_EXPECT_EQ(test, t->slice[0]->drains, 0);
}

static void a_start_that_fails_leaves_nothing_armed(struct kunit *test)
{
	struct group_test *t = group_test_make(test, MDEVKIT_PLACE_PARENT);

	KUNIT_ASSERT_EQ(test, iommu_attach_group(t->ioas[0], t->core_group), 0);
	t->slice[0]->start_result = -EIO;
	KUNIT_EXPECT_EQ(test, mdevkit_group_arm(&t->slice[0]->kdev), -EIO);
	expect_running(test, t, false, false);
	KUNIT_EXPECT_FALSE(test, iommu_aux_member_is_armed(member_of(t->slice[0])));

	t->slice[0]->start_result = 0;
	KUNIT_EXPECT_EQ(test, mdevkit_group_arm(&t->slice[0]->kdev), 0);
	expect_running(test, t, true, false);
	mdevkit_group_disarm(&t->slice[0]->kdev);
	expect_running(test, t, false, false);
	iommu_detach_group(t->ioas[0], t->core_group);
}

static void an_open_that_cannot_be_armed_is_undone(struct kunit *test)
{
	struct group_test *t = group_test_make(test, MDEVKIT_PLACE_PARENT);
	struct fake_device *fake = t->slice[0];

	KUNIT_ASSERT_EQ(test, iommu_attach_group(t->ioas[0], t->core_group), 0);
	mock_iommu_fail(t->iommu, MOCK_IOMMU_SET_PASID, 1, -ENOSPC);
	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), -ENOSPC);
	KUNIT_EXPECT_EQ(test, fake->opens, 1);
	KUNIT_EXPECT_EQ(test, fake->closes, 1);
	expect_running(test, t, false, false);

	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), 0);
	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	expect_running(test, t, true, false);
	mdevkit_device_close(&fake->kdev);
	KUNIT_EXPECT_EQ(test, fake->closes, 2);
	expect_running(test, t, false, false);
	iommu_detach_group(t->ioas[0], t->core_group);
}

static void each_user_gets_a_device_that_was_reset(struct kunit *test)
{
	struct group_test *t = group_test_make(test, MDEVKIT_PLACE_MDEV);
	struct fake_device *fake = t->slice[0];

	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), 0);
	KUNIT_EXPECT_EQ(test, fake->resets, 1);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	fake_config_write(test, fake, PCI_BASE_ADDRESS_0, 4, 0xfe000000);
	mdevkit_device_close(&fake->kdev);
	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), 0);
	KUNIT_EXPECT_EQ(test, fake->resets, 2);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, PCI_BASE_ADDRESS_0, 4), 0);
	mdevkit_device_close(&fake->kdev);
	KUNIT_EXPECT_EQ(test, fake->opens, 2);
	KUNIT_EXPECT_EQ(test, fake->closes, 2);

	/* not one that its driver cannot reset or open */
	fake->reset_result = -EIO;
	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), -EIO);
	KUNIT_EXPECT_EQ(test, fake->opens, 2);
	fake->reset_result = 0;
	fake->open_result = -EBUSY;
	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake->closes, 2);
	/* and not one whose parent has gone */
	fake->open_result = 0;
	mdevkit_device_set_gone(&fake->kdev);
	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake->closes, 2);
}

/* iommufd: attach puts the wanted domain on the group; a second one replaces it */
static int attach_by_iommufd(struct mdevkit_device *kdev, u32 *pt_id)
{
	struct group_test *t = kunit_get_current_test()->priv;
	unsigned int n = kdev == &t->slice[1]->kdev;
	struct iommu_domain *wanted = t->ioas[*pt_id];

	if (t->attached[n]) {
		for (unsigned int i = 0; i < ARRAY_SIZE(t->slice); i++)
			t->running_at_replace += t->slice[i]->kdev.priv->dma_started;
		t->pasids_at_replace += mock_iommu_attached_pasids(t->dev);
		if (t->replace_result)
			return t->replace_result;
	}
	if (t->present && t->present != wanted && !t->attached[n])
		return -EINVAL;
	if (t->present != wanted) {
		if (t->present)
			iommu_detach_group(t->present, t->core_group);
		t->present = NULL;
		if (iommu_attach_group(wanted, t->core_group))
			return -EBUSY;
	}
	t->present = wanted;
	t->attached[n] = true;
	return 0;
}

static void detach_by_iommufd(struct mdevkit_device *kdev)
{
	struct group_test *t = kunit_get_current_test()->priv;

	t->attached[kdev == &t->slice[1]->kdev] = false;
	if (t->attached[0] || t->attached[1] || !t->present)
		return;
	iommu_detach_group(t->present, t->core_group);
	t->present = NULL;
}

static bool bound_to_iommufd(struct mdevkit_device *kdev)
{
	return true;
}

static struct group_test *iommufd_test_make(struct kunit *test)
{
	struct group_test *t = group_test_make(test, MDEVKIT_PLACE_PARENT);

	kunit_activate_static_stub(test, mdevkit_iommufd_attach, attach_by_iommufd);
	kunit_activate_static_stub(test, mdevkit_iommufd_detach, detach_by_iommufd);
	kunit_activate_static_stub(test, mdevkit_iommufd_bound, bound_to_iommufd);
	for (unsigned int i = 0; i < ARRAY_SIZE(t->slice); i++)
		KUNIT_EXPECT_EQ(test, mdevkit_group_arm(&t->slice[i]->kdev), 0);
	return t;
}

static int attach(struct group_test *t, unsigned int slice, u32 ioas)
{
	return mdevkit_group_attach_ioas(&t->slice[slice]->kdev, &ioas);
}

static void end(struct kunit *test, struct group_test *t)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(t->slice); i++) {
		mdevkit_group_disarm(&t->slice[i]->kdev);
		if (t->attached[i])
			mdevkit_group_detach_ioas(&t->slice[i]->kdev);
	}
	expect_running(test, t, false, false);
}

static void a_neighbours_attach_arms_nobody_else(struct kunit *test)
{
	struct group_test *t = iommufd_test_make(test);

	KUNIT_EXPECT_EQ(test, attach(t, 0, 0), 0);
	expect_running(test, t, true, false);
	/* opened again, with the domain on the group */
	mdevkit_group_disarm(&t->slice[1]->kdev);
	KUNIT_EXPECT_EQ(test, mdevkit_group_arm(&t->slice[1]->kdev), 0);
	expect_running(test, t, true, false);
	mdevkit_group_detach_ioas(&t->slice[0]->kdev);
	expect_running(test, t, false, false);
	KUNIT_EXPECT_EQ(test, t->slice[1]->starts, 0);
	end(test, t);
}

static void engines_stand_still_while_their_ioas_is_replaced(struct kunit *test)
{
	struct group_test *t = iommufd_test_make(test);
	struct iommu_domain *before;

	KUNIT_EXPECT_EQ(test, attach(t, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, attach(t, 1, 0), 0);
	expect_running(test, t, true, true);
	before = translation(t, 1);

	KUNIT_EXPECT_EQ(test, attach(t, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, t->running_at_replace, 0);
	KUNIT_EXPECT_EQ(test, t->pasids_at_replace, 0);
	expect_running(test, t, true, true);
	KUNIT_EXPECT_EQ(test, t->slice[0]->starts, 2);
	KUNIT_EXPECT_EQ(test, t->slice[1]->drains, 1);
	KUNIT_EXPECT_PTR_NE(test, before, translation(t, 1));
	end(test, t);
}

static void a_replace_that_iommufd_refuses_changes_nothing(struct kunit *test)
{
	struct group_test *t = iommufd_test_make(test);

	KUNIT_EXPECT_EQ(test, attach(t, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, attach(t, 1, 0), 0);
	t->replace_result = -ENOMEM;
	KUNIT_EXPECT_EQ(test, attach(t, 1, 1), -ENOMEM);
	expect_running(test, t, true, true);
	t->replace_result = 0;
	KUNIT_EXPECT_EQ(test, attach(t, 1, 1), 0);
	expect_running(test, t, true, true);
	end(test, t);
}

static void a_replace_that_cannot_be_armed_fails_and_restores_what_was(struct kunit *test)
{
	struct group_test *t = iommufd_test_make(test);
	struct iommu_domain *before;

	KUNIT_EXPECT_EQ(test, attach(t, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, attach(t, 1, 0), 0);
	before = translation(t, 1);
	mock_iommu_fail(t->iommu, MOCK_IOMMU_SET_PASID, 2, -EIO);
	KUNIT_EXPECT_EQ(test, attach(t, 0, 1), -EIO);
	expect_running(test, t, true, true);
	KUNIT_EXPECT_PTR_EQ(test, before, translation(t, 1));
	/* and a good one later is taken */
	KUNIT_EXPECT_EQ(test, attach(t, 0, 1), 0);
	expect_running(test, t, true, true);
	end(test, t);
}

static void a_first_attach_that_cannot_be_armed_is_undone(struct kunit *test)
{
	struct group_test *t = iommufd_test_make(test);

	mock_iommu_fail(t->iommu, MOCK_IOMMU_SET_PASID, 1, -EIO);
	KUNIT_EXPECT_EQ(test, attach(t, 0, 0), -EIO);
	KUNIT_EXPECT_FALSE(test, t->attached[0]);
	expect_running(test, t, false, false);
	KUNIT_EXPECT_EQ(test, attach(t, 0, 1), 0);
	expect_running(test, t, true, false);
	end(test, t);
}

static struct kunit_case group_test_cases[] = {
	KUNIT_CASE(placement_decides_who_shares_a_group),
	KUNIT_CASE(slices_of_one_parent_can_share_a_group),
	KUNIT_CASE(an_engine_is_drained_before_its_translation_goes),
	KUNIT_CASE(a_device_in_a_group_without_a_domain_is_not_armed),
	KUNIT_CASE(a_start_that_fails_leaves_nothing_armed),
	KUNIT_CASE(an_open_that_cannot_be_armed_is_undone),
	KUNIT_CASE(each_user_gets_a_device_that_was_reset),
	KUNIT_CASE(a_neighbours_attach_arms_nobody_else),
	KUNIT_CASE(engines_stand_still_while_their_ioas_is_replaced),
	KUNIT_CASE(a_replace_that_iommufd_refuses_changes_nothing),
	KUNIT_CASE(a_replace_that_cannot_be_armed_fails_and_restores_what_was),
	KUNIT_CASE(a_first_attach_that_cannot_be_armed_is_undone),
	{}
};

static struct kunit_suite group_test_suite = {
	.name = "mdevkit_group",
	.test_cases = group_test_cases,
};

kunit_test_suite(group_test_suite);
