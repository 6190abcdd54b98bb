// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mdevs for the KUnit suites of drivers: see include/mdevkit/kunit.h.
 *
 * What is above the driver is mdevkit's own code, but for the mdev bus and VFIO, which are
 * not there: the functions here call what VFIO would.
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/module.h>

#include <mdevkit/kunit.h>

#include "mdev/irqs.h"
#include "mdev/private.h"
#include "mdevkit_kunit_bus.h"

/**
 * struct kunit_mdev - an mdev without a bus
 * @bus: what the device has for an mdev and a file
 * @ops: the driver's callbacks, each behind one that notes the call
 * @real: the driver's own
 * @parent_dev: the parent's device
 * @calls: which callbacks were called, in this order
 * @len: bytes in @calls
 * @open: the tenant has the device open
 * @parent: the parent; no types are registered
 */
struct kunit_mdev {
	struct mdevkit_kunit_bus bus;
	struct mdevkit_device_ops ops;
	const struct mdevkit_device_ops *real;
	struct device parent_dev;
	char calls[512];
	size_t len;
	bool open;
	struct mdevkit_parent parent;
};

static struct kunit_mdev *kunit_mdev(struct mdevkit_device *kdev)
{
	return container_of(kdev->mdev, struct kunit_mdev, bus.mdev);
}

__printf(2, 3)
static void note_call(struct mdevkit_device *kdev, const char *format, ...)
{
	struct kunit_mdev *m = kunit_mdev(kdev);
	va_list args;

	if (m->len)
		m->len += scnprintf(m->calls + m->len, sizeof(m->calls) - m->len, " ");
	va_start(args, format);
	m->len += vscnprintf(m->calls + m->len, sizeof(m->calls) - m->len, format, args);
	va_end(args);
}

static int noted_create(struct mdevkit_device *kdev)
{
	note_call(kdev, "create");
	return kunit_mdev(kdev)->real->create(kdev);
}

static void noted_destroy(struct mdevkit_device *kdev)
{
	note_call(kdev, "destroy");
	kunit_mdev(kdev)->real->destroy(kdev);
}

static int noted_open(struct mdevkit_device *kdev)
{
	note_call(kdev, "open");
	return kunit_mdev(kdev)->real->open(kdev);
}

static void noted_close(struct mdevkit_device *kdev)
{
	note_call(kdev, "close");
	kunit_mdev(kdev)->real->close(kdev);
}

static int noted_reset(struct mdevkit_device *kdev)
{
	note_call(kdev, "reset");
	return kunit_mdev(kdev)->real->reset(kdev);
}

static int noted_start_dma(struct mdevkit_device *kdev, ioasid_t pasid)
{
	note_call(kdev, "start_dma(%u)", pasid);
	return kunit_mdev(kdev)->real->start_dma(kdev, pasid);
}

static void noted_drain(struct mdevkit_device *kdev)
{
	note_call(kdev, "drain");
	kunit_mdev(kdev)->real->drain(kdev);
}

static void noted_dma_unmap(struct mdevkit_device *kdev, struct mdevkit_pin *pin)
{
	note_call(kdev, "dma_unmap");
	kunit_mdev(kdev)->real->dma_unmap(kdev, pin);
}

/* A callback that the driver does not have stays NULL */
static void note_calls(struct kunit_mdev *m, const struct mdevkit_device_ops *real)
{
	m->real = real;
	m->ops.create = real->create ? noted_create : NULL;
	m->ops.destroy = real->destroy ? noted_destroy : NULL;
	m->ops.open = real->open ? noted_open : NULL;
	m->ops.close = real->close ? noted_close : NULL;
	m->ops.reset = real->reset ? noted_reset : NULL;
	m->ops.start_dma = real->start_dma ? noted_start_dma : NULL;
	m->ops.drain = real->drain ? noted_drain : NULL;
	m->ops.dma_dev = real->dma_dev;
	m->ops.dma_unmap = real->dma_unmap ? noted_dma_unmap : NULL;
}

/**
 * mdevkit_kunit_tear_down() - undo of mdevkit_kunit_set_up(), which has KUnit do it
 * @data: the device
 */
void mdevkit_kunit_tear_down(void *data)
{
	struct mdevkit_device *kdev = data;

	flush_work(&kdev->priv->tell_work);
	mdevkit_pins_free(kdev);
	mdevkit_config_free(kdev);
	mdevkit_irqs_free(kdev);
	mdevkit_device_free(kdev);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_kunit_tear_down);

/**
 * mdevkit_kunit_set_up() - what the kit does with a device before its driver sees it
 * @test: fails if that is not possible; undoes it at its end, or when it fails half way
 * @kdev: the device, zeroed but for its parent, type and ops
 * @bus: what it gets in place of the mdev bus and VFIO, zeroed
 * @name: of its mdev
 */
void mdevkit_kunit_set_up(struct kunit *test, struct mdevkit_device *kdev,
			  struct mdevkit_kunit_bus *bus, const char *name)
{
	bus->mdev.dev.init_name = name;
	address_space_init_once(&bus->mapping);
	bus->inode.i_mapping = &bus->mapping;
	dev_set_drvdata(&bus->mdev.dev, kdev);
	kdev->mdev = &bus->mdev;
	kdev->vdev.inode = &bus->inode;
	KUNIT_ASSERT_EQ(test, mdevkit_device_init(kdev), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mdevkit_kunit_tear_down, kdev), 0);
	KUNIT_ASSERT_EQ(test, mdevkit_irqs_init(kdev), 0);
	KUNIT_ASSERT_EQ(test, mdevkit_config_init(kdev), 0);
	KUNIT_ASSERT_EQ(test, mdevkit_pins_init(kdev), 0);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_kunit_set_up);

static void kunit_mdev_unlist(void *data)
{
	struct mdevkit_device *kdev = data;

	guard(spinlock_irqsave)(&kdev->parent->devices_lock);
	list_del_init(&kdev->priv->parent_entry);
}

/* A tenant that has it open lets go before */
static void kunit_mdev_destroy(void *data)
{
	struct mdevkit_device *kdev = data;

	mdevkit_kunit_close(kdev);
	if (kdev->ops->destroy)
		kdev->ops->destroy(kdev);
}

struct mdevkit_device *mdevkit_kunit_create(struct kunit *test, struct mdevkit_driver *drv,
					    const struct mdevkit_type *type, void *drvdata)
{
	struct mdevkit_device *kdev = kunit_kzalloc(test, drv->device_size, GFP_KERNEL);
	struct kunit_mdev *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	char why[MDEVKIT_WHY_SIZE] = "";
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, kdev);
	KUNIT_ASSERT_NOT_NULL(test, m);
	KUNIT_ASSERT_EQ_MSG(test, mdevkit_type_check(type, drv->ops, why), 0, "%s", why);
	m->parent_dev.init_name = "kunit-parent";
	m->parent.dev = &m->parent_dev;
	m->parent.drv = drv;
	m->parent.drvdata = drvdata;
	spin_lock_init(&m->parent.devices_lock);
	INIT_LIST_HEAD(&m->parent.devices);
	note_calls(m, drv->ops);

	kdev->parent = &m->parent;
	kdev->type = type;
	kdev->ops = &m->ops;
	mdevkit_kunit_set_up(test, kdev, &m->bus, "kunit-mdev");
	list_add_tail(&kdev->priv->parent_entry, &m->parent.devices);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kunit_mdev_unlist, kdev), 0);
	ret = kdev->ops->create ? kdev->ops->create(kdev) : 0;
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kunit_mdev_destroy, kdev), 0);
	return kdev;
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_create);

void mdevkit_kunit_open(struct kunit *test, struct mdevkit_device *kdev)
{
	KUNIT_ASSERT_EQ(test, mdevkit_device_open(kdev), 0);
	kunit_mdev(kdev)->open = true;
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_open);

void mdevkit_kunit_close(struct mdevkit_device *kdev)
{
	if (kunit_mdev(kdev)->open)
		mdevkit_device_close(kdev);
	kunit_mdev(kdev)->open = false;
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_close);

int mdevkit_kunit_reset(struct mdevkit_device *kdev)
{
	return mdevkit_device_reset(kdev);
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_reset);

u64 mdevkit_kunit_read(struct kunit *test, struct mdevkit_device *kdev, unsigned int bar,
		       u64 offset, unsigned int width)
{
	u64 value = 0;

	guard(rwsem_read)(&kdev->priv->access);
	KUNIT_EXPECT_EQ(test, mdevkit_bar_read(kdev, bar, offset, width, &value), 0);
	return value;
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_read);

void mdevkit_kunit_write(struct kunit *test, struct mdevkit_device *kdev, unsigned int bar,
			 u64 offset, unsigned int width, u64 value)
{
	guard(rwsem_read)(&kdev->priv->access);
	KUNIT_EXPECT_EQ(test, mdevkit_bar_write(kdev, bar, offset, width, value), 0);
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_write);

u32 mdevkit_kunit_config_read(struct kunit *test, struct mdevkit_device *kdev,
			      unsigned int offset, unsigned int width)
{
	__le32 value = 0;

	guard(rwsem_read)(&kdev->priv->access);
	KUNIT_EXPECT_EQ(test, mdevkit_config_read(kdev, offset, (u8 *)&value, width), 0);
	return le32_to_cpu(value);
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_config_read);

void mdevkit_kunit_config_write(struct kunit *test, struct mdevkit_device *kdev,
				unsigned int offset, unsigned int width, u32 value)
{
	__le32 bytes = cpu_to_le32(value);

	guard(rwsem_write)(&kdev->priv->access);
	KUNIT_EXPECT_EQ(test, mdevkit_region_write_config(kdev, offset, (u8 *)&bytes, width), 0);
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_config_write);

int mdevkit_kunit_arm(struct mdevkit_device *kdev, ioasid_t pasid)
{
	return mdevkit_dma_iommu_ready(kdev, pasid);
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_arm);

void mdevkit_kunit_disarm(struct mdevkit_device *kdev)
{
	mdevkit_dma_iommu_gone(kdev);
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_disarm);

bool mdevkit_kunit_irq_raised(struct mdevkit_device *kdev, unsigned int vector)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
	bool raised;

	if (vector >= irqs->nr_vectors)
		return false;
	/* The tenant has no eventfd for it, so that it waits */
	guard(spinlock_irqsave)(&irqs->lock);
	raised = irqs->vectors[vector].pending;
	WRITE_ONCE(irqs->vectors[vector].pending, false);
	return raised;
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_irq_raised);

bool mdevkit_kunit_irq_level(struct mdevkit_device *kdev)
{
	return mdevkit_irq_intx_status(kdev);
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_irq_level);

const char *mdevkit_kunit_calls(struct mdevkit_device *kdev)
{
	struct kunit_mdev *m = kunit_mdev(kdev);

	if (!m->len)
		m->calls[0] = '\0';
	m->len = 0;
	return m->calls;
}
EXPORT_SYMBOL_GPL(mdevkit_kunit_calls);

MDEVKIT_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mdevs for the KUnit suites of mdevkit's drivers");
