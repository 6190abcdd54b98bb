// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: the config space that mdevkit makes of a declared PCI personality. */

#include <linux/sizes.h>

#include "mdev/irqs.h"
#include "mdevkit_fake.h"

static const u8 vendor_bytes[] = { 0x11, 0x22, 0x33 };
static const u8 vendor_cap[] = { 0, 0, 8, 0xaa, 0xbb, 0xcc, 0xdd, 0xee };
static const u8 vendor_cap_writable[] = { 0xff, 0xff, 0, 0, 0xff, 0x0f, 0, 0 };

static const struct mdevkit_pci_bytes full_bytes[] = {
	{ .offset = 0x41, .len = sizeof(vendor_bytes), .bytes = vendor_bytes },
	{ .offset = 0x80, .len = sizeof(vendor_cap), .bytes = vendor_cap,
	  .writable = vendor_cap_writable, .cap_id = PCI_CAP_ID_VNDR },
};

/* A function with one of everything */
static const struct mdevkit_pci_desc full = {
	.vendor = 0x1234,
	.device = 0x5678,
	.class = 0x078001,
	.revision = 0x42,
	.intx_pin = 1,
	.msi_vectors = 4,
	.msix_vectors = 9,
	.msix_bar = 2,
	.msix_table = 0,
	.msix_pba = 0x800,
	.express = true,
	.pm = true,
	.bars = {
		[0] = { .size = 8, .flags = PCI_BASE_ADDRESS_SPACE_IO },
		[1] = { .size = SZ_64K },
		[2] = { .size = SZ_4K },
		[4] = { .size = SZ_8G,
			.flags = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH },
	},
	.bytes = full_bytes,
	.nr_bytes = ARRAY_SIZE(full_bytes),
};

/* The least that is possible */
static const struct mdevkit_pci_desc bare = {
	.vendor = 0x1234,
	.device = 0x0001,
	.bars[0] = { .size = 8, .flags = PCI_BASE_ADDRESS_SPACE_IO },
};

struct config_case {
	const char *name;
	unsigned int offset;
	unsigned int width;
	u32 initial;		/* value at open */
	u32 written;
	u32 result;		/* value after writing @written */
};

static const struct config_case config_cases[] = {
	{ "IDs are read-only", PCI_VENDOR_ID, 4, 0x56781234, 0xffffffff, 0x56781234 },
	{ "subsystem IDs default to the IDs", PCI_SUBSYSTEM_VENDOR_ID, 4, 0x56781234, 0,
	  0x56781234 },
	{ "class and revision are read-only", PCI_CLASS_REVISION, 4, 0x07800142, 0, 0x07800142 },
	{ "command has its bits and no others", PCI_COMMAND, 2,
	  PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0xffff,
	  PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
	  PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE },
	{ "status is read-only", PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0xffff, PCI_STATUS_CAP_LIST },
	{ "I/O BAR sizes", PCI_BASE_ADDRESS_0, 4, 1, 0xffffffff, 0xfffffff9 },
	{ "memory BAR sizes", PCI_BASE_ADDRESS_1, 4, 0, 0xffffffff, 0xffff0000 },
	{ "memory BAR keeps an address", PCI_BASE_ADDRESS_1, 4, 0, 0xfebf1234, 0xfebf0000 },
	{ "absent BAR is zero", PCI_BASE_ADDRESS_3, 4, 0, 0xffffffff, 0 },
	{ "64-bit BAR of 8 GiB: low half", PCI_BASE_ADDRESS_4, 4, 0xc, 0xffffffff, 0xc },
	{ "64-bit BAR of 8 GiB: high half", PCI_BASE_ADDRESS_5, 4, 0, 0xffffffff, 0xfffffffe },
	{ "no expansion ROM", PCI_ROM_ADDRESS, 4, 0, 0xffffffff, 0 },
	{ "interrupt line is a scratch byte", PCI_INTERRUPT_LINE, 1, 0, 0x5a, 0x5a },
	{ "interrupt pin is read-only", PCI_INTERRUPT_PIN, 1, 1, 0xff, 1 },
	{ "cache line size is writable", PCI_CACHE_LINE_SIZE, 1, 0, 0x10, 0x10 },
	{ "raw bytes are read-only", 0x41, 2, 0x2211, 0xffff, 0x2211 },
	{ "vendor capability: ID cannot be written", 0x80, 1, PCI_CAP_ID_VNDR, 0, PCI_CAP_ID_VNDR },
	{ "vendor capability: writable mask", 0x84, 4, 0xeeddccbb, 0x11223344, 0xeeddc344 },
	{ "across two registers", PCI_COMMAND + 1, 2, PCI_STATUS_CAP_LIST << 8, 0xffff,
	  PCI_STATUS_CAP_LIST << 8 | (PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE) >> 8 },
	{ "extended space ends with zeros", 0xffc, 4, 0, 0xffffffff, 0 },
};

KUNIT_ARRAY_PARAM_DESC(config, config_cases, name);

/* A new user gets the device. */
static void open_again(struct fake_device *fake)
{
	guard(rwsem_write)(&fake->kdev.priv->access);
	mdevkit_config_open(&fake->kdev);
}

static void registers_keep_their_rules(struct kunit *test)
{
	const struct config_case *c = test->param_value;
	struct fake_device *fake = fake_device_create(test, &full);

	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, c->offset, c->width), c->initial);
	fake_config_write(test, fake, c->offset, c->width, c->written);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, c->offset, c->width), c->result);
	/* byte by byte gives the same */
	open_again(fake);
	for (unsigned int i = 0; i < c->width; i++)
		fake_config_write(test, fake, c->offset + i, 1, c->written >> (8 * i));
	for (unsigned int i = 0; i < c->width; i++)
		KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, c->offset + i, 1),
				(c->result >> (8 * i)) & 0xff);
}

static void no_write_changes_what_the_next_open_would_not_restore(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);
	unsigned int size = mdevkit_config_size(&fake->kdev);
	u8 *before = kunit_kmalloc(test, 2 * size, GFP_KERNEL);
	u8 *after = before + size;
	u8 ones[64];

	KUNIT_ASSERT_NOT_NULL(test, before);
	memset(ones, 0xff, sizeof(ones));
	down_write(&fake->kdev.priv->access);
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(&fake->kdev, 0, before, size), 0);
	/* includes an FLR */
	for (unsigned int i = 0; i < size; i += sizeof(ones))
		KUNIT_EXPECT_EQ(test, mdevkit_region_write_config(&fake->kdev, i, ones,
								  sizeof(ones)), 0);
	KUNIT_EXPECT_EQ(test, fake->resets, 1);
	mdevkit_config_open(&fake->kdev);
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(&fake->kdev, 0, after, size), 0);
	up_write(&fake->kdev.priv->access);
	KUNIT_EXPECT_MEMEQ(test, before, after, size);
}

struct range_case {
	const char *name;
	const struct mdevkit_pci_desc *desc;
	u64 offset;
	size_t count;
	int result;
};

static const struct range_case range_cases[] = {
	{ "all of 256", &bare, 0, 256, 0 },
	{ "all of 4096", &full, 0, 4096, 0 },
	{ "last byte of 256", &bare, 255, 1, 0 },
	{ "one past 256", &bare, 256, 1, -EINVAL },
	{ "across the end of 256", &bare, 254, 4, -EINVAL },
	{ "one too many", &bare, 0, 257, -EINVAL },
	{ "across the end of 4096", &full, 4095, 2, -EINVAL },
	{ "offset that overflows", &full, U64_MAX, 2, -EINVAL },
	{ "count that overflows", &full, 8, SIZE_MAX - 4, -EINVAL },
	{ "nothing at the end", &bare, 256, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(range, range_cases, name);

static void ranges_outside_are_refused(struct kunit *test)
{
	const struct range_case *c = test->param_value;
	struct fake_device *fake = fake_device_create(test, c->desc);
	u8 *bytes = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	down_write(&fake->kdev.priv->access);
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(&fake->kdev, c->offset, bytes, c->count),
			c->result);
	KUNIT_EXPECT_EQ(test, mdevkit_region_write_config(&fake->kdev, c->offset, bytes, c->count),
			c->result);
	up_write(&fake->kdev.priv->access);
}

static void capabilities_are_in_the_list(struct kunit *test)
{
	static const u8 caps[] = { PCI_CAP_ID_VNDR, PCI_CAP_ID_MSI, PCI_CAP_ID_MSIX, PCI_CAP_ID_PM,
				   PCI_CAP_ID_EXP };
	struct fake_device *fake = fake_device_create(test, &full);
	struct fake_device *none = fake_device_create(test, &bare);
	unsigned int msi, msix, exp;

	for (unsigned int i = 0; i < ARRAY_SIZE(caps); i++) {
		KUNIT_EXPECT_NE(test, fake_config_find_cap(test, fake, caps[i]), 0);
		KUNIT_EXPECT_EQ(test, fake_config_find_cap(test, none, caps[i]), 0);
	}
	KUNIT_EXPECT_EQ(test, fake_config_find_cap(test, fake, PCI_CAP_ID_VNDR), 0x80);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, none, PCI_CAPABILITY_LIST, 1), 0);

	msi = fake_config_find_cap(test, fake, PCI_CAP_ID_MSI);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, msi + PCI_MSI_FLAGS, 2),
			PCI_MSI_FLAGS_64BIT | 2 << 1);
	msix = fake_config_find_cap(test, fake, PCI_CAP_ID_MSIX);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, msix + PCI_MSIX_FLAGS, 2), 8);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, msix + PCI_MSIX_TABLE, 4), 2);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, msix + PCI_MSIX_PBA, 4), 0x802);
	exp = fake_config_find_cap(test, fake, PCI_CAP_ID_EXP);
	KUNIT_EXPECT_TRUE(test, fake_config_read(test, fake, exp + PCI_EXP_DEVCAP, 4) &
			  PCI_EXP_DEVCAP_FLR);
}

/* Registers by capability (0: header), and what of a write to them is there after a reset */
struct reset_case {
	const char *name;
	u8 cap_id;
	unsigned int offset;
	unsigned int width;
	u32 written;
	u32 result;
};

static const struct reset_case reset_cases[] = {
	{ "command", 0, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE,
	  PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE },
	{ "decode that is off", 0, PCI_COMMAND, 2, 0, 0 },
	{ "I/O BAR", 0, PCI_BASE_ADDRESS_0, 4, 0xc000, 0xc001 },
	{ "memory BAR", 0, PCI_BASE_ADDRESS_1, 4, 0xfe000000, 0xfe000000 },
	{ "upper half of a BAR", 0, PCI_BASE_ADDRESS_5, 4, 0x12, 0x12 },
	{ "cache line size", 0, PCI_CACHE_LINE_SIZE, 1, 0x10, 0x10 },
	{ "interrupt line", 0, PCI_INTERRUPT_LINE, 1, 11, 11 },
	{ "MSI control", PCI_CAP_ID_MSI, PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 1 << 4,
	  PCI_MSI_FLAGS_ENABLE | 1 << 4 | PCI_MSI_FLAGS_64BIT | 2 << 1 },
	{ "MSI address", PCI_CAP_ID_MSI, PCI_MSI_ADDRESS_LO, 4, 0xfee00000, 0xfee00000 },
	{ "MSI data", PCI_CAP_ID_MSI, PCI_MSI_DATA_64, 2, 0x4021, 0x4021 },
	{ "MSI-X control", PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE,
	  PCI_MSIX_FLAGS_ENABLE | 8 },
	{ "Device Control", PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_CERE,
	  PCI_EXP_DEVCTL_CERE },
	{ "Link Control", PCI_CAP_ID_EXP, PCI_EXP_LNKCTL, 2, PCI_EXP_LNKCTL_CCC,
	  PCI_EXP_LNKCTL_CCC },
	{ "power state: D0", PCI_CAP_ID_PM, PCI_PM_CTRL, 2, 3, PCI_PM_CTRL_NO_SOFT_RESET },
	{ "vendor specific bytes: the driver's", PCI_CAP_ID_VNDR, 4, 4, 0, 0xeeddccbb },
};

KUNIT_ARRAY_PARAM_DESC(reset, reset_cases, name);

static void a_reset_keeps_what_vfio_pci_keeps(struct kunit *test)
{
	const struct reset_case *c = test->param_value;
	struct fake_device *fake = fake_device_create(test, &full);
	unsigned int at = c->offset;
	u32 before;

	if (c->cap_id)
		at += fake_config_find_cap(test, fake, c->cap_id);
	before = fake_config_read(test, fake, at, c->width);
	fake_config_write(test, fake, at, c->width, c->written);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, at, c->width), c->result);
	open_again(fake);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, at, c->width), before);
}

static void function_level_reset_resets(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);
	unsigned int ctl = fake_config_find_cap(test, fake, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	u32 devctl = fake_config_read(test, fake, ctl, 2);

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	fake_config_write(test, fake, PCI_BASE_ADDRESS_1, 4, 0xfe000000);
	fake_config_write(test, fake, ctl, 2, devctl);
	KUNIT_EXPECT_EQ(test, fake->resets, 0);
	/* a guest that did not switch decode off goes on */
	fake_config_write(test, fake, ctl, 2, devctl | PCI_EXP_DEVCTL_BCR_FLR);
	KUNIT_EXPECT_EQ(test, fake->resets, 1);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, PCI_BASE_ADDRESS_1, 4), 0xfe000000);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, ctl, 2), devctl);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->memory_enabled);
}

static void a_function_level_reset_that_fails_is_a_write_like_any_other(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);
	unsigned int ctl = fake_config_find_cap(test, fake, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	u8 flr[2] = { 0, PCI_EXP_DEVCTL_BCR_FLR >> 8 };

	fake->reset_result = -EIO;
	scoped_guard(rwsem_write, &fake->kdev.priv->access)
		KUNIT_EXPECT_EQ(test, mdevkit_region_write_config(&fake->kdev, ctl, flr, 2), 0);
	KUNIT_EXPECT_EQ(test, fake->resets, 1);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->dma_reasons & MDEVKIT_DMA_RESET);
}

static void a_reset_wakes_a_device_in_d3hot(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);
	unsigned int pmcsr = fake_config_find_cap(test, fake, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	fake_config_write(test, fake, pmcsr, 2, 3);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->memory_enabled);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, pmcsr, 2) & PCI_PM_CTRL_STATE_MASK, 0);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->memory_enabled);
}

static void decode_follows_command_and_power_state(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);
	unsigned int pmcsr = fake_config_find_cap(test, fake, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	fake_config_write(test, fake, PCI_COMMAND, 2, 0);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->io_enabled);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->memory_enabled);
	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_IO);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->io_enabled);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->memory_enabled);
	fake_config_write(test, fake, PCI_COMMAND, 1, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->memory_enabled);

	fake_config_write(test, fake, pmcsr, 2, 3);	/* D3hot */
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->io_enabled);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->memory_enabled);
	fake_config_write(test, fake, pmcsr, 2, 1);	/* D1 is not supported: ignored */
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, pmcsr, 1) & 3, 3);
	fake_config_write(test, fake, pmcsr, 2, 0);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->io_enabled);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->memory_enabled);
}

/* Command and power state, by writes that have only one of their bytes at either end */
static void a_write_takes_effect_wherever_it_begins_and_ends(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);
	unsigned int pmcsr = fake_config_find_cap(test, fake, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	fake_config_write(test, fake, PCI_COMMAND - 1, 2, 0);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->io_enabled);
	fake_config_write(test, fake, PCI_COMMAND - 2, 4, PCI_COMMAND_IO << 16);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->io_enabled);
	fake_config_write(test, fake, PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->irqs->intx_disable);
	fake_config_write(test, fake, PCI_COMMAND + 1, 2, 0);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->irqs->intx_disable);
	fake_config_write(test, fake, pmcsr - 2, 4, 3U << 16);	/* D3hot */
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->io_enabled);
	fake_config_write(test, fake, pmcsr - 1, 2, 0);
	KUNIT_EXPECT_TRUE(test, fake->kdev.priv->io_enabled);
}

static void at_open_decode_is_on_and_bus_master_is_off(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);
	struct fake_device *io = fake_device_create(test, &bare);

	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, PCI_COMMAND, 2),
				PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
		KUNIT_EXPECT_TRUE(test, fake->kdev.priv->io_enabled);
		KUNIT_EXPECT_TRUE(test, fake->kdev.priv->memory_enabled);
		KUNIT_EXPECT_FALSE(test, fake->kdev.priv->dma_reasons & MDEVKIT_DMA_BUS_MASTER);
		fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
		open_again(fake);
	}
	/* no memory BAR, nothing to be decoded */
	KUNIT_EXPECT_EQ(test, fake_config_read(test, io, PCI_COMMAND, 2), PCI_COMMAND_IO);
}

static void gone_parent_reads_all_ones(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);

	fake_config_write(test, fake, PCI_COMMAND, 2, 0);
	mdevkit_device_set_gone(&fake->kdev);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, PCI_VENDOR_ID, 4), 0xffffffff);
	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_FALSE(test, fake->kdev.priv->memory_enabled);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake->resets, 0);
}

static void failed_reset_is_reported(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &full);

	fake->reset_result = -EIO;
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), -EIO);
}

/* Personalities that are not possible: each is "full" with one thing wrong. */
struct wrong_case {
	const char *name;
	void (*spoil)(struct mdevkit_pci_desc *desc);
	const char *why;
};

static const struct mdevkit_pci_bytes bytes_in_header = { .offset = 0x3c, .len = 4,
							   .bytes = vendor_cap };
static const struct mdevkit_pci_bytes bytes_past_end = { .offset = 0xfe, .len = 4,
							  .bytes = vendor_cap };
static const struct mdevkit_pci_bytes cap_misaligned = { .offset = 0x42, .len = 4,
							  .bytes = vendor_cap,
							  .cap_id = PCI_CAP_ID_VNDR };
static const struct mdevkit_pci_bytes ext_cap_misplaced = { .offset = 0x110, .len = 8,
							     .bytes = vendor_cap,
							     .ext_cap_id = PCI_EXT_CAP_ID_VNDR };
static const struct mdevkit_pci_bytes ext_cap_below = { .offset = 0x40, .len = 4,
							 .bytes = vendor_cap,
							 .ext_cap_id = PCI_EXT_CAP_ID_VNDR };
static const struct mdevkit_pci_bytes cap_above = { .offset = 0x100, .len = 4,
						     .bytes = vendor_cap,
						     .cap_id = PCI_CAP_ID_VNDR };
static const struct mdevkit_pci_bytes ext_cap_tiny = { .offset = 0x100, .len = 3,
							.bytes = vendor_cap,
							.ext_cap_id = PCI_EXT_CAP_ID_VNDR };
static const struct mdevkit_pci_bytes ext_cap_version = { .offset = 0x100, .len = 4,
							   .bytes = vendor_cap,
							   .ext_cap_id = PCI_EXT_CAP_ID_VNDR,
							   .ext_cap_version = 16 };
static const struct mdevkit_pci_bytes ext_past_end = { .offset = 0xffe, .len = 4,
							.bytes = vendor_cap };
static const struct mdevkit_pci_bytes both_masks = { .offset = 0x44, .len = 8,
						      .bytes = vendor_cap,
						      .writable = vendor_cap_writable,
						      .clears = vendor_cap_writable };

#define SPOIL(_name, _statement)						\
	static void _name(struct mdevkit_pci_desc *desc)			\
	{									\
		_statement;							\
	}
SPOIL(odd_bar, desc->bars[1].size = SZ_64K - 1)
SPOIL(tiny_memory_bar, desc->bars[1].size = 8)
SPOIL(huge_32bit_bar, desc->bars[1].size = SZ_4G)
SPOIL(overlapped_64bit_bar, desc->bars[5].size = SZ_4K)
SPOIL(last_64bit_bar, desc->bars[5] = desc->bars[4]; desc->bars[4].size = 0)
SPOIL(passthrough_io, desc->bars[0].passthrough_size = SZ_4K)
SPOIL(passthrough_larger, desc->bars[1].passthrough_size = SZ_128K)
SPOIL(passthrough_without_page, desc->bars[1].passthrough_size = SZ_4K)
SPOIL(odd_msi, desc->msi_vectors = 3)
SPOIL(many_msi, desc->msi_vectors = 64)
SPOIL(many_msix, desc->msix_vectors = 2049)
SPOIL(msix_in_io, desc->msix_bar = 0)
SPOIL(msix_in_no_bar, desc->msix_bar = 6)
SPOIL(msix_past_end, desc->msix_table = SZ_4K - 16)
SPOIL(msix_overlap, desc->msix_pba = 8)
SPOIL(msix_misaligned, desc->msix_table = 4)
SPOIL(msix_over_registers, desc->bars[2].registers_end = desc->msix_pba + 4)
SPOIL(registers_past_end, desc->bars[2].registers_end = SZ_1G)
SPOIL(bad_pin, desc->intx_pin = 5)
SPOIL(bad_class, desc->class = 0x1000000)
SPOIL(header_bytes, desc->bytes = &bytes_in_header; desc->nr_bytes = 1)
SPOIL(late_bytes, desc->bytes = &bytes_past_end; desc->nr_bytes = 1)
SPOIL(strange_flags, desc->bars[1].flags = PCI_BASE_ADDRESS_MEM_TYPE_1M)
SPOIL(io_prefetch, desc->bars[0].flags |= PCI_BASE_ADDRESS_MEM_PREFETCH)
SPOIL(strange_widths, desc->bars[1].widths = 0x10)
SPOIL(odd_passthrough, desc->bars[1].passthrough_size = SZ_4K + 8)
SPOIL(pba_past_end, desc->msix_pba = SZ_1G)
SPOIL(pba_misaligned, desc->msix_pba = SZ_2K + 4)
SPOIL(misaligned_cap, desc->bytes = &cap_misaligned; desc->nr_bytes = 1)
SPOIL(misplaced_ext_cap, desc->bytes = &ext_cap_misplaced; desc->nr_bytes = 1)
SPOIL(low_ext_cap, desc->bytes = &ext_cap_below; desc->nr_bytes = 1)
SPOIL(high_cap, desc->bytes = &cap_above; desc->nr_bytes = 1)
SPOIL(tiny_ext_cap, desc->bytes = &ext_cap_tiny; desc->nr_bytes = 1)
SPOIL(ext_cap_of_version_16, desc->bytes = &ext_cap_version; desc->nr_bytes = 1)
SPOIL(late_ext_bytes, desc->bytes = &ext_past_end; desc->nr_bytes = 1)
SPOIL(ext_bytes_of_pci, desc->express = false; late_ext_bytes(desc))
SPOIL(overlapping_masks, desc->bytes = &both_masks; desc->nr_bytes = 1)
SPOIL(masks_without_msi, desc->msi_vectors = 0; desc->msi_masking = true)

/* One of both is in the page that the tenant may map, the other one behind it */
static int no_page(struct mdevkit_device *kdev, pgoff_t pgoff, struct mdevkit_io_page *page)
{
	return -ENXIO;
}

static const struct mdevkit_bar half_lent = {
	.size = SZ_8K,
	.passthrough_size = SZ_4K,
	.page = no_page,
};

SPOIL(lent_table, desc->bars[2] = half_lent; desc->msix_pba = SZ_4K)
SPOIL(lent_pba, desc->bars[2] = half_lent; desc->msix_table = SZ_4K; desc->msix_pba = 0)

static const struct wrong_case wrong_cases[] = {
	{ "BAR size no power of two", odd_bar,
	  "BAR 1: size 0xffff is not a power of two" },
	{ "memory BAR too small", tiny_memory_bar,
	  "BAR 1: size 0x8 is less than 16" },
	{ "32-bit BAR of 4 GiB", huge_32bit_bar,
	  "BAR 1: size 0x100000000 needs PCI_BASE_ADDRESS_MEM_TYPE_64" },
	{ "BAR in the upper half of another", overlapped_64bit_bar,
	  "BAR 5: size is set, but it is the upper half of BAR 4" },
	{ "64-bit BAR in the last slot", last_64bit_bar,
	  "BAR 5: flags: no next BAR for the upper half of 64 bits" },
	{ "pass-through I/O", passthrough_io,
	  "BAR 0: passthrough_size: not in an I/O BAR" },
	{ "pass-through larger than the BAR", passthrough_larger,
	  "BAR 1: passthrough_size 0x20000 is more than size 0x10000" },
	{ "pass-through without callback", passthrough_without_page,
	  "BAR 1: passthrough_size without a page callback" },
	{ "3 MSI vectors", odd_msi,
	  "msi_vectors 3 is not a power of two up to 32" },
	{ "64 MSI vectors", many_msi,
	  "msi_vectors 64 is not a power of two up to 32" },
	{ "2049 MSI-X vectors", many_msix,
	  "msix_vectors 2049 is more than 2048" },
	{ "MSI-X table in an I/O BAR", msix_in_io,
	  "msix_bar 0 is an I/O BAR" },
	{ "MSI-X table in no BAR", msix_in_no_bar,
	  "msix_bar 6: there is no such BAR" },
	{ "MSI-X table past the end", msix_past_end,
	  "msix_table ends at " },
	{ "MSI-X table over PBA", msix_overlap,
	  "msix_table and msix_pba overlap" },
	{ "MSI-X table misaligned", msix_misaligned,
	  "msix_table 0x4 is not 8-byte aligned" },
	{ "MSI-X table over registers", msix_over_registers,
	  "msix_table or msix_pba lies over the registers of BAR 2" },
	{ "registers past the end", registers_past_end,
	  "BAR 2: registers_end 0x40000000 is more than size " },
	{ "interrupt pin E", bad_pin,
	  "intx_pin 5 is more than 4" },
	{ "class of 25 bits", bad_class,
	  "class 0x1000000 has more than 24 bits" },
	{ "bytes in the header", header_bytes,
	  "bytes[0]: offset 0x3c is in the header" },
	{ "bytes past the end", late_bytes,
	  "bytes[0]: offset 0xfe and len 0x4 end behind 0x100" },
	{ "BAR of the type below 1 MiB", strange_flags,
	  "BAR 1: flags 0x2: unknown ones" },
	{ "I/O BAR to be prefetched", io_prefetch,
	  "BAR 0: flags 0x9: I/O goes with no other" },
	{ "access of 16 bytes", strange_widths,
	  "BAR 1: widths 0x10: unknown ones" },
	{ "pass-through of part of a page", odd_passthrough,
	  "BAR 1: passthrough_size 0x1008 is not in whole pages" },
	{ "MSI-X table where the tenant may map", lent_table,
	  "msix_table or msix_pba is in the pass-through part of BAR 2" },
	{ "PBA where the tenant may map", lent_pba,
	  "msix_table or msix_pba is in the pass-through part of BAR 2" },
	{ "PBA past the end", pba_past_end,
	  "msix_pba ends at 0x" },
	{ "PBA misaligned", pba_misaligned,
	  "msix_pba 0x804 is not 8-byte aligned" },
	{ "capability misaligned", misaligned_cap,
	  "bytes[0]: offset 0x42 of a capability is not aligned" },
	{ "no extended capability at 0x100", misplaced_ext_cap,
	  "bytes: no extended capability at 0x100, where the list begins" },
	{ "extended capability below 0x100", low_ext_cap,
	  "bytes[0]: ext_cap_id at offset 0x40" },
	{ "capability above 0x100", high_cap,
	  "bytes[0]: cap_id at offset 0x100" },
	{ "extended capability of 3 bytes", tiny_ext_cap,
	  "bytes[0]: len 3 is too small for a capability" },
	{ "version 16 of a capability", ext_cap_of_version_16,
	  "bytes[0]: ext_cap_version 16 is more than 15" },
	{ "extended bytes past the end", late_ext_bytes,
	  "bytes[0]: offset 0xffe and len 0x4 end behind 0x1000" },
	{ "extended bytes without express", ext_bytes_of_pci,
	  "bytes[0]: offset 0xffe is only there with express" },
	{ "a bit with two masks", overlapping_masks,
	  "bytes[0]: bits of byte 0x0 are writable and clears" },
	{ "mask bits without MSI", masks_without_msi,
	  "msi_masking without msi_vectors" },
};

KUNIT_ARRAY_PARAM_DESC(wrong, wrong_cases, name);

static void impossible_personalities_are_refused(struct kunit *test)
{
	const struct wrong_case *c = test->param_value;
	struct mdevkit_pci_desc *desc = kunit_kmalloc(test, sizeof(*desc), GFP_KERNEL);
	char why[MDEVKIT_WHY_SIZE] = "";

	KUNIT_ASSERT_NOT_NULL(test, desc);
	*desc = full;
	KUNIT_EXPECT_EQ(test, mdevkit_config_check(desc, why), 0);
	c->spoil(desc);
	KUNIT_EXPECT_EQ(test, mdevkit_config_check(desc, why), -EINVAL);
	KUNIT_EXPECT_TRUE_MSG(test, str_has_prefix(why, c->why), "\"%s\"", why);
}

static struct kunit_case config_test_cases[] = {
	KUNIT_CASE_PARAM(registers_keep_their_rules, config_gen_params),
	KUNIT_CASE(no_write_changes_what_the_next_open_would_not_restore),
	KUNIT_CASE_PARAM(ranges_outside_are_refused, range_gen_params),
	KUNIT_CASE(capabilities_are_in_the_list),
	KUNIT_CASE_PARAM(a_reset_keeps_what_vfio_pci_keeps, reset_gen_params),
	KUNIT_CASE(function_level_reset_resets),
	KUNIT_CASE(a_function_level_reset_that_fails_is_a_write_like_any_other),
	KUNIT_CASE(a_reset_wakes_a_device_in_d3hot),
	KUNIT_CASE(decode_follows_command_and_power_state),
	KUNIT_CASE(a_write_takes_effect_wherever_it_begins_and_ends),
	KUNIT_CASE(at_open_decode_is_on_and_bus_master_is_off),
	KUNIT_CASE(gone_parent_reads_all_ones),
	KUNIT_CASE(failed_reset_is_reported),
	KUNIT_CASE_PARAM(impossible_personalities_are_refused, wrong_gen_params),
	{}
};

static struct kunit_suite config_test_suite = {
	.name = "mdevkit_config",
	.test_cases = config_test_cases,
};

kunit_test_suite(config_test_suite);
