// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: how accesses of a tenant to BARs are cut into what registers accept. */

#include <linux/prandom.h>
#include <linux/sizes.h>

#include "mdevkit_fake.h"

#define W1 MDEVKIT_WIDTH_1
#define W2 MDEVKIT_WIDTH_2
#define W4 MDEVKIT_WIDTH_4
#define W8 MDEVKIT_WIDTH_8

struct width_case {
	const char *name;
	u8 widths;
	u64 offset;
	size_t count;
	unsigned int width;
};

static const struct width_case width_cases[] = {
	{ "byte register, byte", W1, 3, 1, 1 },
	{ "byte register, DWORD", W1, 0, 4, 1 },
	{ "all, aligned DWORD", W1 | W2 | W4, 8, 4, 4 },
	{ "all, aligned QWORD without 8", W1 | W2 | W4, 8, 8, 4 },
	{ "all, aligned QWORD with 8", W1 | W2 | W4 | W8, 8, 8, 8 },
	{ "all, odd offset", W1 | W2 | W4, 1, 4, 1 },
	{ "all, even offset", W1 | W2 | W4, 2, 4, 2 },
	{ "all, 3 bytes", W1 | W2 | W4, 0, 3, 2 },
	{ "DWORD register, byte", W4, 0, 1, 0 },
	{ "DWORD register, 2 bytes", W4, 0, 2, 0 },
	{ "DWORD register, misaligned", W4, 2, 4, 0 },
	{ "DWORD register, 6 bytes begin", W4, 0, 6, 4 },
	{ "DWORD register, 6 bytes end", W4, 4, 2, 0 },
	{ "QWORD register, DWORD", W8, 0, 4, 0 },
	{ "QWORD register, QWORD at DWORD", W8, 4, 8, 0 },
	{ "nothing left", W1, 0, 0, 0 },
	{ "far offset", W1 | W2 | W4 | W8, 0xfffffffff8ULL, 8, 8 },
};

KUNIT_ARRAY_PARAM_DESC(width, width_cases, name);

static void accesses_are_natural(struct kunit *test)
{
	const struct width_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, mdevkit_access_width(c->widths, c->offset, c->count), c->width);
}

static const struct mdevkit_pci_desc desc = {
	.vendor = 0x1234,
	.device = 0x5678,
	.msix_vectors = 3,
	.msix_bar = 2,
	.msix_table = 0x100,
	.msix_pba = 0x200,
	.bars = {
		[0] = { .size = 8, .flags = PCI_BASE_ADDRESS_SPACE_IO, .read = fake_bar_read,
			.write = fake_bar_write },
		[1] = { .size = SZ_4K, .read = fake_bar_read, .write = fake_bar_write },
		[2] = { .size = SZ_4K },
	},
};

static int bar_read(struct fake_device *fake, unsigned int bar, u64 offset, unsigned int width,
		    u64 *value)
{
	guard(rwsem_read)(&fake->kdev.priv->access);
	return mdevkit_bar_read(&fake->kdev, bar, offset, width, value);
}

static int bar_write(struct fake_device *fake, unsigned int bar, u64 offset, unsigned int width,
		     u64 value)
{
	guard(rwsem_read)(&fake->kdev.priv->access);
	return mdevkit_bar_write(&fake->kdev, bar, offset, width, value);
}

static void callbacks_get_the_access(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	u64 value = 0;

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	fake->value = 0x1122334455667788ULL;
	KUNIT_EXPECT_EQ(test, bar_read(fake, 1, 0xff8, 8, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1122334455667788ULL);
	KUNIT_EXPECT_EQ(test, fake->bar, 1);
	KUNIT_EXPECT_EQ(test, fake->offset, 0xff8);
	KUNIT_EXPECT_EQ(test, fake->width, 8);
	KUNIT_EXPECT_EQ(test, bar_write(fake, 0, 7, 1, 0xa5), 0);
	KUNIT_EXPECT_EQ(test, fake->bar, 0);
	KUNIT_EXPECT_EQ(test, fake->offset, 7);
	KUNIT_EXPECT_EQ(test, fake->width, 1);
	KUNIT_EXPECT_EQ(test, fake->value, 0xa5);
}

static void undecoded_bars_do_not_answer(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	u64 value;

	fake_config_write(test, fake, PCI_COMMAND, 2, 0);
	for (unsigned int bar = 0; bar < 3; bar++) {
		value = 0;
		KUNIT_EXPECT_EQ(test, bar_read(fake, bar, 0, 4, &value), 0);
		KUNIT_EXPECT_EQ(test, value, ~0ULL);
		KUNIT_EXPECT_EQ(test, bar_write(fake, bar, 0, 4, 0), 0);
	}
	KUNIT_EXPECT_EQ(test, fake->reads + fake->writes, 0);

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_IO);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 0, 0, 1, &value), 0);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 1, 0, 1, &value), 0);
	KUNIT_EXPECT_EQ(test, fake->reads, 1);

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	mdevkit_device_set_gone(&fake->kdev);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 1, 0, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, ~0ULL);
	KUNIT_EXPECT_EQ(test, bar_write(fake, 1, 0, 4, 0), 0);
	KUNIT_EXPECT_EQ(test, fake->reads + fake->writes, 1);
}

static void reserved_registers_are_zero(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	u64 value = 1;

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_EQ(test, bar_write(fake, 2, 0x800, 4, 0xffffffff), 0);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 2, 0x800, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0);
}

struct msix_case {
	const char *name;
	unsigned int bar;
	u64 offset;
	bool covered;
};

static const struct msix_case msix_cases[] = {
	{ "before the table", 2, 0xfc, false },
	{ "first entry", 2, 0x100, true },
	{ "last DWORD of the table", 2, 0x12c, true },
	{ "after the table", 2, 0x130, false },
	{ "PBA", 2, 0x200, true },
	{ "end of the PBA", 2, 0x207, true },
	{ "after the PBA", 2, 0x208, false },
	{ "another BAR", 1, 0x100, false },
};

KUNIT_ARRAY_PARAM_DESC(msix, msix_cases, name);

static void msix_area_is_exact(struct kunit *test)
{
	const struct msix_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, mdevkit_msix_covers(&desc, c->bar, c->offset), c->covered);
}

static void msix_table_reads_back(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	u64 value;

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	/* masked after reset */
	KUNIT_EXPECT_EQ(test, bar_read(fake, 2, 0x12c, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	KUNIT_EXPECT_EQ(test, bar_write(fake, 2, 0x128, 8, 0x0000000112345678ULL), 0);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 2, 0x128, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x12345678);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 2, 0x128, 8, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x0000000112345678ULL);
	/* the PBA is read-only, and DWORDs are the smallest access */
	KUNIT_EXPECT_EQ(test, bar_write(fake, 2, 0x200, 8, ~0ULL), 0);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 2, 0x200, 8, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 2, 0x100, 2, &value), -EINVAL);
	KUNIT_EXPECT_EQ(test, bar_write(fake, 2, 0x100, 1, 0), -EINVAL);
}

/* ---- whether a transfer fits ---- */

#define LAYOUT_BAR	SZ_16K

static int no_page(struct mdevkit_device *kdev, pgoff_t pgoff, struct mdevkit_io_page *page)
{
	return -ENXIO;
}

static void random_layout(struct rnd_state *rnd, struct mdevkit_pci_desc *desc)
{
	struct mdevkit_bar *bar = &desc->bars[0];

	*desc = (struct mdevkit_pci_desc) { .vendor = 0x1234 };
	bar->size = LAYOUT_BAR;
	bar->widths = prandom_u32_state(rnd) % 16;
	if (prandom_u32_state(rnd) % 2) {
		bar->passthrough_size = PAGE_SIZE * (1 + prandom_u32_state(rnd) % 2);
		bar->page = no_page;
	}
	if (prandom_u32_state(rnd) % 4) {
		desc->msix_vectors = 1 + prandom_u32_state(rnd) % 100;
		desc->msix_table = LAYOUT_BAR / 2 + 64 + prandom_u32_state(rnd) % 200 * 8;
		desc->msix_pba = desc->msix_table - 16 - prandom_u32_state(rnd) % 3 * 8;
		if (prandom_u32_state(rnd) % 2)
			desc->msix_pba = desc->msix_table + desc->msix_vectors * 16 +
					 prandom_u32_state(rnd) % 3 * 8;
	}
}

/* What the registers at @offset accept, by the declaration's words */
static u8 layout_widths(const struct mdevkit_pci_desc *desc, u64 offset)
{
	u64 table = desc->msix_table, pba = desc->msix_pba;
	unsigned int nr = desc->msix_vectors;

	if (nr && offset >= table && offset < table + nr * 16)
		return W4 | W8;
	if (nr && offset >= pba && offset < pba + DIV_ROUND_UP(nr, 64) * 8)
		return W4 | W8;
	if (offset < desc->bars[0].passthrough_size)
		return W1 | W2 | W4 | W8;
	return desc->bars[0].widths ?: W1 | W2 | W4;
}

/* Access by access, as the transfer itself goes */
static bool fits_step_by_step(const struct mdevkit_pci_desc *desc, u64 offset, size_t count)
{
	while (count) {
		unsigned int width = mdevkit_access_width(layout_widths(desc, offset), offset,
							  count);

		if (!width)
			return false;
		offset += width;
		count -= width;
	}
	return true;
}

static void a_transfer_fits_if_each_of_its_accesses_does(struct kunit *test)
{
	struct mdevkit_pci_desc *layout = kunit_kzalloc(test, sizeof(*layout), GFP_KERNEL);
	struct fake_device *fake = fake_device_create(test, &desc);
	unsigned int fitting = 0, tried = 0;
	char why[MDEVKIT_WHY_SIZE];
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, layout);
	prandom_seed_state(&rnd, 20261127);
	fake->type.pci = layout;
	for (unsigned int i = 0; i < 400; i++) {
		random_layout(&rnd, layout);
		KUNIT_ASSERT_EQ(test, mdevkit_config_check(layout, why), 0);
		for (unsigned int k = 0; k < 200; k++) {
			/* mostly where something begins or ends, or else anywhere */
			u64 near[] = { layout->msix_table, layout->msix_pba,
				       layout->msix_table + layout->msix_vectors * 16,
				       layout->bars[0].passthrough_size,
				       prandom_u32_state(&rnd) % LAYOUT_BAR };
			u64 offset = near[k % ARRAY_SIZE(near)] + prandom_u32_state(&rnd) % 48;
			size_t count = prandom_u32_state(&rnd) % (k % 8 ? 64 : LAYOUT_BAR);
			bool want, got;

			offset = min(offset - min(offset, 24ULL), (u64)LAYOUT_BAR);
			count = min(count, (size_t)(LAYOUT_BAR - offset));
			want = fits_step_by_step(layout, offset, count);
			got = mdevkit_bar_transfer_fits(&fake->kdev, 0, offset, count);
			KUNIT_ASSERT_EQ_MSG(test, got, want, "layout %u: %zu bytes at %#llx", i,
					    count, offset);
			fitting += want;
			tried++;
		}
	}
	fake->type.pci = &desc;
	/* both kinds are there in numbers */
	KUNIT_EXPECT_GT(test, fitting, tried / 10);
	KUNIT_EXPECT_LT(test, fitting, tried - tried / 10);
}

/* Step by step this would take hours */
static void a_huge_transfer_is_checked_at_once(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	struct mdevkit_pci_desc *huge = kunit_kzalloc(test, sizeof(*huge), GFP_KERNEL);
	char why[MDEVKIT_WHY_SIZE];

	KUNIT_ASSERT_NOT_NULL(test, huge);
	huge->bars[0] = (struct mdevkit_bar) {
		.size = 1ULL << 39,
		.flags = PCI_BASE_ADDRESS_MEM_TYPE_64,
		.widths = W4,
	};
	KUNIT_ASSERT_EQ(test, mdevkit_config_check(huge, why), 0);
	fake->type.pci = huge;
	KUNIT_EXPECT_TRUE(test, mdevkit_bar_transfer_fits(&fake->kdev, 0, 0, 1ULL << 39));
	KUNIT_EXPECT_FALSE(test, mdevkit_bar_transfer_fits(&fake->kdev, 0, 0, (1ULL << 39) - 1));
	KUNIT_EXPECT_FALSE(test, mdevkit_bar_transfer_fits(&fake->kdev, 0, 2, (1ULL << 39) - 2));
	fake->type.pci = &desc;
}

/* ---- pages that are not there, devices that go ---- */

static int bar_read_fails(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
			  unsigned int width, u64 *value)
{
	struct fake_device *fake = container_of(kdev, struct fake_device, kdev);

	*value = 0;
	if (fake->value)
		WRITE_ONCE(kdev->priv->gone, true);
	return -EIO;
}

static int bar_write_fails(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
			   unsigned int width, u64 value)
{
	return bar_read_fails(kdev, bar, offset, width, &value);
}

static const struct mdevkit_pci_desc absent_desc = {
	.vendor = 0x1234,
	.bars = {
		[0] = { .size = PAGE_SIZE, .passthrough_size = PAGE_SIZE, .page = no_page },
		[1] = { .size = SZ_4K, .read = bar_read_fails, .write = bar_write_fails },
	},
};

static void a_page_that_the_driver_lacks_is_all_ones(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &absent_desc);
	u64 value;

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	for (unsigned int width = 1; width <= 8; width *= 2) {
		value = 0;
		KUNIT_EXPECT_EQ(test, bar_read(fake, 0, 8, width, &value), 0);
		KUNIT_EXPECT_EQ(test, value, ~0ULL);
		KUNIT_EXPECT_EQ(test, bar_write(fake, 0, 8, width, 0), 0);
	}
}

static void an_error_of_the_driver_is_the_tenants_unless_the_device_has_gone(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &absent_desc);
	u64 value = 0;

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_EQ(test, bar_read(fake, 1, 0, 4, &value), -EIO);
	KUNIT_EXPECT_EQ(test, bar_write(fake, 1, 0, 4, 0), -EIO);
	/* noticed by the driver in that very access */
	fake->value = 1;
	KUNIT_EXPECT_EQ(test, bar_read(fake, 1, 0, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, ~0ULL);
	WRITE_ONCE(fake->kdev.priv->gone, false);
	KUNIT_EXPECT_EQ(test, bar_write(fake, 1, 0, 4, 0), 0);
}

static struct kunit_case region_test_cases[] = {
	KUNIT_CASE_PARAM(accesses_are_natural, width_gen_params),
	KUNIT_CASE(callbacks_get_the_access),
	KUNIT_CASE(undecoded_bars_do_not_answer),
	KUNIT_CASE(reserved_registers_are_zero),
	KUNIT_CASE_PARAM(msix_area_is_exact, msix_gen_params),
	KUNIT_CASE(msix_table_reads_back),
	KUNIT_CASE(a_transfer_fits_if_each_of_its_accesses_does),
	KUNIT_CASE(a_huge_transfer_is_checked_at_once),
	KUNIT_CASE(a_page_that_the_driver_lacks_is_all_ones),
	KUNIT_CASE(an_error_of_the_driver_is_the_tenants_unless_the_device_has_gone),
	{}
};

static struct kunit_suite region_test_suite = {
	.name = "mdevkit_region",
	.test_cases = region_test_cases,
};

kunit_test_suite(region_test_suite);
