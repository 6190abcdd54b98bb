/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommu_aux

#if !defined(IOMMU_AUX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IOMMU_AUX_TRACE_H

#include <linux/tracepoint.h>

#include "private.h"

/* Membership and arming: a member, its dma_dev, its PASID (-1: none, attached plainly) */
DECLARE_EVENT_CLASS(iommu_aux_member,

	TP_PROTO(struct aux_member *m, struct device *dma_dev, ioasid_t pasid,
		 struct aux_domain *d, int result),
	TP_ARGS(m, dma_dev, pasid, d, result),
	TP_STRUCT__entry(
		__field(int, group)
		__string(member, dev_name(m->dev))
		__string(dma_dev, dev_name(dma_dev))
		__field(int, pasid)
		__field(unsigned int, domain)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->group = iommu_group_id(m->group->iommu_group);
		__assign_str(member);
		__assign_str(dma_dev);
		__entry->pasid = pasid;
		__entry->domain = d ? d->id : 0;
		__entry->result = result;
	),
	TP_printk("group=%d member=%s dma_dev=%s pasid=%d domain=%u result=%d",
		  __entry->group, __get_str(member), __get_str(dma_dev),
		  __entry->pasid, __entry->domain, __entry->result)
);

DEFINE_EVENT(iommu_aux_member, iommu_aux_join,

	TP_PROTO(struct aux_member *m, struct device *dma_dev, ioasid_t pasid,
		 struct aux_domain *d, int result),
	TP_ARGS(m, dma_dev, pasid, d, result)
);

DEFINE_EVENT(iommu_aux_member, iommu_aux_leave,

	TP_PROTO(struct aux_member *m, struct device *dma_dev, ioasid_t pasid,
		 struct aux_domain *d, int result),
	TP_ARGS(m, dma_dev, pasid, d, result)
);

DEFINE_EVENT(iommu_aux_member, iommu_aux_arm,

	TP_PROTO(struct aux_member *m, struct device *dma_dev, ioasid_t pasid,
		 struct aux_domain *d, int result),
	TP_ARGS(m, dma_dev, pasid, d, result)
);

DEFINE_EVENT(iommu_aux_member, iommu_aux_disarm,

	TP_PROTO(struct aux_member *m, struct device *dma_dev, ioasid_t pasid,
		 struct aux_domain *d, int result),
	TP_ARGS(m, dma_dev, pasid, d, result)
);

/* The core sets the domain of a group, device by device; domain 0: none of ours */
DECLARE_EVENT_CLASS(iommu_aux_core,

	TP_PROTO(struct aux_member *m, struct aux_domain *d, int result),
	TP_ARGS(m, d, result),
	TP_STRUCT__entry(
		__field(int, group)
		__string(device, dev_name(m->dev))
		__field(int, pasid)
		__field(unsigned int, domain)
		__field(int, result)
	),
	TP_fast_assign(
		/* the anchor's first attach comes while its group is being made */
		__entry->group = m->group->iommu_group ?
				 iommu_group_id(m->group->iommu_group) : -1;
		__assign_str(device);
		__entry->pasid = m->pasid;
		__entry->domain = d ? d->id : 0;
		__entry->result = result;
	),
	TP_printk("group=%d device=%s pasid=%d domain=%u result=%d",
		  __entry->group, __get_str(device), __entry->pasid, __entry->domain,
		  __entry->result)
);

DEFINE_EVENT(iommu_aux_core, iommu_aux_set_domain,

	TP_PROTO(struct aux_member *m, struct aux_domain *d, int result),
	TP_ARGS(m, d, result)
);

DEFINE_EVENT(iommu_aux_core, iommu_aux_clear_domain,

	TP_PROTO(struct aux_member *m, struct aux_domain *d, int result),
	TP_ARGS(m, d, result)
);

#endif /* IOMMU_AUX_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
