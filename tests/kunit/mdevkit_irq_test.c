// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: when a tenant's interrupt is signalled, and when not. */

#include <kunit/static_stub.h>
#include <linux/sizes.h>

#include "irqs.h"
#include "mdevkit_fake.h"

static const struct mdevkit_pci_desc desc = {
	.vendor = 0x1234,
	.device = 0x5678,
	.intx_pin = 1,
	.msi_vectors = 2,
	.msix_vectors = 4,
	.msix_bar = 0,
	.msix_pba = 0x800,
	.bars[0] = { .size = SZ_4K },
};

/* Eventfds of the test are these bytes; nothing but the stub below looks at them. */
static char triggers[8];
static unsigned int signals[ARRAY_SIZE(triggers)];

static void count_signal(struct eventfd_ctx *trigger)
{
	if (trigger)
		signals[(char *)trigger - triggers]++;
}

static struct eventfd_ctx *fake_trigger(unsigned int i)
{
	return (struct eventfd_ctx *)&triggers[i];
}

static unsigned int signals_of(unsigned int i)
{
	unsigned int n = signals[i];

	signals[i] = 0;
	return n;
}

static struct fake_device *irq_device_create(struct kunit *test, unsigned int active)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	struct mdevkit_irqs *irqs = fake->kdev.irqs;

	memset(signals, 0, sizeof(signals));
	kunit_activate_static_stub(test, mdevkit_irq_signal_trigger, count_signal);
	irqs->active = active;
	for (unsigned int i = 0; i < mdevkit_irq_count(&fake->kdev, active); i++)
		irqs->vectors[i].trigger = fake_trigger(i);
	return fake;
}

static int irq_set(struct fake_device *fake, u32 index, u32 flags, u32 start, u32 count, void *data)
{
	struct vfio_irq_set hdr = { .argsz = sizeof(hdr), .index = index, .flags = flags,
				    .start = start, .count = count };

	return mdevkit_irq_set(&fake->kdev, &hdr, data);
}

static void line_signals_once_until_unmasked(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_INTX_IRQ_INDEX);
	u32 unmask = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE;

	mdevkit_irq_set_level(&fake->kdev, true);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
	/* still asserted: unmasking signals again */
	KUNIT_EXPECT_EQ(test, irq_set(fake, VFIO_PCI_INTX_IRQ_INDEX, unmask, 0, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
	mdevkit_irq_set_level(&fake->kdev, false);
	KUNIT_EXPECT_EQ(test, irq_set(fake, VFIO_PCI_INTX_IRQ_INDEX, unmask, 0, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
}

static void masked_line_waits(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_INTX_IRQ_INDEX);
	u8 yes = 1, no = 0;

	KUNIT_EXPECT_EQ(test, irq_set(fake, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_MASK |
				      VFIO_IRQ_SET_DATA_BOOL, 0, 1, &no), 0);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
	mdevkit_irq_set_level(&fake->kdev, false);
	KUNIT_EXPECT_EQ(test, irq_set(fake, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK |
				      VFIO_IRQ_SET_DATA_NONE, 0, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, irq_set(fake, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_MASK |
				      VFIO_IRQ_SET_DATA_BOOL, 0, 1, &yes), 0);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
	KUNIT_EXPECT_TRUE(test, mdevkit_irq_intx_status(&fake->kdev));
	KUNIT_EXPECT_TRUE(test, fake_config_read(test, fake, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	KUNIT_EXPECT_EQ(test, irq_set(fake, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK |
				      VFIO_IRQ_SET_DATA_BOOL, 0, 1, &yes), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
}

static void command_register_disables_the_line(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_INTX_IRQ_INDEX);

	fake_config_write(test, fake, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
	KUNIT_EXPECT_TRUE(test, fake_config_read(test, fake, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	fake_config_write(test, fake, PCI_COMMAND, 2, 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
}

static void reset_drops_the_line(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_INTX_IRQ_INDEX);

	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	KUNIT_EXPECT_FALSE(test, mdevkit_irq_intx_status(&fake->kdev));
	KUNIT_EXPECT_PTR_EQ(test, fake->kdev.irqs->vectors[0].trigger, fake_trigger(0));
}

static void message_has_edges(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_MSI_IRQ_INDEX);

	mdevkit_irq_set_level(&fake->kdev, true);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
	mdevkit_irq_set_level(&fake->kdev, false);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
}

static void vectors_are_separate(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_MSIX_IRQ_INDEX);

	mdevkit_irq_signal(&fake->kdev, 2);
	mdevkit_irq_signal(&fake->kdev, 4);
	mdevkit_irq_signal(&fake->kdev, UINT_MAX);
	KUNIT_EXPECT_EQ(test, signals_of(0) + signals_of(1) + signals_of(3), 0);
	KUNIT_EXPECT_EQ(test, signals_of(2), 1);
	fake->kdev.irqs->vectors[2].trigger = NULL;
	mdevkit_irq_signal(&fake->kdev, 2);
	KUNIT_EXPECT_EQ(test, signals_of(2), 0);
}

static void messages_do_not_reach_a_line(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_INTX_IRQ_INDEX);

	mdevkit_irq_signal(&fake->kdev, 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
}

static void loopback_selects(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_MSIX_IRQ_INDEX);
	u8 select[] = { 0, 1 };

	KUNIT_EXPECT_EQ(test, irq_set(fake, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER |
				      VFIO_IRQ_SET_DATA_NONE, 0, 4, NULL), 0);
	for (unsigned int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, signals_of(i), 1);
	KUNIT_EXPECT_EQ(test, irq_set(fake, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER |
				      VFIO_IRQ_SET_DATA_BOOL, 2, 2, select), 0);
	KUNIT_EXPECT_EQ(test, signals_of(2), 0);
	KUNIT_EXPECT_EQ(test, signals_of(3), 1);
}

static void error_and_request_have_their_own(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_MSI_IRQ_INDEX);

	mdevkit_signal_error(&fake->kdev);
	KUNIT_EXPECT_FALSE(test, mdevkit_irq_ask(&fake->kdev));
	fake->kdev.irqs->err = fake_trigger(6);
	fake->kdev.irqs->req = fake_trigger(7);
	mdevkit_signal_error(&fake->kdev);
	KUNIT_EXPECT_EQ(test, signals_of(6), 1);
	KUNIT_EXPECT_EQ(test, signals_of(7), 0);
	KUNIT_EXPECT_TRUE(test, mdevkit_irq_ask(&fake->kdev));
	KUNIT_EXPECT_EQ(test, signals_of(7), 1);
	fake->kdev.irqs->err = NULL;
	fake->kdev.irqs->req = NULL;
}

/* Requests that VFIO's own check lets through and that make no sense */
struct bad_case {
	const char *name;
	unsigned int active;
	u32 index;
	u32 flags;
	u32 count;
	s32 data;
	int result;
};

#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD
#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX

static const struct bad_case bad_cases[] = {
	{ "no action", MSI, MSI, NONE, 1, 0, -EINVAL },
	{ "two actions", INTX, INTX, MASK | UNMASK | NONE, 1, 0, -EINVAL },
	{ "MSI while INTx is in use", INTX, MSI, TRIGGER | EVENTFD, 1, -1, -EINVAL },
	{ "disable MSI while MSI-X is in use", MSIX, MSI, TRIGGER | NONE, 0, 0, -EINVAL },
	{ "loop-back of what is idle", VFIO_PCI_NUM_IRQS, MSI, TRIGGER | NONE, 1, 0, -EINVAL },
	{ "eventfds, but none given", MSI, MSI, TRIGGER | EVENTFD, 0, 0, -EINVAL },
	{ "negative eventfd", MSI, MSI, TRIGGER | EVENTFD, 1, -2, -EINVAL },
	{ "file that is not open", MSI, MSI, TRIGGER | EVENTFD, 1, 0x7fffffff, -EBADF },
	{ "mask INTx that is not in use", VFIO_PCI_NUM_IRQS, INTX, MASK | NONE, 1, 0, -EINVAL },
	{ "mask MSI", MSI, MSI, MASK | NONE, 1, 0, -ENOTTY },
	{ "unmask the error interrupt", MSI, VFIO_PCI_ERR_IRQ_INDEX, UNMASK | NONE, 1, 0, -ENOTTY },
	{ "mask eventfd", INTX, INTX, MASK | EVENTFD, 1, 0, -ENOTTY },
	{ "unmask eventfd that is none", INTX, INTX, UNMASK | EVENTFD, 1, 0x7fffffff, -EBADF },
	{ "unmask eventfd below -1", INTX, INTX, UNMASK | EVENTFD, 1, -2, -EINVAL },
	{ "mask nothing", INTX, INTX, MASK | NONE, 0, 0, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(bad, bad_cases, name);

static void bad_requests_change_nothing(struct kunit *test)
{
	const struct bad_case *c = test->param_value;
	struct fake_device *fake = irq_device_create(test, c->active);
	struct mdevkit_irqs *irqs = fake->kdev.irqs;
	s32 data = c->data;

	KUNIT_EXPECT_EQ(test, irq_set(fake, c->index, c->flags, 0, c->count, &data), c->result);
	KUNIT_EXPECT_EQ(test, irqs->active, c->active);
	KUNIT_EXPECT_FALSE(test, irqs->intx_masked);
	if (mdevkit_irq_count(&fake->kdev, c->active))
		KUNIT_EXPECT_PTR_EQ(test, irqs->vectors[0].trigger, fake_trigger(0));
}

static void counts_are_as_declared(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	static const unsigned int counts[VFIO_PCI_NUM_IRQS] = { 1, 2, 4, 1, 1 };

	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++)
		KUNIT_EXPECT_EQ(test, mdevkit_irq_count(&fake->kdev, i), counts[i]);
	KUNIT_EXPECT_EQ(test, mdevkit_irq_info_flags(&fake->kdev, INTX),
			VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED);
	KUNIT_EXPECT_EQ(test, mdevkit_irq_info_flags(&fake->kdev, MSIX), VFIO_IRQ_INFO_EVENTFD);
}

static struct kunit_case irq_test_cases[] = {
	KUNIT_CASE(line_signals_once_until_unmasked),
	KUNIT_CASE(masked_line_waits),
	KUNIT_CASE(command_register_disables_the_line),
	KUNIT_CASE(reset_drops_the_line),
	KUNIT_CASE(message_has_edges),
	KUNIT_CASE(vectors_are_separate),
	KUNIT_CASE(messages_do_not_reach_a_line),
	KUNIT_CASE(loopback_selects),
	KUNIT_CASE(error_and_request_have_their_own),
	KUNIT_CASE_PARAM(bad_requests_change_nothing, bad_gen_params),
	KUNIT_CASE(counts_are_as_declared),
	{}
};

static struct kunit_suite irq_test_suite = {
	.name = "mdevkit_irq",
	.test_cases = irq_test_cases,
};

kunit_test_suite(irq_test_suite);
