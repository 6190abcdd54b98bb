/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MDMA_DMA_H
#define MDMA_DMA_H

#include <linux/pci.h>

struct mdma_engine;

/**
 * mdma_engine_register() - make dmaengine channels of tenant pages
 * @pdev: the function that does the DMA; its driver has enabled it and its MSI-X vectors
 * @pages: the tenant pages, one after the other
 * @nr_channels: how many
 * @first_vector: MSI-X vector of the first page; those of the others follow
 *
 * Context: may sleep; the module of @pdev's driver is pinned while a channel is in use.
 * Return: the engine, or an ERR_PTR.
 */
struct mdma_engine *mdma_engine_register(struct pci_dev *pdev, void __iomem *pages,
					 unsigned int nr_channels, unsigned int first_vector);

/**
 * mdma_engine_unregister() - undo of mdma_engine_register()
 * @engine: the engine, or NULL
 *
 * Transfers under way are aborted. Clients that still hold a channel see it fail; the rest is
 * freed when they let go.
 *
 * Context: may sleep. The device may have gone already.
 */
void mdma_engine_unregister(struct mdma_engine *engine);

#endif /* MDMA_DMA_H */
