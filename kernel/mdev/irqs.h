/* SPDX-License-Identifier: GPL-2.0-only */
/* State of a device's interrupts. */
#ifndef _MDEVKIT_IRQS_H
#define _MDEVKIT_IRQS_H

#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>

/**
 * struct mdevkit_vector - an interrupt of the tenant, and the hardware's behind it
 * @trigger: the eventfd to signal, or NULL. Written with both locks held, read with either
 * @irqs: what the vector belongs to
 * @pending: a message was raised that nobody could be told. Guarded by the lock; the PBA reads
 *	it without
 * @hw_on: the hardware's interrupt is enabled. Guarded by config_lock
 * @hw_irq: Linux interrupt number bound to the vector, or 0. Guarded by config_lock
 */
struct mdevkit_vector {
	struct eventfd_ctx *trigger;
	struct mdevkit_irqs *irqs;
	bool pending;
	bool hw_on;
	int hw_irq;
};

/**
 * struct mdevkit_irqs - all interrupts of a device
 * @config_lock: serializes changes by the user and by the driver; outside @lock
 * @lock: guards everything below it that no other lock is named for. Taken in any context
 * @active: VFIO_PCI_INTX, MSI or MSIX_IRQ_INDEX that has eventfds, or VFIO_PCI_NUM_IRQS. Written
 *	with both locks held, read with either
 * @level: the line that the driver asserts
 * @intx_masked: by the user, or automatically when INTx was signalled
 * @intx_disable: the command register's bit
 * @msi_mask: the mask bits of MSI, which count while that is active
 * @intx_unmask: eventfd by which the user unmasks. Guarded by @config_lock
 * @err: eventfd of VFIO_PCI_ERR_IRQ_INDEX, or NULL
 * @req: eventfd of VFIO_PCI_REQ_IRQ_INDEX, or NULL
 * @delivered: times that a vector's eventfd was signalled; read without a lock
 * @msix_table: what the tenant wrote into its MSI-X table; see msix.c
 * @nr_vectors: entries of @vectors: the larger of 1, MSI and MSI-X vectors
 * @vectors: INTx uses the first one
 */
struct mdevkit_irqs {
	struct mutex config_lock;	/* changes by user and driver */
	spinlock_t lock;		/* what interrupts look at */
	unsigned int active;
	bool level;
	bool intx_masked;
	bool intx_disable;
	u32 msi_mask;
	struct virqfd *intx_unmask;
	struct eventfd_ctx *err;
	struct eventfd_ctx *req;
	u64 delivered;
	u32 *msix_table;
	unsigned int nr_vectors;
	struct mdevkit_vector vectors[] __counted_by(nr_vectors);
};

#if IS_ENABLED(CONFIG_KUNIT)
struct eventfd_ctx *mdevkit_irq_get_trigger(s32 fd);
void mdevkit_irq_put_trigger(struct eventfd_ctx *trigger);
void mdevkit_irq_signal_trigger(struct eventfd_ctx *trigger);
void mdevkit_irq_wait_taken(struct mdevkit_irqs *irqs);
#endif

#endif /* _MDEVKIT_IRQS_H */
