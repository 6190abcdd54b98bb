// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdma_dma: dmaengine channels of the mdma DMA engine (docs/mdma-device.md, the tenant page).
 *
 * One channel for each tenant page. In a virtual machine this is the driver of the mdev, a PCI
 * function. On the host the parent driver registers those pages that it keeps for the host.
 */
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../mdma_regs.h"
#include "../slice.h"
#include "mdma_dma.h"

#define MDMA_RING	256	/* descriptors; one of them is always free */
#define MDMA_RING_BYTES	(MDMA_RING * sizeof(struct mdma_desc))

/* A transfer, from prep to its callback */
struct mdma_transfer {
	struct dma_async_tx_descriptor tx;
	struct list_head entry;
	struct mdma_desc desc;
};

struct mdma_channel {
	struct dma_chan chan;
	void __iomem *page;
	struct mdma_desc *ring;
	dma_addr_t ring_dma;
	int irq;

	spinlock_t lock;		/* all below, and the ring registers */
	struct list_head prepared;	/* not submitted; the client may never do it */
	struct list_head submitted;	/* not yet told to start */
	struct list_head issued;	/* waiting for room in the ring */
	struct list_head active;	/* in the ring, in order */
	unsigned int head;		/* ring index of the first of active */
	unsigned int tail;
	dma_cookie_t failed;		/* the last transfer that failed, or 0 */
	bool dead;			/* the device has gone */
};

struct mdma_engine {
	struct dma_device dma;
	unsigned int nr_channels;
	struct mdma_channel channels[] __counted_by(nr_channels);
};

static struct mdma_channel *to_channel(struct dma_chan *chan)
{
	return container_of(chan, struct mdma_channel, chan);
}

static void channel_write(struct mdma_channel *ch, unsigned int reg, u32 value)
{
	iowrite32(value, ch->page + reg);
}

/* Stops all DMA at once and starts with an empty ring */
static void channel_restart(struct mdma_channel *ch)
{
	lockdep_assert_held(&ch->lock);
	channel_write(ch, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	channel_write(ch, MDMA_T_RING_BASE_LO, lower_32_bits(ch->ring_dma));
	channel_write(ch, MDMA_T_RING_BASE_HI, upper_32_bits(ch->ring_dma));
	channel_write(ch, MDMA_T_RING_SIZE, MDMA_RING);
	channel_write(ch, MDMA_T_INT_MASK, 0);
	channel_write(ch, MDMA_T_CTRL, MDMA_T_CTRL_ENABLE);
	ch->head = 0;
	ch->tail = 0;
}

/* Moves issued transfers into the ring, as far as there is room */
static void channel_fill_ring(struct mdma_channel *ch)
{
	struct mdma_transfer *t, *next;

	lockdep_assert_held(&ch->lock);
	list_for_each_entry_safe(t, next, &ch->issued, entry) {
		if ((ch->tail + 1) % MDMA_RING == ch->head)
			break;
		ch->ring[ch->tail] = t->desc;
		ch->tail = (ch->tail + 1) % MDMA_RING;
		list_move_tail(&t->entry, &ch->active);
	}
	/* iowrite32() orders the doorbell after the descriptors */
	channel_write(ch, MDMA_T_RING_TAIL, ch->tail);
}

static void transfers_free(struct list_head *transfers)
{
	struct mdma_transfer *t, *next;

	list_for_each_entry_safe(t, next, transfers, entry)
		kfree(t);
	INIT_LIST_HEAD(transfers);
}

/* All that were submitted, in that order */
static void channel_take_all(struct mdma_channel *ch, struct list_head *transfers)
{
	lockdep_assert_held(&ch->lock);
	list_splice_tail_init(&ch->active, transfers);
	list_splice_tail_init(&ch->issued, transfers);
	list_splice_tail_init(&ch->submitted, transfers);
}

/* Tells the client how a transfer has ended, without the lock, and frees it */
static void transfer_complete(struct mdma_transfer *t, enum dmaengine_tx_result how)
{
	struct dmaengine_result result = { .result = how };
	struct dma_async_tx_descriptor *tx = &t->tx;

	dma_descriptor_unmap(tx);
	if (tx->callback_result)
		tx->callback_result(tx->callback_param, &result);
	else if (tx->callback)
		tx->callback(tx->callback_param);
	dma_run_dependencies(tx);
	kfree(t);
}

/* The device's error as dmaengine calls it, and a line for the administrator */
static enum dmaengine_tx_result channel_error(struct mdma_channel *ch)
{
	u32 code = ioread32(ch->page + MDMA_T_ERR_CODE);
	u64 addr = ioread32(ch->page + MDMA_T_ERR_ADDR_LO) |
		   (u64)ioread32(ch->page + MDMA_T_ERR_ADDR_HI) << 32;

	dev_err_ratelimited(ch->chan.device->dev,
			    "%s: error %u in field %u at %#llx; the transfer has failed\n",
			    dma_chan_name(&ch->chan), code, ioread32(ch->page + MDMA_T_ERR_FIELD),
			    addr);
	return code == MDMA_ERR_READ || code == MDMA_ERR_FETCH ? DMA_TRANS_READ_FAILED :
								 DMA_TRANS_WRITE_FAILED;
}

/* Takes what the device has done off the ring. Returns how the last of it ended */
static enum dmaengine_tx_result channel_reap(struct mdma_channel *ch, struct list_head *done)
{
	enum dmaengine_tx_result last = DMA_TRANS_NOERROR;
	u32 head = ioread32(ch->page + MDMA_T_RING_HEAD);
	u32 status = ioread32(ch->page + MDMA_T_STATUS);
	struct mdma_transfer *t, *next;

	lockdep_assert_held(&ch->lock);
	/* gone, perhaps by surprise: engine_stop() ends the rest */
	if (ch->dead || status == ~0U)
		return last;
	list_for_each_entry_safe(t, next, &ch->active, entry) {
		if (ch->head == head) {
			if (!(status & MDMA_T_STATUS_ERROR))
				break;
			last = channel_error(ch);
			ch->failed = t->tx.cookie;
		}
		list_move_tail(&t->entry, done);
		ch->chan.completed_cookie = t->tx.cookie;
		ch->head = (ch->head + 1) % MDMA_RING;
		if (last != DMA_TRANS_NOERROR)
			break;
	}
	if (status & MDMA_T_STATUS_ERROR) {
		/* what was behind the failed one is issued again */
		list_splice_init(&ch->active, &ch->issued);
		channel_restart(ch);
	}
	if (!list_empty(&ch->issued))
		channel_fill_ring(ch);
	return last;
}

static irqreturn_t channel_interrupt(int irq, void *data)
{
	struct mdma_channel *ch = data;
	struct mdma_transfer *t, *next;
	enum dmaengine_tx_result last;
	LIST_HEAD(done);

	spin_lock_irq(&ch->lock);
	/* cleared first: what completes from here on interrupts again */
	channel_write(ch, MDMA_T_INT_CAUSE, MDMA_T_INT_ALL);
	last = channel_reap(ch, &done);
	spin_unlock_irq(&ch->lock);
	list_for_each_entry_safe(t, next, &done, entry)
		transfer_complete(t, list_is_last(&t->entry, &done) ? last : DMA_TRANS_NOERROR);
	return IRQ_HANDLED;
}

static dma_cookie_t channel_submit(struct dma_async_tx_descriptor *tx)
{
	struct mdma_transfer *t = container_of(tx, struct mdma_transfer, tx);
	struct mdma_channel *ch = to_channel(tx->chan);
	unsigned long flags;

	spin_lock_irqsave(&ch->lock, flags);
	if (++ch->chan.cookie < DMA_MIN_COOKIE)
		ch->chan.cookie = DMA_MIN_COOKIE;
	tx->cookie = ch->chan.cookie;
	list_move_tail(&t->entry, &ch->submitted);
	spin_unlock_irqrestore(&ch->lock, flags);
	return tx->cookie;
}

static struct dma_async_tx_descriptor *channel_prep(struct dma_chan *chan, u32 opcode, u64 dst,
						    u64 src, u64 pattern, size_t len,
						    unsigned long flags)
{
	struct mdma_channel *ch = to_channel(chan);
	struct mdma_transfer *t;
	unsigned long irq_flags;

	if (len > MDMA_MAX_LEN)
		return NULL;
	t = kzalloc(sizeof(*t), GFP_NOWAIT);
	if (!t)
		return NULL;
	dma_async_tx_descriptor_init(&t->tx, chan);
	t->tx.flags = flags;
	t->tx.tx_submit = channel_submit;
	t->desc.opcode = cpu_to_le32(opcode);
	t->desc.flags = cpu_to_le32(MDMA_DESC_IRQ);
	t->desc.src = cpu_to_le64(src);
	t->desc.dst = cpu_to_le64(dst);
	t->desc.pattern = cpu_to_le64(pattern);
	t->desc.len = cpu_to_le32(len);
	spin_lock_irqsave(&ch->lock, irq_flags);
	list_add_tail(&t->entry, &ch->prepared);
	spin_unlock_irqrestore(&ch->lock, irq_flags);
	return &t->tx;
}

static struct dma_async_tx_descriptor *channel_prep_memcpy(struct dma_chan *chan, dma_addr_t dst,
							   dma_addr_t src, size_t len,
							   unsigned long flags)
{
	return channel_prep(chan, MDMA_OP_COPY, dst, src, 0, len, flags);
}

static struct dma_async_tx_descriptor *channel_prep_memset(struct dma_chan *chan, dma_addr_t dst,
							   int value, size_t len,
							   unsigned long flags)
{
	return channel_prep(chan, MDMA_OP_FILL, dst, 0, (u8)value * 0x0101010101010101ULL, len,
			    flags);
}

static void channel_issue_pending(struct dma_chan *chan)
{
	struct mdma_channel *ch = to_channel(chan);
	unsigned long flags;

	spin_lock_irqsave(&ch->lock, flags);
	list_splice_tail_init(&ch->submitted, &ch->issued);
	if (!ch->dead && !list_empty(&ch->issued))
		channel_fill_ring(ch);
	spin_unlock_irqrestore(&ch->lock, flags);
}

static enum dma_status channel_tx_status(struct dma_chan *chan, dma_cookie_t cookie,
					 struct dma_tx_state *state)
{
	struct mdma_channel *ch = to_channel(chan);
	dma_cookie_t completed, used;
	unsigned long flags;
	bool failed;

	spin_lock_irqsave(&ch->lock, flags);
	completed = chan->completed_cookie;
	used = chan->cookie;
	failed = ch->dead || cookie == ch->failed;
	spin_unlock_irqrestore(&ch->lock, flags);
	dma_set_tx_state(state, completed, used, 0);
	return failed ? DMA_ERROR : dma_async_is_complete(cookie, completed, used);
}

static int channel_terminate_all(struct dma_chan *chan)
{
	struct mdma_channel *ch = to_channel(chan);
	unsigned long flags;
	LIST_HEAD(dropped);

	spin_lock_irqsave(&ch->lock, flags);
	if (!ch->dead)
		channel_restart(ch);
	channel_take_all(ch, &dropped);
	list_splice_tail_init(&ch->prepared, &dropped);
	spin_unlock_irqrestore(&ch->lock, flags);
	transfers_free(&dropped);
	return 0;
}

static void channel_synchronize(struct dma_chan *chan)
{
	struct mdma_channel *ch = to_channel(chan);

	if (!READ_ONCE(ch->dead))
		synchronize_irq(ch->irq);
}

static int channel_alloc_resources(struct dma_chan *chan)
{
	struct mdma_channel *ch = to_channel(chan);

	chan->cookie = DMA_MIN_COOKIE;
	chan->completed_cookie = DMA_MIN_COOKIE;
	ch->failed = 0;
	channel_terminate_all(chan);
	return ch->dead ? -ENODEV : MDMA_RING;
}

static void channel_free_resources(struct dma_chan *chan)
{
	channel_terminate_all(chan);
	channel_synchronize(chan);
}

/* The last reference is dropped, which may be after the device has gone */
static void engine_release(struct dma_device *dma)
{
	kfree(container_of(dma, struct mdma_engine, dma));
}

static struct mdma_engine *engine_alloc(struct device *dev, unsigned int nr_channels)
{
	struct mdma_engine *engine;
	struct dma_device *dma;

	engine = kzalloc(struct_size(engine, channels, nr_channels), GFP_KERNEL);
	if (!engine)
		return NULL;
	engine->nr_channels = nr_channels;
	dma = &engine->dma;
	dma->dev = dev;
	INIT_LIST_HEAD(&dma->channels);
	dma_cap_set(DMA_MEMCPY, dma->cap_mask);
	dma_cap_set(DMA_MEMSET, dma->cap_mask);
	dma_cap_set(DMA_PRIVATE, dma->cap_mask);
	dma->copy_align = DMAENGINE_ALIGN_1_BYTE;
	dma->fill_align = DMAENGINE_ALIGN_1_BYTE;
	dma->directions = BIT(DMA_MEM_TO_MEM);
	dma->residue_granularity = DMA_RESIDUE_GRANULARITY_DESCRIPTOR;
	dma->device_alloc_chan_resources = channel_alloc_resources;
	dma->device_free_chan_resources = channel_free_resources;
	dma->device_prep_dma_memcpy = channel_prep_memcpy;
	dma->device_prep_dma_memset = channel_prep_memset;
	dma->device_issue_pending = channel_issue_pending;
	dma->device_tx_status = channel_tx_status;
	dma->device_terminate_all = channel_terminate_all;
	dma->device_synchronize = channel_synchronize;
	dma->device_release = engine_release;
	return engine;
}

static int engine_add_channel(struct mdma_engine *engine, unsigned int n, void __iomem *page,
			      int irq)
{
	struct mdma_channel *ch = &engine->channels[n];
	struct device *dev = engine->dma.dev;
	int ret;

	if (ioread32(page + MDMA_T_ID) != MDMA_ID)
		return dev_err_probe(dev, -ENODEV, "page %u is no tenant page of an mdma\n", n);
	spin_lock_init(&ch->lock);
	INIT_LIST_HEAD(&ch->prepared);
	INIT_LIST_HEAD(&ch->submitted);
	INIT_LIST_HEAD(&ch->issued);
	INIT_LIST_HEAD(&ch->active);
	ch->page = page;
	ch->irq = irq;
	ch->ring = dma_alloc_coherent(dev, MDMA_RING_BYTES, &ch->ring_dma, GFP_KERNEL);
	if (!ch->ring)
		return -ENOMEM;
	ret = request_threaded_irq(irq, NULL, channel_interrupt, IRQF_ONESHOT, "mdma", ch);
	if (ret) {
		dma_free_coherent(dev, MDMA_RING_BYTES, ch->ring, ch->ring_dma);
		return ret;
	}
	ch->chan.device = &engine->dma;
	list_add_tail(&ch->chan.device_node, &engine->dma.channels);
	return 0;
}

/* Nothing of the device is touched from here on, also for clients that still hold the channel */
static void channel_kill(struct mdma_channel *ch)
{
	struct mdma_transfer *t, *next;
	LIST_HEAD(transfers);

	spin_lock_irq(&ch->lock);
	channel_write(ch, MDMA_T_CTRL, MDMA_T_CTRL_RESET);
	/* once this read returns, no DMA happens any more */
	ioread32(ch->page + MDMA_T_STATUS);
	ch->dead = true;
	channel_take_all(ch, &transfers);
	spin_unlock_irq(&ch->lock);
	free_irq(ch->irq, ch);
	dma_free_coherent(ch->chan.device->dev, MDMA_RING_BYTES, ch->ring, ch->ring_dma);
	list_for_each_entry_safe(t, next, &transfers, entry)
		transfer_complete(t, DMA_TRANS_ABORTED);
}

static void engine_kill(struct mdma_engine *engine, unsigned int nr_channels)
{
	for (unsigned int i = 0; i < nr_channels; i++)
		channel_kill(&engine->channels[i]);
}

struct mdma_engine *mdma_engine_register(struct pci_dev *pdev, void __iomem *pages,
					 unsigned int nr_channels, unsigned int first_vector)
{
	struct mdma_engine *engine;
	unsigned int i;
	int ret;

	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ERR_PTR(ret);
	engine = engine_alloc(&pdev->dev, nr_channels);
	if (!engine)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < nr_channels; i++) {
		ret = engine_add_channel(engine, i, pages + MDMA_TENANT_PAGE(i),
					 pci_irq_vector(pdev, first_vector + i));
		if (ret)
			goto err_kill;
	}
	ret = dma_async_device_register(&engine->dma);
	if (ret)
		goto err_kill;
	return engine;

err_kill:
	engine_kill(engine, i);
	kfree(engine);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(mdma_engine_register);

void mdma_engine_unregister(struct mdma_engine *engine)
{
	if (!engine)
		return;
	engine_kill(engine, engine->nr_channels);
	dma_async_device_unregister(&engine->dma);
}
EXPORT_SYMBOL_GPL(mdma_engine_unregister);

static int slice_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct mdma_engine *engine;
	void __iomem *pages;
	int nr, ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	pages = pcim_iomap_region(pdev, MDMA_SLICE_BAR_TENANT, "mdma");
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	pci_set_master(pdev);
	nr = pci_msix_vec_count(pdev);
	if (nr < 1)
		return dev_err_probe(&pdev->dev, -ENODEV, "no MSI-X\n");
	ret = pci_alloc_irq_vectors(pdev, nr, nr, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	engine = mdma_engine_register(pdev, pages, nr, 0);
	if (IS_ERR(engine)) {
		pci_free_irq_vectors(pdev);
		return PTR_ERR(engine);
	}
	pci_set_drvdata(pdev, engine);
	return 0;
}

static void slice_remove(struct pci_dev *pdev)
{
	mdma_engine_unregister(pci_get_drvdata(pdev));
	pci_free_irq_vectors(pdev);
}

static const struct pci_device_id slice_ids[] = {
	{ PCI_DEVICE(MDMA_PCI_VENDOR, MDMA_SLICE_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, slice_ids);

static struct pci_driver slice_driver = {
	.name = "mdma-dma",
	.id_table = slice_ids,
	.probe = slice_probe,
	.remove = slice_remove,
};

module_pci_driver(slice_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("dmaengine channels of the mdma DMA engine");
