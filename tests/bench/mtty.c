// SPDX-License-Identifier: GPL-2.0-only
/* The serial card of the kit and that of the kernel, which are used in the same way. */
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "life.h"
#include "measure.h"
#include "mtty.h"

/* BARs where a firmware would have put them; the kernel's sample looks for them until it is so */
#define PORT_BASE	0xc000

struct card {
	struct mtty mtty;
	int event;
	u8 bytes[8];
	struct {
		struct vfio_irq_set set;
		s32 fd;
	} irq;
};

static int error(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* ---- registers and config space ---- */

static int bar_read(struct card *card, u64 offset, size_t size)
{
	struct vfio_client *client = &card->mtty.client;

	return pread(client->fd, card->bytes, size, client->bars[0].offset + offset) ==
	       (ssize_t)size ? 0 : -EIO;
}

static int bar_read_1(void *data)
{
	return bar_read(data, UART_SCR, 1);
}

static int bar_read_4(void *data)
{
	return bar_read(data, UART_MCR, 4);
}

static int bar_write_1(void *data)
{
	struct card *card = data;
	struct vfio_client *client = &card->mtty.client;

	return pwrite(client->fd, card->bytes, 1, client->bars[0].offset + UART_SCR) == 1 ?
	       0 : -EIO;
}

static int config_read(struct card *card, u64 offset, size_t size)
{
	struct vfio_client *client = &card->mtty.client;

	return pread(client->fd, card->bytes, size, client->config.offset + offset) ==
	       (ssize_t)size ? 0 : -EIO;
}

static int config_read_1(void *data)
{
	return config_read(data, PCI_INTERRUPT_LINE, 1);
}

static int config_read_4(void *data)
{
	return config_read(data, PCI_VENDOR_ID, 4);
}

static int config_write(struct card *card, u64 offset, const void *bytes, size_t size)
{
	struct vfio_client *client = &card->mtty.client;

	return pwrite(client->fd, bytes, size, client->config.offset + offset) ==
	       (ssize_t)size ? 0 : -EIO;
}

static int config_write_line(void *data)
{
	return config_write(data, PCI_INTERRUPT_LINE, "\x0b", 1);
}

static int config_write_command(void *data)
{
	return config_write(data, PCI_COMMAND, "\x01", 2);
}

static int get_info(void *data)
{
	struct card *card = data;
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return error(ioctl(card->mtty.client.fd, VFIO_DEVICE_GET_INFO, &info));
}

static void card_open(struct card *card)
{
	memset(card, 0, sizeof(*card));
	mtty_open(&card->mtty, vfio_type1v2, "mtty-1");
	/* The kernel's own has no interrupts before somebody has asked for this */
	REQUIRE_OK(get_info(card));
	config_put(&card->mtty.client, PCI_BASE_ADDRESS_0, 4, PORT_BASE);
	card->event = eventfd_new();
}

static void card_close(struct card *card)
{
	close(card->event);
	mtty_close(&card->mtty);
}

TEST("mtty: registers and config space")
{
	const char *side = bench_side();
	struct card card;

	card_open(&card);
	uart_put(&card.mtty, 0, UART_SCR, 0x5a);
	bench_one(side, "mtty.read1", bar_read_1, &card);
	CHECK_EQ(card.bytes[0], 0x5a);
	bench_one(side, "mtty.read4", bar_read_4, &card);
	bench_one(side, "mtty.write1", bar_write_1, &card);
	bench_one(side, "mtty.config_read1", config_read_1, &card);
	bench_one(side, "mtty.config_read4", config_read_4, &card);
	bench_one(side, "mtty.config_write1", config_write_line, &card);
	CHECK_EQ(config_get(&card.mtty.client, PCI_INTERRUPT_LINE, 1), 0x0b);
	bench_one(side, "mtty.config_command", config_write_command, &card);
	card_close(&card);
}

/* ---- what VFIO asks ---- */

static int get_region_info(void *data)
{
	struct card *card = data;
	struct vfio_region_info info = { .argsz = sizeof(info) };

	return error(ioctl(card->mtty.client.fd, VFIO_DEVICE_GET_REGION_INFO, &info));
}

static int reset(void *data)
{
	struct card *card = data;

	return error(ioctl(card->mtty.client.fd, VFIO_DEVICE_RESET));
}

TEST("mtty: queries and reset")
{
	const char *side = bench_side();
	struct card card;

	card_open(&card);
	bench_one(side, "mtty.get_info", get_info, &card);
	bench_one(side, "mtty.get_region_info", get_region_info, &card);
	/* The kernel's own says something in its log each time: not often, then */
	bench_cycle(side, &(struct bench_step){ "mtty.reset", reset }, 1, &card, 51, 1);
	card_close(&card);
}

/* ---- interrupts ---- */

static int set_irqs(struct card *card, u32 flags, u32 count)
{
	card->irq.set = (struct vfio_irq_set) {
		.argsz = sizeof(card->irq.set) +
			 (flags & VFIO_IRQ_SET_DATA_EVENTFD ? sizeof(s32) : 0),
		.flags = flags | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = count,
	};
	card->irq.fd = card->event;
	return error(ioctl(card->mtty.client.fd, VFIO_DEVICE_SET_IRQS, &card->irq));
}

static int msi_arm(void *data)
{
	return set_irqs(data, VFIO_IRQ_SET_DATA_EVENTFD, 1);
}

static int msi_disarm(void *data)
{
	return set_irqs(data, VFIO_IRQ_SET_DATA_NONE, 0);
}

static int msi_trigger(void *data)
{
	return set_irqs(data, VFIO_IRQ_SET_DATA_NONE, 1);
}

static int event_read(void *data)
{
	struct card *card = data;
	u64 count;

	return read(card->event, &count, sizeof(count)) == sizeof(count) ? 0 : -EIO;
}

static int msi_trigger_and_read(void *data)
{
	return msi_trigger(data) ?: event_read(data);
}

static int ier_write(struct card *card, u8 value)
{
	struct vfio_client *client = &card->mtty.client;

	return pwrite(client->fd, &value, 1, client->bars[0].offset + UART_IER) == 1 ? 0 : -EIO;
}

/* The transmitter is empty, so that its interrupt comes at once */
static int driver_interrupt(void *data)
{
	return ier_write(data, UART_IER_THRI);
}

static int driver_calm(void *data)
{
	return ier_write(data, 0);
}

TEST("mtty: interrupts")
{
	static const struct bench_step arm[] = {
		{ "mtty.arm", msi_arm },
		{ "mtty.disarm", msi_disarm },
	};
	static const struct bench_step driver[] = {
		{ "mtty.driver_interrupt", driver_interrupt },
		{ NULL, driver_calm },
		{ NULL, event_read },
	};
	const char *side = bench_side();
	struct card card;

	card_open(&card);
	bench_cycle(side, arm, ARRAY_SIZE(arm), &card, 101, 1);
	REQUIRE_OK(msi_arm(&card));
	bench_one(side, "mtty.trigger", msi_trigger, &card);
	CHECK(eventfd_take(card.event));
	bench_one(side, "mtty.trigger_read", msi_trigger_and_read, &card);
	bench_cycle(side, driver, ARRAY_SIZE(driver), &card, 101, 1);
	card_close(&card);
}

/* ---- the life of an mdev ---- */

static struct bench_mdev card_mdev(void)
{
	struct bench_mdev mdev = { .parent = MTTY_PARENT, .type = "mtty-1" };

	mdev_uuid(0, mdev.uuid);
	return mdev;
}

/*
 * With udevd, which in-vm starts, as a listener to uevents. What it does itself comes afterwards:
 * nobody takes the CPU away while an mdev is made.
 */
TEST_LONG("udev: create and remove", 300)
{
	const struct sched_param first = { .sched_priority = 1 };
	struct bench_mdev mdev = card_mdev();

	REQUIRE(!sched_setscheduler(0, SCHED_FIFO, &first));
	bench_create_remove(bench_side(), &mdev, "mtty.udev", "", 51);
}

TEST_LONG("mtty: create, open, close, remove", 300)
{
	struct bench_mdev mdev = card_mdev();

	bench_create_remove(bench_side(), &mdev, "mtty", "", 101);
	bench_open_close(bench_side(), &mdev, "mtty");
}
