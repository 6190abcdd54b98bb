// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents that cannot isolate by PASID: they offer nothing, refuse, and say why. What should be
 * the case follows from the machine: lab.topology on the kernel's command line (lab/qemu/args).
 */
#include <dirent.h>
#include <string.h>

#include "dmesg.h"
#include "mdma.h"

/* What the administrator is told, word for word, on which machine */
#define NO_ACS	"PASID is not enabled: no ACS on the path to the root complex"

static const struct {
	const char *word;
	const char *reason;
} lacking[] = {
	{ "no-cap", "the device has no PASID capability" },
	{ "no-pasid", "the IOMMU supports no PASIDs (VT-d: only in scalable mode)" },
	{ "no-scalable", "the IOMMU supports no PASIDs (VT-d: only in scalable mode)" },
	{ "no-intremap", "interrupt remapping is off: switch it on in firmware and kernel" },
	{ "no-iommu", "no IOMMU behind this device: switch it on in firmware and kernel" },
};

static char topology[256];

/* Is @word among the machine's topology words? */
static bool has_word(const char *word)
{
	char list[256], *save = NULL;

	strcpy(list, topology);
	for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save))
		if (!strcmp(w, word))
			return true;
	return false;
}

static const char *ready(void)
{
	char cmdline[4096], *at;

	if (sysfs_read(cmdline, sizeof(cmdline), "/proc/cmdline"))
		return "no /proc/cmdline";
	at = strstr(cmdline, "lab.topology=");
	if (at)
		sscanf(at, "lab.topology=%255[^ ]", topology);
	if (module_load("mdma", NULL))
		return "module mdma cannot be loaded";
	return NULL;
}

/* The function offers nothing, refuses, and gives this reason and no other, in sysfs and the log */
static void check_refused(const char *bdf, const char *want)
{
	static const char * const types[] = { "1", "2", "4" };
	char parent[64], reason[256], uuid[UUID_SIZE];
	struct dmesg log;

	snprintf(parent, sizeof(parent), PCI_DEVICES "%s", bdf);
	REQUIRE_OK(sysfs_read(reason, sizeof(reason), "%s/mdevkit/pasid_blocked", parent));
	CHECK_STR(reason, want, "%s", bdf);
	mdev_uuid(1, uuid);
	REQUIRE(!dmesg_mark(&log, "a refusal"));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		char type[16], line[512];
		unsigned int named = 0;

		snprintf(type, sizeof(type), "mdma-%s", types[i]);
		CHECK_EQ(mdev_available(parent, type), 0, "%s", type);
		dmesg_kit_lines(&log, NULL, NULL);
		CHECK_ERR(mdev_create(parent, type, uuid), EOPNOTSUPP, "%s", type);
		snprintf(line, sizeof(line), "mdma %s: no mdev of type %s: %s", bdf, types[i],
			 want);
		CHECK_EQ(dmesg_kit_lines(&log, line, &named), 1, "%s", type);
		CHECK_EQ(named, 1, "%s", line);
		CHECK(!mdev_exists(uuid));
	}
}

static void check_offered(const char *bdf)
{
	char parent[64], reason[256];

	snprintf(parent, sizeof(parent), PCI_DEVICES "%s", bdf);
	REQUIRE_OK(sysfs_read(reason, sizeof(reason), "%s/mdevkit/pasid_blocked", parent));
	CHECK_STR(reason, "");
	CHECK(mdev_available(parent, "mdma-1") > 0);
}

TEST("the function on the root bus is refused exactly when the machine cannot isolate it")
{
	REQUIRE(path_exists(MDMA_PARENT), "this machine has no mdma device");
	for (size_t i = 0; i < ARRAY_SIZE(lacking); i++) {
		if (!has_word(lacking[i].word))
			continue;
		check_refused(MDMA_BDF, lacking[i].reason);
		return;
	}
	check_offered(MDMA_BDF);
}

TEST("a function behind a root port without ACS is refused")
{
	struct dirent *entry;
	unsigned int found = 0;
	DIR *dir;

	if (!has_word("no-acs"))
		SKIP("this machine has no such port (topology no-acs)");
	dir = opendir(PCI_DEVICES "0000:00:06.0");
	REQUIRE(dir);
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "0000:", 5) || strlen(entry->d_name) != 12)
			continue;
		check_refused(entry->d_name, NO_ACS);
		found++;
	}
	closedir(dir);
	CHECK_EQ(found, 1);
}

TEST("two functions of one slot that could reach one another are refused")
{
	if (!has_word("functions"))
		SKIP("this machine has no such functions (topology functions)");
	check_refused("0000:00:07.0", NO_ACS);
	check_refused("0000:00:07.1", NO_ACS);
}

static void check_placement(const char *bdf, const char *want)
{
	char text[32] = "";

	CHECK_ERR(sysfs_read(text, sizeof(text), PCI_DEVICES "%s/mdevkit/placement", bdf), 0);
	CHECK_STR(text, want, "%s", bdf);
}

TEST("two functions of one slot have its placement, whichever of them was told")
{
	static const char f0[] = "0000:00:07.0", f1[] = "0000:00:07.1";

	if (!has_word("functions"))
		SKIP("this machine has no such functions (topology functions)");
	CHECK_ERR(sysfs_write("slot", PCI_DEVICES "%s/mdevkit/placement", f1), 0);
	check_placement(f0, "slot");
	check_placement(f1, "slot");
	check_placement(MDMA_BDF, "mdev");
	/* A function that comes later is no exception */
	REQUIRE_OK(sysfs_write(f0, PCI_DEVICES "%s/driver/unbind", f0));
	REQUIRE_OK(sysfs_write(f0, "/sys/bus/pci/drivers/mdma/bind"));
	check_placement(f0, "slot");
	CHECK_ERR(sysfs_write("parent", PCI_DEVICES "%s/mdevkit/placement", f0), 0);
	check_placement(f0, "parent");
	check_placement(f1, "parent");
	CHECK_ERR(sysfs_write("mdev", PCI_DEVICES "%s/mdevkit/placement", f0), 0);
	check_placement(f1, "parent");
	CHECK_ERR(sysfs_write("mdev", PCI_DEVICES "%s/mdevkit/placement", f1), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, &(struct ktap_hooks) {
		.before_all = ready,
		.after_each = mdev_remove_all,
	});
}
