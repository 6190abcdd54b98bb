// SPDX-License-Identifier: GPL-2.0-only
/* Access of a driver to the tenant's memory, for devices of the DMA kind software. */

#include <linux/vfio.h>

#include "private.h"

/**
 * mdevkit_dma_rw() - copy from or to the tenant's memory
 * @kdev: the device; open, of kind software
 * @iova: address as the tenant's device sees it
 * @data: the host's copy
 * @len: bytes
 * @write: true: from @data to the tenant; false: to @data
 *
 * Context: may sleep; BAR callbacks may call it, struct mdevkit_bar's page may not.
 * Return: 0; -EINVAL: another DMA kind, or the range is not mapped; -EFAULT; -EPERM:
 * mapped without that permission, or the tenant has not set Bus Master Enable.
 */
int mdevkit_dma_rw(struct mdevkit_device *kdev, u64 iova, void *data, size_t len, bool write)
{
	if (kdev->type->dma != MDEVKIT_DMA_SOFTWARE)
		return -EINVAL;
	if (!READ_ONCE(kdev->master))
		return -EPERM;
	return vfio_dma_rw(&kdev->vdev, iova, data, len, write);
}
EXPORT_SYMBOL_GPL(mdevkit_dma_rw);
