// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can a device keep the users of its PASIDs apart? If not, why, for people.
 */
#include <linux/msi.h>
#include <linux/pci.h>

#include "private.h"

/* Does the IOMMU core allow PASIDs on this device at all? */
bool aux_has_pasids(struct device *dma_dev)
{
	return dma_dev->iommu && dma_dev->iommu->max_pasids > 0;
}

static int aux_count_device(struct device *dev, void *data)
{
	unsigned int *count = data;

	(*count)++;
	return 0;
}

/*
 * Who shares a device's IOMMU group may send what looks like the device's own DMA: it would
 * share the translations of a whole device, and could forge the PASIDs of slices. A
 * device that is plugged in later finds no user: as long as a PASID is attached or the device
 * is claimed the core gives the group to nobody, and the next arming is refused.
 */
static int aux_check_alone(struct device *dma_dev, const char **reason)
{
	struct iommu_group *iommu_group = iommu_group_get(dma_dev);
	unsigned int count = 0;

	if (!iommu_group) {
		*reason = "the device has no IOMMU group";
		return -ENODEV;
	}
	iommu_group_for_each_dev(iommu_group, &count, aux_count_device);
	iommu_group_put(iommu_group);

	if (count != 1) {
		*reason = "the device shares its IOMMU group with others: it needs a slot with ACS";
		return -EOPNOTSUPP;
	}
	return 0;
}

static int aux_check_pasid(struct device *dma_dev, const char **reason)
{
	if (dev_is_pci(dma_dev)) {
		struct pci_dev *pdev = to_pci_dev(dma_dev);

		if (!pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_PASID)) {
			*reason = "the device has no PASID capability";
			return -EOPNOTSUPP;
		}
		/*
		 * The IOMMU driver tries to enable PASID when it meets the device, and goes on
		 * without when that fails: attaching a PASID would report success all the same.
		 */
		if (aux_has_pasids(dma_dev) && !pdev->pasid_enabled) {
			*reason = "PASID is not enabled: no ACS on the path to the root complex";
			return -EOPNOTSUPP;
		}
	}
	if (!aux_has_pasids(dma_dev)) {
		*reason = "the IOMMU supports no PASIDs (VT-d: only in scalable mode)";
		return -EOPNOTSUPP;
	}
	return aux_check_alone(dma_dev, reason);
}

/*
 * What join asks of a device. @whole: it will be attached plainly. -ENODEV: no IOMMU;
 * -EOPNOTSUPP: no isolation; -EINVAL: a member itself.
 */
int aux_check(struct device *dma_dev, bool whole, const char **reason)
{
	struct iommu_device *instance = aux_instance(dma_dev);

	if (!instance) {
		*reason = "no IOMMU behind this device: switch it on in firmware and kernel";
		return -ENODEV;
	}
	if (instance == aux_iommu_device()) {
		*reason = "the device is in an aux group itself";
		return -EINVAL;
	}
	if (dev_get_msi_domain(dma_dev) && !msi_device_has_isolated_msi(dma_dev)) {
		*reason = "interrupt remapping is off: switch it on in firmware and kernel";
		return -EOPNOTSUPP;
	}
	if (!device_iommu_capable(dma_dev, IOMMU_CAP_CACHE_COHERENCY)) {
		*reason = "the IOMMU does not keep DMA coherent with the CPU's caches";
		return -EOPNOTSUPP;
	}
	return whole ? aux_check_alone(dma_dev, reason) :
		       aux_check_pasid(dma_dev, reason);
}

int iommu_aux_check_device(struct device *dma_dev, unsigned int flags, const char **reason)
{
	bool whole = flags & IOMMU_AUX_WHOLE_DEVICE;
	const char *unused;
	int ret;

	if (!reason)
		reason = &unused;
	*reason = NULL;

	if (flags & ~IOMMU_AUX_WHOLE_DEVICE) {
		*reason = "unknown flags";
		return -EINVAL;
	}

	ret = aux_check(dma_dev, whole, reason);
	if (!ret && !whole)
		ret = aux_trial_paging(dma_dev, reason);
	return ret;
}
EXPORT_SYMBOL_GPL(iommu_aux_check_device);
