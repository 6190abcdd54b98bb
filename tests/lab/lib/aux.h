/* SPDX-License-Identifier: GPL-2.0-only */
/* What iommu_aux shows in debugfs. */
#ifndef LAB_AUX_H
#define LAB_AUX_H

unsigned int aux_armed_groups(void);
unsigned int aux_armed_members(void);
unsigned int aux_domains(void);

#endif
