// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: the groups that mdevs are put into when their parents are functions of PCI slots. */

#include <linux/pci.h>
#include <linux/sizes.h>

#include "mdevkit_fake.h"
#include "mock_iommu.h"

static const struct mdevkit_pci_desc desc = {
	.vendor = 0x1234,
	.device = 0x0004,
	.bars[0] = { .size = SZ_4K },
};

static const struct mdevkit_type soft_type = { "soft", .cost = 1, .pci = &desc };

/* A PCI function as far as placement looks at it, and the parent that it is */
struct function {
	struct pci_dev pdev;
	struct mdevkit_parent parent;
	char name[16];
};

/* Two buses, of which the second one has ARI; functions 03.0, 03.1, 04.0 on each */
struct slots {
	struct pci_dev bridge;
	struct pci_bus buses[2];
	struct function *functions[2][3];
	bool listed[2][3];
};

static const unsigned int devfns[3] = { PCI_DEVFN(3, 0), PCI_DEVFN(3, 1), PCI_DEVFN(4, 0) };

static void slots_list(struct kunit *test, struct slots *slots, unsigned int bus, unsigned int n)
{
	KUNIT_ASSERT_EQ(test, mdevkit_parent_list(&slots->functions[bus][n]->parent), 0);
	slots->listed[bus][n] = true;
}

static void slots_destroy(void *data)
{
	struct slots *slots = data;

	for (unsigned int i = 0; i < 6; i++)
		if (slots->listed[i / 3][i % 3])
			mdevkit_parent_unlist(&slots->functions[i / 3][i % 3]->parent);
}

static struct slots *slots_create(struct kunit *test)
{
	struct slots *slots = kunit_kzalloc(test, sizeof(*slots), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, slots);
	slots->bridge.ari_enabled = 1;
	slots->buses[1].self = &slots->bridge;
	for (unsigned int i = 0; i < 6; i++) {
		struct function *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, f);
		slots->functions[i / 3][i % 3] = f;
		snprintf(f->name, sizeof(f->name), "fake:%02x:%02x.%x", i / 3,
			 PCI_SLOT(devfns[i % 3]), PCI_FUNC(devfns[i % 3]));
		f->pdev.dev.init_name = f->name;
		f->pdev.dev.bus = &pci_bus_type;
		f->pdev.bus = &slots->buses[i / 3];
		f->pdev.devfn = devfns[i % 3];
		f->parent.dev = &f->pdev.dev;
		f->parent.capacity = 8;
		mutex_init(&f->parent.capacity_lock);
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, slots_destroy, slots), 0);
	return slots;
}

static void expect_placement(struct kunit *test, struct slots *slots, unsigned int bus,
			     enum mdevkit_placement a, enum mdevkit_placement b,
			     enum mdevkit_placement c)
{
	KUNIT_EXPECT_EQ(test, slots->functions[bus][0]->parent.placement, a);
	KUNIT_EXPECT_EQ(test, slots->functions[bus][1]->parent.placement, b);
	KUNIT_EXPECT_EQ(test, slots->functions[bus][2]->parent.placement, c);
}

static int set(struct slots *slots, unsigned int bus, unsigned int n,
	       enum mdevkit_placement placement)
{
	return mdevkit_parent_set_placement(&slots->functions[bus][n]->parent, placement);
}

static void slot_is_set_for_all_functions_of_the_slot(struct kunit *test)
{
	struct slots *slots = slots_create(test);

	for (unsigned int i = 0; i < 6; i++)
		if (i != 1)
			slots_list(test, slots, i / 3, i % 3);
	KUNIT_EXPECT_EQ(test, set(slots, 0, 0, MDEVKIT_PLACE_SLOT), 0);
	/* the other slot is another device; 03.1 comes later */
	slots_list(test, slots, 0, 1);
	expect_placement(test, slots, 0, MDEVKIT_PLACE_SLOT, MDEVKIT_PLACE_SLOT,
			 MDEVKIT_PLACE_MDEV);
	expect_placement(test, slots, 1, MDEVKIT_PLACE_MDEV, MDEVKIT_PLACE_MDEV,
			 MDEVKIT_PLACE_MDEV);
	/* one function's other policies are its own */
	KUNIT_EXPECT_EQ(test, set(slots, 0, 2, MDEVKIT_PLACE_PARENT), 0);
	expect_placement(test, slots, 0, MDEVKIT_PLACE_SLOT, MDEVKIT_PLACE_SLOT,
			 MDEVKIT_PLACE_PARENT);
	/* taken off at one, it is off at all */
	KUNIT_EXPECT_EQ(test, set(slots, 0, 1, MDEVKIT_PLACE_MDEV), 0);
	expect_placement(test, slots, 0, MDEVKIT_PLACE_MDEV, MDEVKIT_PLACE_MDEV,
			 MDEVKIT_PLACE_PARENT);
	/* with ARI the bus is the slot */
	KUNIT_EXPECT_EQ(test, set(slots, 1, 2, MDEVKIT_PLACE_SLOT), 0);
	expect_placement(test, slots, 1, MDEVKIT_PLACE_SLOT, MDEVKIT_PLACE_SLOT,
			 MDEVKIT_PLACE_SLOT);
	expect_placement(test, slots, 0, MDEVKIT_PLACE_MDEV, MDEVKIT_PLACE_MDEV,
			 MDEVKIT_PLACE_PARENT);
}

static void an_mdev_of_any_function_fixes_the_slots_policy(struct kunit *test)
{
	struct slots *slots = slots_create(test);

	for (unsigned int i = 0; i < 3; i++)
		slots_list(test, slots, 0, i);
	KUNIT_ASSERT_EQ(test, mdevkit_capacity_take(&slots->functions[0][1]->parent, &soft_type),
			0);
	/* it would be outside the slot's group */
	KUNIT_EXPECT_EQ(test, set(slots, 0, 0, MDEVKIT_PLACE_SLOT), -EBUSY);
	expect_placement(test, slots, 0, MDEVKIT_PLACE_MDEV, MDEVKIT_PLACE_MDEV,
			 MDEVKIT_PLACE_MDEV);
	/* what does not concern it is allowed */
	KUNIT_EXPECT_EQ(test, set(slots, 0, 0, MDEVKIT_PLACE_PARENT), 0);
	KUNIT_EXPECT_EQ(test, set(slots, 0, 2, MDEVKIT_PLACE_SLOT), 0);
	KUNIT_EXPECT_EQ(test, set(slots, 0, 1, MDEVKIT_PLACE_PARENT), -EBUSY);
	KUNIT_EXPECT_EQ(test, set(slots, 0, 1, MDEVKIT_PLACE_MDEV), 0);
	mdevkit_capacity_give(&slots->functions[0][1]->parent, &soft_type);

	KUNIT_EXPECT_EQ(test, set(slots, 0, 0, MDEVKIT_PLACE_SLOT), 0);
	KUNIT_ASSERT_EQ(test, mdevkit_capacity_take(&slots->functions[0][1]->parent, &soft_type),
			0);
	KUNIT_EXPECT_EQ(test, set(slots, 0, 0, MDEVKIT_PLACE_MDEV), -EBUSY);
	expect_placement(test, slots, 0, MDEVKIT_PLACE_SLOT, MDEVKIT_PLACE_SLOT,
			 MDEVKIT_PLACE_SLOT);
	mdevkit_capacity_give(&slots->functions[0][1]->parent, &soft_type);
}

/* ---- with groups: each mdev is a whole device behind a mock IOMMU ---- */

struct member {
	struct fake_device *fake;
	struct device *dma_dev;
};

static struct mock_iommu *member_iommu;
static struct member members[4];

static struct device *member_dma_dev(struct mdevkit_device *kdev)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(members); i++)
		if (&members[i].fake->kdev == kdev)
			return members[i].dma_dev;
	return NULL;
}

static void no_release(struct device *dev)
{
}

static void member_join(struct kunit *test, unsigned int i, struct mdevkit_parent *parent)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	char name[16];

	snprintf(name, sizeof(name), "placed-%u", i);
	members[i].dma_dev = mock_iommu_add_device(member_iommu, name, 0, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(members[i].dma_dev));
	fake->bus.mdev.dev.init_name = NULL;
	fake->bus.mdev.dev.release = no_release;
	device_initialize(&fake->bus.mdev.dev);
	KUNIT_ASSERT_EQ(test, dev_set_name(&fake->bus.mdev.dev, "placed-mdev-%u", i), 0);
	KUNIT_ASSERT_EQ(test, device_add(&fake->bus.mdev.dev), 0);
	fake->type.dma = MDEVKIT_DMA_LOOKUP;
	fake->ops.dma_dev = member_dma_dev;
	fake->kdev.parent = parent;
	members[i].fake = fake;
	KUNIT_ASSERT_EQ(test, mdevkit_group_join(&fake->kdev), 0);
}

static void members_leave(struct kunit *test)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(members); i++) {
		mdevkit_group_leave(&members[i].fake->kdev);
		device_del(&members[i].fake->bus.mdev.dev);
		put_device(&members[i].fake->bus.mdev.dev);
		mock_iommu_remove_device(members[i].dma_dev);
	}
	memset(members, 0, sizeof(members));
}

static void the_functions_of_a_slot_share_one_group(struct kunit *test)
{
	static const struct mock_iommu_config config = {};
	struct slots *slots = slots_create(test);
	struct mdevkit_group *groups[4];

	for (unsigned int i = 0; i < 3; i++)
		slots_list(test, slots, 0, i);
	KUNIT_ASSERT_EQ(test, set(slots, 0, 0, MDEVKIT_PLACE_SLOT), 0);
	member_iommu = mock_iommu_create("placement-iommu", &config);
	KUNIT_ASSERT_FALSE(test, IS_ERR(member_iommu));
	/* two of one function, one of its neighbour, one of the next slot */
	member_join(test, 0, &slots->functions[0][0]->parent);
	member_join(test, 1, &slots->functions[0][0]->parent);
	member_join(test, 2, &slots->functions[0][1]->parent);
	member_join(test, 3, &slots->functions[0][2]->parent);
	for (unsigned int i = 0; i < 4; i++)
		groups[i] = members[i].fake->kdev.priv->group;
	KUNIT_EXPECT_PTR_EQ(test, groups[0], groups[1]);
	KUNIT_EXPECT_PTR_EQ(test, groups[0], groups[2]);
	KUNIT_EXPECT_PTR_NE(test, groups[0], groups[3]);
	members_leave(test);
	mock_iommu_destroy(member_iommu);
}

static struct kunit_case placement_test_cases[] = {
	KUNIT_CASE(slot_is_set_for_all_functions_of_the_slot),
	KUNIT_CASE(an_mdev_of_any_function_fixes_the_slots_policy),
	KUNIT_CASE(the_functions_of_a_slot_share_one_group),
	{}
};

static struct kunit_suite placement_test_suite = {
	.name = "mdevkit_placement",
	.test_cases = placement_test_cases,
};

kunit_test_suite(placement_test_suite);
