// SPDX-License-Identifier: GPL-2.0-only
/* Parents: can they isolate their slices, what do they offer, and what of their mdevs is amiss. */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "pci.h"
#include "sysfs.h"

#define NO_CAPABILITY "the device has no PASID capability"

struct remedy {
	const char *reason;
	const char *text;
};

/*
 * The reasons are those of kernel/iommu/aux/isolation.c and trial.c, word for word; a test compares
 * them.
 */
static const struct remedy remedies[] = {
	{ "the device has no IOMMU group",
	  "Firmware leaves the device out of the IOMMU's scope: update it, or use another slot." },
	{ "the device shares its IOMMU group with others: it needs a slot with ACS",
	  "Move the card to a slot below a root port with ACS, or switch ACS on in the firmware." },
	{ NO_CAPABILITY,
	  "None for this device: use its types without DMA of their own, or whole functions." },
	{ "PASID is not enabled: no ACS on the path to the root complex",
	  "Move the card to a slot below a root port with ACS, or switch ACS on in the firmware." },
	{ "the IOMMU supports no PASIDs (VT-d: only in scalable mode)",
	  "Boot with intel_iommu=on,sm_on; look for scalable mode in the firmware." },
	{ "no IOMMU behind this device: switch it on in firmware and kernel",
	  "Switch VT-d, AMD-Vi or the SMMU on in the firmware; on Intel boot with "
	  "intel_iommu=on." },
	{ "the device is in an aux group itself",
	  "An mdev cannot be a parent: register the hardware's device." },
	{ "interrupt remapping is off: switch it on in firmware and kernel",
	  "Switch it on in the firmware; take intremap=off off the kernel's command line." },
	{ "the IOMMU does not keep DMA coherent with the CPU's caches",
	  "None for this machine. In QEMU: -device intel-iommu,snoop-control=on." },
	{ "out of memory", "Free some memory, then ask again." },
	{ "the IOMMU gives no paging domain for the device",
	  "Read the IOMMU's lines in the kernel log; a newer kernel may know this IOMMU better." },
	{ "the IOMMU's driver does PASIDs for shared addresses only",
	  "None for this IOMMU yet: use types without DMA of their own, or whole functions." },
};

const char *pasid_remedy(const char *reason)
{
	size_t i;

	for (i = 0; i < sizeof(remedies) / sizeof(*remedies); i++)
		if (!strcmp(remedies[i].reason, reason))
			return remedies[i].text;
	return "Read the parent's lines in the kernel log.";
}

static bool offers_something(const struct model *m, const struct parent *p)
{
	size_t i;

	for (i = 0; i < p->nr_types; i++)
		if (p->types[i].available > 0)
			return true;
	return count_mdevs(m, p->name, NULL) > 0;
}

/* It was never meant to have slices with PASIDs: nothing about it is amiss. */
static bool is_for_software_types(const struct model *m, const struct parent *p)
{
	return p->pasid_blocked && offers_something(m, p) &&
	       (!p->pci ? *p->pasid_blocked : !strcmp(p->pasid_blocked, NO_CAPABILITY));
}

/*
 * A parent that offers something all the same has types without DMA of their own, and may have no
 * others.
 */
static void check_blocked(struct findings *f, const struct parent *p, char *name)
{
	if (!offers_something(&f->model, p))
		add_check(f, name, PROBLEM, format("offers nothing: %s", p->pasid_blocked),
			  duplicate(pasid_remedy(p->pasid_blocked)));
	else if (!is_for_software_types(&f->model, p))
		add_check(f, name, WARNING,
			  format("has no slices with PASIDs, only types without DMA of their own: "
				 "%s",
				 p->pasid_blocked),
			  duplicate(pasid_remedy(p->pasid_blocked)));
	else if (p->pci)
		add_check(f, name, OK,
			  duplicate("has types without DMA of their own only: " NO_CAPABILITY),
			  NULL);
	else
		add_check(f, name, OK,
			  duplicate("is made of software: its types have no DMA of their own"),
			  NULL);
}

static void check_offer(struct findings *f, const struct parent *p)
{
	char *name = format("parent %s", p->name);

	if (!p->complete)
		add_check(f, name, WARNING,
			  duplicate("is being removed: it has no mdev_supported_types"), NULL);
	else if (!p->nr_types)
		add_check(f, name, PROBLEM,
			  format("has no types: its driver %s offers none", p->driver ?: "(none)"),
			  duplicate("Read what the driver says in the kernel log."));
	else if (!p->kit)
		add_check(f, name, OK,
			  duplicate("not of the kit: its driver answers for its isolation"), NULL);
	else if (!p->pasid_blocked)
		add_check(f, name, UNKNOWN,
			  format("%s/mdevkit/pasid_blocked cannot be read", p->path), NULL);
	else if (*p->pasid_blocked)
		check_blocked(f, p, name);
	else
		add_check(f, name, OK,
			  duplicate(offers_something(&f->model, p)
					    ? "can isolate its slices by PASID"
					    : "can isolate its slices by PASID; nothing is left to "
					      "be made"),
			  NULL);
}

/* The kernel's answer counts: it knows devices that isolate without the capability. */
static enum verdict unless_isolated(const struct parent *p)
{
	return p->pasid_blocked && !*p->pasid_blocked ? OK : WARNING;
}

static void check_pasid(struct findings *f, const struct parent *p)
{
	char *name = format("parent %s, PASID", p->name);
	struct pci_config config;

	if (!pci_read_config(p->path, &config))
		add_check(f, name, UNKNOWN, format("%s/config cannot be read", p->path), NULL);
	else if (config.size == 64)
		add_check(f, name, UNKNOWN,
			  duplicate("only root can read the device's capabilities"),
			  duplicate("Run mdevkit doctor as root."));
	else if (!pci_has_pasid(&config))
		add_check(f, name, unless_isolated(p),
			  duplicate("the device has no PASID capability"), NULL);
	else if (!pci_pasid_enabled(&config))
		add_check(f, name, unless_isolated(p),
			  duplicate("the device has the capability, but the kernel has not enabled "
				    "it"),
			  NULL);
	else
		add_check(f, name, OK,
			  duplicate("the device has the capability, and it is enabled"), NULL);
}

/* One function on the way; returns false when there is something to say of it. */
static bool acs_isolates(struct findings *f, const struct parent *p, const char *path)
{
	const char *address = strrchr(path, '/') + 1;
	struct pci_config config;
	enum pci_acs acs = pci_read_config(path, &config) ? pci_check_acs(&config) : ACS_UNKNOWN;
	char *name;

	if (acs == ACS_ISOLATES)
		return true;
	name = format("parent %s, ACS", p->name);
	if (acs == ACS_MISSING)
		add_check(f, name, unless_isolated(p), format("%s has no ACS", address),
			  duplicate("Move the card to a slot below a root port with ACS."));
	else if (acs == ACS_OFF)
		add_check(f, name, unless_isolated(p),
			  format("%s has ACS, but it does not send all requests up", address),
			  duplicate("Switch ACS on in the firmware; take pci=disable_acs_redir off "
				    "the kernel's command line."));
	else
		add_check(f, name, UNKNOWN,
			  format("only root can read the capabilities of %s", address),
			  duplicate("Run mdevkit doctor as root."));
	return false;
}

/* From the device up to the root complex; the folders in between are those of its bridges. */
static void check_acs(struct findings *f, const struct parent *p)
{
	__cleanup_free char *path = duplicate(p->path);
	bool isolates = true;
	char *slash;

	while ((slash = strrchr(path, '/')) && is_pci_address(slash + 1)) {
		isolates &= acs_isolates(f, p, path);
		*slash = 0;
	}
	if (isolates)
		add_check(f, format("parent %s, ACS", p->name), OK,
			  duplicate("on, on the whole path to the root complex"), NULL);
}

static void check_no_parent(struct findings *f)
{
	if (!f->model.has_bus)
		add_check(f, duplicate("parents"), PROBLEM,
			  duplicate("none, and the mdev bus is not there: no driver with mediated "
				    "devices is loaded"),
			  duplicate("Load your device's driver, or try the kit's samples: modprobe "
				    "mtty."));
	else
		add_check(f, duplicate("parents"), PROBLEM,
			  duplicate("none: mdevctl types is empty because no driver has registered "
				    "a parent"),
			  duplicate("Load your device's driver, and see whether it has bound the "
				    "device (lspci -k); or try modprobe mtty."));
}

void check_parents(struct findings *f)
{
	size_t i;

	if (!f->model.nr_parents)
		check_no_parent(f);
	for (i = 0; i < f->model.nr_parents; i++) {
		const struct parent *p = &f->model.parents[i];

		check_offer(f, p);
		if (p->kit && p->pci && !is_for_software_types(&f->model, p)) {
			check_pasid(f, p);
			check_acs(f, p);
		}
	}
}

static size_t mdevs_in_group(const struct model *m, long group, size_t from)
{
	size_t i, count = 0;

	for (i = from; i < m->nr_mdevs; i++)
		count += m->mdevs[i].group == group;
	return count;
}

void check_mdevs(struct findings *f)
{
	const struct model *m = &f->model;
	size_t i;

	for (i = 0; i < m->nr_mdevs; i++) {
		const struct mdev *d = &m->mdevs[i];

		if (!d->type) {
			add_check(f, format("mdev %s", d->uuid), WARNING,
				  duplicate("is half removed"),
				  duplicate("If it stays, its removal waits for its user: end the "
					    "program that uses it."));
			continue;
		}
		if (d->group < 0 ||
		    mdevs_in_group(m, d->group, 0) != mdevs_in_group(m, d->group, i) ||
		    mdevs_in_group(m, d->group, i) < 2)
			continue;
		add_check(f, format("group %ld", d->group), WARNING,
			  format("has %zu mdevs: KubeVirt tells them apart by the group's number, "
				 "so they collide",
				 mdevs_in_group(m, d->group, i)),
			  duplicate("For KubeVirt remove the mdevs, then mdevkit policy PARENT "
				    "mdev."));
	}
}
