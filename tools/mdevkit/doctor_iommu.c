// SPDX-License-Identifier: GPL-2.0-only
/* The IOMMU, PASIDs in it, and the remapping of interrupts. */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "number.h"
#include "sysfs.h"

#define CLASS "/sys/class/iommu"

/* VT-d 11.4.3, the extended capability register */
#define ECAP_PASID (1ull << 40)
#define ECAP_SCALABLE (1ull << 43)
#define ECAP_SECOND_STAGE (1ull << 46)
#define ECAP_PASID_BITS(ecap) (((ecap) >> 35 & 0x1f) + 1)

static bool is_hardware(const char *name)
{
	/* The kit's own: its groups need an IOMMU to be in. */
	return strcmp(name, "iommu_aux");
}

static char *iommu_off_remedy(void)
{
	static const char *const off[] = { "intel_iommu=off", "iommu=off", "amd_iommu=off" };
	size_t i;

	for (i = 0; i < sizeof(off) / sizeof(*off); i++)
		if (kernel_parameter(off[i]))
			return format("Take %s off the kernel's command line and reboot.", off[i]);
	return duplicate("Switch VT-d, AMD-Vi or the SMMU on in the firmware; on Intel boot with "
			 "intel_iommu=on. In a VM, give it an IOMMU.");
}

static void check_scalable(struct findings *f, const char *iommu, unsigned long long ecap)
{
	char *name = format("iommu %s", iommu);

	if (!(ecap & ECAP_SCALABLE))
		add_check(f, name, PROBLEM,
			  duplicate("VT-d without scalable mode: it has no PASIDs for slices"),
			  duplicate("None for this machine. QEMU: -device "
				    "intel-iommu,x-scalable-mode=on."));
	else if (!(ecap & ECAP_PASID))
		add_check(f, name, PROBLEM, duplicate("VT-d in scalable mode, without PASIDs"),
			  duplicate("Look for PASID in the firmware. QEMU: -device "
				    "intel-iommu,x-pasid-mode=on."));
	else if (kernel_parameter("intel_iommu=sm_off") ||
		 kernel_parameter("intel_iommu=on,sm_off"))
		add_check(f, name, PROBLEM,
			  duplicate("scalable mode is switched off by intel_iommu=sm_off"),
			  duplicate("Take sm_off off the kernel's command line and reboot."));
	else if (!(ecap & ECAP_SECOND_STAGE))
		add_check(f, name, WARNING,
			  format("VT-d in scalable mode with %llu bits of PASID, but without "
				 "second-stage tables, which Linux 6.12 needs",
				 ECAP_PASID_BITS(ecap)),
			  duplicate("Use a newer kernel if the parents' PASIDs are refused."));
	else
		add_check(f, name, OK,
			  format("VT-d can do scalable mode, with %llu bits of PASID",
				 ECAP_PASID_BITS(ecap)),
			  NULL);
}

static void check_instance(struct findings *f, const char *iommu)
{
	__cleanup_free char *path = format(CLASS "/%s/intel-iommu/ecap", iommu);
	__cleanup_free char *text = read_file(path);
	unsigned long long ecap;

	if (!strncmp(iommu, "ivhd", 4))
		add_check(f, format("iommu %s", iommu), WARNING,
			  duplicate("the kernel's driver of AMD's IOMMU takes no paging domains on "
				    "PASIDs: no slices with PASIDs"),
			  duplicate("Use types without DMA of their own, or whole functions."));
	else if (parse_number(text, 16, -1ull, &ecap))
		check_scalable(f, iommu, ecap);
	else
		add_check(f, format("iommu %s", iommu), UNKNOWN,
			  duplicate("the kernel does not show whether it can do PASIDs; the "
				    "parents below tell"),
			  NULL);
}

void check_iommu(struct findings *f)
{
	__cleanup_strv char **names = list_folder(CLASS);
	size_t i, count = 0;

	for (i = 0; names[i]; i++)
		count += is_hardware(names[i]);
	if (!count) {
		add_check(f, duplicate("iommu"), PROBLEM,
			  duplicate(
				  "no IOMMU is on: only types without DMA of their own can be had"),
			  iommu_off_remedy());
		return;
	}
	add_check(f, duplicate("iommu"), OK, format("on (%zu)", count), NULL);
	for (i = 0; names[i]; i++)
		if (is_hardware(names[i]))
			check_instance(f, names[i]);
}

enum remapping { REMAPPING_UNKNOWN, REMAPPING_ON, REMAPPING_OFF };

/*
 * The kernel tells nobody directly. On x86 the interrupt chips' names do:
 * "IR-PCI-MSIX-0000:00:03.0" is remapped, "PCI-MSIX-0000:00:03.0" is not. On other machines nothing
 * is known.
 */
static enum remapping read_remapping(void)
{
	const size_t size = 4 << 20;
	__cleanup_free char *text = must(malloc(size + 1));
	ssize_t len = read_bytes("/proc/interrupts", text, size);
	enum remapping found = REMAPPING_UNKNOWN;
	char *word, *rest = NULL;

	if (len < 0)
		return found;
	text[len] = 0;
	for (word = strtok_r(text, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest)) {
		if (!strncmp(word, "IR-", 3))
			return REMAPPING_ON;
		if (!strncmp(word, "PCI-MSI", 7) || !strncmp(word, "IO-APIC", 7))
			found = REMAPPING_OFF;
	}
	return found;
}

/* The kernel's own word, where a parent has come that far in its checks */
static bool a_parent_says_off(const struct model *m)
{
	size_t i;

	for (i = 0; i < m->nr_parents; i++)
		if (m->parents[i].pasid_blocked &&
		    !strncmp(m->parents[i].pasid_blocked, "interrupt remapping is off", 26))
			return true;
	return false;
}

static void check_unsafe(struct findings *f)
{
	__cleanup_free char *unsafe =
		read_file("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");

	if (unsafe && *unsafe == 'Y')
		add_check(f, duplicate("unsafe interrupts"), WARNING,
			  duplicate("vfio_iommu_type1 runs with allow_unsafe_interrupts: a "
				    "tenant's device may raise any interrupt of the host"),
			  duplicate("Take the option out of /etc/modprobe.d, and switch interrupt "
				    "remapping on."));
}

void check_interrupts(struct findings *f)
{
	enum remapping remapping = a_parent_says_off(&f->model) ? REMAPPING_OFF : read_remapping();

	switch (remapping) {
	case REMAPPING_ON:
		add_check(f, duplicate("interrupt remapping"), OK,
			  duplicate("on: /proc/interrupts names remapped interrupts (IR-)"), NULL);
		break;
	case REMAPPING_OFF:
		add_check(f, duplicate("interrupt remapping"), PROBLEM,
			  duplicate("off: no device with interrupts of its own is handed to a "
				    "tenant"),
			  duplicate("Switch interrupt remapping (Intel: VT-d with x2APIC) on in "
				    "the firmware; take intremap=off and nointremap off the "
				    "kernel's command line."));
		break;
	default:
		add_check(f, duplicate("interrupt remapping"), UNKNOWN,
			  duplicate("this machine's kernel does not show it to programs"), NULL);
	}
	check_unsafe(f);
}
