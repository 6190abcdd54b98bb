/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mock IOMMU with PASIDs, for tests on any machine.
 *
 * An instance is a real IOMMU driver to the IOMMU core, with platform devices behind it. It
 * has page tables, and mock_iommu_dma() does what a device's DMA does: it goes through the
 * tables of the device's PASID and copies from or to memory, or fails. Each step that the core
 * makes is recorded as a line of text, and can be made to fail:
 *
 *	alloc 1				a paging domain is made; domains are numbered
 *	attach dev 1			domain 1 goes on the device itself
 *	identity dev, blocked dev	the device gets no domain of ours
 *	set_pasid dev 5 1		domain 1 goes on PASID 5
 *	block_pasid dev 5		nothing is on PASID 5 any more
 *	free 1				the domain is freed
 *	dirty_on 1, dirty_off 1, dirty_read 1, coherent 1
 *
 * A step that failed ends with " = -errno".
 *
 * A page that was unmapped stays reachable by DMA until its domain's IOTLB has been synced for it,
 * or flushed, as on real hardware.
 */
#ifndef MOCK_IOMMU_H
#define MOCK_IOMMU_H

#include <linux/device.h>
#include <linux/iommu.h>

struct mock_iommu;

/* Reserved regions of every device: an MSI window, and a hole like a firmware's */
#define MOCK_IOMMU_MSI_START	0xfee00000UL
#define MOCK_IOMMU_MSI_SIZE	0x00100000UL
#define MOCK_IOMMU_HOLE_START	0x000a0000UL
#define MOCK_IOMMU_HOLE_SIZE	0x00060000UL

/* And one that firmware uses, if so configured */
#define MOCK_IOMMU_DIRECT_START	0x7f000000UL
#define MOCK_IOMMU_DIRECT_SIZE	0x00010000UL

/**
 * struct mock_iommu_config - what an instance can do
 * @max_pasids: PASIDs of the instance, 0 for none
 * @page_sizes: bitmap; 0 stands for 4 KiB, 2 MiB and 1 GiB
 * @aperture_end: last IOVA; 0 stands for 2^48 - 1
 * @snoop: can enforce cache coherency
 * @agrees_to_snoop: says yes to enforcing it all the same, as some drivers do for a
 *                   domain without devices
 * @dirty: can track dirty pages
 * @no_dirty_pasid: but not behind PASIDs
 * @incoherent: DMA does not keep to the CPU's caches
 * @no_paging_pasid: PASIDs are good for shared virtual addressing only
 * @direct: firmware wants each device to reach a range of memory at all times
 */
struct mock_iommu_config {
	u32 max_pasids;
	unsigned long page_sizes;
	u64 aperture_end;
	bool snoop;
	bool agrees_to_snoop;
	bool dirty;
	bool no_dirty_pasid;
	bool incoherent;
	bool no_paging_pasid;
	bool direct;
};

/* Steps that can be made to fail */
enum mock_iommu_step {
	MOCK_IOMMU_ALLOC,
	MOCK_IOMMU_ATTACH,
	MOCK_IOMMU_SET_PASID,
	MOCK_IOMMU_MAP,
	MOCK_IOMMU_STEPS
};

/**
 * mock_iommu_create() - register an IOMMU instance
 * @name: its name, unique
 * @config: copied
 *
 * Return: the instance, or an ERR_PTR.
 */
struct mock_iommu *mock_iommu_create(const char *name, const struct mock_iommu_config *config);

/**
 * mock_iommu_destroy() - unregister an instance
 * @iommu: the instance; its devices and domains are gone
 */
void mock_iommu_destroy(struct mock_iommu *iommu);

/**
 * mock_iommu_add_device() - make a platform device behind an instance
 * @iommu: the instance
 * @name: the device's name, unique among platform devices
 * @pasid_bits: width of its PASIDs, 0 for none
 * @sibling: a device whose IOMMU group it shares, or NULL for a group of its own
 *
 * Return: the device, or an ERR_PTR.
 */
struct device *mock_iommu_add_device(struct mock_iommu *iommu, const char *name,
				     unsigned int pasid_bits, struct device *sibling);

/**
 * mock_iommu_remove_device() - unplug a device
 * @dev: from mock_iommu_add_device()
 */
void mock_iommu_remove_device(struct device *dev);

/**
 * mock_iommu_fail() - make a step fail
 * @iommu: the instance
 * @step: kind of step
 * @nth: the step of that kind, counted from now on, 1 for the next; 0 for none
 * @error: negative errno that it returns
 */
void mock_iommu_fail(struct mock_iommu *iommu, enum mock_iommu_step step, unsigned int nth,
		     int error);

typedef void (*mock_iommu_watch_t)(struct device *dev, ioasid_t pasid, void *data);

/**
 * mock_iommu_watch() - be called each time that a PASID is about to lose its domain
 * @iommu: the instance; nothing is attached yet
 * @watch: the function; the domain is still there. May sleep
 * @data: for the function
 */
void mock_iommu_watch(struct mock_iommu *iommu, mock_iommu_watch_t watch, void *data);

/**
 * mock_iommu_log() - the steps so far
 * @iommu: the instance
 *
 * Return: lines, each with a newline at its end, valid until the next step.
 */
const char *mock_iommu_log(struct mock_iommu *iommu);

/**
 * mock_iommu_clear_log() - forget the steps so far
 * @iommu: the instance
 */
void mock_iommu_clear_log(struct mock_iommu *iommu);

/**
 * mock_iommu_domains() - count domains that have not been freed
 * @iommu: the instance
 *
 * Return: the number.
 */
unsigned int mock_iommu_domains(struct mock_iommu *iommu);

/**
 * mock_iommu_attached_pasids() - count PASIDs of a device that have a domain
 * @dev: from mock_iommu_add_device()
 *
 * Return: the number.
 */
unsigned int mock_iommu_attached_pasids(struct device *dev);

/**
 * mock_iommu_translation() - what is on a PASID?
 * @dev: from mock_iommu_add_device()
 * @pasid: the PASID, %IOMMU_NO_PASID for the device itself
 *
 * Return: the domain, borrowed, or NULL.
 */
struct iommu_domain *mock_iommu_translation(struct device *dev, ioasid_t pasid);

/**
 * mock_iommu_leaf_size() - size of the page that maps an address
 * @domain: a domain of an instance
 * @iova: the address
 *
 * Return: the size in bytes, 0 when nothing is mapped.
 */
size_t mock_iommu_leaf_size(struct iommu_domain *domain, unsigned long iova);

/**
 * mock_iommu_dma() - a device's DMA
 * @dev: from mock_iommu_add_device()
 * @pasid: the PASID it is tagged with, %IOMMU_NO_PASID for none
 * @iova: address
 * @buf: the device's own memory
 * @len: bytes; may cross pages
 * @write: true to write @buf to memory, false to read memory into @buf
 *
 * After unmap with its sync and after detach have returned, no DMA that started before them is
 * under way: the copy is made under the locks that those take.
 *
 * Context: any but hard interrupt.
 * Return: 0, or -EFAULT when a byte is not mapped, or not for this direction. What lies
 * before the faulting page has been transferred then.
 */
int mock_iommu_dma(struct device *dev, ioasid_t pasid, u64 iova, void *buf, size_t len, bool write);

#endif /* MOCK_IOMMU_H */
