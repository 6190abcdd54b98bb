// SPDX-License-Identifier: GPL-2.0-only
/* Whether there is anything behind a device any more; all others may ask. */

#include "private.h"

/* In parentheses, because private.h has a macro of that name */
bool (mdevkit_device_gone)(const struct mdevkit_device *kdev)
{
	return READ_ONCE(kdev->priv->gone);
}
EXPORT_SYMBOL_GPL(mdevkit_device_gone);
