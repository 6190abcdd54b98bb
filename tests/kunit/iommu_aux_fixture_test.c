// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the suites of iommu_aux share: see iommu_aux_fixture.h.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "iommu_aux_fixture.h"

static atomic_t serial = ATOMIC_INIT(0);

static __printf(2, 0) char *kunit_kvasprintf(struct kunit *test, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = kunit_kmalloc(test, len + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	vsnprintf(text, len + 1, fmt, args);
	return text;
}

char *kunit_kasprintf(struct kunit *test, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = kunit_kvasprintf(test, fmt, args);
	va_end(args);
	return text;
}

void aux_test_expect_steps(struct kunit *test, const char *func, int line,
			   struct mock_iommu *iommu, const char *fmt, ...)
{
	va_list args;
	char *expected;

	va_start(args, fmt);
	expected = kunit_kvasprintf(test, fmt, args);
	va_end(args);
	KUNIT_EXPECT_STREQ_MSG(test, mock_iommu_log(iommu), expected, "in %s, line %d", func, line);
	mock_iommu_clear_log(iommu);
}

static void undo(struct kunit *test, kunit_action_t *action, void *arg)
{
	ASSERT_NO_ERRNO(test, kunit_add_action_or_reset(test, action, arg));
}

KUNIT_DEFINE_ACTION_WRAPPER(destroy_iommu, mock_iommu_destroy, struct mock_iommu *);
KUNIT_DEFINE_ACTION_WRAPPER(unplug, mock_iommu_remove_device, struct device *);
KUNIT_DEFINE_ACTION_WRAPPER(put_group, iommu_aux_group_put, struct iommu_aux_group *);
KUNIT_DEFINE_ACTION_WRAPPER(leave, iommu_aux_group_leave, struct device *);
KUNIT_DEFINE_ACTION_WRAPPER(free_domain, iommu_domain_free, struct iommu_domain *);

struct mock_iommu *aux_test_iommu(struct kunit *test, const struct mock_iommu_config *config)
{
	struct mock_iommu *iommu;

	iommu = mock_iommu_create(kunit_kasprintf(test, "mock%d", atomic_inc_return(&serial)),
				  config);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, iommu);
	undo(test, destroy_iommu, iommu);
	return iommu;
}

struct device *aux_test_sibling(struct kunit *test, struct mock_iommu *iommu, struct device *of)
{
	char *name = kunit_kasprintf(test, "dev%d", atomic_inc_return(&serial));
	struct device *device = mock_iommu_add_device(iommu, name, 0, of);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, device);
	undo(test, unplug, device);
	mock_iommu_clear_log(iommu);
	return device;
}

struct device *aux_test_device(struct kunit *test, struct mock_iommu *iommu,
			       unsigned int pasid_bits)
{
	char *name = kunit_kasprintf(test, "dev%d", atomic_inc_return(&serial));
	struct device *device = mock_iommu_add_device(iommu, name, pasid_bits, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, device);
	undo(test, unplug, device);
	mock_iommu_clear_log(iommu);
	return device;
}

void aux_test_unplug(struct kunit *test, struct device *device)
{
	kunit_release_action(test, unplug, device);
}

struct iommu_aux_group *aux_test_group(struct kunit *test)
{
	struct iommu_aux_group *group = iommu_aux_group_create(test->name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, group);
	undo(test, put_group, group);
	return group;
}

struct iommu_group *aux_test_core_group(struct iommu_aux_group *group)
{
	return iommu_aux_group_to_iommu_group(group);
}

struct device *aux_test_lone_member(struct kunit *test)
{
	struct device *member;

	member = kunit_device_register(test, kunit_kasprintf(test, "member%d",
							     atomic_inc_return(&serial)));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, member);
	return member;
}

void aux_test_leaves_by_itself(struct kunit *test, struct device *member)
{
	undo(test, leave, member);
}

static struct device *join(struct kunit *test, struct iommu_aux_group *group,
			   struct device *dma_dev, unsigned int flags)
{
	struct device *member = aux_test_lone_member(test);

	ASSERT_NO_ERRNO(test, iommu_aux_group_join(group, member, dma_dev, flags));
	undo(test, leave, member);
	return member;
}

struct device *aux_test_member(struct kunit *test, struct iommu_aux_group *group,
			       struct device *dma_dev)
{
	return join(test, group, dma_dev, 0);
}

struct device *aux_test_whole_member(struct kunit *test, struct iommu_aux_group *group,
				     struct device *dma_dev)
{
	return join(test, group, dma_dev, IOMMU_AUX_WHOLE_DEVICE);
}

void aux_test_leave(struct kunit *test, struct device *member)
{
	kunit_release_action(test, leave, member);
}

struct iommu_domain *aux_test_domain(struct kunit *test, struct device *member)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc(member);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	undo(test, free_domain, domain);
	return domain;
}

void aux_test_free_domain(struct kunit *test, struct iommu_domain *domain)
{
	kunit_release_action(test, free_domain, domain);
}

/* A domain and the group it is attached to, for the end of the test */
struct aux_test_attachment {
	struct iommu_domain *domain;
	struct iommu_aux_group *group;
};

static void detach(void *arg)
{
	struct aux_test_attachment *a = arg;

	iommu_aux_detach_group(a->domain, aux_test_core_group(a->group),
			       iommu_aux_member_dma_dev);
}

struct aux_test_attachment *aux_test_attach(struct kunit *test, struct iommu_domain *domain,
					    struct iommu_aux_group *group)
{
	struct aux_test_attachment *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, a);
	a->domain = domain;
	a->group = group;
	ASSERT_NO_ERRNO(test, iommu_aux_attach_group(domain, aux_test_core_group(group),
						     iommu_aux_member_dma_dev));
	undo(test, detach, a);
	return a;
}

void aux_test_detach(struct kunit *test, struct aux_test_attachment *a)
{
	kunit_release_action(test, detach, a);
}

void aux_test_forget(struct kunit *test, struct aux_test_attachment *a)
{
	kunit_remove_action(test, detach, a);
}

/* The group carries a domain as VFIO has put it there, without arming anything */
static void core_detach(void *arg)
{
	struct aux_test_attachment *a = arg;

	iommu_detach_group(a->domain, aux_test_core_group(a->group));
}

struct aux_test_attachment *aux_test_core_attach(struct kunit *test, struct iommu_domain *domain,
						 struct iommu_aux_group *group)
{
	struct aux_test_attachment *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, a);
	a->domain = domain;
	a->group = group;
	ASSERT_NO_ERRNO(test, iommu_attach_group(domain, aux_test_core_group(group)));
	undo(test, core_detach, a);
	return a;
}

void aux_test_core_detach(struct kunit *test, struct aux_test_attachment *a)
{
	kunit_release_action(test, core_detach, a);
}

static void free_one_page(void *page)
{
	__free_page(page);
}

struct page *aux_test_page(struct kunit *test, u64 content)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	KUNIT_ASSERT_NOT_NULL(test, page);
	undo(test, free_one_page, page);
	*(u64 *)page_address(page) = content;
	return page;
}

u64 aux_test_page_content(struct page *page)
{
	return *(u64 *)page_address(page);
}

static int dma(struct device *member, unsigned long iova, u64 *value, bool write)
{
	ioasid_t pasid = iommu_aux_member_pasid(member);

	return mock_iommu_dma(iommu_aux_member_dma_dev(member),
			      pasid == IOMMU_PASID_INVALID ? IOMMU_NO_PASID : pasid,
			      iova, value, sizeof(*value), write);
}

int aux_test_read(struct device *member, unsigned long iova, u64 *value)
{
	return dma(member, iova, value, false);
}

int aux_test_write(struct device *member, unsigned long iova, u64 value)
{
	return dma(member, iova, &value, true);
}

MDEVKIT_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests for iommu_aux");
MODULE_LICENSE("GPL");
