// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mock IOMMU with PASIDs: see mock_iommu.h.
 */
#define pr_fmt(fmt) "mock_iommu: " fmt

#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/rbtree.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>
#include <uapi/linux/iommufd.h>

#include "mock_iommu.h"

#define LOG_SIZE	SZ_16K

struct mock_iommu {
	struct iommu_device iommu;
	struct mock_iommu_config config;
	spinlock_t lock;		/* everything below, and what is on a device */
	unsigned int fail_nth[MOCK_IOMMU_STEPS];
	int fail_error[MOCK_IOMMU_STEPS];
	mock_iommu_watch_t watch;	/* set before anything is attached; needs no lock */
	void *watch_data;
	unsigned int domains;
	unsigned int next_domain;
	size_t log_len;
	char log[LOG_SIZE];
};

struct mock_domain {
	struct iommu_domain domain;
	struct mock_iommu *iommu;
	unsigned int id;
	spinlock_t lock;		/* the tree and the list; taken inside mock_iommu.lock */
	struct rb_root leaves;
	struct list_head stale;		/* unmapped, but not invalidated: DMA still gets there */
};

/* One entry of a page table, whatever its size; once unmapped, of the IOTLB */
struct mock_leaf {
	struct rb_node node;
	struct list_head stale_node;
	unsigned long iova;
	phys_addr_t phys;
	size_t size;
	int prot;
	bool synced;	/* the IOMMU knows of it */
};

struct mock_device {
	struct mock_iommu *iommu;
	struct platform_device *pdev;
	struct device *sibling;
	struct iommu_domain *domain;
	struct xarray pasids;
};

static const struct iommu_domain_ops mock_domain_ops;
static const struct iommu_domain_ops mock_sva_only_ops;
static struct iommu_domain mock_identity_domain;

/* Not in the driver data: that belongs to a test's driver of the device */
static struct mock_device *to_mock_device(struct device *dev)
{
	return dev_iommu_priv_get(dev);
}

static struct mock_domain *to_mock_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

/* Record a step. Under iommu->lock */
static __printf(2, 3) void mock_log(struct mock_iommu *iommu, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	iommu->log_len += vscnprintf(iommu->log + iommu->log_len, LOG_SIZE - iommu->log_len,
				     fmt, args);
	va_end(args);
}

static void mock_log_end(struct mock_iommu *iommu, int error)
{
	if (error)
		mock_log(iommu, " = %d\n", error);
	else
		mock_log(iommu, "\n");
}

/* The error that the next step of a kind has to return, 0 for none. Under iommu->lock */
static int mock_fate(struct mock_iommu *iommu, enum mock_iommu_step step)
{
	if (!iommu->fail_nth[step] || --iommu->fail_nth[step])
		return 0;
	return iommu->fail_error[step];
}

/*
 * Page tables
 */

/* The leaf that maps @iova, or the nearest one below. Under d->lock */
static struct mock_leaf *mock_leaf_at_or_below(struct mock_domain *d, unsigned long iova)
{
	struct rb_node *node = d->leaves.rb_node;
	struct mock_leaf *leaf, *best = NULL;

	while (node) {
		leaf = rb_entry(node, struct mock_leaf, node);
		if (leaf->iova <= iova) {
			best = leaf;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return best;
}

static struct mock_leaf *mock_leaf_at(struct mock_domain *d, unsigned long iova)
{
	struct mock_leaf *leaf = mock_leaf_at_or_below(d, iova);

	return leaf && iova - leaf->iova < leaf->size ? leaf : NULL;
}

static int mock_insert(struct mock_domain *d, struct mock_leaf *new)
{
	struct mock_leaf *below = mock_leaf_at_or_below(d, new->iova + new->size - 1);
	struct rb_node **link = &d->leaves.rb_node, *parent = NULL;

	if (below && below->iova + below->size > new->iova)
		return -EEXIST;

	while (*link) {
		parent = *link;
		if (rb_entry(parent, struct mock_leaf, node)->iova < new->iova)
			link = &parent->rb_right;
		else
			link = &parent->rb_left;
	}
	rb_link_node(&new->node, parent, link);
	rb_insert_color(&new->node, &d->leaves);
	return 0;
}

static int mock_map_one(struct mock_domain *d, unsigned long iova, phys_addr_t phys, size_t size,
			int prot, gfp_t gfp)
{
	struct mock_leaf *leaf;
	int ret;

	leaf = kmalloc(sizeof(*leaf), gfp);
	if (!leaf)
		return -ENOMEM;

	leaf->iova = iova;
	leaf->phys = phys;
	leaf->size = size;
	leaf->prot = prot;
	leaf->synced = false;
	spin_lock_bh(&d->lock);
	ret = mock_insert(d, leaf);
	spin_unlock_bh(&d->lock);
	if (ret)
		kfree(leaf);
	return ret;
}

static int mock_map_pages(struct iommu_domain *domain, unsigned long iova, phys_addr_t phys,
			  size_t pgsize, size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	struct mock_domain *d = to_mock_domain(domain);
	int ret;

	if (iova + (pgsize * pgcount - 1) > domain->geometry.aperture_end)
		return -ERANGE;

	spin_lock_bh(&d->iommu->lock);
	ret = mock_fate(d->iommu, MOCK_IOMMU_MAP);
	spin_unlock_bh(&d->iommu->lock);

	for (; !ret && pgcount; pgcount--) {
		ret = mock_map_one(d, iova, phys, pgsize, prot, gfp);
		if (ret)
			break;
		iova += pgsize;
		phys += pgsize;
		*mapped += pgsize;
	}
	return ret;
}

/* As real hardware may, the IOMMU remembers that nothing was there until it is told */
static int mock_iotlb_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	struct mock_domain *d = to_mock_domain(domain);
	struct mock_leaf *leaf;
	size_t done = 0;

	spin_lock_bh(&d->lock);
	while (done < size && (leaf = mock_leaf_at(d, iova + done))) {
		leaf->synced = true;
		done = leaf->iova + leaf->size - iova;
	}
	spin_unlock_bh(&d->lock);
	return 0;
}

/* As real drivers do, takes away the whole of a page that is larger than was asked for */
static size_t mock_unmap_pages(struct iommu_domain *domain, unsigned long iova, size_t pgsize,
			       size_t pgcount, struct iommu_iotlb_gather *gather)
{
	struct mock_domain *d = to_mock_domain(domain);
	unsigned long end = iova + pgsize * pgcount;
	struct mock_leaf *leaf;
	size_t unmapped = 0;

	while (iova + unmapped < end) {
		unsigned long leaf_iova;
		size_t leaf_size;

		spin_lock_bh(&d->lock);
		leaf = mock_leaf_at(d, iova + unmapped);
		if (leaf) {
			leaf_iova = leaf->iova;
			leaf_size = leaf->size;
			rb_erase(&leaf->node, &d->leaves);
			list_add(&leaf->stale_node, &d->stale);
		}
		spin_unlock_bh(&d->lock);
		if (!leaf)
			break;
		unmapped += leaf_iova + leaf_size - (iova + unmapped);
		iommu_iotlb_gather_add_page(domain, gather, leaf_iova, leaf_size);
	}
	return unmapped;
}

/* As real hardware may, the IOTLB keeps what was unmapped until it is told to forget it */
static void mock_invalidate(struct mock_domain *d, unsigned long first, unsigned long last)
{
	struct mock_leaf *leaf, *next;

	spin_lock_bh(&d->lock);
	list_for_each_entry_safe(leaf, next, &d->stale, stale_node) {
		if (leaf->iova > last || leaf->iova + leaf->size - 1 < first)
			continue;
		list_del(&leaf->stale_node);
		kfree(leaf);
	}
	spin_unlock_bh(&d->lock);
}

static void mock_iotlb_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
	mock_invalidate(to_mock_domain(domain), gather->start, gather->end);
}

static void mock_flush_iotlb_all(struct iommu_domain *domain)
{
	mock_invalidate(to_mock_domain(domain), 0, ULONG_MAX);
}

/* What DMA finds: page table or IOTLB. Under d->lock */
static struct mock_leaf *mock_translate(struct mock_domain *d, unsigned long iova)
{
	struct mock_leaf *leaf = mock_leaf_at(d, iova);

	if (leaf)
		return leaf->synced ? leaf : NULL;
	list_for_each_entry(leaf, &d->stale, stale_node)
		if (iova >= leaf->iova && iova - leaf->iova < leaf->size)
			return leaf;
	return NULL;
}

static phys_addr_t mock_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	struct mock_domain *d = to_mock_domain(domain);
	struct mock_leaf *leaf;
	phys_addr_t phys = 0;

	spin_lock_bh(&d->lock);
	leaf = mock_leaf_at(d, iova);
	if (leaf)
		phys = leaf->phys + (iova - leaf->iova);
	spin_unlock_bh(&d->lock);
	return phys;
}

size_t mock_iommu_leaf_size(struct iommu_domain *domain, unsigned long iova)
{
	struct mock_domain *d = to_mock_domain(domain);
	struct mock_leaf *leaf;
	size_t size;

	spin_lock_bh(&d->lock);
	leaf = mock_leaf_at(d, iova);
	size = leaf ? leaf->size : 0;
	spin_unlock_bh(&d->lock);
	return size;
}
EXPORT_SYMBOL_GPL(mock_iommu_leaf_size);

/*
 * Domains
 */

static void mock_log_domain(struct iommu_domain *domain, const char *what)
{
	struct mock_domain *d = to_mock_domain(domain);

	spin_lock_bh(&d->iommu->lock);
	mock_log(d->iommu, "%s %u\n", what, d->id);
	spin_unlock_bh(&d->iommu->lock);
}

static bool mock_enforce_cache_coherency(struct iommu_domain *domain)
{
	struct mock_iommu_config *config = &to_mock_domain(domain)->iommu->config;

	mock_log_domain(domain, "coherent");
	return config->snoop || config->agrees_to_snoop;
}

static int mock_set_dirty_tracking(struct iommu_domain *domain, bool enabled)
{
	mock_log_domain(domain, enabled ? "dirty_on" : "dirty_off");
	return 0;
}

static int mock_read_and_clear_dirty(struct iommu_domain *domain, unsigned long iova, size_t size,
				     unsigned long flags, struct iommu_dirty_bitmap *dirty)
{
	mock_log_domain(domain, "dirty_read");
	return 0;
}

static const struct iommu_dirty_ops mock_dirty_ops = {
	.set_dirty_tracking	= mock_set_dirty_tracking,
	.read_and_clear_dirty	= mock_read_and_clear_dirty,
};

static struct iommu_domain *mock_domain_alloc(struct device *dev, u32 flags,
					      const struct iommu_user_data *user_data)
{
	struct mock_iommu *iommu = to_mock_device(dev)->iommu;
	bool dirty = flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	struct mock_domain *d;
	int ret;

	if (user_data || (flags & ~(IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_PASID)) ||
	    (dirty && !iommu->config.dirty))
		return ERR_PTR(-EOPNOTSUPP);

	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return ERR_PTR(-ENOMEM);

	spin_lock_bh(&iommu->lock);
	ret = mock_fate(iommu, MOCK_IOMMU_ALLOC);
	if (!ret) {
		d->id = ++iommu->next_domain;
		iommu->domains++;
	}
	mock_log(iommu, "alloc %u", d->id);
	mock_log_end(iommu, ret);
	spin_unlock_bh(&iommu->lock);
	if (ret) {
		kfree(d);
		return ERR_PTR(ret);
	}

	spin_lock_init(&d->lock);
	d->iommu = iommu;
	d->leaves = RB_ROOT;
	INIT_LIST_HEAD(&d->stale);
	d->domain.type = IOMMU_DOMAIN_UNMANAGED;
	d->domain.ops = iommu->config.no_paging_pasid ? &mock_sva_only_ops : &mock_domain_ops;
	d->domain.pgsize_bitmap = iommu->config.page_sizes;
	d->domain.geometry.aperture_end = iommu->config.aperture_end;
	d->domain.geometry.force_aperture = true;
	if (dirty)
		d->domain.dirty_ops = &mock_dirty_ops;
	return &d->domain;
}

MDEVKIT_DEFINE_ALLOC_PAGING_FLAGS(mock_domain_alloc);

static void mock_domain_free(struct iommu_domain *domain)
{
	struct mock_domain *d = to_mock_domain(domain);
	struct mock_leaf *leaf, *next;

	mock_log_domain(domain, "free");
	spin_lock_bh(&d->iommu->lock);
	d->iommu->domains--;
	spin_unlock_bh(&d->iommu->lock);

	rbtree_postorder_for_each_entry_safe(leaf, next, &d->leaves, node)
		kfree(leaf);
	mock_invalidate(d, 0, ULONG_MAX);
	kfree(d);
}

static int mock_attach_dev(struct iommu_domain *domain, struct device *dev,
			   struct iommu_domain *old)
{
	struct mock_domain *d = to_mock_domain(domain);
	struct mock_device *md = to_mock_device(dev);
	struct mock_iommu *iommu = md->iommu;
	int ret;

	spin_lock_bh(&iommu->lock);
	ret = d->iommu == iommu ? mock_fate(iommu, MOCK_IOMMU_ATTACH) : -EINVAL;
	mock_log(iommu, "attach %s %u", dev_name(dev), d->id);
	mock_log_end(iommu, ret);
	if (!ret)
		md->domain = domain;
	spin_unlock_bh(&iommu->lock);
	return ret;
}

MDEVKIT_DEFINE_ATTACH_DEV(mock_attach_dev);

static int mock_attach_static(struct iommu_domain *domain, struct device *dev,
			      struct iommu_domain *old)
{
	struct mock_device *md = to_mock_device(dev);

	spin_lock_bh(&md->iommu->lock);
	mock_log(md->iommu, "%s %s\n",
		 domain == &mock_identity_domain ? "identity" : "blocked", dev_name(dev));
	md->domain = domain;
	spin_unlock_bh(&md->iommu->lock);
	return 0;
}

MDEVKIT_DEFINE_ATTACH_DEV(mock_attach_static);

static int mock_set_dev_pasid(struct iommu_domain *domain, struct device *dev, ioasid_t pasid,
			      struct iommu_domain *old)
{
	struct mock_domain *d = to_mock_domain(domain);
	struct mock_device *md = to_mock_device(dev);
	struct mock_iommu *iommu = md->iommu;
	int ret;

	ret = xa_reserve(&md->pasids, pasid, GFP_KERNEL);
	if (ret)
		return ret;

	spin_lock_bh(&iommu->lock);
	if (d->iommu != iommu || (domain->dirty_ops && iommu->config.no_dirty_pasid))
		ret = -EINVAL;
	else
		ret = mock_fate(iommu, MOCK_IOMMU_SET_PASID);
	mock_log(iommu, "set_pasid %s %u %u", dev_name(dev), pasid, d->id);
	mock_log_end(iommu, ret);
	if (!ret)
		xa_store(&md->pasids, pasid, domain, GFP_ATOMIC);
	spin_unlock_bh(&iommu->lock);
	if (ret)
		xa_release(&md->pasids, pasid);
	return ret;
}

static void mock_block_pasid(struct device *dev, ioasid_t pasid, struct iommu_domain *old)
{
	struct mock_device *md = to_mock_device(dev);

	if (md->iommu->watch)
		md->iommu->watch(dev, pasid, md->iommu->watch_data);
	spin_lock_bh(&md->iommu->lock);
	mock_log(md->iommu, "block_pasid %s %u\n", dev_name(dev), pasid);
	xa_erase(&md->pasids, pasid);
	spin_unlock_bh(&md->iommu->lock);
}

MDEVKIT_DEFINE_BLOCK_PASID(mock_block_pasid);

static const struct iommu_domain_ops mock_domain_ops = {
	.attach_dev		 = MDEVKIT_ATTACH_DEV(mock_attach_dev),
	.set_dev_pasid		 = mock_set_dev_pasid,
	.map_pages		 = mock_map_pages,
	.unmap_pages		 = mock_unmap_pages,
	.flush_iotlb_all	 = mock_flush_iotlb_all,
	.iotlb_sync_map		 = mock_iotlb_sync_map,
	.iotlb_sync		 = mock_iotlb_sync,
	.iova_to_phys		 = mock_iova_to_phys,
	.enforce_cache_coherency = mock_enforce_cache_coherency,
	.free			 = mock_domain_free,
};

static const struct iommu_domain_ops mock_sva_only_ops = {
	.attach_dev		 = MDEVKIT_ATTACH_DEV(mock_attach_dev),
	.map_pages		 = mock_map_pages,
	.unmap_pages		 = mock_unmap_pages,
	.flush_iotlb_all	 = mock_flush_iotlb_all,
	.iotlb_sync_map		 = mock_iotlb_sync_map,
	.iotlb_sync		 = mock_iotlb_sync,
	.iova_to_phys		 = mock_iova_to_phys,
	.free			 = mock_domain_free,
};

static const struct iommu_domain_ops mock_static_ops = {
	.attach_dev		= MDEVKIT_ATTACH_DEV(mock_attach_static),
	MDEVKIT_BLOCK_PASID_DOMAIN_OPS(mock_block_pasid)
};

static struct iommu_domain mock_identity_domain = {
	.type	= IOMMU_DOMAIN_IDENTITY,
	.ops	= &mock_static_ops,
};

static struct iommu_domain mock_blocked_domain = {
	.type	= IOMMU_DOMAIN_BLOCKED,
	.ops	= &mock_static_ops,
};

/*
 * The driver
 */

static bool mock_capable(struct device *dev, enum iommu_cap cap)
{
	struct mock_iommu_config *config = &to_mock_device(dev)->iommu->config;

	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return !config->incoherent;
	case IOMMU_CAP_ENFORCE_CACHE_COHERENCY:
		return config->snoop;
	case IOMMU_CAP_DIRTY_TRACKING:
		return config->dirty;
	case IOMMU_CAP_DEFERRED_FLUSH:
		return true;
	default:
		return false;
	}
}

static struct iommu_device *mock_probe_device(struct device *dev)
{
	return &to_mock_device(dev)->iommu->iommu;
}

static struct iommu_group *mock_device_group(struct device *dev)
{
	struct device *sibling = to_mock_device(dev)->sibling;

	return sibling ? iommu_group_get(sibling) : generic_device_group(dev);
}

static void mock_get_resv_regions(struct device *dev, struct list_head *list)
{
	struct iommu_resv_region *region;

	region = iommu_alloc_resv_region(MOCK_IOMMU_MSI_START, MOCK_IOMMU_MSI_SIZE, 0,
					 IOMMU_RESV_MSI, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, list);
	region = iommu_alloc_resv_region(MOCK_IOMMU_HOLE_START, MOCK_IOMMU_HOLE_SIZE, 0,
					 IOMMU_RESV_RESERVED, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, list);
	if (!to_mock_device(dev)->iommu->config.direct)
		return;
	region = iommu_alloc_resv_region(MOCK_IOMMU_DIRECT_START, MOCK_IOMMU_DIRECT_SIZE,
					 IOMMU_READ | IOMMU_WRITE, IOMMU_RESV_DIRECT, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, list);
}

static int mock_def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_ops mock_iommu_ops = {
	.owner			= THIS_MODULE,
	.capable		= mock_capable,
	MDEVKIT_ALLOC_PAGING_FLAGS_OPS(mock_domain_alloc),
	.probe_device		= mock_probe_device,
	.device_group		= mock_device_group,
	.get_resv_regions	= mock_get_resv_regions,
	.def_domain_type	= mock_def_domain_type,
	.identity_domain	= &mock_identity_domain,
	.blocked_domain		= &mock_blocked_domain,
	.release_domain		= &mock_blocked_domain,
	.default_domain_ops	= &mock_domain_ops,
	MDEVKIT_BLOCK_PASID_OPS(mock_block_pasid)
};

struct mock_iommu *mock_iommu_create(const char *name, const struct mock_iommu_config *config)
{
	struct mock_iommu *iommu;
	int ret;

	iommu = kvzalloc(sizeof(*iommu), GFP_KERNEL);
	if (!iommu)
		return ERR_PTR(-ENOMEM);

	spin_lock_init(&iommu->lock);
	iommu->config = *config;
	if (!iommu->config.page_sizes)
		iommu->config.page_sizes = SZ_4K | SZ_2M | SZ_1G;
	if (!iommu->config.aperture_end)
		iommu->config.aperture_end = (1ULL << 48) - 1;
	iommu->iommu.max_pasids = config->max_pasids;

	iommu->iommu.fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(iommu->iommu.fwnode)) {
		ret = PTR_ERR(iommu->iommu.fwnode);
		goto err_free;
	}
	ret = iommu_device_sysfs_add(&iommu->iommu, NULL, NULL, "%s", name);
	if (ret)
		goto err_fwnode;
	ret = iommu_device_register(&iommu->iommu, &mock_iommu_ops, NULL);
	if (ret)
		goto err_sysfs;
	return iommu;

err_sysfs:
	iommu_device_sysfs_remove(&iommu->iommu);
err_fwnode:
	fwnode_remove_software_node(iommu->iommu.fwnode);
err_free:
	kvfree(iommu);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(mock_iommu_create);

void mock_iommu_destroy(struct mock_iommu *iommu)
{
	if (iommu->domains)
		pr_err("%u domains outlive their IOMMU\n", iommu->domains);
	iommu_device_unregister(&iommu->iommu);
	iommu_device_sysfs_remove(&iommu->iommu);
	fwnode_remove_software_node(iommu->iommu.fwnode);
	kvfree(iommu);
}
EXPORT_SYMBOL_GPL(mock_iommu_destroy);

/* Point the device to its IOMMU, as firmware tables do for a real one */
static int mock_set_fwspec(struct device *dev, struct mock_device *md)
{
	struct iommu_fwspec *fwspec = kzalloc(struct_size(fwspec, ids, 1), GFP_KERNEL);
	struct dev_iommu *di = kzalloc(sizeof(*di), GFP_KERNEL);

	if (!fwspec || !di) {
		kfree(fwspec);
		kfree(di);
		return -ENOMEM;
	}
	mutex_init(&di->lock);
	fwspec->iommu_fwnode = fwnode_handle_get(md->iommu->iommu.fwnode);
	di->fwspec = fwspec;
	di->priv = md;
	dev->iommu = di;
	return 0;
}

static void mock_clear_fwspec(struct device *dev)
{
	if (!dev->iommu)
		return;
	fwnode_handle_put(dev->iommu->fwspec->iommu_fwnode);
	kfree(dev->iommu->fwspec);
	kfree(dev->iommu);
	dev->iommu = NULL;
}

struct device *mock_iommu_add_device(struct mock_iommu *iommu, const char *name,
				     unsigned int pasid_bits, struct device *sibling)
{
	struct property_entry properties[] = {
		PROPERTY_ENTRY_U32("pasid-num-bits", pasid_bits),
		{ }
	};
	struct platform_device *pdev;
	struct mock_device *md;
	int ret = -ENOMEM;

	md = kzalloc(sizeof(*md), GFP_KERNEL);
	if (!md)
		return ERR_PTR(-ENOMEM);
	xa_init(&md->pasids);
	md->iommu = iommu;
	md->sibling = sibling;

	pdev = platform_device_alloc(name, PLATFORM_DEVID_NONE);
	if (!pdev)
		goto err_free;
	md->pdev = pdev;

	if (pasid_bits) {
		ret = device_create_managed_software_node(&pdev->dev, properties, NULL);
		if (ret)
			goto err_pdev;
	}
	ret = mock_set_fwspec(&pdev->dev, md);
	if (ret)
		goto err_pdev;
	ret = platform_device_add(pdev);
	if (ret) {
		mock_clear_fwspec(&pdev->dev);
		goto err_pdev;
	}
	if (!pdev->dev.iommu_group) {
		platform_device_unregister(pdev);
		ret = -ENODEV;
		goto err_free;
	}
	return &pdev->dev;

err_pdev:
	platform_device_put(pdev);
err_free:
	kfree(md);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(mock_iommu_add_device);

void mock_iommu_remove_device(struct device *dev)
{
	struct mock_device *md = to_mock_device(dev);

	platform_device_unregister(md->pdev);
	if (!xa_empty(&md->pasids))
		pr_err("a device was removed with PASIDs attached\n");
	xa_destroy(&md->pasids);
	kfree(md);
}
EXPORT_SYMBOL_GPL(mock_iommu_remove_device);

/*
 * For the tests
 */

void mock_iommu_fail(struct mock_iommu *iommu, enum mock_iommu_step step, unsigned int nth,
		     int error)
{
	spin_lock_bh(&iommu->lock);
	iommu->fail_nth[step] = nth;
	iommu->fail_error[step] = error;
	spin_unlock_bh(&iommu->lock);
}
EXPORT_SYMBOL_GPL(mock_iommu_fail);

void mock_iommu_watch(struct mock_iommu *iommu, mock_iommu_watch_t watch, void *data)
{
	iommu->watch_data = data;
	iommu->watch = watch;
}
EXPORT_SYMBOL_GPL(mock_iommu_watch);

const char *mock_iommu_log(struct mock_iommu *iommu)
{
	return iommu->log;
}
EXPORT_SYMBOL_GPL(mock_iommu_log);

void mock_iommu_clear_log(struct mock_iommu *iommu)
{
	spin_lock_bh(&iommu->lock);
	iommu->log_len = 0;
	iommu->log[0] = '\0';
	spin_unlock_bh(&iommu->lock);
}
EXPORT_SYMBOL_GPL(mock_iommu_clear_log);

unsigned int mock_iommu_domains(struct mock_iommu *iommu)
{
	unsigned int domains;

	spin_lock_bh(&iommu->lock);
	domains = iommu->domains;
	spin_unlock_bh(&iommu->lock);
	return domains;
}
EXPORT_SYMBOL_GPL(mock_iommu_domains);

unsigned int mock_iommu_attached_pasids(struct device *dev)
{
	struct mock_device *md = to_mock_device(dev);
	unsigned int count = 0;
	unsigned long pasid;
	void *domain;

	xa_for_each(&md->pasids, pasid, domain)
		count++;
	return count;
}
EXPORT_SYMBOL_GPL(mock_iommu_attached_pasids);

struct iommu_domain *mock_iommu_translation(struct device *dev, ioasid_t pasid)
{
	struct mock_device *md = to_mock_device(dev);

	return pasid == IOMMU_NO_PASID ? md->domain : xa_load(&md->pasids, pasid);
}
EXPORT_SYMBOL_GPL(mock_iommu_translation);

static int mock_copy(phys_addr_t phys, void *buf, size_t len, bool write)
{
	struct page *page;
	void *p;

	if (!pfn_valid(PHYS_PFN(phys)))
		return -EFAULT;
	page = pfn_to_page(PHYS_PFN(phys));
	p = kmap_local_page(page) + offset_in_page(phys);
	if (write)
		memcpy(p, buf, len);
	else
		memcpy(buf, p, len);
	kunmap_local(p);
	return 0;
}

/* One page's worth, under the instance's lock and the domain's */
static int mock_dma_page(struct iommu_domain *domain, u64 iova, void *buf, size_t len, bool write)
{
	struct mock_domain *d;
	struct mock_leaf *leaf;
	int ret = -EFAULT;

	if (!domain || domain == &mock_blocked_domain)
		return -EFAULT;
	if (domain == &mock_identity_domain)
		return mock_copy(iova, buf, len, write);

	d = to_mock_domain(domain);
	spin_lock_bh(&d->lock);
	leaf = mock_translate(d, iova);
	if (leaf && (leaf->prot & (write ? IOMMU_WRITE : IOMMU_READ)))
		ret = mock_copy(leaf->phys + (iova - leaf->iova), buf, len, write);
	spin_unlock_bh(&d->lock);
	return ret;
}

int mock_iommu_dma(struct device *dev, ioasid_t pasid, u64 iova, void *buf, size_t len, bool write)
{
	struct mock_iommu *iommu = to_mock_device(dev)->iommu;
	size_t n;
	int ret;

	for (; len; iova += n, buf += n, len -= n) {
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(iova));
		spin_lock_bh(&iommu->lock);
		ret = mock_dma_page(mock_iommu_translation(dev, pasid), iova, buf, n, write);
		spin_unlock_bh(&iommu->lock);
		if (ret)
			return ret;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(mock_iommu_dma);

MODULE_DESCRIPTION("Mock IOMMU with PASIDs, for tests");
MODULE_LICENSE("GPL");
