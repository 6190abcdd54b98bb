// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: parents that go away, and what they and their drivers may declare. */

#include <linux/sizes.h>

#include "mdevkit_fake.h"

static const struct mdevkit_pci_desc desc = {
	.vendor = 0x1234,
	.device = 0x0003,
	.express = true,
	.bars[0] = { .size = SZ_4K },
};

static struct mdevkit_parent *parent_create(struct kunit *test)
{
	struct mdevkit_parent *parent = kunit_kzalloc(test, sizeof(*parent), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, parent);
	spin_lock_init(&parent->devices_lock);
	INIT_LIST_HEAD(&parent->devices);
	return parent;
}

static struct fake_device *device_of(struct kunit *test, struct mdevkit_parent *parent)
{
	struct fake_device *fake = fake_device_create(test, &desc);

	fake->kdev.parent = parent;
	list_add_tail(&fake->kdev.priv->parent_entry, &parent->devices);
	return fake;
}

static void expect_gone(struct kunit *test, struct fake_device *fake)
{
	u8 bytes[4] = {};

	KUNIT_EXPECT_TRUE(test, mdevkit_device_gone(&fake->kdev));
	/* access is held by the test */
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(&fake->kdev, PCI_VENDOR_ID, bytes, 4), 0);
	KUNIT_EXPECT_EQ(test, bytes[0], 0xff);
}

static void a_stuck_tenant_keeps_no_news_from_anybody(struct kunit *test)
{
	struct mdevkit_parent *parent = parent_create(test);
	struct fake_device *stuck = device_of(test, parent);
	struct fake_device *other = device_of(test, parent);

	/* a BAR callback that does not return */
	down_read(&stuck->kdev.priv->access);
	mdevkit_parent_set_gone(parent);
	expect_gone(test, stuck);
	flush_work(&stuck->kdev.priv->tell_work);
	flush_work(&other->kdev.priv->tell_work);
	up_read(&stuck->kdev.priv->access);
	down_read(&other->kdev.priv->access);
	expect_gone(test, other);
	up_read(&other->kdev.priv->access);
}

static void a_reset_may_find_out_that_the_parent_has_gone(struct kunit *test)
{
	struct mdevkit_parent *parent = parent_create(test);
	struct fake_device *fake = device_of(test, parent);

	/* what reset, drain, start_dma, open and close run under */
	down_write(&fake->kdev.priv->access);
	mdevkit_parent_set_gone(parent);
	expect_gone(test, fake);
	flush_work(&fake->kdev.priv->tell_work);
	up_write(&fake->kdev.priv->access);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), -ENODEV);
	KUNIT_EXPECT_EQ(test, mdevkit_device_open(&fake->kdev), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake->resets, 0);
}

static int no_start(struct mdevkit_device *kdev, ioasid_t pasid)
{
	return 0;
}

static void no_drain(struct mdevkit_device *kdev)
{
}

static const struct mdevkit_device_ops no_ops = {};
static const struct mdevkit_device_ops pasid_ops = { .start_dma = no_start, .drain = no_drain };
static const struct mdevkit_device_ops start_ops = { .start_dma = no_start };
static const struct mdevkit_pci_desc wrong_desc = { .bars[2] = { .size = 0x1800 } };

static const struct type_case {
	struct mdevkit_type type;
	const struct mdevkit_device_ops *ops;
	const char *why;		/* NULL: it is possible */
} type_cases[] = {
	{ { "soft", .cost = 1, .pci = &desc }, &no_ops, NULL },
	{ { "pasid", .cost = 1, .pci = &desc, .dma = MDEVKIT_DMA_PASID }, &pasid_ops, NULL },
	{ { NULL, .cost = 1, .pci = &desc }, &no_ops, "sysfs_name: none, or with a slash" },
	{ { "", .cost = 1, .pci = &desc }, &no_ops, "sysfs_name: none, or with a slash" },
	{ { "a/b", .cost = 1, .pci = &desc }, &no_ops, "sysfs_name: none, or with a slash" },
	{ { "free", .pci = &desc }, &no_ops, "cost is 0" },
	{ { "kind", .cost = 1, .pci = &desc, .dma = MDEVKIT_DMA_LOOKUP + 1 }, &pasid_ops,
	  "dma 3: there is no such kind" },
	{ { "start", .cost = 1, .pci = &desc, .dma = MDEVKIT_DMA_PASID }, &no_ops,
	  "dma: the driver has no start_dma, or no drain" },
	{ { "drain", .cost = 1, .pci = &desc, .dma = MDEVKIT_DMA_PASID }, &start_ops,
	  "dma: the driver has no start_dma, or no drain" },
	{ { "lookup", .cost = 1, .pci = &desc, .dma = MDEVKIT_DMA_LOOKUP }, &pasid_ops,
	  "dma: the driver has no dma_dev" },
	{ { "nothing", .cost = 1 }, &no_ops, "pci: none" },
	{ { "fast", .cost = 1, .pci = &wrong_desc }, &no_ops,
	  "BAR 2: size 0x1800 is not a power of two" },
};

static void what_is_wrong_with_a_type_is_named(struct kunit *test)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(type_cases); i++) {
		const struct type_case *c = &type_cases[i];
		char why[MDEVKIT_WHY_SIZE] = "";

		KUNIT_EXPECT_EQ_MSG(test, mdevkit_type_check(&c->type, c->ops, why),
				    c->why ? -EINVAL : 0, "type %s", c->type.sysfs_name);
		KUNIT_EXPECT_STREQ_MSG(test, why, c->why ?: "", "type %s", c->type.sysfs_name);
	}
}

static struct attribute volume_attr = { .name = "volume", .mode = 0644 };
static struct attribute state_attr = { .name = "state", .mode = 0444 };
static struct attribute mode_attr = { .name = "mode", .mode = 0200 };
static struct attribute far_attr = { .name = "far", .mode = 0644 };
static struct attribute *open_attrs[] = { &volume_attr, &state_attr, &mode_attr, NULL };
static struct attribute *far_attrs[] = { &far_attr, NULL };
static const struct attribute_group open_group = { .attrs = open_attrs };
static const struct attribute_group named_group = { .name = "folder", .attrs = far_attrs };
static const struct attribute_group *groups[] = { &named_group, &open_group, NULL };

static void tools_are_told_what_an_attribute_takes(struct kunit *test)
{
	static const struct mdevkit_attr_values values[] = { { "volume", "0-11" }, {} };
	struct mdevkit_driver drv = { .name = "test", .dev_groups = groups, .attr_values = values };
	char *page = kunit_kzalloc(test, PAGE_SIZE * 2, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	page = PTR_ALIGN(page, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, mdevkit_attributes_check(&drv), 0);
	mdevkit_attributes_emit(&drv, page);
	KUNIT_EXPECT_STREQ(test, page, "volume 0-11\nmode any\n");

	drv = (struct mdevkit_driver){ .name = "test" };
	KUNIT_EXPECT_EQ(test, mdevkit_attributes_check(&drv), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_attributes_emit(&drv, page), 0);
}

static const struct mdevkit_attr_values wrong_values[][2] = {
	{ { "unknown", "bool" } },
	{ { "state", "bool" } },
	{ { "far", "bool" } },
	{ { "volume", NULL } },
	{ { "volume", "" } },
	{ { "volume", "loud\nmode" } },
	{ { "volume", "0 - 11" } },
};

static void values_of_what_cannot_be_written_are_refused(struct kunit *test)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong_values); i++) {
		struct mdevkit_driver drv = {
			.name = "test",
			.dev_groups = groups,
			.attr_values = wrong_values[i],
		};

		KUNIT_EXPECT_EQ_MSG(test, mdevkit_attributes_check(&drv), -EINVAL, "case %u", i);
	}
}

static void a_driver_for_another_version_is_refused(struct kunit *test)
{
	struct mdevkit_driver drv = { .name = "test" };

	KUNIT_EXPECT_EQ(test, __mdevkit_register_driver(&drv, THIS_MODULE, "test",
							MDEVKIT_INTERFACE + 1), -ENOEXEC);
	KUNIT_EXPECT_EQ(test, mdevkit_register_driver(&drv), -EINVAL);
}

static struct kunit_case parent_test_cases[] = {
	KUNIT_CASE(a_stuck_tenant_keeps_no_news_from_anybody),
	KUNIT_CASE(a_reset_may_find_out_that_the_parent_has_gone),
	KUNIT_CASE(what_is_wrong_with_a_type_is_named),
	KUNIT_CASE(tools_are_told_what_an_attribute_takes),
	KUNIT_CASE(values_of_what_cannot_be_written_are_refused),
	KUNIT_CASE(a_driver_for_another_version_is_refused),
	{}
};

static struct kunit_suite parent_test_suite = {
	.name = "mdevkit_parent",
	.test_cases = parent_test_cases,
};

kunit_test_suite(parent_test_suite);
