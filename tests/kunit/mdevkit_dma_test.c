// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: when mdevkit has a driver start and drain a device's DMA. */

#include <kunit/static_stub.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sizes.h>

#include "mdevkit_fake.h"

static const struct mdevkit_pci_desc dma_desc = {
	.vendor = 0x1234,
	.device = 0x0002,
	.express = true,
	.pm = true,
	.bars[0] = { .size = SZ_4K },
};

/* Any will do */
#define PASID 5

static void expect_calls(struct kunit *test, struct fake_device *fake, int starts, int drains)
{
	KUNIT_EXPECT_EQ(test, fake->starts, starts);
	KUNIT_EXPECT_EQ(test, fake->drains, drains);
	KUNIT_EXPECT_EQ(test, fake->kdev.priv->dma_started, starts > drains);
}

static void set_command(struct kunit *test, struct fake_device *fake, u16 command)
{
	fake_config_write(test, fake, PCI_COMMAND, 2, command);
}

static struct fake_device *create_started(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &dma_desc);

	KUNIT_ASSERT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 1, 0);
	return fake;
}

static void dma_needs_translation_and_bus_master(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &dma_desc);

	/* translation first */
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	set_command(test, fake, PCI_COMMAND_MEMORY);
	expect_calls(test, fake, 0, 0);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 1, 0);
	mdevkit_dma_iommu_gone(&fake->kdev);
	expect_calls(test, fake, 1, 1);

	/* Bus Master Enable, which is still set, first */
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	expect_calls(test, fake, 2, 1);
}

static void each_is_called_once(struct kunit *test)
{
	struct fake_device *fake = create_started(test);

	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	set_command(test, fake, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	expect_calls(test, fake, 1, 0);
	set_command(test, fake, 0);
	set_command(test, fake, PCI_COMMAND_MEMORY);
	mdevkit_dma_iommu_gone(&fake->kdev);
	mdevkit_dma_iommu_gone(&fake->kdev);
	expect_calls(test, fake, 1, 1);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 1, 1);
}

static void d3hot_ends_dma(struct kunit *test)
{
	struct fake_device *fake = create_started(test);
	unsigned int pmcsr = fake_config_find_cap(test, fake, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	fake_config_write(test, fake, pmcsr, 2, 3);
	expect_calls(test, fake, 1, 1);
	fake_config_write(test, fake, pmcsr, 2, 0);
	expect_calls(test, fake, 2, 1);
}

static void dma_goes_on_after_a_reset(struct kunit *test)
{
	struct fake_device *fake = create_started(test);
	unsigned int devctl = fake_config_find_cap(test, fake, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	expect_calls(test, fake, 2, 1);
	/* a function level reset in one write with other bits of its register */
	fake_config_write(test, fake, devctl, 2, 0xffff);
	expect_calls(test, fake, 3, 2);
	/* without Bus Master Enable there is nothing to go on with */
	set_command(test, fake, 0);
	expect_calls(test, fake, 3, 3);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	expect_calls(test, fake, 3, 3);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 4, 3);
}

static void a_reset_in_d3hot_lets_dma_go_on(struct kunit *test)
{
	struct fake_device *fake = create_started(test);
	unsigned int pmcsr = fake_config_find_cap(test, fake, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	fake_config_write(test, fake, pmcsr, 2, 3);
	expect_calls(test, fake, 1, 1);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	expect_calls(test, fake, 2, 1);
}

static void a_failed_reset_leaves_dma_off(struct kunit *test)
{
	struct fake_device *fake = create_started(test);

	fake->reset_result = -EIO;
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), -EIO);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 1, 1);
}

static void a_reset_after_a_failed_one_lets_dma_go_on(struct kunit *test)
{
	struct fake_device *fake = create_started(test);

	fake->reset_result = -EIO;
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), -EIO);
	set_command(test, fake, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->dma_started);
	fake->reset_result = 0;
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 2, 1);
}

/* What ends DMA: none of them may undo another, in whatever order they come and go */
enum cause { NOT_TRANSLATED, NO_MASTER, IN_D3HOT, RESET_FAILED, NR_CAUSES };

struct dma_model {
	struct fake_device *fake;
	bool present[NR_CAUSES];
};

static void model_write_config(struct kunit *test, struct dma_model *model)
{
	struct fake_device *fake = model->fake;
	unsigned int pmcsr = fake_config_find_cap(test, fake, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	fake_config_write(test, fake, pmcsr, 2, model->present[IN_D3HOT] ? 3 : 0);
	set_command(test, fake, model->present[NO_MASTER] ? 0 : PCI_COMMAND_MASTER);
}

static void model_set(struct kunit *test, struct dma_model *model, enum cause cause, bool present)
{
	struct fake_device *fake = model->fake;
	bool any = false;

	model->present[cause] = present;
	switch (cause) {
	case NOT_TRANSLATED:
		if (present)
			mdevkit_dma_iommu_gone(&fake->kdev);
		else
			KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
		break;
	case RESET_FAILED:
		fake->reset_result = present ? -EIO : 0;
		KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), fake->reset_result);
		break;
	default:
		break;
	}
	/* a reset may have changed it */
	model_write_config(test, model);

	for (unsigned int i = 0; i < NR_CAUSES; i++)
		any |= model->present[i];
	KUNIT_EXPECT_EQ(test, fake->kdev.priv->dma_started, !any);
	KUNIT_EXPECT_EQ(test, fake->starts - fake->drains, any ? 0 : 1);
}

static void two_causes_that_meet_do_not_undo_each_other(struct kunit *test)
{
	struct dma_model model = { .fake = create_started(test) };

	for (unsigned int first = 0; first < NR_CAUSES; first++) {
		for (unsigned int second = 0; second < NR_CAUSES; second++) {
			if (first == second)
				continue;
			/* the first one ends first, then the second one */
			model_set(test, &model, first, true);
			model_set(test, &model, second, true);
			model_set(test, &model, first, false);
			model_set(test, &model, second, false);

			model_set(test, &model, first, true);
			model_set(test, &model, second, true);
			model_set(test, &model, second, false);
			model_set(test, &model, first, false);
		}
	}
}

static void a_failed_start_is_reported_or_tried_again(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &dma_desc);

	fake->start_result = -EIO;
	/* The tenant's bit cannot fail: the driver is asked again */
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	set_command(test, fake, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->dma_started);
	/* An attach can: it is as if it had not been asked for */
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), -EIO);
	fake->start_result = 0;
	fake->starts = 0;
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 0, 0);
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	expect_calls(test, fake, 1, 0);
}

static void a_device_that_is_gone_is_drained_and_never_started(struct kunit *test)
{
	struct fake_device *fake = create_started(test);

	mdevkit_device_set_gone(&fake->kdev);
	mdevkit_dma_iommu_gone(&fake->kdev);
	expect_calls(test, fake, 1, 1);
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), -ENODEV);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 1, 1);

	/* nor by the end of a reset that its parent did not survive */
	fake = create_started(test);
	mdevkit_device_reset_prepare(&fake->kdev);
	expect_calls(test, fake, 1, 1);
	mdevkit_device_set_gone(&fake->kdev);
	mdevkit_device_reset_done(&fake->kdev);
	expect_calls(test, fake, 1, 1);
}

/*
 * A software device whose driver copies the tenant's memory. @copies counts; a copy takes until
 * @go. Two threads play the driver and the tenant, each done when its completion says so
 */
struct soft {
	struct kunit *test;
	struct fake_device *fake;
	int copies;
	bool copied;
	int copy_result;
	void (*end)(struct soft *soft);
	bool copied_before_end;
	struct completion entered;
	struct completion go;
	struct completion copier_done;
	struct completion ender_done;
};

static int stub_copy(struct mdevkit_device *kdev, u64 iova, void *data, size_t len, bool write)
{
	struct soft *soft = kunit_get_current_test()->priv;

	soft->copies++;
	complete(&soft->entered);
	if (!wait_for_completion_timeout(&soft->go, 10 * HZ))
		return -ETIMEDOUT;
	WRITE_ONCE(soft->copied, true);
	return 0;
}

static struct soft *soft_create(struct kunit *test)
{
	struct soft *soft = kunit_kzalloc(test, sizeof(*soft), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, soft);
	soft->test = test;
	soft->fake = fake_device_create(test, &dma_desc);
	soft->fake->type.dma = MDEVKIT_DMA_SOFTWARE;
	init_completion(&soft->entered);
	init_completion(&soft->go);
	init_completion(&soft->copier_done);
	init_completion(&soft->ender_done);
	test->priv = soft;
	kunit_activate_static_stub(test, mdevkit_dma_copy, stub_copy);
	return soft;
}

static int soft_copy(struct soft *soft)
{
	u32 data;

	return mdevkit_dma_rw(&soft->fake->kdev, 0x1000, &data, sizeof(data), true);
}

static void a_software_device_copies_only_while_dma_is_allowed(struct kunit *test)
{
	struct soft *soft = soft_create(test);
	struct fake_device *fake = soft->fake;
	unsigned int pmcsr = fake_config_find_cap(test, fake, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	complete_all(&soft->go);
	set_command(test, fake, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), -EPERM);
	KUNIT_ASSERT_EQ(test, mdevkit_device_open(&fake->kdev), 0);
	set_command(test, fake, 0);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), -EPERM);
	set_command(test, fake, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, soft->copies, 0);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), 0);
	KUNIT_EXPECT_EQ(test, soft->copies, 1);

	fake_config_write(test, fake, pmcsr, 2, 3);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), -EPERM);
	fake_config_write(test, fake, pmcsr, 2, 0);
	fake->reset_result = -EIO;
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), -EIO);
	set_command(test, fake, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), -EPERM);
	fake->reset_result = 0;
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	set_command(test, fake, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), 0);

	mdevkit_device_close(&fake->kdev);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), -EPERM);
	KUNIT_EXPECT_EQ(test, soft->copies, 2);
	/* its driver is not asked to start and drain what the kit does itself */
	KUNIT_EXPECT_EQ(test, fake->starts, 0);
	KUNIT_EXPECT_EQ(test, fake->drains, 0);

	fake->type.dma = MDEVKIT_DMA_PASID;
	KUNIT_EXPECT_EQ(test, soft_copy(soft), -EINVAL);
}

static int copier(void *data)
{
	struct soft *soft = data;

	/* the stub is this test's */
	current->kunit_test = soft->test;
	soft->copy_result = soft_copy(soft);
	complete(&soft->copier_done);
	return 0;
}

static int ender(void *data)
{
	struct soft *soft = data;

	soft->end(soft);
	soft->copied_before_end = READ_ONCE(soft->copied);
	complete(&soft->ender_done);
	return 0;
}

static void end_by_bus_master(struct soft *soft)
{
	set_command(soft->test, soft->fake, 0);
}

static void end_by_d3hot(struct soft *soft)
{
	unsigned int pmcsr = fake_config_find_cap(soft->test, soft->fake, PCI_CAP_ID_PM) +
			     PCI_PM_CTRL;

	fake_config_write(soft->test, soft->fake, pmcsr, 2, 3);
}

static void end_by_reset(struct soft *soft)
{
	/* whatever a reset leaves of Bus Master Enable */
	soft->fake->reset_result = -EIO;
	KUNIT_EXPECT_EQ(soft->test, mdevkit_device_reset(&soft->fake->kdev), -EIO);
}

static void end_by_close(struct soft *soft)
{
	mdevkit_device_close(&soft->fake->kdev);
}

static const struct end {
	const char *name;
	void (*end)(struct soft *soft);
} ends[] = {
	{ "Bus Master Enable cleared", end_by_bus_master },
	{ "D3hot", end_by_d3hot },
	{ "reset", end_by_reset },
	{ "close", end_by_close },
};

static void end_describe(const struct end *end, char *desc)
{
	strscpy(desc, end->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(end, ends, end_describe);

static void what_ends_dma_waits_for_the_copy_under_way(struct kunit *test)
{
	const struct end *end = test->param_value;
	struct soft *soft = soft_create(test);

	soft->end = end->end;
	KUNIT_ASSERT_EQ(test, mdevkit_device_open(&soft->fake->kdev), 0);
	set_command(test, soft->fake, PCI_COMMAND_MASTER);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(copier, soft, "copier")));
	wait_for_completion(&soft->entered);
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(ender, soft, "ender")));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&soft->ender_done, HZ / 5), 0);
	complete_all(&soft->go);
	wait_for_completion(&soft->copier_done);
	wait_for_completion(&soft->ender_done);
	KUNIT_EXPECT_EQ(test, soft->copy_result, 0);
	KUNIT_EXPECT_TRUE(test, soft->copied_before_end);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), -EPERM);
	KUNIT_EXPECT_EQ(test, soft->copies, 1);
}

static void a_parent_that_goes_while_dma_starts_ends_it_at_once(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &dma_desc);

	set_command(test, fake, PCI_COMMAND_MASTER);
	fake->gone_at_start = true;
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake->starts, 1);
	KUNIT_EXPECT_EQ(test, fake->drains, 1);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->dma_started);
	/* and by the tenant's bit */
	fake = fake_device_create(test, &dma_desc);
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	fake->gone_at_start = true;
	set_command(test, fake, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, fake->starts, 1);
	KUNIT_EXPECT_EQ(test, fake->drains, 1);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->dma_started);
}

static void a_reset_of_the_parent_ends_dma_and_lets_it_go_on(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &dma_desc);
	u64 value = 0;

	/* by a tenant, who has told the driver */
	KUNIT_ASSERT_EQ(test, mdevkit_device_open(&fake->kdev), 0);
	set_command(test, fake, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	KUNIT_ASSERT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	expect_calls(test, fake, 1, 0);
	fake->resets = 0;

	mdevkit_device_reset_prepare(&fake->kdev);
	mdevkit_device_reset_prepare(&fake->kdev);
	expect_calls(test, fake, 1, 1);
	/* whatever the tenant does: nothing touches the hardware */
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	set_command(test, fake, 0);
	set_command(test, fake, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	mdevkit_dma_iommu_gone(&fake->kdev);
	KUNIT_EXPECT_EQ(test, mdevkit_dma_iommu_ready(&fake->kdev, PASID), 0);
	scoped_guard(rwsem_read, &fake->kdev.priv->access)
		KUNIT_EXPECT_EQ(test, mdevkit_bar_read(&fake->kdev, 0, 0, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, U64_MAX);
	KUNIT_EXPECT_EQ(test, fake->resets, 0);
	expect_calls(test, fake, 1, 1);
	KUNIT_EXPECT_GT(test, fake->kdev.priv->blocked, 0);

	mdevkit_device_reset_done(&fake->kdev);
	mdevkit_device_reset_done(&fake->kdev);
	KUNIT_EXPECT_EQ(test, fake->resets, 1);
	expect_calls(test, fake, 2, 1);
	KUNIT_EXPECT_EQ(test, fake->kdev.priv->blocked, 0);

	/* a device that does not survive it */
	mdevkit_device_reset_prepare(&fake->kdev);
	fake->reset_result = -EIO;
	mdevkit_device_reset_done(&fake->kdev);
	expect_calls(test, fake, 2, 2);
	mdevkit_dma_iommu_gone(&fake->kdev);
	mdevkit_device_close(&fake->kdev);

	/* nobody has it open: the driver is asked for nothing */
	fake->resets = 0;
	mdevkit_device_reset_prepare(&fake->kdev);
	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), -EAGAIN);
	mdevkit_device_reset_done(&fake->kdev);
	KUNIT_EXPECT_EQ(test, fake->resets, 0);
	fake->reset_result = 0;
	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), 0);
	mdevkit_device_close(&fake->kdev);
}

static void a_device_that_is_gone_copies_nothing(struct kunit *test)
{
	struct soft *soft = soft_create(test);

	complete_all(&soft->go);
	KUNIT_ASSERT_EQ(test, mdevkit_device_open(&soft->fake->kdev), 0);
	set_command(test, soft->fake, PCI_COMMAND_MASTER);
	mdevkit_device_set_gone(&soft->fake->kdev);
	KUNIT_EXPECT_EQ(test, soft_copy(soft), -ENODEV);
	KUNIT_EXPECT_EQ(test, soft->copies, 0);
	mdevkit_device_close(&soft->fake->kdev);
}

static struct kunit_case dma_test_cases[] = {
	KUNIT_CASE(dma_needs_translation_and_bus_master),
	KUNIT_CASE(each_is_called_once),
	KUNIT_CASE(d3hot_ends_dma),
	KUNIT_CASE(dma_goes_on_after_a_reset),
	KUNIT_CASE(a_reset_in_d3hot_lets_dma_go_on),
	KUNIT_CASE(a_failed_reset_leaves_dma_off),
	KUNIT_CASE(a_reset_after_a_failed_one_lets_dma_go_on),
	KUNIT_CASE(two_causes_that_meet_do_not_undo_each_other),
	KUNIT_CASE(a_failed_start_is_reported_or_tried_again),
	KUNIT_CASE(a_device_that_is_gone_is_drained_and_never_started),
	KUNIT_CASE(a_parent_that_goes_while_dma_starts_ends_it_at_once),
	KUNIT_CASE(a_reset_of_the_parent_ends_dma_and_lets_it_go_on),
	KUNIT_CASE(a_device_that_is_gone_copies_nothing),
	KUNIT_CASE(a_software_device_copies_only_while_dma_is_allowed),
	KUNIT_CASE_PARAM(what_ends_dma_waits_for_the_copy_under_way, end_gen_params),
	{}
};

static struct kunit_suite dma_test_suite = {
	.name = "mdevkit_dma",
	.test_cases = dma_test_cases,
};

kunit_test_suite(dma_test_suite);
