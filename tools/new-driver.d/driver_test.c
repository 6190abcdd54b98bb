// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: the registers of @name@, without a VM, VFIO or the mdev bus. */
#include <kunit/test.h>

#define @NAME@_KUNIT
#include "@name@.c"

static struct @name@ *@name@_make(struct kunit *test)
{
	struct @name@ *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_EQ(test, @name@_create(&dev->kdev), 0);
	KUNIT_ASSERT_EQ(test, @name@_ops.reset(&dev->kdev), 0);
	return dev;
}

static void scratch_keeps_its_value_until_a_reset(struct kunit *test)
{
	struct @name@ *dev = @name@_make(test);
	u64 value;

	KUNIT_EXPECT_EQ(test, @name@_write(&dev->kdev, 0, @NAME@_SCRATCH, 4, 0x12345678), 0);
	KUNIT_EXPECT_EQ(test, @name@_read(&dev->kdev, 0, @NAME@_SCRATCH, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x12345678);
	KUNIT_EXPECT_EQ(test, @name@_ops.reset(&dev->kdev), 0);
	KUNIT_EXPECT_EQ(test, @name@_read(&dev->kdev, 0, @NAME@_SCRATCH, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0);
	@name@_ops.destroy(&dev->kdev);
}

static void a_type_is_offered(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, @name@_types[0].sysfs_name, "unit");
	KUNIT_EXPECT_PTR_EQ(test, @name@_types[0].pci, &@name@_pci);
}

static struct kunit_case @name@_test_cases[] = {
	KUNIT_CASE(scratch_keeps_its_value_until_a_reset),
	KUNIT_CASE(a_type_is_offered),
	{}
};

static struct kunit_suite @name@_test_suite = {
	.name = "@name@",
	.test_cases = @name@_test_cases,
};
kunit_test_suite(@name@_test_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of @name@");
