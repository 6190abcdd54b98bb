/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the suites of iommu_aux share: each function undoes itself at the end of the test, in
 * reverse order, and asserts that it has worked, so that a test keeps to its point.
 */
#ifndef IOMMU_AUX_FIXTURE_H
#define IOMMU_AUX_FIXTURE_H

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/test.h>

#include <mdevkit/iommu_aux.h>

#include "mock_iommu.h"

/* Asserts that an expression which returns a negative errno is 0 */
#define ASSERT_NO_ERRNO(test, expression)	KUNIT_ASSERT_EQ(test, 0, (expression))

/* The steps of an instance since the last look were these, printf-like, one a line */
#define EXPECT_STEPS(test, iommu, ...)						\
	aux_test_expect_steps(test, __func__, __LINE__, iommu, __VA_ARGS__)

#define EXPECT_NO_STEPS(test, iommu)	EXPECT_STEPS(test, iommu, "%s", "")

void aux_test_expect_steps(struct kunit *test, const char *func, int line,
			   struct mock_iommu *iommu, const char *fmt, ...) __printf(5, 6);
char *kunit_kasprintf(struct kunit *test, const char *fmt, ...) __printf(2, 3);

struct mock_iommu *aux_test_iommu(struct kunit *test, const struct mock_iommu_config *config);
struct device *aux_test_device(struct kunit *test, struct mock_iommu *iommu,
			       unsigned int pasid_bits);
struct device *aux_test_sibling(struct kunit *test, struct mock_iommu *iommu, struct device *of);
void aux_test_unplug(struct kunit *test, struct device *device);

struct iommu_aux_group *aux_test_group(struct kunit *test);
struct iommu_group *aux_test_core_group(struct iommu_aux_group *group);

/* A device that is in no group yet, and one that has joined */
struct device *aux_test_lone_member(struct kunit *test);
struct device *aux_test_member(struct kunit *test, struct iommu_aux_group *group,
			       struct device *dma_dev);
struct device *aux_test_whole_member(struct kunit *test, struct iommu_aux_group *group,
				     struct device *dma_dev);
void aux_test_leaves_by_itself(struct kunit *test, struct device *member);
void aux_test_leave(struct kunit *test, struct device *member);

/* A domain as VFIO would have it for a member */
struct iommu_domain *aux_test_domain(struct kunit *test, struct device *member);
void aux_test_free_domain(struct kunit *test, struct iommu_domain *domain);

/*
 * Attach with the dma_devs that were named at join, and detach: at the end of the test,
 * or now; or never, because something else has done it.
 */
struct aux_test_attachment;
struct aux_test_attachment *aux_test_attach(struct kunit *test, struct iommu_domain *domain,
					    struct iommu_aux_group *group);
void aux_test_detach(struct kunit *test, struct aux_test_attachment *attachment);
void aux_test_forget(struct kunit *test, struct aux_test_attachment *attachment);

/* Put a domain on the group as VFIO does, which arms nothing */
struct aux_test_attachment *aux_test_core_attach(struct kunit *test, struct iommu_domain *domain,
						 struct iommu_aux_group *group);
void aux_test_core_detach(struct kunit *test, struct aux_test_attachment *attachment);

/* A page of memory, and the DMA of 8 bytes through a member */
struct page *aux_test_page(struct kunit *test, u64 content);
u64 aux_test_page_content(struct page *page);
int aux_test_read(struct device *member, unsigned long iova, u64 *value);
int aux_test_write(struct device *member, unsigned long iova, u64 value);

#endif /* IOMMU_AUX_FIXTURE_H */
