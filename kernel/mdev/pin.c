// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the tenant's memory that a driver keeps pinned.
 *
 * Each pin is in the device's tree from before VFIO is asked for its pages until they have been
 * given back: whoever has to be sure that nobody uses a range waits until no pin there
 * is in the tree. No lock of the kit is held while VFIO or the driver is called.
 *
 * Type 1 asks for memory back from within an unmap, and its two rules are hard. First: it
 * holds the lock of its list of devices, which another thread of the tenant can wait for with
 * the lock held that unpinning needs. So a worker unpins, and the unmap waits for it, but for
 * a limited time. Second: it looks again whether something is pinned, and after ten times
 * that is a BUG(). So nothing is pinned in the range before the unmap has returned to the
 * tenant. Nobody tells us of that, but a file does: the last fput() of a task calls the file's
 * release when the task returns to user space.
 *
 * iommufd needs neither of the two.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/interval_tree_generic.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include <mdevkit/pin.h>

#include "pins.h"
#include "private.h"

enum pin_state {
	PIN_GETTING,		/* VFIO is being asked for the pages */
	PIN_UNWANTED,		/* meanwhile they were taken back */
	PIN_HELD,
	PIN_TAKING,		/* they are being given back */
	PIN_GONE,		/* no pages: no longer in the tree */
};

/*
 * A thread that is unmapping something of a container; outlives the device, if the thread does.
 * One for a thread, however many mappings it unmaps at a time.
 */
struct unmap {
	struct kref ref;	/* one for the device's list, one for the file */
	struct task_struct *task;	/* only to be compared with */
	struct list_head entry;	/* this and the next six are guarded by the pins' lock */
	u64 refused_first;	/* all that it has unmapped so far, and what is in between */
	u64 refused_last;
	u64 first;		/* what type 1 has called for last */
	u64 last;
	unsigned int tries;	/* how often before for the same */
	bool to_take;		/* for the worker */
	bool over;		/* the thread has returned. Set once, read anywhere */
};

/* So often an unmap looks whether the worker has come through; type 1 stops at ten */
#define MAX_TRIES	8

static struct workqueue_struct *take_queue;

/* VFIO's part. KUnit puts its own in its place. */
VISIBLE_IF_KUNIT int mdevkit_pin_get(struct mdevkit_device *kdev, u64 iova, int nr, bool write,
				     struct page **pages)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_pin_get, kdev, iova, nr, write, pages);
	return vfio_pin_pages(&kdev->vdev, iova, nr, IOMMU_READ | (write ? IOMMU_WRITE : 0), pages);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_pin_get);

VISIBLE_IF_KUNIT void mdevkit_pin_put(struct mdevkit_device *kdev, u64 iova, int nr)
{
	KUNIT_STATIC_STUB_REDIRECT(mdevkit_pin_put, kdev, iova, nr);
	vfio_unpin_pages(&kdev->vdev, iova, nr);
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_pin_put);

static bool device_has_iommufd(const struct mdevkit_device *kdev)
{
#if IS_ENABLED(CONFIG_IOMMUFD)
	return kdev->vdev.iommufd_access;
#else
	return false;
#endif
}

/* Whole pages, as VFIO pins them */
static u64 first_page(const struct mdevkit_pin *pin)
{
	return pin->iova >> PAGE_SHIFT;
}

static u64 last_page(const struct mdevkit_pin *pin)
{
	return (pin->iova + pin->size - 1) >> PAGE_SHIFT;
}

INTERVAL_TREE_DEFINE(struct mdevkit_pin, node, u64, subtree_last, first_page, last_page, static,
		     pin_tree)

static struct mdevkit_pin *first_pin(struct mdevkit_pins *pins, u64 first, u64 last)
{
	lockdep_assert_held(&pins->lock);
	return pin_tree_iter_first(&pins->tree, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
}

static struct mdevkit_pin *next_pin(struct mdevkit_pin *pin, u64 first, u64 last)
{
	return pin_tree_iter_next(pin, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
}

static void pin_free(struct kref *ref)
{
	kvfree(container_of(ref, struct mdevkit_pin, ref));
}

static void unmap_free(struct kref *ref)
{
	kfree(container_of(ref, struct unmap, ref));
}

/* The pages of a chunk, as VFIO takes and gives them back */
static int chunk_size(const struct mdevkit_pin *pin, unsigned int done)
{
	return min_t(unsigned int, pin->nr_pages - done, VFIO_PIN_PAGES_MAX_ENTRIES);
}

static u64 chunk_iova(const struct mdevkit_pin *pin, unsigned int done)
{
	return ALIGN_DOWN(pin->iova, PAGE_SIZE) + ((u64)done << PAGE_SHIFT);
}

/* Gives the first @nr pages back, which are whole chunks. */
static void pin_put_pages(struct mdevkit_pin *pin, unsigned int nr)
{
	unsigned int done, n;

	for (done = 0; done < nr; done += n) {
		n = chunk_size(pin, done);
		mdevkit_pin_put(pin->kdev, chunk_iova(pin, done), n);
		cond_resched();
	}
}

/* Is it worth going on? 0 or -errno */
static int pin_check(const struct mdevkit_pin *pin)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	return READ_ONCE(pin->state) == PIN_UNWANTED ? -EAGAIN : 0;
}

static int pin_get_pages(struct mdevkit_pin *pin)
{
	unsigned int done, n;
	int ret;

	for (done = 0; done < pin->nr_pages; done += n) {
		n = chunk_size(pin, done);
		ret = pin_check(pin) ?: mdevkit_pin_get(pin->kdev, chunk_iova(pin, done), n,
							pin->write, pin->pages + done);
		if (ret != n) {
			pin_put_pages(pin, done);
			return ret < 0 ? ret : -EFAULT;
		}
		cond_resched();
	}
	return 0;
}

static bool unmap_refuses(const struct unmap *unmap, const struct mdevkit_pin *pin)
{
	return first_page(pin) <= unmap->refused_last >> PAGE_SHIFT &&
	       last_page(pin) >= unmap->refused_first >> PAGE_SHIFT;
}

/* The unmaps that have returned are forgotten on the way. */
static bool being_unmapped(struct mdevkit_pins *pins, const struct mdevkit_pin *pin)
{
	struct unmap *unmap, *next;
	bool found = false;

	lockdep_assert_held(&pins->lock);
	list_for_each_entry_safe(unmap, next, &pins->unmaps, entry) {
		if (READ_ONCE(unmap->over)) {
			list_del(&unmap->entry);
			kref_put(&unmap->ref, unmap_free);
		} else if (unmap_refuses(unmap, pin)) {
			found = true;
		}
	}
	return found;
}

static int pin_enter(struct mdevkit_pins *pins, struct mdevkit_pin *pin)
{
	guard(spinlock)(&pins->lock);
	if (being_unmapped(pins, pin))
		return -EAGAIN;
	pin->state = PIN_GETTING;
	pin_tree_insert(pin, &pins->tree);
	return 0;
}

/* The pin has no pages any more. The driver may have given it back from within dma_unmap(). */
static void pin_gone(struct mdevkit_pins *pins, struct mdevkit_pin *pin)
{
	scoped_guard(spinlock, &pins->lock) {
		WRITE_ONCE(pin->state, PIN_GONE);
		pin->taker = NULL;
		pin_tree_remove(pin, &pins->tree);
		if (!pin->given_back)
			list_add_tail(&pin->entry, &pins->gone);
	}
	wake_up_all(&pins->changed);
}

/* The pages are there: does anybody want them back already? */
static bool pin_is_wanted(struct mdevkit_pins *pins, struct mdevkit_pin *pin)
{
	guard(spinlock)(&pins->lock);
	if (pin->state == PIN_UNWANTED)
		return false;
	WRITE_ONCE(pin->state, PIN_HELD);
	return true;
}

static int pin_fill(struct mdevkit_pins *pins, struct mdevkit_pin *pin)
{
	int ret;

	ret = pin_enter(pins, pin);
	if (ret)
		return ret;
	ret = pin_get_pages(pin);
	if (!ret && !pin_is_wanted(pins, pin)) {
		pin_put_pages(pin, pin->nr_pages);
		ret = -EAGAIN;
	}
	if (ret)
		pin_gone(pins, pin);
	return ret;
}

static void pin_forget(struct mdevkit_pins *pins, struct mdevkit_pin *pin)
{
	scoped_guard(spinlock, &pins->lock)
		list_del_init(&pin->entry);
	kref_put(&pin->ref, pin_free);
}

struct mdevkit_pin *mdevkit_dma_pin(struct mdevkit_device *kdev, u64 iova, size_t size,
				    bool write, void *drvdata)
{
	struct mdevkit_pins *pins = kdev->priv->pins;
	struct mdevkit_pin *pin;
	u64 last, nr;
	int ret;

	if (!pins || !size || check_add_overflow(iova, (u64)size - 1, &last))
		return ERR_PTR(-EINVAL);
	nr = (last >> PAGE_SHIFT) - (iova >> PAGE_SHIFT) + 1;
	if (nr > MDEVKIT_PIN_MAX_PAGES)
		return ERR_PTR(-E2BIG);
	pin = kvzalloc(struct_size(pin, pages, nr), GFP_KERNEL_ACCOUNT);
	if (!pin)
		return ERR_PTR(-ENOMEM);
	pin->nr_pages = nr;
	pin->kdev = kdev;
	pin->iova = iova;
	pin->size = size;
	pin->write = write;
	pin->drvdata = drvdata;
	kref_init(&pin->ref);
	INIT_LIST_HEAD(&pin->entry);

	scoped_guard(rwsem_read, &kdev->priv->dma_gate) {
		if (mdevkit_device_gone(kdev))
			ret = -ENODEV;
		else if (!kdev->priv->dma_started)
			ret = -EPERM;
		else
			ret = pin_fill(pins, pin);
	}
	if (!ret)
		return pin;
	pin_forget(pins, pin);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(mdevkit_dma_pin);

/* The next pin whose pages have to be given back, which the caller does then. */
static struct mdevkit_pin *next_to_take(struct mdevkit_pins *pins, u64 first, u64 last)
{
	struct mdevkit_pin *pin;

	guard(spinlock)(&pins->lock);
	for (pin = first_pin(pins, first, last); pin; pin = next_pin(pin, first, last)) {
		if (pin->state == PIN_GETTING)
			WRITE_ONCE(pin->state, PIN_UNWANTED);
		if (pin->state != PIN_HELD)
			continue;
		WRITE_ONCE(pin->state, PIN_TAKING);
		pin->taker = current;
		kref_get(&pin->ref);
		return pin;
	}
	return NULL;
}

/* Takes back what is pinned of a range. Others may be doing that with some of it. */
static void pins_take(struct mdevkit_device *kdev, u64 first, u64 last)
{
	struct mdevkit_pins *pins = kdev->priv->pins;
	struct mdevkit_pin *pin;

	while ((pin = next_to_take(pins, first, last))) {
		kdev->ops->dma_unmap(kdev, pin);
		/* Whoever uses it by the CPU has finished when this has been held */
		down_write(&pins->use);
		up_write(&pins->use);
		pin_put_pages(pin, pin->nr_pages);
		pin_gone(pins, pin);
		kref_put(&pin->ref, pin_free);
	}
}

static bool pins_clear(struct mdevkit_pins *pins, u64 first, u64 last)
{
	guard(spinlock)(&pins->lock);
	return !first_pin(pins, first, last);
}

static bool pin_is_gone(struct mdevkit_pins *pins, struct mdevkit_pin *pin)
{
	guard(spinlock)(&pins->lock);
	return pin->state == PIN_GONE;
}

/* Makes the caller the one who gives the pages back; or somebody else does that. */
static bool pin_claim(struct mdevkit_pins *pins, struct mdevkit_pin *pin)
{
	guard(spinlock)(&pins->lock);
	if (pin->state != PIN_HELD)
		return false;
	WRITE_ONCE(pin->state, PIN_TAKING);
	return true;
}

/* From within dma_unmap() there is nobody to wait for: its caller goes on with the pin. */
static bool pin_leave_to_taker(struct mdevkit_pins *pins, struct mdevkit_pin *pin)
{
	guard(spinlock)(&pins->lock);
	if (pin->taker != current)
		return false;
	pin->given_back = true;
	return true;
}

void mdevkit_dma_unpin(struct mdevkit_pin *pin)
{
	struct mdevkit_pins *pins;

	if (!pin)
		return;
	pins = pin->kdev->priv->pins;
	if (pin_claim(pins, pin)) {
		pin_put_pages(pin, pin->nr_pages);
		pin_gone(pins, pin);
	}
	if (pin_leave_to_taker(pins, pin)) {
		kref_put(&pin->ref, pin_free);
		return;
	}
	wait_event(pins->changed, pin_is_gone(pins, pin));
	pin_forget(pins, pin);
}
EXPORT_SYMBOL_GPL(mdevkit_dma_unpin);

bool mdevkit_pin_begin(struct mdevkit_pin *pin)
{
	struct mdevkit_pins *pins = pin->kdev->priv->pins;

	down_read(&pins->use);
	if (READ_ONCE(pin->state) == PIN_HELD)
		return true;
	up_read(&pins->use);
	return false;
}
EXPORT_SYMBOL_GPL(mdevkit_pin_begin);

void mdevkit_pin_end(struct mdevkit_pin *pin)
{
	up_read(&pin->kdev->priv->pins->use);
}
EXPORT_SYMBOL_GPL(mdevkit_pin_end);

int mdevkit_pin_rw(struct mdevkit_pin *pin, size_t offset, void *data, size_t len, bool write)
{
	if (offset > pin->size || len > pin->size - offset)
		return -EINVAL;
	if (write && !pin->write)
		return -EPERM;
	if (!mdevkit_pin_begin(pin))
		return -ENODEV;
	offset += offset_in_page(pin->iova);
	while (len) {
		struct page *page = pin->pages[offset >> PAGE_SHIFT];
		size_t at = offset_in_page(offset);
		size_t n = min(len, PAGE_SIZE - at);

		if (write)
			memcpy_to_page(page, at, data, n);
		else
			memcpy_from_page(data, page, at, n);
		offset += n;
		data += n;
		len -= n;
	}
	mdevkit_pin_end(pin);
	return 0;
}
EXPORT_SYMBOL_GPL(mdevkit_pin_rw);

int mdevkit_pin_sg(struct mdevkit_pin *pin, struct sg_table *sgt)
{
	return sg_alloc_table_from_pages(sgt, pin->pages, pin->nr_pages,
					 offset_in_page(pin->iova), pin->size, GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(mdevkit_pin_sg);

/* The task that unmaps returns to user space. */
static int unmap_over(struct inode *inode, struct file *file)
{
	struct unmap *unmap = file->private_data;

	WRITE_ONCE(unmap->over, true);
	kref_put(&unmap->ref, unmap_free);
	return 0;
}

static const struct file_operations unmap_fops = {
	.owner = THIS_MODULE,
	.release = unmap_over,
};

/* Calls unmap_over() when the current task returns to user space; for one of the kernel, soon. */
static void call_when_over(struct unmap *unmap)
{
	struct file *file;

	kref_get(&unmap->ref);
	file = anon_inode_getfile("[mdevkit-unmap]", &unmap_fops, unmap, O_RDONLY);
	if (!IS_ERR(file)) {
		fput(file);
		return;
	}
	/* Nobody will tell: nothing is pinned there until the device goes. */
	kref_put(&unmap->ref, unmap_free);
}

/* The current thread's unmap, if it has come before in the same call of the tenant */
static struct unmap *find_unmap(struct mdevkit_pins *pins)
{
	struct unmap *unmap;

	lockdep_assert_held(&pins->lock);
	list_for_each_entry(unmap, &pins->unmaps, entry)
		if (unmap->task == current && !READ_ONCE(unmap->over))
			return unmap;
	return NULL;
}

/* Return: how often the thread has come for the same range before */
static unsigned int unmap_note(struct unmap *unmap, u64 first, u64 last)
{
	unmap->to_take = true;
	if (unmap->first == first && unmap->last == last)
		return ++unmap->tries;
	unmap->first = first;
	unmap->last = last;
	unmap->refused_first = min(unmap->refused_first, first);
	unmap->refused_last = max(unmap->refused_last, last);
	unmap->tries = 0;
	return 0;
}

/* Nothing is pinned in the range from now on. Return: how often the thread has come for that */
static unsigned int unmap_begin(struct mdevkit_pins *pins, u64 first, u64 last)
{
	/* An unmap cannot fail */
	struct unmap *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	struct unmap *unmap;
	unsigned int tries;

	kref_init(&new->ref);
	new->task = current;
	new->first = U64_MAX;
	new->refused_first = U64_MAX;
	scoped_guard(spinlock, &pins->lock) {
		unmap = find_unmap(pins);
		if (!unmap) {
			list_add_tail(&new->entry, &pins->unmaps);
			unmap = new;
		}
		tries = unmap_note(unmap, first, last);
	}
	if (unmap == new)
		call_when_over(new);
	else
		kfree(new);
	return tries;
}

static bool next_range_to_take(struct mdevkit_pins *pins, u64 *first, u64 *last)
{
	struct unmap *unmap;

	guard(spinlock)(&pins->lock);
	list_for_each_entry(unmap, &pins->unmaps, entry) {
		if (!unmap->to_take)
			continue;
		unmap->to_take = false;
		*first = unmap->first;
		*last = unmap->last;
		return true;
	}
	return false;
}

static void pins_take_work(struct work_struct *work)
{
	struct mdevkit_pins *pins = container_of(work, struct mdevkit_pins, take_work);
	u64 first, last;

	while (next_range_to_take(pins, &first, &last))
		pins_take(pins->kdev, first, last);
}

/**
 * mdevkit_pins_unmap() - the tenant unmaps a range: VFIO's dma_unmap
 * @kdev: the device; open
 * @iova: first byte
 * @length: bytes; not 0
 *
 * When it returns nothing is pinned there. For a container that may not be so yet, if
 * others are unmapping too; type 1 calls again then.
 */
void mdevkit_pins_unmap(struct mdevkit_device *kdev, u64 iova, u64 length)
{
	struct mdevkit_pins *pins = kdev->priv->pins;
	unsigned int tries;
	u64 last;

	if (check_add_overflow(iova, length - 1, &last))
		last = U64_MAX;
	if (device_has_iommufd(kdev)) {
		pins_take(kdev, iova, last);
		wait_event(pins->changed, pins_clear(pins, iova, last));
		return;
	}
	tries = unmap_begin(pins, iova, last);
	queue_work(take_queue, &pins->take_work);
	if (tries < MAX_TRIES)
		wait_event_timeout(pins->changed, pins_clear(pins, iova, last),
				   msecs_to_jiffies(10 << tries));
	else
		wait_event(pins->changed, pins_clear(pins, iova, last));
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_pins_unmap);

/**
 * mdevkit_pins_take_all() - the device may do no DMA any more: take everything back
 * @kdev: the device; nothing new is pinned, see mdevkit_dma_forbid()
 *
 * When it returns nothing is pinned.
 */
void mdevkit_pins_take_all(struct mdevkit_device *kdev)
{
	struct mdevkit_pins *pins = kdev->priv->pins;

	if (!pins)
		return;
	pins_take(kdev, 0, U64_MAX);
	wait_event(pins->changed, pins_clear(pins, 0, U64_MAX));
}

/**
 * mdevkit_pins_init() - let a device pin memory, if its driver can
 * @kdev: the device
 *
 * Return: 0 or -ENOMEM.
 */
int mdevkit_pins_init(struct mdevkit_device *kdev)
{
	struct mdevkit_pins *pins;

	if (kdev->type->dma != MDEVKIT_DMA_SOFTWARE || !kdev->ops->dma_unmap)
		return 0;
	pins = kzalloc(sizeof(*pins), GFP_KERNEL_ACCOUNT);
	if (!pins)
		return -ENOMEM;
	pins->kdev = kdev;
	spin_lock_init(&pins->lock);
	pins->tree = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&pins->gone);
	INIT_LIST_HEAD(&pins->unmaps);
	init_rwsem(&pins->use);
	init_waitqueue_head(&pins->changed);
	INIT_WORK(&pins->take_work, pins_take_work);
	kdev->priv->pins = pins;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_pins_init);

/**
 * mdevkit_pins_free() - undo of mdevkit_pins_init()
 * @kdev: the device; closed, and its driver has destroyed it
 */
void mdevkit_pins_free(struct mdevkit_device *kdev)
{
	struct mdevkit_pins *pins = kdev->priv->pins;
	struct unmap *unmap, *next_unmap;
	struct mdevkit_pin *pin, *next;

	if (!pins)
		return;
	flush_work(&pins->take_work);
	if (!list_empty(&pins->gone))
		dev_warn(&kdev->mdev->dev,
			 "its driver has left pins: destroy has to call mdevkit_dma_unpin()\n");
	list_for_each_entry_safe(pin, next, &pins->gone, entry)
		kref_put(&pin->ref, pin_free);
	list_for_each_entry_safe(unmap, next_unmap, &pins->unmaps, entry)
		kref_put(&unmap->ref, unmap_free);
	kfree(pins);
	kdev->priv->pins = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_pins_free);

int mdevkit_pins_start(void)
{
	take_queue = alloc_workqueue("mdevkit-pins", WQ_UNBOUND, 0);
	return take_queue ? 0 : -ENOMEM;
}

void mdevkit_pins_stop(void)
{
	destroy_workqueue(take_queue);
}
