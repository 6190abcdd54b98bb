/* SPDX-License-Identifier: GPL-2.0-only */
/* The PCI function that a tenant of the parent driver sees */
#ifndef MDMA_SLICE_H
#define MDMA_SLICE_H

#define MDMA_SLICE_DEVICE	0x0d0b	/* vendor: MDMA_PCI_VENDOR */
#define MDMA_SLICE_BAR_TENANT	0	/* one tenant page per ADI */
#define MDMA_SLICE_BAR_MSIX	2	/* table, then PBA at MDMA_MSIX_PBA; vector n: ADI n */

#endif /* MDMA_SLICE_H */
