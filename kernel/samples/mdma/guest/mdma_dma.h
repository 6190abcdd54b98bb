/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDMA_DMA_H
#define MDMA_DMA_H

#include <linux/pci.h>

struct mdma_engine;

struct mdma_engine *mdma_engine_register(struct pci_dev *pdev, void __iomem *pages,
					 unsigned int nr_channels, unsigned int first_vector);
void mdma_engine_unregister(struct mdma_engine *engine);

#endif /* MDMA_DMA_H */
