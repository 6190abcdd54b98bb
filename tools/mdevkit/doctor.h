/* SPDX-License-Identifier: GPL-2.0-only */
/* mdevkit doctor: the checks, by topic; each topic has a file doctor_TOPIC.c. */
#ifndef MDEVKIT_TOOLS_DOCTOR_H
#define MDEVKIT_TOOLS_DOCTOR_H

#include "model.h"

enum verdict { OK, WARNING, PROBLEM, UNKNOWN };

struct check {
	char *name;
	enum verdict verdict;
	char *text;
	char *remedy; /* NULL when there is nothing to do */
};

struct findings {
	struct model model;
	char *release; /* of the running kernel */
	struct check *checks;
	size_t nr_checks;
};

/* Takes over name, text and remedy, which are to be allocated. */
void add_check(struct findings *f, char *name, enum verdict verdict, char *text, char *remedy);

void check_kernel(struct findings *f);
void check_modules(struct findings *f);
void check_secure_boot(struct findings *f);
void check_iommu(struct findings *f);
void check_interrupts(struct findings *f);
void check_vfio(struct findings *f);
void check_memlock(struct findings *f);
void check_parents(struct findings *f);
void check_mdevs(struct findings *f);
void check_mdevctl(struct findings *f);

/* The kernel's parameter is on its command line, word for word */
bool kernel_parameter(const char *word);
/* For a reason of pasid_blocked; never NULL. Constant */
const char *pasid_remedy(const char *reason);

#endif
