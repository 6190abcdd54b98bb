/* SPDX-License-Identifier: GPL-2.0-only */
/* What can be told of a test that does not end. */
#ifndef LAB_HANG_H
#define LAB_HANG_H

#include <sys/types.h>

/* Prints where each thread of the process group is, and who has which VFIO device or group open */
void hang_report(pid_t group);

#endif
