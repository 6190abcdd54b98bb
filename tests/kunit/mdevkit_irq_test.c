// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: when a tenant's interrupt is signalled, and when not. */

#include <kunit/static_stub.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/sizes.h>

#include "mdev/irqs.h"
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

/* The "file descriptor" of a trigger is its number */
static struct eventfd_ctx *get_fake_trigger(s32 fd)
{
	return fd < ARRAY_SIZE(triggers) ? fake_trigger(fd) : ERR_PTR(-EBADF);
}

/* No references are counted: the lab's tests see leaked eventfds */
static void put_fake_trigger(struct eventfd_ctx *trigger)
{
}

static struct fake_device *irq_device_create(struct kunit *test, unsigned int active)
{
	struct fake_device *fake = fake_device_create(test, &desc);
	struct mdevkit_irqs *irqs = fake->kdev.priv->irqs;

	memset(signals, 0, sizeof(signals));
	kunit_activate_static_stub(test, mdevkit_irq_signal_trigger, count_signal);
	kunit_activate_static_stub(test, mdevkit_irq_get_trigger, get_fake_trigger);
	kunit_activate_static_stub(test, mdevkit_irq_put_trigger, put_fake_trigger);
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

#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD
#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define IDLE	VFIO_PCI_NUM_IRQS

static int connect(struct fake_device *fake, u32 index, u32 vector, s32 trigger)
{
	return irq_set(fake, index, TRIGGER | EVENTFD, vector, 1, &trigger);
}

static int disconnect(struct fake_device *fake, u32 index)
{
	return irq_set(fake, index, TRIGGER | NONE, 0, 0, NULL);
}

static u64 pending_bits(struct kunit *test, struct fake_device *fake, unsigned int width)
{
	u64 bits = ~0ULL;

	KUNIT_EXPECT_EQ(test, mdevkit_msix_read(&fake->kdev, desc.msix_pba, width, &bits), 0);
	return bits;
}

static void what_is_delivered_is_counted(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, MSI);

	mdevkit_irq_signal(&fake->kdev, 0);
	KUNIT_EXPECT_EQ(test, mdevkit_irqs_delivered(&fake->kdev), 1);
	fake->kdev.priv->irqs->vectors[1].trigger = NULL;
	mdevkit_irq_signal(&fake->kdev, 1);
	KUNIT_EXPECT_EQ(test, mdevkit_irqs_delivered(&fake->kdev), 1);
	fake->kdev.priv->irqs->active = INTX;
	mdevkit_irq_set_level(&fake->kdev, true);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, mdevkit_irqs_delivered(&fake->kdev), 2);
}

static void line_signals_once_until_unmasked(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_INTX_IRQ_INDEX);
	u32 unmask = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE;

	mdevkit_irq_set_level(&fake->kdev, true);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
	/* the signal has masked it: asserted anew, it says nothing */
	mdevkit_irq_set_level(&fake->kdev, false);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
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
	KUNIT_EXPECT_PTR_EQ(test, fake->kdev.priv->irqs->vectors[0].trigger, fake_trigger(0));
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
	fake->kdev.priv->irqs->vectors[2].trigger = NULL;
	mdevkit_irq_signal(&fake->kdev, 2);
	KUNIT_EXPECT_EQ(test, signals_of(2), 0);
}

static void messages_do_not_reach_a_line(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_INTX_IRQ_INDEX);

	mdevkit_irq_signal(&fake->kdev, 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
	KUNIT_EXPECT_EQ(test, disconnect(fake, INTX), 0);
	KUNIT_EXPECT_EQ(test, connect(fake, MSI, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, signals_of(1), 1);
}

static void message_waits_for_its_trigger(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, IDLE);

	/* nobody has asked for interrupts yet, then for another one */
	mdevkit_irq_signal(&fake->kdev, 2);
	mdevkit_irq_signal(&fake->kdev, 2);
	mdevkit_irq_signal(&fake->kdev, 3);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0xc);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 4), 0xc);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 2, 5), 0);
	KUNIT_EXPECT_EQ(test, signals_of(5), 1);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0x8);
	/* said once */
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 2, 6), 0);
	KUNIT_EXPECT_EQ(test, signals_of(6), 0);
	/* taken away, it is masked */
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 2, -1), 0);
	mdevkit_irq_signal(&fake->kdev, 2);
	KUNIT_EXPECT_EQ(test, disconnect(fake, MSIX), 0);
	mdevkit_irq_signal(&fake->kdev, 0);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0xd);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 2, 6), 0);
	KUNIT_EXPECT_EQ(test, signals_of(6), 1);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
	mdevkit_irq_signal(&fake->kdev, 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0x8);
}

static void pending_bits_end_with_the_table(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, IDLE);
	u64 bits;

	for (unsigned int i = 0; i < 4; i++)
		mdevkit_irq_signal(&fake->kdev, i);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0xf);
	KUNIT_EXPECT_EQ(test, mdevkit_msix_read(&fake->kdev, desc.msix_pba + 4, 4, &bits), 0);
	KUNIT_EXPECT_EQ(test, bits, 0);
	/* they are read-only */
	KUNIT_EXPECT_EQ(test, mdevkit_msix_write(&fake->kdev, desc.msix_pba, 8, 0), 0);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0xf);
}

static void reset_and_close_drop_what_waits(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, IDLE);

	for (unsigned int round = 0; round < 2; round++) {
		mdevkit_irq_signal(&fake->kdev, 1);
		mdevkit_irq_set_level(&fake->kdev, true);
		KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 3);
		if (round)
			mdevkit_irqs_release_user(&fake->kdev);
		else
			KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
		KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0);
		KUNIT_EXPECT_EQ(test, connect(fake, MSI, 0, 0), 0);
		KUNIT_EXPECT_EQ(test, connect(fake, MSI, 1, 1), 0);
		KUNIT_EXPECT_EQ(test, signals_of(0) + signals_of(1), 0);
		KUNIT_EXPECT_EQ(test, disconnect(fake, MSI), 0);
	}
}

static void a_served_line_takes_its_message_back(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, IDLE);

	mdevkit_irq_set_level(&fake->kdev, true);
	mdevkit_irq_set_level(&fake->kdev, false);
	KUNIT_EXPECT_EQ(test, connect(fake, MSI, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 0);
	KUNIT_EXPECT_EQ(test, disconnect(fake, MSI), 0);
	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, connect(fake, MSI, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
}

static void an_asserted_line_survives_the_change_of_kind(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, IDLE);

	mdevkit_irq_set_level(&fake->kdev, true);
	KUNIT_EXPECT_EQ(test, connect(fake, INTX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
	KUNIT_EXPECT_EQ(test, disconnect(fake, INTX), 0);
	KUNIT_EXPECT_EQ(test, connect(fake, MSI, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, signals_of(1), 1);
	KUNIT_EXPECT_EQ(test, disconnect(fake, MSI), 0);
	KUNIT_EXPECT_EQ(test, connect(fake, INTX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, signals_of(0), 1);
}

static void all_eventfds_or_none(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, MSIX);
	s32 fds[] = { 4, 5, -1, 1000 };

	mdevkit_irq_signal(&fake->kdev, 0);
	signals_of(0);
	KUNIT_EXPECT_EQ(test, irq_set(fake, MSIX, TRIGGER | EVENTFD, 0, 4, fds), -EBADF);
	for (unsigned int i = 0; i < 4; i++)
		KUNIT_EXPECT_PTR_EQ(test, fake->kdev.priv->irqs->vectors[i].trigger,
				    fake_trigger(i));
	fds[3] = 7;
	KUNIT_EXPECT_EQ(test, irq_set(fake, MSIX, TRIGGER | EVENTFD, 0, 4, fds), 0);
	for (unsigned int i = 0; i < 4; i++)
		mdevkit_irq_signal(&fake->kdev, i);
	KUNIT_EXPECT_EQ(test, signals_of(4) + signals_of(5) + signals_of(7), 3);
	for (unsigned int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, signals_of(i), 0);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 4);
}

/*
 * A message interrupt as MSI-X has it: masked, the hardware keeps one; sent, it is on its way
 * until the test lets the CPU take it.
 */
static struct fake_msi {
	int irq;
	bool masked;
	bool pending;
	bool on_its_way;
	unsigned int taken;
} msi;

static void fake_msi_mask(struct irq_data *data)
{
	msi.masked = true;
}

static void fake_msi_unmask(struct irq_data *data)
{
	msi.masked = false;
	msi.on_its_way |= msi.pending;
	msi.pending = false;
}

static void fake_msi_ack(struct irq_data *data)
{
}

static int fake_msi_retrigger(struct irq_data *data)
{
	msi.on_its_way = true;
	return 1;
}

static struct irq_chip fake_msi_chip = {
	.name = "fake-msi",
	.irq_mask = fake_msi_mask,
	.irq_unmask = fake_msi_unmask,
	.irq_ack = fake_msi_ack,
	.irq_retrigger = fake_msi_retrigger,
};

static void fake_msi_take(void)
{
	unsigned long flags;

	while (msi.on_its_way) {
		msi.on_its_way = false;
		msi.taken++;
		local_irq_save(flags);
		generic_handle_irq(msi.irq);
		local_irq_restore(flags);
	}
}

static void fake_msi_wait_taken(struct mdevkit_irqs *irqs)
{
	fake_msi_take();
}

static void fake_msi_send(void)
{
	if (msi.masked)
		msi.pending = true;
	else
		msi.on_its_way = true;
}

static void fake_msi_free(void *unused)
{
	irq_set_chip_and_handler(msi.irq, NULL, NULL);
	irq_free_desc(msi.irq);
}

/* A device whose vector 1 has a hardware interrupt, as after its first open */
static struct fake_device *hw_device_create(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, IDLE);

	msi = (struct fake_msi) { .masked = true };
	msi.irq = irq_alloc_desc(NUMA_NO_NODE);
	KUNIT_ASSERT_GT(test, msi.irq, 0);
	irq_set_chip_and_handler(msi.irq, &fake_msi_chip, handle_edge_irq);
	irq_set_status_flags(msi.irq, IRQ_NOPROBE);
	kunit_activate_static_stub(test, mdevkit_irq_wait_taken, fake_msi_wait_taken);
	/* to be freed after the device, which fake_device_create() has in an action of its own */
	kunit_remove_action(test, mdevkit_kunit_tear_down, &fake->kdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_msi_free, NULL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mdevkit_kunit_tear_down,
							&fake->kdev), 0);
	KUNIT_ASSERT_EQ(test, mdevkit_irq_bind_hw(&fake->kdev, 1, msi.irq), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	return fake;
}

static void hardware_is_live_while_there_is_a_trigger(struct kunit *test)
{
	struct fake_device *fake = hw_device_create(test);

	fake_msi_send();
	fake_msi_take();
	KUNIT_EXPECT_EQ(test, msi.taken, 0);
	/* another vector, and INTx, are not its trigger */
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 0, 0), 0);
	fake_msi_take();
	KUNIT_EXPECT_EQ(test, msi.taken, 0);
	/* what the hardware kept arrives with the trigger */
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 5), 0);
	fake_msi_take();
	KUNIT_EXPECT_EQ(test, msi.taken, 1);
	KUNIT_EXPECT_EQ(test, signals_of(5), 1);
	/* replaced: on, and balanced */
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 6), 0);
	fake_msi_send();
	fake_msi_take();
	KUNIT_EXPECT_EQ(test, signals_of(6), 1);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, -1), 0);
	KUNIT_EXPECT_TRUE(test, msi.masked);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 1000), -EBADF);
	KUNIT_EXPECT_TRUE(test, msi.masked);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 6), 0);
	KUNIT_EXPECT_FALSE(test, msi.masked);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 1000), -EBADF);
	KUNIT_EXPECT_FALSE(test, msi.masked);
	KUNIT_EXPECT_EQ(test, disconnect(fake, MSIX), 0);
	KUNIT_EXPECT_TRUE(test, msi.masked);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 6), 0);
	mdevkit_irqs_release_user(&fake->kdev);
	KUNIT_EXPECT_TRUE(test, msi.masked);
}

static void hardware_is_off_while_the_line_is_used(struct kunit *test)
{
	struct fake_device *fake = hw_device_create(test);

	mdevkit_irq_unbind_hw(&fake->kdev, 1);
	KUNIT_ASSERT_EQ(test, mdevkit_irq_bind_hw(&fake->kdev, 0, msi.irq), 0);
	KUNIT_EXPECT_EQ(test, connect(fake, INTX, 0, 0), 0);
	KUNIT_EXPECT_TRUE(test, msi.masked);
	KUNIT_EXPECT_EQ(test, disconnect(fake, INTX), 0);
	KUNIT_EXPECT_EQ(test, connect(fake, MSI, 0, 0), 0);
	KUNIT_EXPECT_FALSE(test, msi.masked);
}

/* What one user leaves pending, in the hardware or in the irq core, the next one never gets */
static void hardware_messages_do_not_reach_the_next_user(struct kunit *test)
{
	struct fake_device *fake = hw_device_create(test);

	for (unsigned int round = 0; round < 4; round++) {
		/* with interrupts, and one that is on its way when they are switched off */
		if (round % 2) {
			KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 5), 0);
			fake_msi_send();
			mdevkit_irqs_release_user(&fake->kdev);
			fake_msi_take();
		}
		/* without */
		if (round > 1)
			fake_msi_send();
		mdevkit_irqs_release_user(&fake->kdev);
		KUNIT_EXPECT_EQ(test, signals_of(5), 0);
		/* the next one opens */
		KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
		KUNIT_EXPECT_TRUE(test, msi.masked);
		KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0);
		KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 6), 0);
		fake_msi_take();
		KUNIT_EXPECT_EQ(test, signals_of(6), 0);
		fake_msi_send();
		fake_msi_take();
		KUNIT_EXPECT_EQ(test, signals_of(6), 1);
		mdevkit_irqs_release_user(&fake->kdev);
	}
}

static void a_reset_leaves_hardware_that_has_a_listener_on(struct kunit *test)
{
	struct fake_device *fake = hw_device_create(test);

	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 5), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_device_reset(&fake->kdev), 0);
	KUNIT_EXPECT_FALSE(test, msi.masked);
	fake_msi_send();
	fake_msi_take();
	KUNIT_EXPECT_EQ(test, signals_of(5), 1);
}

static void bad_bindings_change_nothing(struct kunit *test)
{
	struct fake_device *fake = hw_device_create(test);

	KUNIT_EXPECT_EQ(test, mdevkit_irq_bind_hw(&fake->kdev, 1, msi.irq), -EBUSY);
	KUNIT_EXPECT_EQ(test, mdevkit_irq_bind_hw(&fake->kdev, 4, msi.irq), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdevkit_irq_bind_hw(&fake->kdev, 0, 0), -EINVAL);
	/* no such interrupt */
	KUNIT_EXPECT_LT(test, mdevkit_irq_bind_hw(&fake->kdev, 0, INT_MAX), 0);
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 0, 0), 0);
	KUNIT_EXPECT_TRUE(test, msi.masked);
	mdevkit_irq_unbind_hw(&fake->kdev, 4);
	mdevkit_irq_unbind_hw(&fake->kdev, 0);
	KUNIT_EXPECT_TRUE(test, irq_has_action(msi.irq));
}

static void a_forgotten_binding_is_undone(struct kunit *test)
{
	struct fake_device *fake = hw_device_create(test);

	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, 5), 0);
	mdevkit_irqs_release_user(&fake->kdev);
	KUNIT_EXPECT_TRUE(test, irq_has_action(msi.irq));
	mdevkit_irqs_free(&fake->kdev);
	KUNIT_EXPECT_FALSE(test, irq_has_action(msi.irq));
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
	/* it tests eventfds, it raises no message */
	KUNIT_EXPECT_EQ(test, connect(fake, MSIX, 1, -1), 0);
	KUNIT_EXPECT_EQ(test, irq_set(fake, MSIX, TRIGGER | NONE, 0, 4, NULL), 0);
	KUNIT_EXPECT_EQ(test, pending_bits(test, fake, 8), 0);
}

static void error_and_request_have_their_own(struct kunit *test)
{
	struct fake_device *fake = irq_device_create(test, VFIO_PCI_MSI_IRQ_INDEX);

	mdevkit_signal_error(&fake->kdev);
	KUNIT_EXPECT_FALSE(test, mdevkit_irq_ask(&fake->kdev));
	fake->kdev.priv->irqs->err = fake_trigger(6);
	fake->kdev.priv->irqs->req = fake_trigger(7);
	mdevkit_signal_error(&fake->kdev);
	KUNIT_EXPECT_EQ(test, signals_of(6), 1);
	KUNIT_EXPECT_EQ(test, signals_of(7), 0);
	KUNIT_EXPECT_TRUE(test, mdevkit_irq_ask(&fake->kdev));
	KUNIT_EXPECT_EQ(test, signals_of(7), 1);
	fake->kdev.priv->irqs->err = NULL;
	fake->kdev.priv->irqs->req = NULL;
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

static const struct bad_case bad_cases[] = {
	{ "no action", MSI, MSI, NONE, 1, 0, -EINVAL },
	{ "two actions", INTX, INTX, MASK | UNMASK | NONE, 1, 0, -EINVAL },
	{ "MSI while INTx is in use", INTX, MSI, TRIGGER | EVENTFD, 1, -1, -EINVAL },
	{ "disable MSI while MSI-X is in use", MSIX, MSI, TRIGGER | NONE, 0, 0, -EINVAL },
	{ "loop-back of what is idle", IDLE, MSI, TRIGGER | NONE, 1, 0, -EINVAL },
	{ "eventfds, but none given", MSI, MSI, TRIGGER | EVENTFD, 0, 0, -EINVAL },
	{ "negative eventfd", MSI, MSI, TRIGGER | EVENTFD, 1, -2, -EINVAL },
	{ "file that is not open", MSI, MSI, TRIGGER | EVENTFD, 1, 0x7fffffff, -EBADF },
	{ "mask INTx that is not in use", IDLE, INTX, MASK | NONE, 1, 0, -EINVAL },
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
	struct mdevkit_irqs *irqs = fake->kdev.priv->irqs;
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
	KUNIT_CASE(what_is_delivered_is_counted),
	KUNIT_CASE(line_signals_once_until_unmasked),
	KUNIT_CASE(masked_line_waits),
	KUNIT_CASE(command_register_disables_the_line),
	KUNIT_CASE(reset_drops_the_line),
	KUNIT_CASE(message_has_edges),
	KUNIT_CASE(vectors_are_separate),
	KUNIT_CASE(messages_do_not_reach_a_line),
	KUNIT_CASE(message_waits_for_its_trigger),
	KUNIT_CASE(pending_bits_end_with_the_table),
	KUNIT_CASE(reset_and_close_drop_what_waits),
	KUNIT_CASE(a_served_line_takes_its_message_back),
	KUNIT_CASE(an_asserted_line_survives_the_change_of_kind),
	KUNIT_CASE(all_eventfds_or_none),
	KUNIT_CASE(hardware_is_live_while_there_is_a_trigger),
	KUNIT_CASE(hardware_is_off_while_the_line_is_used),
	KUNIT_CASE(hardware_messages_do_not_reach_the_next_user),
	KUNIT_CASE(a_reset_leaves_hardware_that_has_a_listener_on),
	KUNIT_CASE(bad_bindings_change_nothing),
	KUNIT_CASE(a_forgotten_binding_is_undone),
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
