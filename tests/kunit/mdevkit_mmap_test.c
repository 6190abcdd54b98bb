// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: pages that are lent to a tenant, and that they are taken back. */

#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "mdevkit_fake.h"

#define LENT_PAGES	4	/* of which the driver has two */
#define DRIVER_PAGES	2

/* UML's flush_tlb_mm() walks the VMAs without a lock, which lockdep reports. */
static void flushes_begin(void)
{
	if (IS_ENABLED(CONFIG_UML))
		lockdep_off();
}

static void flushes_end(void)
{
	if (IS_ENABLED(CONFIG_UML))
		lockdep_on();
}

DEFINE_LOCK_GUARD_0(flushes, flushes_begin(), flushes_end())

/* A device, its device file, the pages that its driver lends, and who maps them */
struct mmap_test {
	struct mm_struct *mm;
	struct fake_device *fake;
	struct file *file;
	struct page *page[DRIVER_PAGES];
	u8 __user *at;
	unsigned int asked;
};

static int lend_page(struct mdevkit_device *kdev, pgoff_t pgoff, struct mdevkit_io_page *page)
{
	struct mmap_test *t = container_of(kdev, struct fake_device, kdev)->test_data;

	t->asked++;
	if (pgoff >= DRIVER_PAGES)
		return -ENXIO;
	page->phys = page_to_phys(t->page[pgoff]);
	return 0;
}

static const struct mdevkit_pci_desc desc = {
	.vendor = 0x1234,
	.device = 0x0004,
	.bars = {
		[0] = { .size = SZ_32K, .passthrough_size = LENT_PAGES * PAGE_SIZE,
			.page = lend_page },
		[1] = { .size = SZ_32K },
	},
};

static int map_device(struct file *file, struct vm_area_struct *vma)
{
	return mdevkit_region_mmap(file->private_data, vma);
}

static const struct file_operations device_fops = {
	.mmap = map_device,
};

KUNIT_DEFINE_ACTION_WRAPPER(put_file, fput, struct file *);

static void undo(struct kunit *test, kunit_action_t *action, void *arg)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, action, arg), 0);
}

static void free_one_page(void *page)
{
	__free_page(page);
}

static void open_device(struct kunit *test, struct mmap_test *t)
{
	scoped_guard(rwsem_write, &t->fake->kdev.priv->access)
		KUNIT_ASSERT_EQ(test, mdevkit_mmap_open(&t->fake->kdev), 0);
}

static void close_device(void *data)
{
	struct mmap_test *t = data;

	guard(flushes)();
	guard(rwsem_write)(&t->fake->kdev.priv->access);
	mdevkit_mmap_close(&t->fake->kdev);
}

static void set_memory(struct kunit *test, struct mmap_test *t, bool on)
{
	guard(flushes)();
	fake_config_write(test, t->fake, PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY : 0);
}

static int reset_device(struct mmap_test *t)
{
	guard(flushes)();
	return mdevkit_device_reset(&t->fake->kdev);
}

/* This thread becomes one of a user's. kunit_attach_mm() does so, too, but never frees the mm. */
static void mm_begin(struct kunit *test, struct mmap_test *t)
{
	t->mm = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, t->mm);
	t->mm->task_size = TASK_SIZE;
	arch_pick_mmap_layout(t->mm, &current->signal->rlim[RLIMIT_STACK]);
	kthread_use_mm(t->mm);
}

/* At the end of each test, since only the thread itself can do it */
static void mm_end(struct mmap_test *t)
{
	kthread_unuse_mm(t->mm);
	mmput(t->mm);
}

static struct mmap_test *mmap_test_make(struct kunit *test)
{
	struct mmap_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct mdevkit_parent *parent = kunit_kzalloc(test, sizeof(*parent), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_NOT_NULL(test, parent);
	t->fake = fake_device_create(test, &desc);
	t->fake->test_data = t;
	t->fake->kdev.parent = parent;
	for (unsigned int i = 0; i < DRIVER_PAGES; i++) {
		t->page[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, t->page[i]);
		undo(test, free_one_page, t->page[i]);
		*(u64 *)page_address(t->page[i]) = 100 + i;
	}
	/* an inode of its own: all mappings of the device are found by it */
	t->file = anon_inode_create_getfile("[mdevkit]", &device_fops, &t->fake->kdev, O_RDWR,
					    NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->file));
	t->file->f_mode |= FMODE_LSEEK;
	undo(test, put_file, t->file);
	t->fake->kdev.vdev.inode = file_inode(t->file);
	open_device(test, t);
	undo(test, close_device, t);
	set_memory(test, t, true);
	mm_begin(test, t);
	return t;
}

static unsigned long map(struct mmap_test *t, unsigned int index, u64 offset, size_t len,
			 unsigned long flags)
{
	return vm_mmap(t->file, 0, len, PROT_READ | PROT_WRITE, flags,
		       MDEVKIT_REGION_OFFSET(index) + offset);
}

/* All pages that can be mapped */
static u8 __user *map_all(struct kunit *test, struct mmap_test *t)
{
	unsigned long at = map(t, 0, 0, LENT_PAGES * PAGE_SIZE, MAP_SHARED);

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(at));
	return (u8 __user *)at;
}

static int peek(u8 __user *at, unsigned int page, u64 *value)
{
	return copy_from_user(value, at + page * PAGE_SIZE, sizeof(*value)) ? -EFAULT : 0;
}

static int poke(u8 __user *at, unsigned int page, u64 value)
{
	return copy_to_user(at + page * PAGE_SIZE, &value, sizeof(value)) ? -EFAULT : 0;
}

static void expect_page(struct kunit *test, u8 __user *at, unsigned int page, u64 expected)
{
	u64 value = ~expected;

	KUNIT_EXPECT_EQ(test, peek(at, page, &value), 0);
	KUNIT_EXPECT_EQ_MSG(test, value, expected, "page %u", page);
}

struct map_case {
	const char *name;
	unsigned int index;
	u64 offset;
	size_t len;
	unsigned long flags;
	bool good;
};

static const struct map_case map_cases[] = {
	{ "all that is lent", 0, 0, LENT_PAGES * PAGE_SIZE, MAP_SHARED, true },
	{ "the last page of it", 0, (LENT_PAGES - 1) * PAGE_SIZE, PAGE_SIZE, MAP_SHARED, true },
	{ "one page more", 0, 0, (LENT_PAGES + 1) * PAGE_SIZE, MAP_SHARED, false },
	{ "from inside to behind", 0, PAGE_SIZE, LENT_PAGES * PAGE_SIZE, MAP_SHARED, false },
	{ "right behind", 0, LENT_PAGES * PAGE_SIZE, PAGE_SIZE, MAP_SHARED, false },
	{ "further behind", 0, (LENT_PAGES + 2) * PAGE_SIZE, PAGE_SIZE, MAP_SHARED, false },
	{ "a private mapping", 0, 0, PAGE_SIZE, MAP_PRIVATE, false },
	{ "registers that are trapped", 1, 0, PAGE_SIZE, MAP_SHARED, false },
	{ "a BAR that is not there", 2, 0, PAGE_SIZE, MAP_SHARED, false },
	{ "config space", VFIO_PCI_CONFIG_REGION_INDEX, 0, PAGE_SIZE, MAP_SHARED, false },
	{ "behind all regions", 100, 0, PAGE_SIZE, MAP_SHARED, false },
};

KUNIT_ARRAY_PARAM_DESC(map, map_cases, name);

static void only_what_is_lent_can_be_mapped(struct kunit *test)
{
	const struct map_case *c = test->param_value;
	struct mmap_test *t = mmap_test_make(test);
	unsigned long at = map(t, c->index, c->offset, c->len, c->flags);

	if (c->good)
		KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(at));
	else
		KUNIT_EXPECT_EQ(test, (long)at, -EINVAL);
	mm_end(t);
}

static void a_page_is_the_one_that_the_driver_names(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);
	u8 __user *at = map_all(test, t);
	unsigned long second = map(t, 0, PAGE_SIZE, PAGE_SIZE, MAP_SHARED);

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(second));
	KUNIT_EXPECT_EQ(test, t->asked, 0);
	expect_page(test, at, 0, 100);
	expect_page(test, at, 1, 101);
	expect_page(test, (u8 __user *)second, 0, 101);
	KUNIT_EXPECT_EQ(test, poke(at, 1, 7), 0);
	KUNIT_EXPECT_EQ(test, *(u64 *)page_address(t->page[1]), 7);
	KUNIT_EXPECT_EQ(test, *(u64 *)page_address(t->page[0]), 100);
	mm_end(t);
}

static void with_decode_off_a_touch_is_a_bus_error(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);
	u8 __user *at = map_all(test, t);
	u64 value;

	expect_page(test, at, 0, 100);
	set_memory(test, t, false);
	t->asked = 0;
	KUNIT_EXPECT_EQ(test, peek(at, 0, &value), -EFAULT);
	KUNIT_EXPECT_EQ(test, peek(at, 1, &value), -EFAULT);
	KUNIT_EXPECT_EQ(test, poke(at, 3, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, t->asked, 0);
	set_memory(test, t, true);
	expect_page(test, at, 0, 100);
	mm_end(t);
}

static void a_page_that_was_taken_back_is_asked_for_again(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);
	u8 __user *at = map_all(test, t);
	struct page *other;

	expect_page(test, at, 0, 100);
	expect_page(test, at, 0, 100);
	KUNIT_EXPECT_EQ(test, t->asked, 1);
	scoped_guard(flushes)
		scoped_guard(rwsem_write, &t->fake->kdev.priv->access)
			mdevkit_mmap_revoke(&t->fake->kdev);
	other = t->page[0];
	t->page[0] = t->page[1];
	expect_page(test, at, 0, 101);
	t->page[0] = other;
	KUNIT_EXPECT_EQ(test, t->asked, 2);
	mm_end(t);
}

static void a_reset_takes_all_pages_back(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);
	u8 __user *at = map_all(test, t);

	expect_page(test, at, 0, 100);
	expect_page(test, at, 1, 101);
	KUNIT_EXPECT_EQ(test, reset_device(t), 0);
	set_memory(test, t, true);
	t->asked = 0;
	expect_page(test, at, 0, 100);
	expect_page(test, at, 1, 101);
	KUNIT_EXPECT_EQ(test, t->asked, 2);
	mm_end(t);
}

/* The tenant touches a page while the driver resets */
static int touch_result;

static void touch_at_reset(struct fake_device *fake)
{
	struct mmap_test *t = fake->test_data;
	u64 value;

	touch_result = peek(t->at, 0, &value);
}

static void a_touch_waits_for_the_reset_to_end(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);

	t->at = map_all(test, t);
	expect_page(test, t->at, 0, 100);
	t->asked = 0;
	touch_result = 0;
	t->fake->on_reset = touch_at_reset;
	KUNIT_EXPECT_EQ(test, reset_device(t), 0);
	/* a kernel thread, as this one is, does not wait but fails */
	KUNIT_EXPECT_EQ(test, touch_result, -EFAULT);
	KUNIT_EXPECT_EQ(test, t->asked, 0);
	expect_page(test, t->at, 0, 100);
	mm_end(t);
}

/* VFIO's type 1 takes VM_PFNMAP by its page frames; whoever pins pages refuses VM_IO */
static void a_lent_page_is_not_to_be_had_for_dma(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);
	vm_flags_t flags[2] = {};

	for (unsigned int peer_dma = 0; peer_dma < 2; peer_dma++) {
		struct vm_area_struct *vma;
		u8 __user *at;

		t->fake->kdev.parent->peer_dma = peer_dma;
		at = map_all(test, t);
		mmap_read_lock(current->mm);
		vma = vma_lookup(current->mm, (unsigned long)at);
		if (vma)
			flags[peer_dma] = vma->vm_flags;
		mmap_read_unlock(current->mm);
		expect_page(test, at, 0, 100);
	}
	KUNIT_EXPECT_TRUE(test, flags[0] & VM_IO);
	KUNIT_EXPECT_FALSE(test, flags[0] & VM_PFNMAP);
	KUNIT_EXPECT_TRUE(test, flags[1] & VM_PFNMAP);
	mm_end(t);
}

static void the_driver_is_not_asked_while_mappings_are_blocked(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);
	u8 __user *at = map_all(test, t);
	u64 value;

	/* a kernel thread, as this one is, does not wait */
	flushes_begin();
	down_write(&t->fake->kdev.priv->access);
	mdevkit_mmap_block(&t->fake->kdev);
	mdevkit_mmap_block(&t->fake->kdev);
	KUNIT_EXPECT_EQ(test, peek(at, 0, &value), -EFAULT);
	mdevkit_mmap_unblock(&t->fake->kdev);
	KUNIT_EXPECT_EQ(test, peek(at, 0, &value), -EFAULT);
	KUNIT_EXPECT_EQ(test, t->asked, 0);
	mdevkit_mmap_unblock(&t->fake->kdev);
	up_write(&t->fake->kdev.priv->access);
	flushes_end();
	expect_page(test, at, 0, 100);
	mm_end(t);
}

static void where_nothing_is_each_user_finds_all_ones(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);
	u8 __user *at = map_all(test, t);

	for (unsigned int i = DRIVER_PAGES; i < LENT_PAGES; i++)
		expect_page(test, at, i, ~0ULL);
	KUNIT_EXPECT_EQ(test, poke(at, DRIVER_PAGES, 0x5ec4e7), 0);
	close_device(t);
	open_device(test, t);
	expect_page(test, at, DRIVER_PAGES, ~0ULL);
	mm_end(t);
}

static void when_the_parent_has_gone_all_pages_are_all_ones(struct kunit *test)
{
	struct mmap_test *t = mmap_test_make(test);
	u8 __user *at = map_all(test, t);

	expect_page(test, at, 0, 100);
	mdevkit_device_set_gone(&t->fake->kdev);
	/* what the work does, without UML's complaint */
	if (cancel_work_sync(&t->fake->kdev.priv->tell_work)) {
		scoped_guard(flushes)
			t->fake->kdev.priv->tell_work.func(&t->fake->kdev.priv->tell_work);
	}
	t->asked = 0;
	for (unsigned int i = 0; i < LENT_PAGES; i++)
		expect_page(test, at, i, ~0ULL);
	KUNIT_EXPECT_EQ(test, t->asked, 0);
	KUNIT_EXPECT_EQ(test, poke(at, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, *(u64 *)page_address(t->page[0]), 100);
	mm_end(t);
}

static struct kunit_case mmap_test_cases[] = {
	KUNIT_CASE_PARAM(only_what_is_lent_can_be_mapped, map_gen_params),
	KUNIT_CASE(a_page_is_the_one_that_the_driver_names),
	KUNIT_CASE(with_decode_off_a_touch_is_a_bus_error),
	KUNIT_CASE(a_page_that_was_taken_back_is_asked_for_again),
	KUNIT_CASE(a_reset_takes_all_pages_back),
	KUNIT_CASE(a_touch_waits_for_the_reset_to_end),
	KUNIT_CASE(a_lent_page_is_not_to_be_had_for_dma),
	KUNIT_CASE(the_driver_is_not_asked_while_mappings_are_blocked),
	KUNIT_CASE(where_nothing_is_each_user_finds_all_ones),
	KUNIT_CASE(when_the_parent_has_gone_all_pages_are_all_ones),
	{}
};

static struct kunit_suite mmap_test_suite = {
	.name = "mdevkit_mmap",
	.test_cases = mmap_test_cases,
};

kunit_test_suite(mmap_test_suite);
