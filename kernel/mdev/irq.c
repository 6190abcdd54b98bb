// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: from the driver's call to the eventfd of the tenant's user.
 *
 * Raising one takes a spinlock and signals an eventfd: any context. What the
 * user asks for by VFIO_DEVICE_SET_IRQS is made ready outside that lock and then
 * swapped in, so that a request either succeeds as a whole or leaves all as it was.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "irqs.h"
#include "private.h"

#define IRQ_NONE_ACTIVE		VFIO_PCI_NUM_IRQS

/**
 * mdevkit_irqs_init() - make the interrupts of a device
 * @kdev: the device; its type is set
 *
 * Return: 0 or -ENOMEM.
 */
int mdevkit_irqs_init(struct mdevkit_device *kdev)
{
	const struct mdevkit_pci_desc *desc = kdev->type->pci;
	unsigned int nr = max3(1U, (unsigned int)desc->msi_vectors,
			       (unsigned int)desc->msix_vectors);
	struct mdevkit_irqs *irqs;
	unsigned int i;

	irqs = kvzalloc(struct_size(irqs, vectors, nr), GFP_KERNEL_ACCOUNT);
	if (!irqs)
		return -ENOMEM;
	irqs->nr_vectors = nr;
	if (desc->msix_vectors) {
		irqs->msix_table = kvcalloc(desc->msix_vectors, PCI_MSIX_ENTRY_SIZE,
					    GFP_KERNEL_ACCOUNT);
		if (!irqs->msix_table) {
			kvfree(irqs);
			return -ENOMEM;
		}
	}
	mutex_init(&irqs->config_lock);
	spin_lock_init(&irqs->lock);
	irqs->active = IRQ_NONE_ACTIVE;
	for (i = 0; i < nr; i++)
		irqs->vectors[i].irqs = irqs;
	kdev->irqs = irqs;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irqs_init);

/**
 * mdevkit_irqs_free() - undo of mdevkit_irqs_init()
 * @kdev: the device; no user, no hardware interrupt bound
 */
void mdevkit_irqs_free(struct mdevkit_device *kdev)
{
	if (!kdev->irqs)
		return;
	kvfree(kdev->irqs->msix_table);
	kvfree(kdev->irqs);
	kdev->irqs = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irqs_free);

/* Signals an eventfd, or nothing if @trigger is NULL. KUnit looks in here. */
VISIBLE_IF_KUNIT void mdevkit_irq_signal_trigger(struct eventfd_ctx *trigger)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_irq_signal_trigger, trigger);
	if (trigger)
		eventfd_signal(trigger);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_signal_trigger);

/* Signals INTx if the line is asserted and nothing masks it; then masks it (AUTOMASKED). */
static void intx_deliver(struct mdevkit_irqs *irqs)
{
	lockdep_assert_held(&irqs->lock);
	if (irqs->active != VFIO_PCI_INTX_IRQ_INDEX || !irqs->level || irqs->intx_masked ||
	    irqs->intx_disable || !irqs->vectors[0].trigger)
		return;
	irqs->intx_masked = true;
	mdevkit_irq_signal_trigger(irqs->vectors[0].trigger);
}

static void intx_set_masked(struct mdevkit_irqs *irqs, bool masked)
{
	guard(spinlock_irqsave)(&irqs->lock);
	irqs->intx_masked = masked;
	intx_deliver(irqs);
}

/**
 * mdevkit_irq_signal() - raise a message signalled interrupt
 * @kdev: the device
 * @vector: MSI or MSI-X vector, whichever the tenant uses; out of range or without
 *	an eventfd: nothing happens
 *
 * While the tenant uses INTx nothing happens either: a line has a level, see
 * mdevkit_irq_set_level().
 *
 * Context: any, also hard interrupt.
 */
void mdevkit_irq_signal(struct mdevkit_device *kdev, unsigned int vector)
{
	struct mdevkit_irqs *irqs = kdev->irqs;

	if (vector >= irqs->nr_vectors)
		return;
	guard(spinlock_irqsave)(&irqs->lock);
	if (irqs->active != VFIO_PCI_INTX_IRQ_INDEX)
		mdevkit_irq_signal_trigger(irqs->vectors[vector].trigger);
}
EXPORT_SYMBOL_GPL(mdevkit_irq_signal);

/**
 * mdevkit_irq_set_level() - set the level of the device's one interrupt line
 * @kdev: the device
 * @asserted: the new level
 *
 * With INTx the tenant is signalled as long as the line is asserted and not
 * masked; with MSI or MSI-X vector 0 is raised when the line becomes asserted.
 *
 * Context: any, also hard interrupt.
 */
void mdevkit_irq_set_level(struct mdevkit_device *kdev, bool asserted)
{
	struct mdevkit_irqs *irqs = kdev->irqs;
	bool rising;

	guard(spinlock_irqsave)(&irqs->lock);
	rising = asserted && !irqs->level;
	irqs->level = asserted;
	if (irqs->active == VFIO_PCI_INTX_IRQ_INDEX)
		intx_deliver(irqs);
	else if (rising)
		mdevkit_irq_signal_trigger(irqs->vectors[0].trigger);
}
EXPORT_SYMBOL_GPL(mdevkit_irq_set_level);

/**
 * mdevkit_signal_error() - tell the user that the device has failed for good
 * @kdev: the device
 *
 * Signals the eventfd of VFIO_PCI_ERR_IRQ_INDEX; QEMU stops the VM then.
 *
 * Context: any, also hard interrupt.
 */
void mdevkit_signal_error(struct mdevkit_device *kdev)
{
	guard(spinlock_irqsave)(&kdev->irqs->lock);
	mdevkit_irq_signal_trigger(kdev->irqs->err);
}
EXPORT_SYMBOL_GPL(mdevkit_signal_error);

/**
 * mdevkit_irq_ask() - ask the user to let go of the device
 * @kdev: the device
 *
 * Return: false if there is no user who takes requests.
 */
bool mdevkit_irq_ask(struct mdevkit_device *kdev)
{
	guard(spinlock_irqsave)(&kdev->irqs->lock);
	mdevkit_irq_signal_trigger(kdev->irqs->req);
	return kdev->irqs->req;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_ask);

/**
 * mdevkit_irq_request() - VFIO waits for the user of a device to close it
 * @kdev: the device
 * @count: how often this was called before
 */
void mdevkit_irq_request(struct mdevkit_device *kdev, unsigned int count)
{
	if (!mdevkit_irq_ask(kdev) && !count)
		dev_notice_ratelimited(&kdev->mdev->dev,
				       "in use by a program that takes no requests; waiting until it closes the device\n");
}

static irqreturn_t hw_vector_fired(int irq, void *data)
{
	struct mdevkit_vector *vector = data;

	guard(spinlock_irqsave)(&vector->irqs->lock);
	if (vector->irqs->active != VFIO_PCI_INTX_IRQ_INDEX)
		mdevkit_irq_signal_trigger(vector->trigger);
	return IRQ_HANDLED;
}

/**
 * mdevkit_irq_bind_hw() - let a hardware interrupt raise a vector of the tenant
 * @kdev: the device
 * @vector: MSI or MSI-X vector of the tenant
 * @hwirq: Linux interrupt number, as of pci_irq_vector(); nobody else uses it
 *
 * Context: may sleep; from the driver's create callback on.
 * Return: 0; -EINVAL: no such vector; -EBUSY: the vector is bound; or what
 * request_irq() returned.
 */
int mdevkit_irq_bind_hw(struct mdevkit_device *kdev, unsigned int vector, int hwirq)
{
	struct mdevkit_irqs *irqs = kdev->irqs;
	int ret;

	if (vector >= irqs->nr_vectors || hwirq <= 0)
		return -EINVAL;
	guard(mutex)(&irqs->config_lock);
	if (irqs->vectors[vector].hw_irq)
		return -EBUSY;
	ret = request_irq(hwirq, hw_vector_fired, 0, dev_name(&kdev->mdev->dev),
			  &irqs->vectors[vector]);
	if (!ret)
		irqs->vectors[vector].hw_irq = hwirq;
	return ret;
}
EXPORT_SYMBOL_GPL(mdevkit_irq_bind_hw);

/**
 * mdevkit_irq_unbind_hw() - undo of mdevkit_irq_bind_hw()
 * @kdev: the device
 * @vector: the vector; nothing happens if it is not bound
 *
 * When it returns the interrupt handler does not run any more. At the latest the
 * driver's destroy callback calls it.
 *
 * Context: may sleep.
 */
void mdevkit_irq_unbind_hw(struct mdevkit_device *kdev, unsigned int vector)
{
	struct mdevkit_irqs *irqs = kdev->irqs;

	if (vector >= irqs->nr_vectors)
		return;
	guard(mutex)(&irqs->config_lock);
	if (irqs->vectors[vector].hw_irq)
		free_irq(irqs->vectors[vector].hw_irq, &irqs->vectors[vector]);
	irqs->vectors[vector].hw_irq = 0;
}
EXPORT_SYMBOL_GPL(mdevkit_irq_unbind_hw);

/**
 * mdevkit_irq_set_intx_disable() - follow the command register
 * @kdev: the device
 * @disable: its INTx Disable bit
 */
void mdevkit_irq_set_intx_disable(struct mdevkit_device *kdev, bool disable)
{
	guard(spinlock_irqsave)(&kdev->irqs->lock);
	kdev->irqs->intx_disable = disable;
	intx_deliver(kdev->irqs);
}

/**
 * mdevkit_irq_intx_status() - the status register's Interrupt Status bit
 * @kdev: the device
 *
 * Return: true while the line is asserted, whatever masks it (PCI 3.0, 6.2.3).
 */
bool mdevkit_irq_intx_status(struct mdevkit_device *kdev)
{
	return kdev->type->pci->intx_pin && READ_ONCE(kdev->irqs->level);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_intx_status);

/**
 * mdevkit_irqs_reset() - the line and the table as after a reset of the device
 * @kdev: the device; its access lock is held for writing
 *
 * Eventfds are the user's, not the device's, and stay.
 */
void mdevkit_irqs_reset(struct mdevkit_device *kdev)
{
	struct mdevkit_irqs *irqs = kdev->irqs;
	unsigned int i;

	scoped_guard(spinlock_irqsave, &irqs->lock)
		irqs->level = false;
	/* PCI 3.0, 6.8.2.9: the mask bit of each vector is set after reset */
	for (i = 0; i < kdev->type->pci->msix_vectors; i++) {
		u32 *entry = irqs->msix_table + i * (PCI_MSIX_ENTRY_SIZE / 4);

		memset(entry, 0, PCI_MSIX_ENTRY_SIZE);
		entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irqs_reset);

/**
 * mdevkit_irq_count() - VFIO_DEVICE_GET_IRQ_INFO: how many interrupts an index has
 * @kdev: the device
 * @index: VFIO_PCI_*_IRQ_INDEX, in range
 *
 * Return: the number.
 */
unsigned int mdevkit_irq_count(const struct mdevkit_device *kdev, unsigned int index)
{
	const struct mdevkit_pci_desc *desc = kdev->type->pci;

	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return desc->intx_pin ? 1 : 0;
	case VFIO_PCI_MSI_IRQ_INDEX:
		return desc->msi_vectors;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return desc->msix_vectors;
	case VFIO_PCI_ERR_IRQ_INDEX:
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_count);

/**
 * mdevkit_irq_info_flags() - VFIO_DEVICE_GET_IRQ_INFO: what an index can do
 * @kdev: the device
 * @index: VFIO_PCI_*_IRQ_INDEX, in range
 *
 * Vectors can be added one by one, so that NORESIZE is never set.
 *
 * Return: VFIO_IRQ_INFO_*.
 */
u32 mdevkit_irq_info_flags(const struct mdevkit_device *kdev, unsigned int index)
{
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	return VFIO_IRQ_INFO_EVENTFD;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_info_flags);

/* Is it one of INTx, MSI and MSI-X, of which a function uses one at a time? */
static bool irq_index_exclusive(unsigned int index)
{
	return index <= VFIO_PCI_MSIX_IRQ_INDEX;
}

/* The place of a trigger; @irqs->lock is held for the content. */
static struct eventfd_ctx **irq_trigger(struct mdevkit_irqs *irqs, unsigned int index,
					unsigned int vector)
{
	if (index == VFIO_PCI_ERR_IRQ_INDEX)
		return &irqs->err;
	if (index == VFIO_PCI_REQ_IRQ_INDEX)
		return &irqs->req;
	return &irqs->vectors[vector].trigger;
}

static bool irq_index_usable(struct mdevkit_irqs *irqs, unsigned int index)
{
	return !irq_index_exclusive(index) || irqs->active == IRQ_NONE_ACTIVE ||
	       irqs->active == index;
}

static void irq_index_disable(struct mdevkit_device *kdev, unsigned int index)
{
	struct mdevkit_irqs *irqs = kdev->irqs;
	unsigned int count = mdevkit_irq_count(kdev, index);
	struct eventfd_ctx *old;
	unsigned int i;

	lockdep_assert_held(&irqs->config_lock);
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		vfio_virqfd_disable(&irqs->intx_unmask);
	for (i = 0; i < count; i++) {
		scoped_guard(spinlock_irqsave, &irqs->lock) {
			struct eventfd_ctx **trigger = irq_trigger(irqs, index, i);

			old = *trigger;
			*trigger = NULL;
		}
		if (old)
			eventfd_ctx_put(old);
	}
	if (irq_index_exclusive(index)) {
		guard(spinlock_irqsave)(&irqs->lock);
		irqs->active = IRQ_NONE_ACTIVE;
		irqs->intx_masked = false;
	}
}

/**
 * mdevkit_irqs_release_user() - drop everything that the user had set up
 * @kdev: the device, which is being closed
 *
 * Context: may sleep.
 */
void mdevkit_irqs_release_user(struct mdevkit_device *kdev)
{
	struct mdevkit_irqs *irqs = kdev->irqs;

	guard(mutex)(&irqs->config_lock);
	if (irqs->active != IRQ_NONE_ACTIVE)
		irq_index_disable(kdev, irqs->active);
	irq_index_disable(kdev, VFIO_PCI_ERR_IRQ_INDEX);
	irq_index_disable(kdev, VFIO_PCI_REQ_IRQ_INDEX);
}

static void put_triggers(struct eventfd_ctx **triggers, unsigned int count)
{
	while (count--)
		if (triggers[count])
			eventfd_ctx_put(triggers[count]);
}

/* All eventfds are looked up before the first one is changed. */
static int irq_set_eventfds(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr,
			    const s32 *fds)
{
	struct mdevkit_irqs *irqs = kdev->irqs;
	struct eventfd_ctx **triggers;
	unsigned int i;
	int ret;

	triggers = kvcalloc(hdr->count, sizeof(*triggers), GFP_KERNEL);
	if (!triggers)
		return -ENOMEM;
	for (i = 0; i < hdr->count; i++) {
		struct eventfd_ctx *trigger;

		if (fds[i] == -1)
			continue;
		trigger = fds[i] < 0 ? ERR_PTR(-EINVAL) : eventfd_ctx_fdget(fds[i]);
		if (IS_ERR(trigger)) {
			ret = PTR_ERR(trigger);
			goto out_put;
		}
		triggers[i] = trigger;
	}

	scoped_guard(spinlock_irqsave, &irqs->lock) {
		for (i = 0; i < hdr->count; i++)
			swap(*irq_trigger(irqs, hdr->index, hdr->start + i), triggers[i]);
		if (irq_index_exclusive(hdr->index)) {
			irqs->active = hdr->index;
			intx_deliver(irqs);
		}
	}
	ret = 0;
out_put:
	/* what was replaced, or on failure what was not used */
	put_triggers(triggers, hdr->count);
	kvfree(triggers);
	return ret;
}

/* VFIO's loop-back test of triggers: DATA_NONE raises all of the range, DATA_BOOL some. */
static void irq_loopback(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr,
			 const u8 *select)
{
	struct mdevkit_irqs *irqs = kdev->irqs;
	unsigned int i;

	guard(spinlock_irqsave)(&irqs->lock);
	for (i = 0; i < hdr->count; i++)
		if (!select || select[i])
			mdevkit_irq_signal_trigger(*irq_trigger(irqs, hdr->index, hdr->start + i));
}

static int irq_set_trigger(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr, void *data)
{
	struct mdevkit_irqs *irqs = kdev->irqs;
	u32 type = hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;

	if (type == VFIO_IRQ_SET_DATA_NONE && !hdr->count) {
		if (irq_index_exclusive(hdr->index) && irqs->active != hdr->index)
			return irq_index_usable(irqs, hdr->index) ? 0 : -EINVAL;
		irq_index_disable(kdev, hdr->index);
		return 0;
	}
	if (!hdr->count || !irq_index_usable(irqs, hdr->index))
		return -EINVAL;
	if (type == VFIO_IRQ_SET_DATA_EVENTFD) {
		/* taking away INTx's only eventfd turns INTx off */
		if (hdr->index == VFIO_PCI_INTX_IRQ_INDEX && *(s32 *)data == -1) {
			irq_index_disable(kdev, hdr->index);
			return 0;
		}
		return irq_set_eventfds(kdev, hdr, data);
	}
	if (irq_index_exclusive(hdr->index) && irqs->active != hdr->index)
		return -EINVAL;
	irq_loopback(kdev, hdr, type == VFIO_IRQ_SET_DATA_BOOL ? data : NULL);
	return 0;
}

/* Runs in a work item, because the unmask eventfd's lock is held when it is signalled. */
static void intx_unmask_by_eventfd(void *opaque, void *unused)
{
	struct mdevkit_device *kdev = opaque;

	intx_set_masked(kdev->irqs, false);
}

static int intx_set_mask(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr, void *data,
			 bool mask)
{
	struct mdevkit_irqs *irqs = kdev->irqs;

	if (hdr->index != VFIO_PCI_INTX_IRQ_INDEX)
		return -ENOTTY;
	if (irqs->active != VFIO_PCI_INTX_IRQ_INDEX || hdr->count != 1)
		return -EINVAL;
	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_BOOL:
		if (!*(u8 *)data)
			return 0;
		fallthrough;
	case VFIO_IRQ_SET_DATA_NONE:
		intx_set_masked(irqs, mask);
		return 0;
	default:
		if (mask)
			return -ENOTTY;
		if (*(s32 *)data >= 0)
			return vfio_virqfd_enable(kdev, NULL, intx_unmask_by_eventfd, NULL,
						  &irqs->intx_unmask, *(s32 *)data);
		if (*(s32 *)data != -1)
			return -EINVAL;
		vfio_virqfd_disable(&irqs->intx_unmask);
		return 0;
	}
}

/**
 * mdevkit_irq_set() - VFIO_DEVICE_SET_IRQS
 * @kdev: the device
 * @hdr: the request, checked by vfio_set_irqs_validate_and_prepare()
 * @data: what follows it, or NULL
 *
 * Context: may sleep.
 * Return: 0; -EINVAL: a combination that makes no sense, or another kind of interrupt is in
 * use; -ENOTTY: an action that the index does not have; -EBADF, -EINVAL: not an
 * eventfd; -EBUSY: an unmask eventfd is set already; -ENOMEM. On failure the
 * former state is kept.
 */
int mdevkit_irq_set(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr, void *data)
{
	guard(mutex)(&kdev->irqs->config_lock);
	switch (hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) {
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		return irq_set_trigger(kdev, hdr, data);
	case VFIO_IRQ_SET_ACTION_MASK:
		return intx_set_mask(kdev, hdr, data, true);
	case VFIO_IRQ_SET_ACTION_UNMASK:
		return intx_set_mask(kdev, hdr, data, false);
	default:
		return -EINVAL;
	}
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_set);
