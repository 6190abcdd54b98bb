// SPDX-License-Identifier: GPL-2.0-only
/*
 * mtty: a serial card of 24 ports, cut into PCI cards of one or two. It is all software, with
 * the identity of the kernel's own sample. Its parents: /sys/devices/virtual/mtty/mtty, and
 * each QEMU pci-testdev, since libvirt, Nova and Proxmox want a PCI device there.
 */
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/serial_reg.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/timer.h>

#include <mdevkit/mdevkit.h>

#include "uart.h"

struct mtty_port {
	struct uart uart;
	struct timer_list rx_timer;	/* the receiver's character timeout */
	struct mtty *card;
};

/* One mdev: a PCI card */
struct mtty {
	struct mdevkit_device kdev;
	/*
	 * Guards the ports, and the interrupt line that must show what they say. The timer
	 * takes it too. Inside mdevkit's access lock, outside its interrupt lock.
	 */
	spinlock_t lock;
	unsigned int nr_ports;
	struct mtty_port ports[2];	/* one BAR each */
};

static struct mtty *to_mtty(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct mtty, kdev);
}

/* Brings timer and interrupt line in step with a port that was just touched */
static void mtty_settle(struct mtty_port *port)
{
	struct mtty *card = port->card;
	unsigned int delay = uart_arm_rx_timeout(&port->uart);
	bool pending = false;

	lockdep_assert_held(&card->lock);
	if (delay)
		mod_timer(&port->rx_timer, jiffies + usecs_to_jiffies(delay));
	for (unsigned int i = 0; i < card->nr_ports; i++)
		pending |= uart_irq_cause(&card->ports[i].uart) != UART_IIR_NO_INT;
	mdevkit_irq_set_level(&card->kdev, pending);
}

static void mtty_rx_timeout(struct timer_list *timer)
{
	struct mtty_port *port = container_of(timer, struct mtty_port, rx_timer);

	guard(spinlock)(&port->card->lock);
	/* It may have been started anew while it waited for the lock */
	if (!timer_pending(timer))
		uart_rx_timeout_elapsed(&port->uart);
	mtty_settle(port);
}

static int mtty_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
		     unsigned int width, u64 *value)
{
	struct mtty_port *port = &to_mtty(kdev)->ports[bar];

	guard(spinlock_bh)(&port->card->lock);
	*value = uart_read(&port->uart, offset);
	mtty_settle(port);
	return 0;
}

static int mtty_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
		      unsigned int width, u64 value)
{
	struct mtty_port *port = &to_mtty(kdev)->ports[bar];

	guard(spinlock_bh)(&port->card->lock);
	uart_write(&port->uart, offset, value);
	mtty_settle(port);
	return 0;
}

/* What the kernel's sample has behind the header */
static const struct mdevkit_pci_bytes mtty_bytes[] = {
	{ .offset = 0x40, .len = 13, .bytes = "\x23\0\0\x80\x23\0\0\0\x23\0\0\0\x23" },
	{ .offset = 0x60, .len = 15, .bytes = "PCI Serial/UART" },
};

#define MTTY_BAR { .size = UART_NR_REGS, .flags = PCI_BASE_ADDRESS_SPACE_IO,	\
		   .widths = MDEVKIT_WIDTH_1, .read = mtty_read, .write = mtty_write }

#define MTTY_PCI(...) {							\
	.vendor = 0x4348,	/* WinChipHead */			\
	.device = 0x3253,	/* CH352, two serial ports */		\
	.class = PCI_CLASS_COMMUNICATION_SERIAL << 8 | 0x02,		\
	.revision = 0x10,						\
	.intx_pin = 1,							\
	.msi_vectors = 1,						\
	.bars = { __VA_ARGS__ },					\
	.bytes = mtty_bytes,						\
	.nr_bytes = ARRAY_SIZE(mtty_bytes),				\
}

static const struct mdevkit_pci_desc mtty_pci_single = MTTY_PCI(MTTY_BAR);
static const struct mdevkit_pci_desc mtty_pci_dual = MTTY_PCI(MTTY_BAR, MTTY_BAR);

static const struct mdevkit_type mtty_types[] = {
	{ .sysfs_name = "1", .pretty_name = "Single port serial", .cost = 1,
	  .description = "PCI card with one 16550A, looped back", .pci = &mtty_pci_single },
	{ .sysfs_name = "2", .pretty_name = "Dual port serial", .cost = 2,
	  .description = "PCI card with two 16550A, looped back", .pci = &mtty_pci_dual },
};

static int mtty_create(struct mdevkit_device *kdev)
{
	struct mtty *card = to_mtty(kdev);

	spin_lock_init(&card->lock);
	card->nr_ports = kdev->type->cost;
	for (unsigned int i = 0; i < card->nr_ports; i++) {
		card->ports[i].card = card;
		card->ports[i].uart.plugged = true;
		timer_setup(&card->ports[i].rx_timer, mtty_rx_timeout, 0);
	}
	return 0;
}

static void mtty_destroy(struct mdevkit_device *kdev)
{
	struct mtty *card = to_mtty(kdev);

	for (unsigned int i = 0; i < card->nr_ports; i++)
		timer_shutdown_sync(&card->ports[i].rx_timer);
}

static int mtty_reset(struct mdevkit_device *kdev)
{
	struct mtty *card = to_mtty(kdev);

	guard(spinlock_bh)(&card->lock);
	for (unsigned int i = 0; i < card->nr_ports; i++) {
		uart_reset(&card->ports[i].uart);
		mtty_settle(&card->ports[i]);
	}
	return 0;
}

static const struct mdevkit_device_ops mtty_ops = {
	.create = mtty_create,
	.destroy = mtty_destroy,
	.reset = mtty_reset,
};

/* sysfs "loopback": 1 while the plug is in the card's ports. A reset does not pull it */
static ssize_t loopback_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mtty *card = to_mtty(mdevkit_device_from_dev(dev));

	return sysfs_emit(buf, "%d\n", card->ports[0].uart.plugged);
}

static ssize_t loopback_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct mtty *card = to_mtty(mdevkit_device_from_dev(dev));
	bool plugged;
	int ret = kstrtobool(buf, &plugged);

	if (ret)
		return ret;
	guard(spinlock_bh)(&card->lock);
	for (unsigned int i = 0; i < card->nr_ports; i++) {
		uart_set_plug(&card->ports[i].uart, plugged);
		mtty_settle(&card->ports[i]);
	}
	return count;
}
static DEVICE_ATTR_RW(loopback);

static struct attribute *mtty_attrs[] = { &dev_attr_loopback.attr, NULL };
ATTRIBUTE_GROUPS(mtty);
static const struct mdevkit_attr_values mtty_attr_values[] = { { "loopback", "bool" }, {} };

static struct mdevkit_driver mtty_driver;

static int mttypci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return PTR_ERR_OR_ZERO(devm_mdevkit_register_parent(&pdev->dev, &mtty_driver, NULL));
}

/* No MODULE_DEVICE_TABLE: a pci-testdev alone is no reason to load this driver */
static const struct pci_device_id mttypci_ids[] = { { PCI_VDEVICE(REDHAT, 0x0005) }, { } };

static struct pci_driver mttypci_driver = {
	.name = "mttypci",
	.id_table = mttypci_ids,
	.probe = mttypci_probe,
};

/* Each parent, the one without hardware and pci-testdevs, has 24 ports */
static struct mdevkit_driver mtty_driver = {
	.name = "mtty",
	.device_size = MDEVKIT_DEVICE_SIZE(struct mtty, kdev),
	.ops = &mtty_ops,
	.dev_groups = mtty_groups,
	.attr_values = mtty_attr_values,
	.types = mtty_types,
	.nr_types = ARRAY_SIZE(mtty_types),
	.capacity = 24,
	.software_parent = "mtty",
	.pci_driver = &mttypci_driver,
};

/* The KUnit suite includes this file for what is above. */
#ifndef MTTY_KUNIT
static bool software = true;
module_param(software, bool, 0444);
MODULE_PARM_DESC(software, "make the parent without hardware (default: y)");

static int __init mtty_init(void)
{
	if (!software)
		mtty_driver.software_parent = NULL;
	return mdevkit_register_driver(&mtty_driver);
}
module_init(mtty_init);

static void __exit mtty_exit(void)
{
	mdevkit_unregister_driver(&mtty_driver);
}
module_exit(mtty_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mediated serial card without hardware");
#endif
