// SPDX-License-Identifier: GPL-2.0-only
/*
 * hello: the driver of README.md's tutorial. Its device is a die that one can roll, without
 * any hardware: each mdev is a PCI function with three registers and one MSI.
 */
#include <linux/mutex.h>
#include <linux/random.h>

#include <mdevkit/mdevkit.h>

/* Registers in BAR 0, 32 bits each */
#define DIE_ROLL	0x0	/* read: a number from 1 to SIDES; SIDES raises the MSI */
#define DIE_SIDES	0x4	/* 6 after reset; 0 is ignored */
#define DIE_COUNT	0x8	/* read: rolls since the reset */
#define DIE_BAR_SIZE	16

/* 1. What one mdev is made of. Its first member belongs to the kit */
struct die {
	struct mdevkit_device kdev;
	struct mutex lock;	/* BAR callbacks run in parallel: guards what follows */
	u32 sides;
	u32 count;
};

static struct die *to_die(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct die, kdev);
}

static u32 die_roll(struct die *die)
{
	u32 number = get_random_u32_inclusive(1, die->sides);

	die->count++;
	if (number == die->sides)
		mdevkit_irq_signal(&die->kdev, 0);
	return number;
}

/* 2. What its registers do. The kit calls with valid offsets of the declared width only */
static int die_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
		    unsigned int width, u64 *value)
{
	struct die *die = to_die(kdev);

	guard(mutex)(&die->lock);
	switch (offset) {
	case DIE_ROLL:
		*value = die_roll(die);
		break;
	case DIE_SIDES:
		*value = die->sides;
		break;
	case DIE_COUNT:
		*value = die->count;
		break;
	default:
		*value = 0;
	}
	return 0;
}

static int die_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
		     unsigned int width, u64 value)
{
	struct die *die = to_die(kdev);

	guard(mutex)(&die->lock);
	if (offset == DIE_SIDES && value)
		die->sides = value;
	return 0;
}

/* 3. What the tenant sees on the PCI bus: config space is made of this */
static const struct mdevkit_pci_desc die_pci = {
	.vendor = 0x1af4,	/* 1af4:10f0 to 10ff are free for experiments */
	.device = 0x10f0,
	.class = 0xff0000,	/* none of those that the PCI specification knows */
	.msi_vectors = 1,
	.bars[0] = {
		.size = DIE_BAR_SIZE,
		.widths = MDEVKIT_WIDTH_4,
		.read = die_read,
		.write = die_write,
	},
};

/* 4. What can be created: "hello-die" */
static const struct mdevkit_type hello_types[] = {
	{
		.sysfs_name = "die",
		.pretty_name = "Die",
		.description = "A die to roll, with an interrupt for the highest number",
		.cost = 1,
		.dma = MDEVKIT_DMA_SOFTWARE,
		.pci = &die_pci,
	},
};

/* 5. The life of one mdev: zeroed memory at first, a reset before each new user */
static int die_create(struct mdevkit_device *kdev)
{
	mutex_init(&to_die(kdev)->lock);
	return 0;
}

static void die_destroy(struct mdevkit_device *kdev)
{
	mutex_destroy(&to_die(kdev)->lock);
}

static int die_reset(struct mdevkit_device *kdev)
{
	struct die *die = to_die(kdev);

	guard(mutex)(&die->lock);
	die->sides = 6;
	die->count = 0;
	return 0;
}

static const struct mdevkit_device_ops die_ops = {
	.create = die_create,
	.destroy = die_destroy,
	.reset = die_reset,
};

/*
 * 6. The driver, and its parent: 100 dice without hardware. A driver of real hardware has a
 * pci_driver instead, which registers a parent in its probe()
 */
static struct mdevkit_driver hello_driver = {
	.name = "hello",
	.device_size = MDEVKIT_DEVICE_SIZE(struct die, kdev),
	.ops = &die_ops,
	.types = hello_types,
	.nr_types = ARRAY_SIZE(hello_types),
	.capacity = 100,
	.software_parent = "hello",
};
module_mdevkit_driver(hello_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("The tutorial's mediated device: a die");
