// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: when mdevkit has a driver start and drain a device's DMA. */

#include <linux/sizes.h>

#include "mdevkit_fake.h"

static const struct mdevkit_pci_desc dma_desc = {
	.vendor = 0x1234,
	.device = 0x0002,
	.express = true,
	.pm = true,
	.bars[0] = { .size = SZ_4K },
};

static void expect_calls(struct kunit *test, struct fake_device *fake, int starts, int drains)
{
	KUNIT_EXPECT_EQ(test, fake->starts, starts);
	KUNIT_EXPECT_EQ(test, fake->drains, drains);
	KUNIT_EXPECT_EQ(test, fake->kdev.dma_started, starts > drains);
}

static void set_command(struct kunit *test, struct fake_device *fake, u16 command)
{
	fake_config_write(test, fake, PCI_COMMAND, 2, command);
}

static struct fake_device *create_started(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &dma_desc);

	KUNIT_ASSERT_EQ(test, mdevkit_device_start_dma(&fake->kdev), 0);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 1, 0);
	return fake;
}

static void dma_needs_translation_and_bus_master(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &dma_desc);

	/* translation first */
	KUNIT_EXPECT_EQ(test, mdevkit_device_start_dma(&fake->kdev), 0);
	set_command(test, fake, PCI_COMMAND_MEMORY);
	expect_calls(test, fake, 0, 0);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 1, 0);
	mdevkit_device_drain(&fake->kdev);
	expect_calls(test, fake, 1, 1);

	/* Bus Master Enable, which is still set, first */
	KUNIT_EXPECT_EQ(test, mdevkit_device_start_dma(&fake->kdev), 0);
	expect_calls(test, fake, 2, 1);
}

static void each_is_called_once(struct kunit *test)
{
	struct fake_device *fake = create_started(test);

	KUNIT_EXPECT_EQ(test, mdevkit_device_start_dma(&fake->kdev), 0);
	set_command(test, fake, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	expect_calls(test, fake, 1, 0);
	set_command(test, fake, 0);
	set_command(test, fake, PCI_COMMAND_MEMORY);
	mdevkit_device_drain(&fake->kdev);
	mdevkit_device_drain(&fake->kdev);
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

static void a_reset_clears_bus_master(struct kunit *test)
{
	struct fake_device *fake = create_started(test);
	unsigned int devctl = fake_config_find_cap(test, fake, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	expect_calls(test, fake, 1, 1);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 2, 1);
	/* a function level reset in one write with other bits of its register */
	fake_config_write(test, fake, devctl, 2, 0xffff);
	expect_calls(test, fake, 2, 2);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 3, 2);
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
	KUNIT_EXPECT_FALSE(test, fake->kdev.dma_started);
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
			mdevkit_device_drain(&fake->kdev);
		else
			KUNIT_EXPECT_EQ(test, mdevkit_device_start_dma(&fake->kdev), 0);
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
	KUNIT_EXPECT_EQ(test, fake->kdev.dma_started, !any);
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
	KUNIT_EXPECT_EQ(test, mdevkit_device_start_dma(&fake->kdev), 0);
	set_command(test, fake, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_FALSE(test, fake->kdev.dma_started);
	/* An attach can: it is as if it had not been asked for */
	KUNIT_EXPECT_EQ(test, mdevkit_device_start_dma(&fake->kdev), -EIO);
	fake->start_result = 0;
	fake->starts = 0;
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 0, 0);
	KUNIT_EXPECT_EQ(test, mdevkit_device_start_dma(&fake->kdev), 0);
	expect_calls(test, fake, 1, 0);
}

static void a_device_that_is_gone_is_drained_and_never_started(struct kunit *test)
{
	struct fake_device *fake = create_started(test);

	mdevkit_device_set_gone(&fake->kdev);
	mdevkit_device_drain(&fake->kdev);
	expect_calls(test, fake, 1, 1);
	KUNIT_EXPECT_EQ(test, mdevkit_device_start_dma(&fake->kdev), -ENODEV);
	set_command(test, fake, PCI_COMMAND_MASTER);
	expect_calls(test, fake, 1, 1);
}

static struct kunit_case dma_test_cases[] = {
	KUNIT_CASE(dma_needs_translation_and_bus_master),
	KUNIT_CASE(each_is_called_once),
	KUNIT_CASE(d3hot_ends_dma),
	KUNIT_CASE(a_reset_clears_bus_master),
	KUNIT_CASE(a_failed_reset_leaves_dma_off),
	KUNIT_CASE(a_reset_after_a_failed_one_lets_dma_go_on),
	KUNIT_CASE(two_causes_that_meet_do_not_undo_each_other),
	KUNIT_CASE(a_failed_start_is_reported_or_tried_again),
	KUNIT_CASE(a_device_that_is_gone_is_drained_and_never_started),
	{}
};

static struct kunit_suite dma_test_suite = {
	.name = "mdevkit_dma",
	.test_cases = dma_test_cases,
};

kunit_test_suite(dma_test_suite);
