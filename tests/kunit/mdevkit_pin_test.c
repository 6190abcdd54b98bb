// SPDX-License-Identifier: GPL-2.0-only
/* KUnit: what a driver pins of the tenant's memory, and how the tenant gets it back. */

#include <kunit/static_stub.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sizes.h>

#include <mdevkit/pin.h>

#include "mdev/pins.h"
#include "mdevkit_fake.h"

static const struct mdevkit_pci_desc pin_desc = {
	.vendor = 0x1234,
	.device = 0x0003,
	.express = true,
	.pm = true,
	.bars[0] = { .size = SZ_4K },
};

#define IOVA		0x10000000ULL
#define NR_PAGES	1300	/* that VFIO has for us, from IOVA on */

/*
 * A device whose driver pins, and a tenant with NR_PAGES pages of memory. @held has each page's
 * pins; @calls what VFIO was asked for, "+NUMBER" of pages and "-NUMBER". @hold_get, @hold_put and
 * @hold_unmap: wait there for @go, after @entered
 */
struct pinner {
	struct kunit *test;
	struct fake_device *fake;
	struct page *page;
	int held[NR_PAGES];
	char calls[200];
	int fail_at;
	bool hold_get, hold_put, hold_unmap;
	bool unpin_in_unmap;
	int unmaps;
	struct mdevkit_pin *unmapped;
	struct completion entered, go;
	/* another thread */
	void (*run)(struct pinner *p);
	struct completion done;
	struct mdevkit_pin *pin;
	u64 first, length;
};

static void hold(struct pinner *p, bool wanted)
{
	if (!wanted)
		return;
	complete(&p->entered);
	KUNIT_EXPECT_NE(p->test, wait_for_completion_timeout(&p->go, 20 * HZ), 0);
}

static struct pinner *to_pinner(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct fake_device, kdev)->test_data;
}

static void note(struct pinner *p, char what, int nr)
{
	size_t len = strlen(p->calls);

	scnprintf(p->calls + len, sizeof(p->calls) - len, "%c%d ", what, nr);
}

static int stub_get(struct mdevkit_device *kdev, u64 iova, int nr, bool write, struct page **pages)
{
	struct pinner *p = to_pinner(kdev);
	u64 first = (iova - IOVA) >> PAGE_SHIFT;

	KUNIT_EXPECT_TRUE(p->test, PAGE_ALIGNED(iova));
	KUNIT_EXPECT_LE(p->test, nr, (int)VFIO_PIN_PAGES_MAX_ENTRIES);
	hold(p, p->hold_get);
	note(p, '+', nr);
	if (iova < IOVA || first + nr > NR_PAGES)
		return -EINVAL;
	if (p->fail_at && first + nr > p->fail_at)
		return -ENOMEM;
	for (int i = 0; i < nr; i++) {
		p->held[first + i]++;
		pages[i] = p->page;
	}
	return nr;
}

static void stub_put(struct mdevkit_device *kdev, u64 iova, int nr)
{
	struct pinner *p = to_pinner(kdev);
	u64 first = (iova - IOVA) >> PAGE_SHIFT;

	hold(p, p->hold_put);
	note(p, '-', nr);
	for (int i = 0; i < nr; i++)
		KUNIT_EXPECT_GE(p->test, --p->held[first + i], 0);
	/* The kit's worker was this test's since its dma_unmap() */
	if (current->flags & PF_WQ_WORKER)
		current->kunit_test = NULL;
}

static void pinner_dma_unmap(struct mdevkit_device *kdev, struct mdevkit_pin *pin)
{
	struct pinner *p = to_pinner(kdev);

	current->kunit_test = p->test;
	p->unmaps++;
	p->unmapped = pin;
	KUNIT_EXPECT_PTR_EQ(p->test, pin->drvdata, p);
	hold(p, p->hold_unmap);
	if (p->unpin_in_unmap)
		mdevkit_dma_unpin(pin);
}

static void set_command(struct pinner *p, u16 command)
{
	fake_config_write(p->test, p->fake, PCI_COMMAND, 2, command);
}

static struct pinner *pinner_create(struct kunit *test)
{
	struct pinner *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->test = test;
	/* One page is enough for all */
	p->page = virt_to_page(kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, page_address(p->page));
	init_completion(&p->entered);
	init_completion(&p->go);
	init_completion(&p->done);
	p->fake = fake_device_create(test, &pin_desc);
	p->fake->test_data = p;
	p->fake->type.dma = MDEVKIT_DMA_SOFTWARE;
	p->fake->ops.dma_unmap = pinner_dma_unmap;
	KUNIT_ASSERT_EQ(test, mdevkit_pins_init(&p->fake->kdev), 0);
	kunit_activate_static_stub(test, mdevkit_pin_get, stub_get);
	kunit_activate_static_stub(test, mdevkit_pin_put, stub_put);
	return p;
}

static struct pinner *pinner_start(struct kunit *test)
{
	struct pinner *p = pinner_create(test);

	KUNIT_ASSERT_EQ(test, mdevkit_device_open(&p->fake->kdev), 0);
	set_command(p, PCI_COMMAND_MASTER);
	return p;
}

static struct mdevkit_pin *pin(struct pinner *p, u64 iova, size_t size, bool write)
{
	return mdevkit_dma_pin(&p->fake->kdev, iova, size, write, p);
}

static long pin_error(struct pinner *p, u64 iova, size_t size)
{
	struct mdevkit_pin *got = pin(p, iova, size, true);

	if (!IS_ERR(got))
		mdevkit_dma_unpin(got);
	return PTR_ERR_OR_ZERO(got);
}

static struct mdevkit_pin *pin_pages(struct pinner *p, unsigned int first, unsigned int nr)
{
	struct mdevkit_pin *got = pin(p, IOVA + first * PAGE_SIZE, nr * PAGE_SIZE, true);

	KUNIT_ASSERT_FALSE(p->test, IS_ERR(got));
	return got;
}

static int pages_held(struct pinner *p)
{
	int sum = 0;

	for (unsigned int i = 0; i < NR_PAGES; i++)
		sum += p->held[i];
	return sum;
}

static int other_thread(void *data)
{
	struct pinner *p = data;

	current->kunit_test = p->test;
	p->run(p);
	complete(&p->done);
	return 0;
}

static void begin(struct pinner *p, void (*run)(struct pinner *p))
{
	p->run = run;
	KUNIT_ASSERT_FALSE(p->test, IS_ERR(kthread_run(other_thread, p, "pin-test")));
}

static void finish(struct pinner *p)
{
	complete_all(&p->go);
	KUNIT_ASSERT_NE(p->test, wait_for_completion_timeout(&p->done, 20 * HZ), 0);
}

static void unmap_range(struct pinner *p)
{
	mdevkit_pins_unmap(&p->fake->kdev, p->first, p->length);
}

static void unmap(struct pinner *p, unsigned int first, unsigned int nr)
{
	p->first = IOVA + first * PAGE_SIZE;
	p->length = nr * PAGE_SIZE;
	begin(p, unmap_range);
}

static void a_pin_is_made_of_chunks_and_given_back_in_the_same(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	/* the first and the last page by one byte each */
	size_t size = (NR_PAGES - 3) * PAGE_SIZE + 2;
	struct mdevkit_pin *got = pin(p, IOVA + PAGE_SIZE - 1, size, true);

	KUNIT_ASSERT_FALSE(test, IS_ERR(got));
	KUNIT_EXPECT_EQ(test, got->nr_pages, NR_PAGES - 1);
	KUNIT_EXPECT_EQ(test, p->held[0], 1);
	KUNIT_EXPECT_EQ(test, p->held[NR_PAGES - 2], 1);
	KUNIT_EXPECT_EQ(test, p->held[NR_PAGES - 1], 0);
	KUNIT_EXPECT_STREQ(test, p->calls, "+512 +512 +275 ");
	mdevkit_dma_unpin(got);
	KUNIT_EXPECT_STREQ(test, p->calls, "+512 +512 +275 -512 -512 -275 ");
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	KUNIT_EXPECT_EQ(test, p->unmaps, 0);
	mdevkit_dma_unpin(NULL);
	mdevkit_device_close(&p->fake->kdev);
}

static void a_page_can_have_several_pins(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *one = pin_pages(p, 0, 2), *two = pin_pages(p, 1, 2);

	KUNIT_EXPECT_EQ(test, p->held[1], 2);
	mdevkit_dma_unpin(one);
	KUNIT_EXPECT_EQ(test, p->held[1], 1);
	mdevkit_dma_unpin(two);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	mdevkit_device_close(&p->fake->kdev);
}

static void a_pin_that_fails_leaves_nothing_pinned(struct kunit *test)
{
	struct pinner *p = pinner_start(test);

	p->fail_at = 600;
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA, NR_PAGES * PAGE_SIZE), -ENOMEM);
	KUNIT_EXPECT_STREQ(test, p->calls, "+512 +512 -512 ");
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	p->fail_at = 0;
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA - PAGE_SIZE, PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA, PAGE_SIZE), 0);
	mdevkit_device_close(&p->fake->kdev);
}

static void what_cannot_be_pinned_is_refused(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pins *pins = p->fake->kdev.priv->pins;

	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, pin_error(p, U64_MAX, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA, MDEVKIT_PIN_MAX_PAGES * PAGE_SIZE + 1), -E2BIG);
	p->fake->kdev.priv->pins = NULL;
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA, PAGE_SIZE), -EINVAL);
	p->fake->kdev.priv->pins = pins;

	set_command(p, 0);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA, PAGE_SIZE), -EPERM);
	set_command(p, PCI_COMMAND_MASTER);
	mdevkit_device_set_gone(&p->fake->kdev);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA, PAGE_SIZE), -ENODEV);
	KUNIT_EXPECT_STREQ(test, p->calls, "");
	mdevkit_device_close(&p->fake->kdev);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA, PAGE_SIZE), -ENODEV);
}

static void only_devices_whose_driver_is_told_can_pin(struct kunit *test)
{
	struct fake_device *fake = fake_device_create(test, &pin_desc);

	fake->type.dma = MDEVKIT_DMA_SOFTWARE;
	KUNIT_ASSERT_EQ(test, mdevkit_pins_init(&fake->kdev), 0);
	KUNIT_EXPECT_NULL(test, fake->kdev.priv->pins);
	fake->ops.dma_unmap = pinner_dma_unmap;
	fake->type.dma = MDEVKIT_DMA_PASID;
	KUNIT_ASSERT_EQ(test, mdevkit_pins_init(&fake->kdev), 0);
	KUNIT_EXPECT_NULL(test, fake->kdev.priv->pins);
}

static void end_by_bus_master(struct pinner *p)
{
	set_command(p, 0);
}

static void end_by_d3hot(struct pinner *p)
{
	unsigned int pmcsr = fake_config_find_cap(p->test, p->fake, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	fake_config_write(p->test, p->fake, pmcsr, 2, 3);
}

static void end_by_reset(struct pinner *p)
{
	KUNIT_EXPECT_EQ(p->test, mdevkit_device_reset(&p->fake->kdev), 0);
}

static void end_by_close(struct pinner *p)
{
	mdevkit_device_close(&p->fake->kdev);
}

static void end_by_close_of_one_that_is_gone(struct pinner *p)
{
	mdevkit_device_set_gone(&p->fake->kdev);
	mdevkit_device_close(&p->fake->kdev);
}

static const struct end {
	const char *name;
	void (*end)(struct pinner *p);
} ends[] = {
	{ "Bus Master Enable cleared", end_by_bus_master },
	{ "D3hot", end_by_d3hot },
	{ "reset", end_by_reset },
	{ "close", end_by_close },
	{ "close, gone", end_by_close_of_one_that_is_gone },
};

static void end_describe(const struct end *end, char *desc)
{
	strscpy(desc, end->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(end, ends, end_describe);

static void what_ends_dma_takes_all_back(struct kunit *test)
{
	const struct end *end = test->param_value;
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *one = pin_pages(p, 0, 1), *two = pin_pages(p, 700, 3);
	u8 byte = 0;

	end->end(p);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	KUNIT_EXPECT_EQ(test, p->unmaps, 2);
	KUNIT_EXPECT_EQ(test, mdevkit_pin_rw(one, 0, &byte, 1, false), -ENODEV);
	mdevkit_dma_unpin(one);
	mdevkit_dma_unpin(two);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
}

static void an_unmap_takes_back_what_it_touches_and_no_more(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *pins[] = {
		pin(p, IOVA + 9 * PAGE_SIZE, PAGE_SIZE, true),
		pin(p, IOVA + 9 * PAGE_SIZE + 8, PAGE_SIZE, true),
		pin(p, IOVA + 12 * PAGE_SIZE, 1, true),
		pin(p, IOVA + 20 * PAGE_SIZE, PAGE_SIZE, true),
	};

	unmap(p, 10, 10);
	finish(p);
	KUNIT_EXPECT_EQ(test, p->unmaps, 2);
	KUNIT_EXPECT_EQ(test, p->held[9], 1);
	KUNIT_EXPECT_EQ(test, p->held[10], 0);
	KUNIT_EXPECT_EQ(test, p->held[12], 0);
	KUNIT_EXPECT_EQ(test, p->held[20], 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(pins); i++)
		mdevkit_dma_unpin(pins[i]);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	KUNIT_EXPECT_EQ(test, p->unmaps, 2);
	mdevkit_device_close(&p->fake->kdev);
}

static void nothing_is_pinned_where_the_tenant_unmaps(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *one = pin_pages(p, 10, 1);
	int tries = 0;

	p->hold_unmap = true;
	unmap(p, 10, 2);
	wait_for_completion(&p->entered);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA + 10 * PAGE_SIZE, PAGE_SIZE), -EAGAIN);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA + 12 * PAGE_SIZE - 1, 1), -EAGAIN);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA + 12 * PAGE_SIZE, 1), 0);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA + 10 * PAGE_SIZE - 1, 1), 0);
	finish(p);
	/* A thread of the kernel is told a while later that it has returned */
	while (pin_error(p, IOVA + 10 * PAGE_SIZE, PAGE_SIZE) == -EAGAIN && tries++ < 500)
		msleep(20);
	KUNIT_EXPECT_EQ(test, pin_error(p, IOVA + 10 * PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&p->fake->kdev.priv->pins->unmaps));
	mdevkit_dma_unpin(one);
	mdevkit_device_close(&p->fake->kdev);
}

static void pin_in_thread(struct pinner *p)
{
	p->pin = pin(p, IOVA, PAGE_SIZE, true);
}

static void an_unmap_while_vfio_is_asked_leaves_nothing_pinned(struct kunit *test)
{
	struct pinner *p = pinner_start(test);

	p->hold_get = true;
	begin(p, pin_in_thread);
	wait_for_completion(&p->entered);
	/* by this thread, which waits as long as it may */
	mdevkit_pins_unmap(&p->fake->kdev, IOVA, PAGE_SIZE);
	finish(p);
	KUNIT_EXPECT_EQ(test, PTR_ERR(p->pin), -EAGAIN);
	KUNIT_EXPECT_STREQ(test, p->calls, "+1 -1 ");
	KUNIT_EXPECT_EQ(test, p->unmaps, 0);
	mdevkit_device_close(&p->fake->kdev);
}

/* Type 1 may not let anybody unpin before the callback has returned */
static void an_unmap_returns_although_unpinning_does_not(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *one = pin_pages(p, 0, 1);

	p->hold_put = true;
	p->first = IOVA;
	p->length = PAGE_SIZE;
	for (int i = 0; i < 3; i++)
		unmap_range(p);
	KUNIT_EXPECT_EQ(test, pages_held(p), 1);
	KUNIT_EXPECT_EQ(test, p->unmaps, 1);
	complete_all(&p->go);
	unmap_range(p);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	mdevkit_dma_unpin(one);
	mdevkit_device_close(&p->fake->kdev);
}

static void a_driver_may_give_back_in_dma_unmap(struct kunit *test)
{
	struct pinner *p = pinner_start(test);

	p->unpin_in_unmap = true;
	pin_pages(p, 0, 1);
	pin_pages(p, 5, 1);
	unmap(p, 0, 1);
	finish(p);
	KUNIT_EXPECT_EQ(test, pages_held(p), 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&p->fake->kdev.priv->pins->gone));
	set_command(p, 0);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&p->fake->kdev.priv->pins->gone));
	mdevkit_device_close(&p->fake->kdev);
}

static void giving_back_waits_for_dma_unmap(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *one = pin_pages(p, 0, 1);

	p->pin = one;
	p->hold_unmap = true;
	begin(p, end_by_bus_master);
	wait_for_completion(&p->entered);
	KUNIT_EXPECT_EQ(test, pages_held(p), 1);
	schedule_timeout_uninterruptible(2);
	complete_all(&p->go);
	mdevkit_dma_unpin(one);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	KUNIT_EXPECT_EQ(test, p->unmaps, 1);
	finish(p);
	KUNIT_EXPECT_TRUE(test, list_empty(&p->fake->kdev.priv->pins->gone));
	mdevkit_device_close(&p->fake->kdev);
}

static void the_memory_stays_while_the_cpu_uses_it(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *one = pin_pages(p, 0, 1);

	KUNIT_ASSERT_TRUE(test, mdevkit_pin_begin(one));
	begin(p, end_by_bus_master);
	for (int i = 0; i < 500 && !READ_ONCE(p->unmaps); i++)
		msleep(20);
	msleep(100);
	KUNIT_EXPECT_EQ(test, p->unmaps, 1);
	KUNIT_EXPECT_EQ(test, pages_held(p), 1);
	mdevkit_pin_end(one);
	finish(p);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	KUNIT_EXPECT_FALSE(test, mdevkit_pin_begin(one));
	mdevkit_dma_unpin(one);
	mdevkit_device_close(&p->fake->kdev);
}

static void copies_stay_inside_the_pin(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *one = pin(p, IOVA + 100, 2 * PAGE_SIZE - 100, true);
	struct mdevkit_pin *two = pin(p, IOVA, 8, false);
	u8 *memory = page_address(p->page), bytes[8] = "abcdefg";

	KUNIT_ASSERT_FALSE(test, IS_ERR(one));
	KUNIT_ASSERT_FALSE(test, IS_ERR(two));
	/* both its pages are the same one: over the edge it goes on at the beginning */
	KUNIT_EXPECT_EQ(test, mdevkit_pin_rw(one, PAGE_SIZE - 100 - 4, bytes, 8, true), 0);
	KUNIT_EXPECT_MEMEQ(test, memory + PAGE_SIZE - 4, "abcd", 4);
	KUNIT_EXPECT_MEMEQ(test, memory, "efg", 4);
	KUNIT_EXPECT_EQ(test, mdevkit_pin_rw(two, 0, bytes, 8, false), 0);
	KUNIT_EXPECT_MEMEQ(test, bytes, "efg", 4);

	KUNIT_EXPECT_EQ(test, mdevkit_pin_rw(two, 0, bytes, 8, true), -EPERM);
	KUNIT_EXPECT_EQ(test, mdevkit_pin_rw(two, 8, bytes, 0, false), 0);
	KUNIT_EXPECT_EQ(test, mdevkit_pin_rw(two, 9, bytes, 0, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdevkit_pin_rw(two, 1, bytes, 8, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, mdevkit_pin_rw(two, SIZE_MAX, bytes, 8, false), -EINVAL);
	mdevkit_dma_unpin(one);
	mdevkit_dma_unpin(two);
	mdevkit_device_close(&p->fake->kdev);
}

static void a_scatter_list_covers_the_bytes(struct kunit *test)
{
	struct pinner *p = pinner_start(test);
	struct mdevkit_pin *one = pin(p, IOVA + 100, 2 * PAGE_SIZE, true);
	struct scatterlist *sg;
	struct sg_table sgt;
	size_t sum = 0;
	int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(one));
	KUNIT_ASSERT_EQ(test, mdevkit_pin_sg(one, &sgt), 0);
	KUNIT_EXPECT_EQ(test, sgt.sgl->offset, 100);
	for_each_sgtable_sg(&sgt, sg, i) {
		KUNIT_EXPECT_PTR_EQ(test, sg_page(sg), p->page);
		sum += sg->length;
	}
	KUNIT_EXPECT_EQ(test, sum, 2 * PAGE_SIZE);
	sg_free_table(&sgt);
	mdevkit_dma_unpin(one);
	mdevkit_device_close(&p->fake->kdev);
}

static void what_a_driver_forgets_is_freed_and_told(struct kunit *test)
{
	struct pinner *p = pinner_start(test);

	pin_pages(p, 0, 1);
	mdevkit_device_close(&p->fake->kdev);
	KUNIT_EXPECT_EQ(test, pages_held(p), 0);
	/* one line in the log, see alarms.allowed; leaks are looked for at the end */
	mdevkit_pins_free(&p->fake->kdev);
	KUNIT_EXPECT_NULL(test, p->fake->kdev.priv->pins);
}

static struct kunit_case pin_test_cases[] = {
	KUNIT_CASE(a_pin_is_made_of_chunks_and_given_back_in_the_same),
	KUNIT_CASE(a_page_can_have_several_pins),
	KUNIT_CASE(a_pin_that_fails_leaves_nothing_pinned),
	KUNIT_CASE(what_cannot_be_pinned_is_refused),
	KUNIT_CASE(only_devices_whose_driver_is_told_can_pin),
	KUNIT_CASE_PARAM(what_ends_dma_takes_all_back, end_gen_params),
	KUNIT_CASE(an_unmap_takes_back_what_it_touches_and_no_more),
	KUNIT_CASE(nothing_is_pinned_where_the_tenant_unmaps),
	KUNIT_CASE(an_unmap_while_vfio_is_asked_leaves_nothing_pinned),
	KUNIT_CASE(an_unmap_returns_although_unpinning_does_not),
	KUNIT_CASE(a_driver_may_give_back_in_dma_unmap),
	KUNIT_CASE(giving_back_waits_for_dma_unmap),
	KUNIT_CASE(the_memory_stays_while_the_cpu_uses_it),
	KUNIT_CASE(copies_stay_inside_the_pin),
	KUNIT_CASE(a_scatter_list_covers_the_bytes),
	KUNIT_CASE(what_a_driver_forgets_is_freed_and_told),
	{}
};

static struct kunit_suite pin_test_suite = {
	.name = "mdevkit_pin",
	.test_cases = pin_test_cases,
};

kunit_test_suite(pin_test_suite);
