/* SPDX-License-Identifier: GPL-2.0-only */
/* A device's config space, as layout.c makes it and config.c has it read and written. */
#ifndef _MDEVKIT_CONFIG_H
#define _MDEVKIT_CONFIG_H

#include <linux/types.h>

struct mdevkit_pci_desc;

/**
 * struct mdevkit_config - config space of a device. Guarded by its access lock
 * @desc: the declaration
 * @size: 256 or 4096 bytes; the following four have as many each
 * @value: what is there now
 * @initial: what is there at open
 * @writable: bits that the tenant may change
 * @kept: bits that a reset leaves alone
 * @clears: bits that the tenant clears by writing 1, as many bytes too; NULL: none
 * @computed: some bytes are read from elsewhere
 * @hooked: some of the declared bytes have a callback for writes
 * @pm: offset of the capability, 0 if absent; the next two likewise
 * @express: of PCI Express
 * @msi_mask: of MSI's mask bits, which the pending bits follow
 */
struct mdevkit_config {
	const struct mdevkit_pci_desc *desc;
	size_t size;
	u8 *value;
	u8 *initial;
	u8 *writable;
	u8 *kept;
	u8 *clears;
	bool computed;
	bool hooked;
	u8 pm;
	u8 express;
	u8 msi_mask;
};

int mdevkit_layout(struct mdevkit_config *config);

#endif /* _MDEVKIT_CONFIG_H */
