// SPDX-License-Identifier: GPL-2.0-only
/*
 * softdma: a vendor driver for the lab's tests. Its parents are platform devices behind a mock
 * IOMMU with PASIDs, so that everything but the silicon is real: the IOMMU core, aux groups,
 * VFIO. Each mdev is a DMA engine with a buffer of 2 KiB; softdma_regs.h has its registers.
 *
 * Parents: softdma-a and softdma-b can isolate by PASID, softdma-c cannot. Types: "pasid",
 * "whole" (kind lookup: the mdev is a whole device of its own), "soft" (no IOMMU) and "pages" (by
 * PASID, with pages that the tenant may map).
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/sizes.h>
#include <linux/wait.h>
#include <linux/unaligned.h>
#include <linux/workqueue.h>

#include <mdevkit/mdevkit.h>

#include "mock_iommu.h"
#include "softdma_regs.h"

#define SOFTDMA_PASID_BITS	8
#define SOFTDMA_WHOLE_DEVICES	4

/* The kind of a type, in its driver_data */
enum softdma_kind {
	SOFTDMA_KIND_PASID,
	SOFTDMA_KIND_WHOLE,
	SOFTDMA_KIND_SOFT,
	SOFTDMA_KIND_PAGES,
};

static unsigned int reset_ms;
module_param(reset_ms, uint, 0644);
MODULE_PARM_DESC(reset_ms, "How long a reset takes at least");

static int resetting;
module_param(resetting, int, 0444);
MODULE_PARM_DESC(resetting, "Resets that are under way");

static int page_overlaps;
module_param(page_overlaps, int, 0644);
MODULE_PARM_DESC(page_overlaps, "How often page() was called during another callback of its device");

/**
 * struct softdma - one mdev
 * @kdev: mdevkit's part
 * @lock: guards all that follows; the stream's work takes it, too
 * @stream: repeats a DMA until it is told to stop or fails
 * @streaming: the work goes on
 * @dma_device: whose IOMMU translates, or NULL while DMA is not allowed
 * @pasid: what the DMA is tagged with
 * @whole: kind lookup: the device that the mdev is
 * @pages: kind pages: what is lent
 * @busy: a callback runs that excludes page(); guarded by nothing, mdevkit sees to that
 * @iova: register
 * @length: register
 * @status: register
 * @raw_pasid: register
 * @rounds: register
 * @gone_at: register; survives resets
 * @buffer: the device's own memory
 */
struct softdma {
	struct mdevkit_device kdev;
	struct mutex lock;	/* all that follows */
	struct work_struct stream;
	bool streaming;
	struct device *dma_device;
	ioasid_t pasid;
	struct device *whole;
	struct page *pages[SOFTDMA_NR_PAGES];
	bool busy;
	u64 iova;
	u32 length;
	u32 status;
	u32 raw_pasid;
	u32 rounds;
	u32 gone_at;
	u8 buffer[SOFTDMA_BUFFER_SIZE];
};

/* Tests make the next so many calls fail */
static int fail_start;
module_param(fail_start, int, 0600);
MODULE_PARM_DESC(fail_start, "How many of the next calls of start_dma fail");
static int fail_reset;
module_param(fail_reset, int, 0600);
MODULE_PARM_DESC(fail_reset, "How many of the next resets fail");

static struct mock_iommu *softdma_iommu;
static struct device *softdma_parents[3];

static bool hang;
static DECLARE_WAIT_QUEUE_HEAD(hang_wait);

static int softdma_set_hang(const char *text, const struct kernel_param *param)
{
	int ret = param_set_bool(text, param);

	wake_up_all(&hang_wait);
	return ret;
}

static const struct kernel_param_ops hang_ops = { .set = softdma_set_hang };
module_param_cb(hang, &hang_ops, &hang, 0200);
MODULE_PARM_DESC(hang, "The command SOFTDMA_HANG does not return while this is set");

static int softdma_set_fail_pasid(const char *text, const struct kernel_param *param)
{
	unsigned int nth;
	int ret = kstrtouint(text, 0, &nth);

	if (ret)
		return ret;
	mock_iommu_fail(softdma_iommu, MOCK_IOMMU_SET_PASID, nth, -EBUSY);
	return 0;
}

static const struct kernel_param_ops fail_pasid_ops = { .set = softdma_set_fail_pasid };
module_param_cb(fail_pasid, &fail_pasid_ops, NULL, 0200);
MODULE_PARM_DESC(fail_pasid, "Which one of the next attaches to a PASID fails; 1 is the next");

/* Devices that mdevs of type "whole" are made of; guarded by whole_lock */
static DEFINE_MUTEX(whole_lock);
static struct {
	struct device *dev;
	bool used;
} wholes[SOFTDMA_WHOLE_DEVICES];

static struct softdma *to_softdma(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct softdma, kdev);
}

static bool softdma_may_dma(struct softdma *s)
{
	return s->kdev.type->driver_data == SOFTDMA_KIND_SOFT || s->dma_device;
}

static int softdma_transfer(struct softdma *s, u64 iova, void *data, size_t len, bool write)
{
	lockdep_assert_held(&s->lock);
	if (s->kdev.type->driver_data == SOFTDMA_KIND_SOFT)
		return mdevkit_dma_rw(&s->kdev, iova, data, len, write);
	if (!softdma_may_dma(s))
		return -EACCES;
	return mock_iommu_dma(s->dma_device, s->pasid, iova, data, len, write);
}

/* A driver notices that its hardware is dead wherever it touches it */
static void softdma_look(struct softdma *s, u32 where)
{
	if (s->gone_at & where)
		mdevkit_parent_set_gone(s->kdev.parent);
}

static void softdma_stream(struct work_struct *work)
{
	struct softdma *s = container_of(work, struct softdma, stream);
	int ret;

	guard(mutex)(&s->lock);
	/* Without a PASID it is paused, not failed */
	if (!s->streaming || !softdma_may_dma(s))
		return;
	s->rounds++;
	ret = softdma_transfer(s, s->iova, &s->rounds, sizeof(s->rounds), true);
	s->status = -ret;
	if (ret)
		s->streaming = false;
	else
		schedule_work(work);
}

/* No DMA is under way when it returns; a stream that was on goes on after start_dma */
static void softdma_pause_stream(struct softdma *s)
{
	scoped_guard(mutex, &s->lock) {
		s->dma_device = NULL;
		s->pasid = IOMMU_NO_PASID;
	}
	cancel_work_sync(&s->stream);
}

static void softdma_stop_stream(struct softdma *s)
{
	scoped_guard(mutex, &s->lock)
		s->streaming = false;
	cancel_work_sync(&s->stream);
}

static void softdma_command(struct softdma *s, u32 command)
{
	bool write = (command & ~SOFTDMA_RAW) == SOFTDMA_WRITE;
	u32 length = min(s->length, SOFTDMA_BUFFER_SIZE);
	int ret = 0;

	switch (command) {
	case SOFTDMA_READ:
	case SOFTDMA_WRITE:
		ret = softdma_transfer(s, s->iova, s->buffer, length, write);
		break;
	case SOFTDMA_READ | SOFTDMA_RAW:
	case SOFTDMA_WRITE | SOFTDMA_RAW:
		ret = mock_iommu_dma(mdevkit_parent_dev(s->kdev.parent), s->raw_pasid, s->iova,
				     s->buffer, length, write);
		break;
	case SOFTDMA_STREAM:
		s->streaming = true;
		s->rounds = 0;
		schedule_work(&s->stream);
		return;
	case SOFTDMA_STOP:
		s->streaming = false;
		return;
	case SOFTDMA_HANG:
		return;
	default:
		ret = -EINVAL;
	}
	s->status = -ret;
	mdevkit_irq_signal(&s->kdev, 0);
}

static int softdma_read(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
			unsigned int width, u64 *value)
{
	struct softdma *s = to_softdma(kdev);

	guard(mutex)(&s->lock);
	if (offset >= SOFTDMA_BUFFER) {
		memcpy(value, s->buffer + offset - SOFTDMA_BUFFER, width);
		return 0;
	}
	switch (offset) {
	case SOFTDMA_STATUS:
		*value = s->status;
		break;
	case SOFTDMA_IOVA:
		*value = s->iova;
		break;
	case SOFTDMA_LENGTH:
		*value = s->length;
		break;
	case SOFTDMA_PASID:
		*value = s->dma_device ? s->pasid : ~0U;
		break;
	case SOFTDMA_RAW_PASID:
		*value = s->raw_pasid;
		break;
	case SOFTDMA_ROUNDS:
		*value = s->rounds;
		break;
	}
	return 0;
}

static int softdma_write(struct mdevkit_device *kdev, unsigned int bar, u64 offset,
			 unsigned int width, u64 value)
{
	struct softdma *s = to_softdma(kdev);

	if (offset == SOFTDMA_COMMAND && value == SOFTDMA_HANG)
		wait_event_killable(hang_wait, !READ_ONCE(hang));
	guard(mutex)(&s->lock);
	if (offset >= SOFTDMA_BUFFER) {
		memcpy(s->buffer + offset - SOFTDMA_BUFFER, &value, width);
		return 0;
	}
	switch (offset) {
	case SOFTDMA_IOVA:
		s->iova = value;
		break;
	case SOFTDMA_LENGTH:
		s->length = value;
		break;
	case SOFTDMA_COMMAND:
		softdma_command(s, value);
		break;
	case SOFTDMA_RAW_PASID:
		s->raw_pasid = value;
		break;
	case SOFTDMA_FAIL:
		mdevkit_device_set_gone(kdev);
		break;
	case SOFTDMA_GONE_AT:
		s->gone_at = value;
		softdma_look(s, SOFTDMA_AT_WRITE);
		break;
	}
	return 0;
}

static int softdma_page(struct mdevkit_device *kdev, pgoff_t pgoff, struct mdevkit_io_page *page)
{
	struct softdma *s = to_softdma(kdev);

	if (READ_ONCE(s->busy))
		page_overlaps++;
	if (pgoff >= SOFTDMA_NR_PAGES)
		return -ENXIO;
	page->phys = page_to_phys(s->pages[pgoff]);
	page->virt = (void __iomem *)page_address(s->pages[pgoff]);
	return 0;
}

static void softdma_mailbox(struct mdevkit_device *kdev, unsigned int offset, unsigned int len,
			    u8 *bytes)
{
	put_unaligned_le32(get_unaligned_le32(bytes + 4) + 1, bytes + 8);
}

static const u8 softdma_serial[] = { 0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
static const u8 mailbox[] = { 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
static const u8 mailbox_writable[] = { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0 };

static const struct mdevkit_pci_bytes softdma_bytes[] = {
	{ .offset = SOFTDMA_SERIAL, .len = sizeof(softdma_serial), .bytes = softdma_serial,
	  .ext_cap_id = PCI_EXT_CAP_ID_DSN },
	{ .offset = SOFTDMA_MAILBOX, .len = sizeof(mailbox), .bytes = mailbox,
	  .writable = mailbox_writable, .cap_id = PCI_CAP_ID_VNDR, .written = softdma_mailbox },
};

#define SOFTDMA_PCI						\
	.vendor = 0x1af4,	/* 1af4:10f0 to 10ff are free for experiments */ \
	.device = 0x10f1,					\
	.class = 0xff0000,					\
	.msi_vectors = SOFTDMA_VECTORS,				\
	.msi_masking = true,					\
	.bytes = softdma_bytes,					\
	.nr_bytes = ARRAY_SIZE(softdma_bytes),			\
	.msix_vectors = SOFTDMA_MSIX_VECTORS,			\
	.msix_bar = SOFTDMA_MSIX_BAR,				\
	.msix_pba = SOFTDMA_MSIX_PBA,				\
	.express = true,					\
	.pm = true,						\
	.bars[0] = {						\
		.size = SOFTDMA_BAR_SIZE,			\
		.widths = MDEVKIT_WIDTH_4 | MDEVKIT_WIDTH_8,	\
		.read = softdma_read,				\
		.write = softdma_write,				\
	},							\
	.bars[SOFTDMA_MSIX_BAR] = { .size = SZ_64K }

static const struct mdevkit_pci_desc softdma_pci = { SOFTDMA_PCI };

static const struct mdevkit_pci_desc softdma_pci_pages = {
	SOFTDMA_PCI,
	.bars[SOFTDMA_BAR_PAGES] = {
		.size = 4 * PAGE_SIZE,
		.passthrough_size = 4 * PAGE_SIZE,
		.page = softdma_page,
	},
};

static const struct mdevkit_type softdma_types[] = {
	{
		.sysfs_name = "pasid",
		.pretty_name = "Test DMA engine behind a PASID",
		.cost = 1,
		.dma = MDEVKIT_DMA_PASID,
		.pci = &softdma_pci,
		.driver_data = SOFTDMA_KIND_PASID,
	}, {
		.sysfs_name = "whole",
		.pretty_name = "Test DMA engine that is a whole device",
		.cost = 1,
		.dma = MDEVKIT_DMA_LOOKUP,
		.pci = &softdma_pci,
		.driver_data = SOFTDMA_KIND_WHOLE,
	}, {
		.sysfs_name = "soft",
		.pretty_name = "Test DMA engine without an IOMMU",
		.cost = 1,
		.dma = MDEVKIT_DMA_SOFTWARE,
		.pci = &softdma_pci,
		.driver_data = SOFTDMA_KIND_SOFT,
	}, {
		.sysfs_name = "pages",
		.pretty_name = "Test DMA engine with pages to map",
		.cost = 1,
		.dma = MDEVKIT_DMA_PASID,
		.pci = &softdma_pci_pages,
		.driver_data = SOFTDMA_KIND_PAGES,
	},
};

static struct device *softdma_take_whole(void)
{
	guard(mutex)(&whole_lock);
	for (unsigned int i = 0; i < SOFTDMA_WHOLE_DEVICES; i++) {
		if (wholes[i].used)
			continue;
		wholes[i].used = true;
		return wholes[i].dev;
	}
	return NULL;
}

static void softdma_give_whole(struct device *dev)
{
	guard(mutex)(&whole_lock);
	for (unsigned int i = 0; i < SOFTDMA_WHOLE_DEVICES; i++)
		if (wholes[i].dev == dev)
			wholes[i].used = false;
}

static void softdma_free_pages(struct softdma *s)
{
	for (unsigned int i = 0; i < SOFTDMA_NR_PAGES; i++)
		if (s->pages[i])
			__free_page(s->pages[i]);
}

static int softdma_alloc_pages(struct softdma *s)
{
	for (unsigned int i = 0; i < SOFTDMA_NR_PAGES; i++) {
		s->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!s->pages[i]) {
			softdma_free_pages(s);
			return -ENOMEM;
		}
	}
	return 0;
}

static int softdma_create(struct mdevkit_device *kdev)
{
	struct softdma *s = to_softdma(kdev);

	if (kdev->type->driver_data == SOFTDMA_KIND_PAGES && softdma_alloc_pages(s))
		return -ENOMEM;
	if (kdev->type->driver_data == SOFTDMA_KIND_WHOLE) {
		s->whole = softdma_take_whole();
		if (!s->whole)
			return -ENOSPC;
	}
	mutex_init(&s->lock);
	INIT_WORK(&s->stream, softdma_stream);
	return 0;
}

static void softdma_destroy(struct mdevkit_device *kdev)
{
	struct softdma *s = to_softdma(kdev);

	softdma_stop_stream(s);
	mutex_destroy(&s->lock);
	softdma_free_pages(s);
	if (s->whole)
		softdma_give_whole(s->whole);
}

static int softdma_reset(struct mdevkit_device *kdev)
{
	struct softdma *s = to_softdma(kdev);

	softdma_look(s, SOFTDMA_AT_RESET);
	WRITE_ONCE(s->busy, true);
	softdma_stop_stream(s);
	resetting++;
	if (reset_ms)
		msleep(reset_ms);
	resetting--;
	for (unsigned int i = 0; i < SOFTDMA_NR_PAGES; i++)
		if (s->pages[i])
			clear_page(page_address(s->pages[i]));
	WRITE_ONCE(s->busy, false);
	if (fail_reset > 0) {
		fail_reset--;
		return -EIO;
	}
	guard(mutex)(&s->lock);
	s->iova = 0;
	s->length = 0;
	s->status = 0;
	s->raw_pasid = 0;
	s->rounds = 0;
	memset(s->buffer, 0, sizeof(s->buffer));
	return 0;
}

/* A software device's work goes on after a close: that it does no DMA is the kit's promise */
static void softdma_close(struct mdevkit_device *kdev)
{
	if (kdev->type->driver_data != SOFTDMA_KIND_SOFT)
		softdma_stop_stream(to_softdma(kdev));
}

static int softdma_start_dma(struct mdevkit_device *kdev, ioasid_t pasid)
{
	struct softdma *s = to_softdma(kdev);

	softdma_look(s, SOFTDMA_AT_START);
	WRITE_ONCE(s->busy, true);
	fsleep(100);
	WRITE_ONCE(s->busy, false);
	if (fail_start > 0) {
		fail_start--;
		return -EIO;
	}
	guard(mutex)(&s->lock);
	s->pasid = pasid;
	s->dma_device = s->whole ?: mdevkit_parent_dev(kdev->parent);
	if (s->streaming)
		schedule_work(&s->stream);
	return 0;
}

static void softdma_drain(struct mdevkit_device *kdev)
{
	struct softdma *s = to_softdma(kdev);

	softdma_look(s, SOFTDMA_AT_DRAIN);
	WRITE_ONCE(s->busy, true);
	softdma_pause_stream(s);
	fsleep(100);
	WRITE_ONCE(s->busy, false);
}

static struct device *softdma_dma_dev(struct mdevkit_device *kdev)
{
	return to_softdma(kdev)->whole;
}

static const struct mdevkit_device_ops softdma_ops = {
	.create = softdma_create,
	.destroy = softdma_destroy,
	.close = softdma_close,
	.reset = softdma_reset,
	.start_dma = softdma_start_dma,
	.drain = softdma_drain,
	.dma_dev = softdma_dma_dev,
};

static struct mdevkit_driver softdma_driver = {
	.name = "softdma",
	.device_size = MDEVKIT_DEVICE_SIZE(struct softdma, kdev),
	.ops = &softdma_ops,
};

static int softdma_probe(struct platform_device *pdev)
{
	struct mdevkit_parent *parent;

	parent = mdevkit_register_parent(&pdev->dev, &softdma_driver, softdma_types,
					 ARRAY_SIZE(softdma_types), SOFTDMA_CAPACITY, NULL);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	platform_set_drvdata(pdev, parent);
	return 0;
}

static void softdma_remove(struct platform_device *pdev)
{
	mdevkit_unregister_parent(platform_get_drvdata(pdev));
}

static const struct platform_device_id softdma_ids[] = {
	{ .name = "softdma-a" },
	{ .name = "softdma-b" },
	{ .name = "softdma-c" },
	{ }
};

static struct platform_driver softdma_platform_driver = {
	.driver.name = "softdma",
	.id_table = softdma_ids,
	.probe = softdma_probe,
	.remove = softdma_remove,
};

/* softdma-a is being reset by somebody */
static int softdma_set_parent_reset(const char *text, const struct kernel_param *param)
{
	struct mdevkit_parent *parent = dev_get_drvdata(softdma_parents[0]);
	bool on;
	int ret = kstrtobool(text, &on);

	if (ret)
		return ret;
	if (!parent)
		return -ENODEV;
	if (on)
		mdevkit_parent_reset_prepare(parent);
	else
		mdevkit_parent_reset_done(parent);
	return 0;
}

static const struct kernel_param_ops parent_reset_ops = { .set = softdma_set_parent_reset };
module_param_cb(parent_reset, &parent_reset_ops, NULL, 0200);
MODULE_PARM_DESC(parent_reset, "The parent softdma-a is being reset");

static void softdma_remove_devices(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(softdma_parents); i++)
		if (!IS_ERR_OR_NULL(softdma_parents[i]))
			mock_iommu_remove_device(softdma_parents[i]);
	for (unsigned int i = 0; i < SOFTDMA_WHOLE_DEVICES; i++)
		if (!IS_ERR_OR_NULL(wholes[i].dev))
			mock_iommu_remove_device(wholes[i].dev);
}

static int softdma_add_devices(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(softdma_parents); i++) {
		unsigned int bits = i < 2 ? SOFTDMA_PASID_BITS : 0;

		softdma_parents[i] = mock_iommu_add_device(softdma_iommu, softdma_ids[i].name,
							   bits, NULL);
		if (IS_ERR(softdma_parents[i]))
			return PTR_ERR(softdma_parents[i]);
	}
	for (i = 0; i < SOFTDMA_WHOLE_DEVICES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "softdma-whole-%u", i);
		wholes[i].dev = mock_iommu_add_device(softdma_iommu, name, 0, NULL);
		if (IS_ERR(wholes[i].dev))
			return PTR_ERR(wholes[i].dev);
	}
	return 0;
}

static int __init softdma_init(void)
{
	static const struct mock_iommu_config config = {
		.max_pasids = 1 << SOFTDMA_PASID_BITS,
	};
	int ret;

	softdma_iommu = mock_iommu_create("softdma-iommu", &config);
	if (IS_ERR(softdma_iommu))
		return PTR_ERR(softdma_iommu);
	ret = softdma_add_devices();
	if (ret)
		goto err_devices;
	ret = mdevkit_register_driver(&softdma_driver);
	if (ret)
		goto err_devices;
	ret = platform_driver_register(&softdma_platform_driver);
	if (ret)
		goto err_driver;
	return 0;

err_driver:
	mdevkit_unregister_driver(&softdma_driver);
err_devices:
	softdma_remove_devices();
	mock_iommu_destroy(softdma_iommu);
	return ret;
}

static void __exit softdma_exit(void)
{
	platform_driver_unregister(&softdma_platform_driver);
	mdevkit_unregister_driver(&softdma_driver);
	softdma_remove_devices();
	mock_iommu_destroy(softdma_iommu);
}

module_init(softdma_init);
module_exit(softdma_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test device of the lab: DMA engines behind a mock IOMMU");
