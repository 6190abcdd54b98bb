/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands bind, unbind and group share. */
#ifndef MDEVKIT_TOOLS_BIND_COMMAND_H
#define MDEVKIT_TOOLS_BIND_COMMAND_H

#include "mdevkit.h"

/* The kernel would wait for the users of a device: say who they are instead. 0, or an exit code */
int refuse_used(struct cli *cli, const struct model *m, const char *address);
/* The iommu group of a PCI device, or -1 */
long device_group(const char *address);
/* udev gives device files to their owners; wait for it, some seconds at most */
void wait_for_udev(void);

#endif
