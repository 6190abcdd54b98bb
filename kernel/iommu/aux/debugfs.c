// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/iommu_aux: who is in which group, and what reaches which memory.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "private.h"

static struct dentry *aux_debugfs;

static void aux_show_member(struct seq_file *s, struct aux_member *m)
{
	seq_printf(s, "  member %s dma_dev %s pasid ", dev_name(m->dev),
		   dev_name(m->joined.dev));
	if (m->pasid == IOMMU_PASID_INVALID)
		seq_puts(s, "none");
	else
		seq_printf(s, "%u", m->pasid);
	seq_printf(s, " %s%s\n", READ_ONCE(m->armed_on) ? "armed" : "blocked",
		   m->dma_dev ? "" : " gone");
}

/* One line for each group, then one for each member: parsed by the lab's tests */
static int groups_show(struct seq_file *s, void *unused)
{
	struct iommu_aux_group *group;
	struct aux_domain *d;
	struct aux_member *m;

	spin_lock(&aux_spinlock);
	list_for_each_entry(group, &aux_groups, node) {
		d = to_aux_domain(group->domain);
		seq_printf(s, "group %d name %s members %zu %s domain ",
			   iommu_group_id(group->iommu_group), group->name,
			   list_count_nodes(&group->members), group->armed ? "armed" : "idle");
		if (d)
			seq_printf(s, "%u\n", d->id);
		else
			seq_puts(s, "none\n");
		list_for_each_entry(m, &group->members, node)
			aux_show_member(s, m);
	}
	spin_unlock(&aux_spinlock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(groups);

static int domains_show(struct seq_file *s, void *unused)
{
	struct iommu_aux_group *group;
	struct aux_domain *d;

	spin_lock(&aux_spinlock);
	list_for_each_entry(d, &aux_domains, node) {
		seq_printf(s, "domain %u iommu %s page_sizes %#lx aperture %#llx-%#llx armed_groups",
			   d->id, d->iommu_name,
			   d->domain.pgsize_bitmap,
			   (unsigned long long)d->domain.geometry.aperture_start,
			   (unsigned long long)d->domain.geometry.aperture_end);
		list_for_each_entry(group, &d->armed, armed_node)
			seq_printf(s, " %d", iommu_group_id(group->iommu_group));
		seq_puts(s, list_empty(&d->armed) ? " none\n" : "\n");
	}
	spin_unlock(&aux_spinlock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(domains);

void aux_debugfs_init(void)
{
	aux_debugfs = debugfs_create_dir("iommu_aux", NULL);
	debugfs_create_file("groups", 0400, aux_debugfs, NULL, &groups_fops);
	debugfs_create_file("domains", 0400, aux_debugfs, NULL, &domains_fops);
}

void aux_debugfs_exit(void)
{
	debugfs_remove(aux_debugfs);
}
