// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/mdevkit/counters: how often each mdev was used, a line each, for mdevkit top.
 * What counts is on the way of each access, so it is a variable of the CPU's own, or one that a
 * lock guards anyway.
 */

#include <kunit/visibility.h>
#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "private.h"

static struct dentry *counters_dir;

/* Guards shown; innermost lock */
static DEFINE_MUTEX(shown_lock);
static LIST_HEAD(shown);

/**
 * mdevkit_counters_sum() - what all CPUs have counted
 * @kdev: the device
 * @sum: the result; what is counted meanwhile may be missed
 */
void mdevkit_counters_sum(struct mdevkit_device *kdev, struct mdevkit_counters *sum)
{
	int cpu;

	*sum = (struct mdevkit_counters){};
	for_each_possible_cpu(cpu) {
		struct mdevkit_counters *one = per_cpu_ptr(kdev->priv->counters, cpu);

		sum->reads += READ_ONCE(one->reads);
		sum->writes += READ_ONCE(one->writes);
		sum->faults += READ_ONCE(one->faults);
	}
}
EXPORT_SYMBOL_IF_KUNIT(mdevkit_counters_sum);

static int counters_show(struct seq_file *s, void *unused)
{
	struct mdevkit_device_private *priv;
	struct mdevkit_counters sum;

	guard(mutex)(&shown_lock);
	list_for_each_entry(priv, &shown, counters_entry) {
		mdevkit_counters_sum(priv->kdev, &sum);
		seq_printf(s, "%s reads %llu writes %llu interrupts %llu faults %llu\n",
			   dev_name(&priv->kdev->mdev->dev), sum.reads, sum.writes,
			   mdevkit_irqs_delivered(priv->kdev), sum.faults);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/**
 * mdevkit_counters_show() - give a device its line
 * @kdev: the device
 */
void mdevkit_counters_show(struct mdevkit_device *kdev)
{
	guard(mutex)(&shown_lock);
	list_add_tail(&kdev->priv->counters_entry, &shown);
}

/**
 * mdevkit_counters_hide() - undo of mdevkit_counters_show(); waits for whoever reads the file
 * @kdev: the device
 */
void mdevkit_counters_hide(struct mdevkit_device *kdev)
{
	guard(mutex)(&shown_lock);
	list_del(&kdev->priv->counters_entry);
}

void __init mdevkit_counters_init(void)
{
	counters_dir = debugfs_create_dir("mdevkit", NULL);
	debugfs_create_file("counters", 0400, counters_dir, NULL, &counters_fops);
}

void mdevkit_counters_exit(void)
{
	debugfs_remove(counters_dir);
}
