// SPDX-License-Identifier: GPL-2.0-only
/* Whether there is anything behind a device any more; all others may ask. */

#include "private.h"

/**
 * mdevkit_device_gone() - has the parent gone away under this device?
 * @kdev: the device
 *
 * No lock keeps it from becoming true, not even during a callback: what a driver does after it
 * has looked must be harmless on hardware that does not answer.
 *
 * Context: any.
 * Return: true once the parent's hardware must not be touched any more.
 */
bool mdevkit_device_gone(const struct mdevkit_device *kdev)
{
	return READ_ONCE(kdev->priv->gone);
}
EXPORT_SYMBOL_GPL(mdevkit_device_gone);
