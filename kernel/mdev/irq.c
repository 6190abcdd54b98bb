// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: from the driver's call to the eventfd of the tenant's user.
 *
 * Raising one takes a spinlock and signals an eventfd: any context. What the
 * user asks for by VFIO_DEVICE_SET_IRQS is made ready outside that lock and then
 * swapped in, so that a request either succeeds as a whole or leaves all as it was.
 *
 * To VFIO's user the trigger is the mask: a message for a vector that has none stays
 * pending until there is one. The hardware's interrupt behind a vector is enabled for just
 * as long as the vector has a trigger. Nobody can keep a CPU with interrupts off by the
 * number of vectors: each has a critical section of its own.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

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
	kdev->priv->irqs = irqs;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irqs_init);

/* A driver that forgot to unbind would leave a handler that works on freed memory. */
static void unbind_forgotten(struct mdevkit_device *kdev)
{
	unsigned int i, nr = 0;

	for (i = 0; i < kdev->priv->irqs->nr_vectors; i++) {
		nr += !!kdev->priv->irqs->vectors[i].hw_irq;
		mdevkit_irq_unbind_hw(kdev, i);
	}
	if (nr)
		dev_warn(&kdev->mdev->dev,
			 "its driver left %u hardware interrupts bound: destroy has to call mdevkit_irq_unbind_hw()\n",
			 nr);
}

/**
 * mdevkit_irqs_free() - undo of mdevkit_irqs_init()
 * @kdev: the device; no user, and its driver has destroyed it
 *
 * Context: may sleep.
 */
void mdevkit_irqs_free(struct mdevkit_device *kdev)
{
	if (!kdev->priv->irqs)
		return;
	unbind_forgotten(kdev);
	kvfree(kdev->priv->irqs->msix_table);
	kvfree(kdev->priv->irqs);
	kdev->priv->irqs = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irqs_free);

VISIBLE_IF_KUNIT struct eventfd_ctx *mdevkit_irq_get_trigger(s32 fd)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_irq_get_trigger, fd);
	return eventfd_ctx_fdget(fd);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_get_trigger);

VISIBLE_IF_KUNIT void mdevkit_irq_put_trigger(struct eventfd_ctx *trigger)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_irq_put_trigger, trigger);
	if (trigger)
		eventfd_ctx_put(trigger);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_put_trigger);

/* Signals an eventfd, or nothing if @trigger is NULL. KUnit looks in here. */
VISIBLE_IF_KUNIT void mdevkit_irq_signal_trigger(struct eventfd_ctx *trigger)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_irq_signal_trigger, trigger);
	if (trigger)
		eventfd_signal(trigger);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_signal_trigger);

static void deliver(struct mdevkit_irqs *irqs, struct eventfd_ctx *trigger)
{
	WRITE_ONCE(irqs->delivered, irqs->delivered + 1);
	mdevkit_irq_signal_trigger(trigger);
}

/**
 * mdevkit_irqs_delivered() - how many interrupts a device's users have had
 * @kdev: the device
 *
 * Return: the number of messages, and of times that INTx was signalled.
 */
u64 mdevkit_irqs_delivered(struct mdevkit_device *kdev)
{
	return READ_ONCE(kdev->priv->irqs->delivered);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irqs_delivered);

/* Signals INTx if the line is asserted and nothing masks it; then masks it (AUTOMASKED). */
static void intx_deliver(struct mdevkit_irqs *irqs)
{
	lockdep_assert_held(&irqs->lock);
	if (irqs->active != VFIO_PCI_INTX_IRQ_INDEX || !irqs->level || irqs->intx_masked ||
	    irqs->intx_disable || !irqs->vectors[0].trigger)
		return;
	irqs->intx_masked = true;
	deliver(irqs, irqs->vectors[0].trigger);
}

/* By its bit in MSI's capability. Vectors of MSI-X are masked by taking their trigger away. */
static bool message_is_masked(const struct mdevkit_vector *vector)
{
	const struct mdevkit_irqs *irqs = vector->irqs;
	size_t number = vector - irqs->vectors;

	return irqs->msi_mask && irqs->active == VFIO_PCI_MSI_IRQ_INDEX && number < 32 &&
	       (irqs->msi_mask & BIT(number));
}

/* Sends a vector's message if one waits and there is somebody to send it to. */
static void message_deliver(struct mdevkit_vector *vector)
{
	struct mdevkit_irqs *irqs = vector->irqs;

	lockdep_assert_held(&irqs->lock);
	if (!vector->pending || !vector->trigger || irqs->active == VFIO_PCI_INTX_IRQ_INDEX ||
	    message_is_masked(vector))
		return;
	WRITE_ONCE(vector->pending, false);
	deliver(irqs, vector->trigger);
}

static void message_raise(struct mdevkit_vector *vector)
{
	WRITE_ONCE(vector->pending, true);
	message_deliver(vector);
}

/* Forgets the messages that wait: they were a former user's, or from before a reset. */
static void messages_forget(struct mdevkit_irqs *irqs)
{
	unsigned int i;

	for (i = 0; i < irqs->nr_vectors; i++) {
		scoped_guard(spinlock_irqsave, &irqs->lock)
			WRITE_ONCE(irqs->vectors[i].pending, false);
		cond_resched();
	}
}

static void intx_set_masked(struct mdevkit_irqs *irqs, bool masked)
{
	guard(spinlock_irqsave)(&irqs->lock);
	irqs->intx_masked = masked;
	intx_deliver(irqs);
}

void mdevkit_irq_signal(struct mdevkit_device *kdev, unsigned int vector)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;

	if (vector >= irqs->nr_vectors)
		return;
	guard(spinlock_irqsave)(&irqs->lock);
	message_raise(&irqs->vectors[vector]);
}
EXPORT_SYMBOL_GPL(mdevkit_irq_signal);

void mdevkit_irq_set_level(struct mdevkit_device *kdev, bool asserted)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
	bool rising;

	/* Whatever lets the line be delivered looks at it then: the same again is no news */
	if (READ_ONCE(irqs->level) == asserted)
		return;
	guard(spinlock_irqsave)(&irqs->lock);
	rising = asserted && !irqs->level;
	WRITE_ONCE(irqs->level, asserted);
	if (!asserted)
		WRITE_ONCE(irqs->vectors[0].pending, false);
	else if (irqs->active == VFIO_PCI_INTX_IRQ_INDEX)
		intx_deliver(irqs);
	else if (rising)
		message_raise(&irqs->vectors[0]);
}
EXPORT_SYMBOL_GPL(mdevkit_irq_set_level);

void mdevkit_signal_error(struct mdevkit_device *kdev)
{
	guard(spinlock_irqsave)(&kdev->priv->irqs->lock);
	mdevkit_irq_signal_trigger(kdev->priv->irqs->err);
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
	guard(spinlock_irqsave)(&kdev->priv->irqs->lock);
	mdevkit_irq_signal_trigger(kdev->priv->irqs->req);
	return kdev->priv->irqs->req;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_ask);

/**
 * mdevkit_release_request() - VFIO waits for the user of a device to close it
 * @kdev: the device
 * @count: how often this was called before
 */
void mdevkit_release_request(struct mdevkit_device *kdev, unsigned int count)
{
	if (!mdevkit_irq_ask(kdev) && !count)
		dev_notice_ratelimited(&kdev->mdev->dev,
				       "in use by a program that takes no requests; waiting until it closes the device\n");
}

static irqreturn_t hw_vector_fired(int irq, void *data)
{
	struct mdevkit_vector *vector = data;

	guard(spinlock_irqsave)(&vector->irqs->lock);
	message_raise(vector);
	return IRQ_HANDLED;
}

/* The hardware may interrupt the host for a tenant who listens, and for no other. */
static void hw_follow_trigger(struct mdevkit_vector *vector)
{
	struct mdevkit_irqs *irqs = vector->irqs;
	bool on = vector->trigger && irqs->active != VFIO_PCI_INTX_IRQ_INDEX;

	lockdep_assert_held(&irqs->config_lock);
	if (!vector->hw_irq || vector->hw_on == on)
		return;
	vector->hw_on = on;
	if (on)
		enable_irq(vector->hw_irq);
	else
		disable_irq(vector->hw_irq);
}

static bool hw_is_off(const struct mdevkit_vector *vector)
{
	return vector->hw_irq && !vector->hw_on;
}

static long hw_cpu_ran_a_task(void *unused)
{
	return 0;
}

/*
 * Waits until the CPUs have taken what the interrupts that are off had sent them: a CPU that
 * runs a task has taken all interrupts that were pending there. KUnit looks in here.
 */
VISIBLE_IF_KUNIT void mdevkit_irq_wait_taken(struct mdevkit_irqs *irqs)
{
	const struct cpumask *cpus = cpu_online_mask;
	cpumask_var_t targets;
	unsigned int i, cpu;
	bool allocated;

	KUNIT_STATIC_STUB_REDIRECT(mdevkit_irq_wait_taken, irqs);
	allocated = zalloc_cpumask_var(&targets, GFP_KERNEL);
	for (i = 0; allocated && i < irqs->nr_vectors; i++) {
		int irq = irqs->vectors[i].hw_irq;

		if (hw_is_off(&irqs->vectors[i]))
			cpumask_or(targets, targets, irq_get_effective_affinity_mask(irq));
	}
	if (allocated)
		cpus = targets;
	scoped_guard(cpus_read_lock)
		for_each_cpu_and(cpu, cpus, cpu_online_mask)
			work_on_cpu(cpu, hw_cpu_ran_a_task, NULL);
	if (allocated)
		free_cpumask_var(targets);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_wait_taken);

/* Enables or disables all interrupts that are off, without a word to the tenant. */
static void hw_toggle_off(struct mdevkit_irqs *irqs, bool on)
{
	unsigned int i;

	for (i = 0; i < irqs->nr_vectors; i++) {
		struct mdevkit_vector *vector = &irqs->vectors[i];

		if (!hw_is_off(vector))
			continue;
		if (on)
			enable_irq(vector->hw_irq);
		else
			disable_irq(vector->hw_irq);
	}
}

/*
 * Drops what a quiet device has pending for vectors that nobody listens to: in the hardware's
 * own PBA, which survives a masked entry, and in the irq core. Enabled, the hardware sends it;
 * disabled, reading back the mask has pushed the message to the CPU. What was so late that the
 * irq core kept it is sent again by the second enabling.
 */
static void hw_discard(struct mdevkit_irqs *irqs)
{
	unsigned int i;

	lockdep_assert_held(&irqs->config_lock);
	for (i = 0; i < irqs->nr_vectors; i++)
		if (hw_is_off(&irqs->vectors[i]))
			break;
	if (i == irqs->nr_vectors)
		return;
	hw_toggle_off(irqs, true);
	hw_toggle_off(irqs, false);
	hw_toggle_off(irqs, true);
	mdevkit_irq_wait_taken(irqs);
	hw_toggle_off(irqs, false);
}

int mdevkit_irq_bind_hw(struct mdevkit_device *kdev, unsigned int vector, int hwirq)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
	struct mdevkit_vector *v;
	int ret;

	if (vector >= irqs->nr_vectors || hwirq <= 0)
		return -EINVAL;
	v = &irqs->vectors[vector];
	guard(mutex)(&irqs->config_lock);
	if (v->hw_irq)
		return -EBUSY;
	ret = request_irq(hwirq, hw_vector_fired, IRQF_NO_AUTOEN, dev_name(&kdev->mdev->dev), v);
	if (ret)
		return ret;
	/* Off is off at once, not when the next message has come; free_irq() takes this back */
	irq_set_status_flags(hwirq, IRQ_DISABLE_UNLAZY);
	v->hw_irq = hwirq;
	v->hw_on = false;
	hw_follow_trigger(v);
	return 0;
}
EXPORT_SYMBOL_GPL(mdevkit_irq_bind_hw);

void mdevkit_irq_unbind_hw(struct mdevkit_device *kdev, unsigned int vector)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;

	if (vector >= irqs->nr_vectors)
		return;
	guard(mutex)(&irqs->config_lock);
	if (irqs->vectors[vector].hw_irq)
		free_irq(irqs->vectors[vector].hw_irq, &irqs->vectors[vector]);
	irqs->vectors[vector].hw_irq = 0;
	irqs->vectors[vector].hw_on = false;
}
EXPORT_SYMBOL_GPL(mdevkit_irq_unbind_hw);

/**
 * mdevkit_irq_set_intx_disable() - follow the command register
 * @kdev: the device
 * @disable: its INTx Disable bit
 */
void mdevkit_irq_set_intx_disable(struct mdevkit_device *kdev, bool disable)
{
	guard(spinlock_irqsave)(&kdev->priv->irqs->lock);
	kdev->priv->irqs->intx_disable = disable;
	intx_deliver(kdev->priv->irqs);
}

/**
 * mdevkit_irq_intx_status() - the status register's Interrupt Status bit
 * @kdev: the device
 *
 * Return: true while the line is asserted, whatever masks it (PCI 3.0, 6.2.3).
 */
bool mdevkit_irq_intx_status(struct mdevkit_device *kdev)
{
	return kdev->type->pci->intx_pin && READ_ONCE(kdev->priv->irqs->level);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irq_intx_status);

/**
 * mdevkit_irq_set_msi_mask() - follow the mask bits of MSI's capability
 * @kdev: the device; its access lock is held for writing
 * @mask: a bit for each message; what waits is sent when its bit is cleared
 */
void mdevkit_irq_set_msi_mask(struct mdevkit_device *kdev, u32 mask)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
	unsigned int i;

	scoped_guard(spinlock_irqsave, &irqs->lock)
		irqs->msi_mask = mask;
	for (i = 0; i < kdev->type->pci->msi_vectors; i++) {
		guard(spinlock_irqsave)(&irqs->lock);
		message_deliver(&irqs->vectors[i]);
	}
}

/**
 * mdevkit_irq_msi_pending() - the pending bits of MSI's capability
 * @kdev: the device
 *
 * Return: a bit for each message that waits.
 */
u32 mdevkit_irq_msi_pending(struct mdevkit_device *kdev)
{
	u32 pending = 0;
	unsigned int i;

	for (i = 0; i < kdev->type->pci->msi_vectors; i++)
		if (READ_ONCE(kdev->priv->irqs->vectors[i].pending))
			pending |= BIT(i);
	return pending;
}

/**
 * mdevkit_irqs_reset() - the line and the table as after a reset of the device
 * @kdev: the device; its access lock is held for writing
 *
 * Eventfds are the user's, not the device's, and stay. To be called before the driver's
 * reset, mdevkit_irqs_discard() after it.
 */
void mdevkit_irqs_reset(struct mdevkit_device *kdev)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
	unsigned int i;

	scoped_guard(spinlock_irqsave, &irqs->lock)
		WRITE_ONCE(irqs->level, false);
	/* PCI 3.0, 6.8.2.9: the mask bit of each vector is set after reset */
	for (i = 0; i < kdev->type->pci->msix_vectors; i++) {
		u32 *entry = irqs->msix_table + i * (PCI_MSIX_ENTRY_SIZE / 4);

		memset(entry, 0, PCI_MSIX_ENTRY_SIZE);
		entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irqs_reset);

/**
 * mdevkit_irqs_discard() - drop the messages from before a reset
 * @kdev: the device, which is quiet; its access lock is held for writing
 *
 * Each open begins with a reset: nobody gets a message of a former user.
 *
 * Context: may sleep.
 */
void mdevkit_irqs_discard(struct mdevkit_device *kdev)
{
	guard(mutex)(&kdev->priv->irqs->config_lock);
	hw_discard(kdev->priv->irqs);
	messages_forget(kdev->priv->irqs);
}

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
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
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
		if (irq_index_exclusive(index))
			hw_follow_trigger(&irqs->vectors[i]);
		mdevkit_irq_put_trigger(old);
		cond_resched();
	}
	if (irq_index_exclusive(index)) {
		guard(spinlock_irqsave)(&irqs->lock);
		irqs->active = IRQ_NONE_ACTIVE;
		irqs->intx_masked = false;
		/* What the line said is for the messages to say, if they are what comes next */
		if (index == VFIO_PCI_INTX_IRQ_INDEX && irqs->level)
			WRITE_ONCE(irqs->vectors[0].pending, true);
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
	struct mdevkit_irqs *irqs = kdev->priv->irqs;

	guard(mutex)(&irqs->config_lock);
	if (irqs->active != IRQ_NONE_ACTIVE)
		irq_index_disable(kdev, irqs->active);
	irq_index_disable(kdev, VFIO_PCI_ERR_IRQ_INDEX);
	irq_index_disable(kdev, VFIO_PCI_REQ_IRQ_INDEX);
	messages_forget(irqs);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_irqs_release_user);

static void put_triggers(struct eventfd_ctx **triggers, unsigned int count)
{
	while (count--)
		mdevkit_irq_put_trigger(triggers[count]);
}

/* Puts @trigger in the place of what it returns, and delivers what has waited for it. */
static struct eventfd_ctx *irq_swap_trigger(struct mdevkit_irqs *irqs, unsigned int index,
					    unsigned int vector, struct eventfd_ctx *trigger)
{
	guard(spinlock_irqsave)(&irqs->lock);
	swap(*irq_trigger(irqs, index, vector), trigger);
	if (!irq_index_exclusive(index))
		return trigger;
	irqs->active = index;
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		intx_deliver(irqs);
	else
		message_deliver(&irqs->vectors[vector]);
	return trigger;
}

/* All eventfds are looked up before the first one is changed. */
static int irq_set_eventfds(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr,
			    const s32 *fds)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
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
		trigger = fds[i] < 0 ? ERR_PTR(-EINVAL) : mdevkit_irq_get_trigger(fds[i]);
		if (IS_ERR(trigger)) {
			ret = PTR_ERR(trigger);
			goto out_put;
		}
		triggers[i] = trigger;
	}

	for (i = 0; i < hdr->count; i++) {
		triggers[i] = irq_swap_trigger(irqs, hdr->index, hdr->start + i, triggers[i]);
		if (irq_index_exclusive(hdr->index))
			hw_follow_trigger(&irqs->vectors[hdr->start + i]);
		cond_resched();
	}
	ret = 0;
out_put:
	/* what was replaced, or on failure what was not used */
	put_triggers(triggers, hdr->count);
	kvfree(triggers);
	return ret;
}

/*
 * VFIO's loop-back test of triggers: DATA_NONE raises all of the range, DATA_BOOL some. It
 * tests eventfds: a vector without one does not become pending.
 */
static void irq_loopback(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr,
			 const u8 *select)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
	unsigned int i;

	for (i = 0; i < hdr->count; i++) {
		if (select && !select[i])
			continue;
		/* Of a process, with interrupts on */
		scoped_guard(spinlock_irq, &irqs->lock)
			mdevkit_irq_signal_trigger(*irq_trigger(irqs, hdr->index, hdr->start + i));
		cond_resched();
	}
}

static int irq_set_trigger(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr, void *data)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;
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

	intx_set_masked(kdev->priv->irqs, false);
}

static int intx_set_mask(struct mdevkit_device *kdev, const struct vfio_irq_set *hdr, void *data,
			 bool mask)
{
	struct mdevkit_irqs *irqs = kdev->priv->irqs;

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
	guard(mutex)(&kdev->priv->irqs->config_lock);
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
