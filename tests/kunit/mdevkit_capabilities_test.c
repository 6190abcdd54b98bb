// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: what a driver gives of config space itself, and MSI's mask bits. */

#include <kunit/static_stub.h>
#include <linux/eventfd.h>
#include <linux/sizes.h>

#include "mdev/irqs.h"
#include "mdevkit_fake.h"

static const u8 serial[] = { 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
static const u8 status[] = { 0, 0, 0, 0, 0xff, 0x0f, 0x00, 0x80 };
static const u8 status_clears[] = { 0, 0, 0, 0, 0xf0, 0x0f, 0, 0x80 };
static const u8 status_writable[] = { 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0xff, 0 };
static const u8 mailbox[] = { 0, 0, 16, 0, 0x10, 0x20, 0x30, 0x40, 0, 0, 0, 0, 0, 0, 0, 0 };
static const u8 mailbox_writable[] = { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
				       0, 0, 0, 0, 0xff, 0, 0, 0 };

/* The last call of each callback, "OFFSET+LEN" */
struct calls {
	unsigned int reads, writes;
	char read[16], written[16];
};

static struct calls *calls_of(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct fake_device, kdev)->test_data;
}

static void mailbox_read(struct mdevkit_device *kdev, unsigned int offset, unsigned int len,
			 u8 *bytes)
{
	struct calls *calls = calls_of(kdev);

	calls->reads++;
	snprintf(calls->read, sizeof(calls->read), "%u+%u", offset, len);
	/* byte 8 counts */
	if (offset <= 8 && offset + len > 8)
		bytes[8 - offset] = calls->reads;
}

/* A write of the doorbell, byte 12, answers in byte 9 and clears the doorbell */
static void mailbox_written(struct mdevkit_device *kdev, unsigned int offset, unsigned int len,
			    u8 *bytes)
{
	struct calls *calls = calls_of(kdev);

	calls->writes++;
	snprintf(calls->written, sizeof(calls->written), "%u+%u", offset, len);
	if (bytes[12]) {
		bytes[9] = bytes[4] + bytes[12];
		bytes[12] = 0;
	}
}

static const struct mdevkit_pci_bytes own_bytes[] = {
	/* declared in the wrong order */
	{ .offset = 0x200, .len = sizeof(status), .ext_cap_id = PCI_EXT_CAP_ID_ERR,
	  .ext_cap_version = 2, .bytes = status, .writable = status_writable,
	  .clears = status_clears },
	{ .offset = 0x100, .len = sizeof(serial), .ext_cap_id = PCI_EXT_CAP_ID_DSN,
	  .bytes = serial },
	{ .offset = 0x80, .len = sizeof(mailbox), .cap_id = PCI_CAP_ID_VNDR, .bytes = mailbox,
	  .writable = mailbox_writable, .read = mailbox_read, .written = mailbox_written },
};

static const struct mdevkit_pci_desc own_desc = {
	.vendor = 0x1234,
	.device = 0x0004,
	.express = true,
	.pm = true,
	.msi_vectors = 4,
	.msi_masking = true,
	.bars[0] = { .size = SZ_4K },
	.bytes = own_bytes,
	.nr_bytes = ARRAY_SIZE(own_bytes),
};

static struct fake_device *own_create(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &own_desc);

	fake->test_data = kunit_kzalloc(test, sizeof(struct calls), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake->test_data);
	return fake;
}

static void extended_capabilities_are_linked_in_order(struct kunit *test)
{
	struct fake_device *fake = own_create(test);

	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x100, 4),
			PCI_EXT_CAP_ID_DSN | 1 << 16 | 0x200 << 20);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x104, 4), 0x04030201U);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x200, 4), PCI_EXT_CAP_ID_ERR | 2 << 16);
	/* the head of a capability is nobody's to write, whatever its mask says */
	fake_config_write(test, fake, 0x200, 4, 0xffffffff);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x200, 4), PCI_EXT_CAP_ID_ERR | 2 << 16);
	KUNIT_EXPECT_EQ(test, fake_config_find_cap(test, fake, PCI_CAP_ID_VNDR), 0x80);
}

static void without_extended_capabilities_the_list_is_empty(struct kunit *test)
{
	static const struct mdevkit_pci_desc desc = {
		.vendor = 1, .device = 2, .express = true, .bars[0] = { .size = SZ_4K },
	};

	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake_device_create(test, &desc), 0x100, 4), 0);
}

static void bits_are_cleared_by_writing_one(struct kunit *test)
{
	struct fake_device *fake = own_create(test);

	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x204, 4), 0x80000fffU);
	/* zeros change nothing of them, and what is written beside is written */
	fake_config_write(test, fake, 0x204, 4, 0x00550000);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x204, 4), 0x80550ff0U);
	fake_config_write(test, fake, 0x204, 1, 0x35);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x204, 4), 0x80550fc5U);
	fake_config_write(test, fake, 0x205, 3, 0x80ff01);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x204, 4), 0x00ff0ec5U);
	/* a reset sets them again */
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x204, 4), 0x80000fffU);
}

static void a_read_asks_the_driver_for_its_part(struct kunit *test)
{
	struct fake_device *fake = own_create(test);
	struct calls *calls = fake->test_data;
	u8 bytes[64];

	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x88, 1), 1);
	KUNIT_EXPECT_STREQ(test, calls->read, "8+1");
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x86, 4), 0x00024030U);
	KUNIT_EXPECT_STREQ(test, calls->read, "6+4");
	/* over both ends of the range */
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(&fake->kdev, 0x60, bytes, 64), 0);
	KUNIT_EXPECT_STREQ(test, calls->read, "0+16");
	KUNIT_EXPECT_EQ(test, bytes[0x28], 3);
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(&fake->kdev, 0x8f, bytes, 2), 0);
	KUNIT_EXPECT_STREQ(test, calls->read, "15+1");
	/* beside it */
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(&fake->kdev, 0x90, bytes, 4), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(&fake->kdev, 0x7c, bytes, 4), 0);
	KUNIT_EXPECT_EQ(test, calls->reads, 4);
	/* what it has read is not what is there */
	KUNIT_EXPECT_EQ(test, fake->kdev.priv->dma_started, false);
	mdevkit_device_set_gone(&fake->kdev);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x88, 1), 0xff);
	KUNIT_EXPECT_EQ(test, calls->reads, 4);
}

static void a_write_tells_the_driver_who_may_answer(struct kunit *test)
{
	struct fake_device *fake = own_create(test);
	struct calls *calls = fake->test_data;

	fake_config_write(test, fake, 0x84, 4, 0x05);
	KUNIT_EXPECT_STREQ(test, calls->written, "4+4");
	fake_config_write(test, fake, 0x8c, 2, 0x07);
	KUNIT_EXPECT_STREQ(test, calls->written, "12+2");
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x89, 1), 0x05 + 0x07);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, 0x8c, 1), 0);
	/* beside it, and when there is nobody */
	fake_config_write(test, fake, 0x90, 4, 0xffffffff);
	fake_config_write(test, fake, 0x7c, 4, 0xffffffff);
	mdevkit_device_set_gone(&fake->kdev);
	fake_config_write(test, fake, 0x8c, 2, 0x07);
	KUNIT_EXPECT_EQ(test, calls->writes, 2);
}

/* ---- MSI's mask bits ---- */

static unsigned int signalled;

static struct eventfd_ctx *stub_get_trigger(s32 fd)
{
	return (struct eventfd_ctx *)(long)(fd + 1);
}

static void stub_put_trigger(struct eventfd_ctx *trigger)
{
}

static void stub_signal_trigger(struct eventfd_ctx *trigger)
{
	if (trigger)
		signalled |= BIT((long)trigger - 1);
}

static struct fake_device *msi_create(struct kunit *test, unsigned int *mask)
{
	struct vfio_irq_set hdr = {
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = 4,
	};
	struct fake_device *fake = own_create(test);
	s32 fds[] = { 0, 1, 2, 3 };

	kunit_activate_static_stub(test, mdevkit_irq_get_trigger, stub_get_trigger);
	kunit_activate_static_stub(test, mdevkit_irq_put_trigger, stub_put_trigger);
	kunit_activate_static_stub(test, mdevkit_irq_signal_trigger, stub_signal_trigger);
	signalled = 0;
	KUNIT_ASSERT_EQ(test, mdevkit_irq_set(&fake->kdev, &hdr, fds), 0);
	*mask = fake_config_find_cap(test, fake, PCI_CAP_ID_MSI) + PCI_MSI_MASK_64;
	return fake;
}

static void expect_signalled(struct kunit *test, unsigned int which)
{
	KUNIT_EXPECT_EQ(test, signalled, which);
	signalled = 0;
}

static void a_masked_message_waits_and_shows(struct kunit *test)
{
	unsigned int mask;
	struct fake_device *fake = msi_create(test, &mask);
	unsigned int flags = mask - PCI_MSI_MASK_64 + PCI_MSI_FLAGS;

	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, flags, 2),
			PCI_MSI_FLAGS_MASKBIT | PCI_MSI_FLAGS_64BIT | 2 << 1);
	fake_config_write(test, fake, mask, 4, 0xffffffff);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, mask, 4), 0xf);
	for (unsigned int i = 1; i < 4; i++)
		mdevkit_irq_signal(&fake->kdev, i);
	expect_signalled(test, 0);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, mask + 4, 4), 0xe);
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, mask + 3, 2), 0xe00);
	/* each is sent when its own bit goes */
	fake_config_write(test, fake, mask, 1, 0xb);
	expect_signalled(test, BIT(2));
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, mask + 4, 4), 0xa);
	mdevkit_irq_signal(&fake->kdev, 2);
	expect_signalled(test, BIT(2));
	fake_config_write(test, fake, mask, 4, 0);
	expect_signalled(test, BIT(1) | BIT(3));
	KUNIT_EXPECT_EQ(test, fake_config_read(test, fake, mask + 4, 4), 0);
	mdevkit_irqs_release_user(&fake->kdev);
}

static void the_next_user_finds_nothing_masked(struct kunit *test)
{
	unsigned int mask;
	struct fake_device *fake = msi_create(test, &mask);

	fake_config_write(test, fake, mask, 4, 0xf);
	/* a reset keeps what is of MSI, as with vfio-pci */
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	mdevkit_irq_signal(&fake->kdev, 1);
	expect_signalled(test, 0);
	mdevkit_config_open(&fake->kdev);
	expect_signalled(test, BIT(1));
	mdevkit_irq_signal(&fake->kdev, 0);
	expect_signalled(test, BIT(0));
	mdevkit_irqs_release_user(&fake->kdev);
}

static struct kunit_case capabilities_test_cases[] = {
	KUNIT_CASE(extended_capabilities_are_linked_in_order),
	KUNIT_CASE(without_extended_capabilities_the_list_is_empty),
	KUNIT_CASE(bits_are_cleared_by_writing_one),
	KUNIT_CASE(a_read_asks_the_driver_for_its_part),
	KUNIT_CASE(a_write_tells_the_driver_who_may_answer),
	KUNIT_CASE(a_masked_message_waits_and_shows),
	KUNIT_CASE(the_next_user_finds_nothing_masked),
	{}
};

static struct kunit_suite capabilities_test_suite = {
	.name = "mdevkit_capabilities",
	.test_cases = capabilities_test_cases,
};

kunit_test_suite(capabilities_test_suite);
