// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdma: parent driver of the lab's DMA engine (docs/mdma-device.md).
 *
 * Bound as "mdma" it cuts the function into mdevs of 1, 2 or 4 ADIs, each behind a PASID of
 * its own. ADI 0 stays with the host: guest/mdma_dma.c makes a dmaengine channel of it.
 * Bound as "mdma-whole", which the administrator asks for by driver_override, it hands out the
 * whole function as one mdev, translated by the function's requester ID.
 */
#include <linux/bitmap.h>
#include <linux/idr.h>
#include <linux/iopoll.h>
#include <linux/log2.h>
#include <linux/pci.h>

#include <mdevkit/mdevkit.h>

#include "guest/mdma_dma.h"
#include "mdma_regs.h"
#include "slice.h"

#define MDMA_DRAIN_USECS	1000000	/* far more than a descriptor of MDMA_MAX_LEN takes */
#define MDMA_HOST_ADI		0
#define MDMA_TYPES		3

static bool host_channel = true;
module_param(host_channel, bool, 0444);
MODULE_PARM_DESC(host_channel, "Keep one ADI of a sliced function for the host (default: yes)");

/* One function */
struct mdma {
	struct pci_dev *pdev;
	struct mdevkit_parent *parent;
	void __iomem *host;
	void __iomem *tenant;
	phys_addr_t tenant_phys;
	unsigned int nr_adis;
	unsigned int first_adi;		/* that slices may have; those before are the host's */
	struct ida adis;		/* those that are in a slice; locks itself */
	struct mdma_engine *host_engine;	/* of MDMA_HOST_ADI, or NULL */
	bool whole;
	unsigned int nr_types;
	struct mdevkit_type types[MDMA_TYPES];
	struct mdevkit_pci_desc pci[MDMA_TYPES];
};

/* One mdev */
struct mdma_slice {
	struct mdevkit_device kdev;
	struct mdma *mdma;
	unsigned int nr_adis;
	u8 adis[MDMA_MAX_ADIS];
};

static struct mdma_slice *to_slice(struct mdevkit_device *kdev)
{
	return container_of(kdev, struct mdma_slice, kdev);
}

static void __iomem *mdma_host_page(struct mdma *mdma, unsigned int adi)
{
	return mdma->host + MDMA_HOST_PAGE(adi);
}

/* Off: the tenant page has its reset values, ignores writes, and does no DMA */
static void adi_disable(struct mdma *mdma, unsigned int adi)
{
	void __iomem *page = mdma_host_page(mdma, adi);

	iowrite32(0, page + MDMA_H_CTRL);
	iowrite32(0, page + MDMA_H_PASID);
	/* once this read returns, no DMA of the former setting happens */
	ioread32(page + MDMA_H_STATUS);
}

/* All registers as after power-on, and stopped: a tenant may set it up, no DMA happens */
static void adi_reset(struct mdma *mdma, unsigned int adi)
{
	void __iomem *page = mdma_host_page(mdma, adi);

	adi_disable(mdma, adi);
	iowrite32(MDMA_H_CTRL_ENABLE, page + MDMA_H_CTRL);
	iowrite32(MDMA_CMD_DRAIN, page + MDMA_H_CMD);
}

/* Lets a new ADI start, or one that was stopped go on */
static int adi_start(struct mdma *mdma, unsigned int adi, ioasid_t pasid)
{
	void __iomem *page = mdma_host_page(mdma, adi);
	u32 where = pasid == IOMMU_NO_PASID ? 0 : pasid | MDMA_H_PASID_VALID;
	u32 ctrl = MDMA_H_CTRL_ENABLE | (where ? 0 : MDMA_H_CTRL_RID);

	iowrite32(where, page + MDMA_H_PASID);
	iowrite32(ctrl, page + MDMA_H_CTRL);
	if (ioread32(page + MDMA_H_PASID) == where && ioread32(page + MDMA_H_CTRL) == ctrl) {
		iowrite32(MDMA_CMD_RESUME, page + MDMA_H_CMD);
		return 0;
	}
	dev_err_ratelimited(&mdma->pdev->dev, "ADI %u does not take PASID %u\n", adi, pasid);
	adi_disable(mdma, adi);
	return -EIO;
}

/* Waits until an ADI that was told to drain has stopped, and makes it forget its PASID */
static void adi_stop(struct mdma *mdma, unsigned int adi)
{
	void __iomem *page = mdma_host_page(mdma, adi);
	u32 status;

	if (readl_poll_timeout(page + MDMA_H_STATUS, status,
			       !(status & MDMA_H_STATUS_BUSY) || status == ~0U,
			       20, MDMA_DRAIN_USECS)) {
		dev_warn_ratelimited(&mdma->pdev->dev, "ADI %u does not drain: disabled\n", adi);
		adi_disable(mdma, adi);
		return;
	}
	iowrite32(0, page + MDMA_H_PASID);
	iowrite32(MDMA_H_CTRL_ENABLE, page + MDMA_H_CTRL);
	ioread32(page + MDMA_H_STATUS);
}

static void slice_release_adis(struct mdma_slice *slice)
{
	while (slice->nr_adis) {
		unsigned int adi = slice->adis[--slice->nr_adis];

		if (!mdevkit_device_gone(&slice->kdev))
			adi_disable(slice->mdma, adi);
		mdevkit_irq_unbind_hw(&slice->kdev, slice->nr_adis);
		ida_free(&slice->mdma->adis, adi);
	}
}

static int slice_create(struct mdevkit_device *kdev)
{
	struct mdma_slice *slice = to_slice(kdev);
	unsigned int nr = kdev->type->driver_data;
	int adi, ret;

	slice->mdma = mdevkit_parent_drvdata(kdev->parent);
	while (slice->nr_adis < nr) {
		adi = ida_alloc_range(&slice->mdma->adis, slice->mdma->first_adi,
				      slice->mdma->nr_adis - 1, GFP_KERNEL);
		ret = adi < 0 ? adi :
		      mdevkit_irq_bind_hw(kdev, slice->nr_adis,
					  pci_irq_vector(slice->mdma->pdev, MDMA_VECTOR_ADI(adi)));
		if (ret) {
			if (adi >= 0)
				ida_free(&slice->mdma->adis, adi);
			slice_release_adis(slice);
			return ret;
		}
		slice->adis[slice->nr_adis++] = adi;
	}
	return 0;
}

static void slice_destroy(struct mdevkit_device *kdev)
{
	slice_release_adis(to_slice(kdev));
}

static int slice_reset(struct mdevkit_device *kdev)
{
	struct mdma_slice *slice = to_slice(kdev);

	for (unsigned int i = 0; i < slice->nr_adis; i++)
		adi_reset(slice->mdma, slice->adis[i]);
	return 0;
}

static int slice_start_dma(struct mdevkit_device *kdev, ioasid_t pasid)
{
	struct mdma_slice *slice = to_slice(kdev);
	int ret = 0;

	for (unsigned int i = 0; i < slice->nr_adis && !ret; i++)
		ret = adi_start(slice->mdma, slice->adis[i], pasid);
	if (ret)
		slice_reset(kdev);
	return ret;
}

static void slice_drain(struct mdevkit_device *kdev)
{
	struct mdma_slice *slice = to_slice(kdev);
	struct mdma *mdma = slice->mdma;

	if (mdevkit_device_gone(kdev))
		return;
	/* all at once, then wait for each */
	for (unsigned int i = 0; i < slice->nr_adis; i++)
		iowrite32(MDMA_CMD_DRAIN, mdma_host_page(mdma, slice->adis[i]) + MDMA_H_CMD);
	for (unsigned int i = 0; i < slice->nr_adis; i++)
		adi_stop(mdma, slice->adis[i]);
}

static int slice_page(struct mdevkit_device *kdev, pgoff_t pgoff, struct mdevkit_io_page *page)
{
	struct mdma_slice *slice = to_slice(kdev);

	/* BARs are powers of two: behind the last ADI there is nothing */
	if (pgoff >= slice->nr_adis)
		return -ENXIO;
	page->phys = slice->mdma->tenant_phys + MDMA_TENANT_PAGE(slice->adis[pgoff]);
	page->virt = slice->mdma->tenant + MDMA_TENANT_PAGE(slice->adis[pgoff]);
	return 0;
}

static struct device *slice_dma_dev(struct mdevkit_device *kdev)
{
	return mdevkit_parent_dev(kdev->parent);
}

static const struct mdevkit_device_ops slice_ops = {
	.create = slice_create,
	.destroy = slice_destroy,
	.reset = slice_reset,
	.start_dma = slice_start_dma,
	.drain = slice_drain,
	.dma_dev = slice_dma_dev,
};

static struct mdevkit_driver mdma_mdev_driver = {
	.name = "mdma",
	.device_size = MDEVKIT_DEVICE_SIZE(struct mdma_slice, kdev),
	.ops = &slice_ops,
};

static const struct mdevkit_type slice_types[MDMA_TYPES] = {
	{
		.sysfs_name = "1",
		.pretty_name = "mdma 1 channel",
		.description = "1 channel of a DMA engine, isolated by PASID",
		.cost = 1,
		.dma = MDEVKIT_DMA_PASID,
	}, {
		.sysfs_name = "2",
		.pretty_name = "mdma 2 channels",
		.description = "2 channels of a DMA engine, isolated by PASID",
		.cost = 2,
		.dma = MDEVKIT_DMA_PASID,
	}, {
		.sysfs_name = "4",
		.pretty_name = "mdma 4 channels",
		.description = "4 channels of a DMA engine, isolated by PASID",
		.cost = 4,
		.dma = MDEVKIT_DMA_PASID,
	},
};

static const struct mdevkit_type whole_type = {
	.sysfs_name = "1",
	.pretty_name = "mdma whole function",
	.description = "All of a DMA engine, isolated by its requester ID",
	.cost = 1,
	.dma = MDEVKIT_DMA_LOOKUP,
};

/* What a tenant of @adis ADIs sees, see slice.h; the size of a BAR is a power of two */
static void mdma_add_type(struct mdma *mdma, const struct mdevkit_type *type, unsigned int adis)
{
	u64 size = (u64)roundup_pow_of_two(adis) * MDMA_PAGE_SIZE;
	unsigned int n = mdma->nr_types++;

	mdma->pci[n] = (struct mdevkit_pci_desc) {
		.vendor = MDMA_PCI_VENDOR,
		.device = MDMA_SLICE_DEVICE,
		.class = PCI_CLASS_SYSTEM_DMA << 8,
		.revision = MDMA_PCI_REVISION,
		.msix_vectors = adis,
		.msix_bar = MDMA_SLICE_BAR_MSIX,
		.msix_pba = MDMA_MSIX_PBA,
		.express = true,
		.pm = true,
		.bars = {
			[MDMA_SLICE_BAR_TENANT] = {
				.size = size,
				.flags = PCI_BASE_ADDRESS_MEM_TYPE_64,
				.passthrough_size = size,
				.page = slice_page,
			},
			[MDMA_SLICE_BAR_MSIX] = { .size = 2 * MDMA_PAGE_SIZE },
		},
	};
	mdma->types[n] = *type;
	mdma->types[n].pci = &mdma->pci[n];
	mdma->types[n].driver_data = adis;
}

static int mdma_map(struct mdma *mdma)
{
	struct pci_dev *pdev = mdma->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	mdma->host = pcim_iomap_region(pdev, MDMA_BAR_HOST, "mdma");
	if (IS_ERR(mdma->host))
		return PTR_ERR(mdma->host);
	mdma->tenant = pcim_iomap_region(pdev, MDMA_BAR_TENANT, "mdma");
	if (IS_ERR(mdma->tenant))
		return PTR_ERR(mdma->tenant);
	mdma->tenant_phys = pci_resource_start(pdev, MDMA_BAR_TENANT);
	return 0;
}

static int mdma_start(struct mdma *mdma)
{
	struct pci_dev *pdev = mdma->pdev;
	u32 id = ioread32(mdma->host + MDMA_G_ID);
	u32 version = ioread32(mdma->host + MDMA_G_VERSION);
	int vectors;

	mdma->nr_adis = ioread32(mdma->host + MDMA_G_ADIS);
	if (id != MDMA_ID || version >> 16 != MDMA_VERSION >> 16 ||
	    !mdma->nr_adis || mdma->nr_adis > MDMA_MAX_ADIS)
		return dev_err_probe(&pdev->dev, -ENODEV,
				     "ID %#x, version %#x: no mdma that this driver knows\n",
				     id, version);
	iowrite32(MDMA_G_CTRL_RESET, mdma->host + MDMA_G_CTRL);
	pci_set_master(pdev);
	/* fewer vectors than ADIs: the last ADIs are left out */
	vectors = pci_alloc_irq_vectors(pdev, MDMA_VECTOR_ADI(0) + 1,
					MDMA_VECTOR_ADI(mdma->nr_adis), PCI_IRQ_MSIX);
	if (vectors < 0)
		return dev_err_probe(&pdev->dev, vectors, "no MSI-X vectors\n");
	mdma->nr_adis = vectors - MDMA_VECTOR_ADI(0);
	return 0;
}

static void mdma_stop(struct mdma *mdma)
{
	iowrite32(MDMA_G_CTRL_RESET, mdma->host + MDMA_G_CTRL);
	pci_free_irq_vectors(mdma->pdev);
	pci_clear_master(mdma->pdev);
}

static struct mdevkit_parent *mdma_register(struct mdma *mdma)
{
	unsigned int capacity = mdma->nr_adis - mdma->first_adi;

	for (unsigned int i = 0; !mdma->whole && i < MDMA_TYPES; i++)
		mdma_add_type(mdma, &slice_types[i], slice_types[i].cost);
	if (mdma->whole) {
		mdma_add_type(mdma, &whole_type, mdma->nr_adis);
		capacity = whole_type.cost;
	}
	return mdevkit_register_parent(&mdma->pdev->dev, &mdma_mdev_driver, mdma->types,
				       mdma->nr_types, capacity, mdma);
}

/* A function that is cut leaves one ADI to the host, which uses it by the requester ID */
static int mdma_add_host_channel(struct mdma *mdma)
{
	int ret;

	if (!host_channel || mdma->whole || mdma->nr_adis < 2)
		return 0;
	ret = adi_start(mdma, MDMA_HOST_ADI, IOMMU_NO_PASID);
	if (ret)
		return ret;
	mdma->host_engine = mdma_engine_register(mdma->pdev,
						 mdma->tenant + MDMA_TENANT_PAGE(MDMA_HOST_ADI), 1,
						 MDMA_VECTOR_ADI(MDMA_HOST_ADI));
	if (IS_ERR(mdma->host_engine))
		return PTR_ERR(mdma->host_engine);
	mdma->first_adi = MDMA_HOST_ADI + 1;
	return 0;
}

static int mdma_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct mdma *mdma;
	int ret;

	mdma = devm_kzalloc(&pdev->dev, sizeof(*mdma), GFP_KERNEL);
	if (!mdma)
		return -ENOMEM;
	mdma->pdev = pdev;
	mdma->whole = id->driver_data;
	ida_init(&mdma->adis);
	pci_set_drvdata(pdev, mdma);
	ret = mdma_map(mdma) ?: mdma_start(mdma);
	if (ret)
		return ret;
	ret = mdma_add_host_channel(mdma);
	if (ret)
		goto err_stop;
	mdma->parent = mdma_register(mdma);
	ret = PTR_ERR_OR_ZERO(mdma->parent);
	if (ret)
		goto err_engine;
	return 0;

err_engine:
	mdma_engine_unregister(mdma->host_engine);
err_stop:
	mdma_stop(mdma);
	return ret;
}

static void mdma_remove(struct pci_dev *pdev)
{
	struct mdma *mdma = pci_get_drvdata(pdev);

	/* surprise removal: do not wait for tenants to find out by themselves */
	if (!pci_device_is_present(pdev))
		mdevkit_parent_set_gone(mdma->parent);
	mdevkit_unregister_parent(mdma->parent);
	mdma_engine_unregister(mdma->host_engine);
	mdma_stop(mdma);
	ida_destroy(&mdma->adis);
}

static const struct pci_device_id mdma_ids[] = {
	{ PCI_DEVICE(MDMA_PCI_VENDOR, MDMA_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, mdma_ids);

static struct pci_driver mdma_driver = {
	.name = "mdma",
	.id_table = mdma_ids,
	.probe = mdma_probe,
	.remove = mdma_remove,
};

/* Only where the administrator says so: echo mdma-whole > …/driver_override */
static const struct pci_device_id mdma_whole_ids[] = {
	{ PCI_DEVICE_DRIVER_OVERRIDE(MDMA_PCI_VENDOR, MDMA_PCI_DEVICE, 1), .driver_data = true },
	{ }
};

static struct pci_driver mdma_whole_driver = {
	.name = "mdma-whole",
	.id_table = mdma_whole_ids,
	.probe = mdma_probe,
	.remove = mdma_remove,
	/* the function's DMA belongs to its one tenant, not to the host's DMA API */
	.driver_managed_dma = true,
};

static int __init mdma_init(void)
{
	int ret;

	ret = mdevkit_register_driver(&mdma_mdev_driver);
	if (ret)
		return ret;
	ret = pci_register_driver(&mdma_driver);
	if (ret)
		goto err_mdev;
	ret = pci_register_driver(&mdma_whole_driver);
	if (ret)
		goto err_mdma;
	return 0;

err_mdma:
	pci_unregister_driver(&mdma_driver);
err_mdev:
	mdevkit_unregister_driver(&mdma_mdev_driver);
	return ret;
}

static void __exit mdma_exit(void)
{
	pci_unregister_driver(&mdma_whole_driver);
	pci_unregister_driver(&mdma_driver);
	mdevkit_unregister_driver(&mdma_mdev_driver);
}

module_init(mdma_init);
module_exit(mdma_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Parent driver of the mdma DMA engine");
