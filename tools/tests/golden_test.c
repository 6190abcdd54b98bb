// SPDX-License-Identifier: GPL-2.0-only
/*
 * What list, show, graph and doctor print on several hosts, compared with the files in
 * tests/golden. UPDATE_GOLDEN=1 writes them anew: read the difference before it is committed.
 */
#include <json-c/json.h>

#include "fake_host.h"

static char *read_golden(const char *path)
{
	char *text = NULL;
	size_t size;
	FILE *file = fopen(path, "r");
	FILE *copy;
	int c;

	if (!file)
		fail_msg("%s: %s; UPDATE_GOLDEN=1 makes it", path, strerror(errno));
	copy = open_memstream(&text, &size);
	while ((c = fgetc(file)) != EOF)
		fputc(c, copy);
	fclose(copy);
	fclose(file);
	return text;
}

static void write_golden(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_not_equal(fputs(text, file), EOF);
	assert_int_equal(fclose(file), 0);
}

/* JSON in one line: json-c's versions do not agree on blanks. Other text stays as it is. */
static char *canonical(const char *name, const char *text)
{
	const char *rest = strstr(text, "\nexit ");
	__cleanup_free char *body = NULL;
	struct json_object *json;
	char *line;

	if (!strstr(name, ".json") || *text != '{' || !rest)
		return duplicate(text);
	body = format("%.*s", (int)(rest - text), text);
	json = json_tokener_parse(body);
	assert_non_null(json);
	line = format("%s%s", json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), rest);
	json_object_put(json);
	return line;
}

static void compare(const char *host, const char *name, const char *const *arguments)
{
	struct outcome outcome __cleanup_outcome = run(arguments);
	__cleanup_free char *path = format("tests/golden/%s.%s", host, name);
	__cleanup_free char *text =
		format("%s%sexit %d\n", outcome.out, outcome.err, outcome.status);
	__cleanup_free char *want = NULL, *got_line = NULL, *want_line = NULL;

	assert_null(strstr(text, fake_root));
	if (getenv("UPDATE_GOLDEN"))
		write_golden(path, text);
	want = read_golden(path);
	got_line = canonical(name, text);
	want_line = canonical(name, want);
	if (strcmp(got_line, want_line))
		fail_msg("%s differs. Got:\n%s", path, text);
}

#define COMPARE(host, name, ...) compare(host, name, (const char *const[]){ __VA_ARGS__, NULL })

static void compare_host(const char *host)
{
	COMPARE(host, "list", "list");
	COMPARE(host, "doctor", "doctor");
	COMPARE(host, "graph", "graph");
	COMPARE(host, "show", "show", UUID_A);
}

static void everything_fine(void **state)
{
	compare_host("fine");
	COMPARE("fine", "list.json", "list", "--json");
	COMPARE("fine", "show.json", "show", UUID_A, "--json");
	COMPARE("fine", "doctor.json", "doctor", "--json");
	COMPARE("fine", "graph.json", "graph", "--json");
	COMPARE("fine", "graph.dot", "graph", "--dot");
	COMPARE("fine", "graph.svg", "graph", "--svg");
}

static void exports(void **state)
{
	COMPARE("fine", "export-libvirt", "export", "--libvirt", UUID_A, "mdma-4");
	COMPARE("fine", "export-kubevirt", "export", "--kubevirt", UUID_A, UUID_B, "mdma-4");
	COMPARE("fine", "export-nova-soft", "export", "--nova", UUID_C);
	COMPARE("fine", "export-nova-types", "export", "--nova", UUID_A, "mdma-4");
	COMPARE("fine", "export-dra", "export", "--dra", UUID_A, UUID_B);
	COMPARE("fine", "export-dra-type", "export", "--dra", "mdma-1");
	COMPARE("fine", "export-libvirt.json", "export", "--libvirt", UUID_A, "--json");
	COMPARE("fine", "export-unknown", "export", "--nova", "mdma-1", "nothing");

	/* One more of the same kind, and a card */
	put_parent("/sys/devices/pci0000:00/0000:00:06.0", "/sys/bus/pci", "");
	put_type("/sys/devices/pci0000:00/0000:00:06.0", "mdma-1", "One channel", "16");
	put_parent("/sys/devices/pci0000:00/0000:00:07.0", "/sys/bus/pci", "");
	put_type("/sys/devices/pci0000:00/0000:00:07.0", "mttypci-2", "Dual port serial", "12");
	COMPARE("fine", "export-nova", "export", "--nova", "mdma-1", "mttypci-2", UUID_A);
}

static void helps(void **state)
{
	static const char *const commands[] = {
		"list", "show",	  "doctor", "graph", "policy", "group",
		"bind", "unbind", "lease",  "gc",    "export", "top",
	};
	size_t i;

	COMPARE("help", "all", "--help");
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		COMPARE("help", commands[i], commands[i], "--help");
}

static void no_mdevs_and_blocked(const char *reason)
{
	put(DMA_PARENT "/mdevkit/pasid_blocked", reason);
	put(DMA_PARENT "/mdev_supported_types/mdma-1/available_instances", "0");
	put(DMA_PARENT "/mdev_supported_types/mdma-4/available_instances", "0");
	take_away("/sys/bus/mdev/devices/" UUID_A);
	take_away("/sys/bus/mdev/devices/" UUID_B);
	put("/sys/kernel/debug/iommu_aux/groups", "");
	put("/sys/kernel/debug/iommu_aux/domains", "");
}

static void no_iommu(void **state)
{
	no_mdevs_and_blocked("no IOMMU behind this device: switch it on in firmware and kernel");
	take_away("/sys/class/iommu/dmar0");
	put("/proc/cmdline", "quiet intel_iommu=off");
	put("/proc/interrupts", " 25: 0 9 PCI-MSIX-0000:01:00.0 0-edge mdma");
	put_config(DMA_PARENT, PCI_EXP_TYPE_ENDPOINT, -1, 0);
	compare_host("no-iommu");
}

static void no_pasid(void **state)
{
	no_mdevs_and_blocked("the IOMMU supports no PASIDs (VT-d: only in scalable mode)");
	put("/sys/class/iommu/dmar0/intel-iommu/ecap", "f0105a");
	put_config(DMA_PARENT, PCI_EXP_TYPE_ENDPOINT, -1, 0);
	compare_host("no-pasid");
}

static void no_acs(void **state)
{
	no_mdevs_and_blocked("PASID is not enabled: no ACS on the path to the root complex");
	put_config(PORT, PCI_EXP_TYPE_ROOT_PORT, -1, -1);
	put_config(DMA_PARENT, PCI_EXP_TYPE_ENDPOINT, -1, 0);
	compare_host("no-acs");
}

/* A PCI device that is sliced by software, as the lab's serial card is: all is well. */
static void no_capability(void **state)
{
	put(DMA_PARENT "/mdevkit/pasid_blocked", "the device has no PASID capability");
	put_config(DMA_PARENT, PCI_EXP_TYPE_ENDPOINT, -1, -1);
	put_config(PORT, PCI_EXP_TYPE_ROOT_PORT, -1, -1);
	COMPARE("no-capability", "doctor", "doctor");
}

static void acs_off(void **state)
{
	no_mdevs_and_blocked("PASID is not enabled: no ACS on the path to the root complex");
	put_config(PORT, PCI_EXP_TYPE_ROOT_PORT, 0, -1);
	compare_host("acs-off");
}

static void no_intremap(void **state)
{
	no_mdevs_and_blocked("interrupt remapping is off: switch it on in firmware and kernel");
	put("/proc/interrupts",
	    " 4: 0 IO-APIC 4-edge ttyS0\n 25: 0 PCI-MSIX-0000:01:00.0 0-edge mdma");
	put("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y");
	compare_host("no-intremap");
}

static void kernel_too_old(void **state)
{
	put("/proc/sys/kernel/osrelease", "6.1.0-40-amd64");
	compare_host("old-kernel");
}

static void module_missing(void **state)
{
	static const char *const modules[] = { "mdev", "vfio", "vfio_iommu_type1" };

	put_module_index(RELEASE, modules, 3);
	take_away("/sys/module/mdevkit");
	take_away("/sys/bus/mdev");
	take_away("/sys/class/mdev_bus");
	compare_host("no-module");
}

static void module_unsigned(void **state)
{
	put_module(RELEASE, "mdevkit", false);
	compare_host("unsigned");
}

static void half_removed(void **state)
{
	take_away(DMA_PARENT "/" UUID_A);
	put_folder(DMA_PARENT "/" UUID_A);
	take_away(DMA_PARENT "/" UUID_B);
	take_away(SOFT_PARENT "/mdev_supported_types");
	put_raw_link("/sys/class/mdev_bus/gone", "../../devices/gone");
	put("/sys/kernel/debug/iommu_aux/groups",
	    "group x name\n  member " UUID_B " pasid\ngroup 12 name a members");
	put("/sys/kernel/debug/iommu_aux/domains",
	    "domain\ndomain 99999999999999999999 iommu a page_sizes b");
	compare_host("half-removed");
}

static void names_with_spaces(void **state)
{
	put_parent("/sys/devices/virtual/my card/card <1> & \"2\"", "/sys/class/mtty", "");
	put_type("/sys/devices/virtual/my card/card <1> & \"2\"", "a b", "A type with\ta tab é",
		 "-3");
	put_mdev("5f0a3a7e-0000-4000-8000-00000000000f",
		 "/sys/devices/virtual/my card/card <1> & \"2\"", "a b", "20");
	put_process("4713", "name\033[31m é", "9", "/dev/vfio/20", "");
	compare_host("spaces");
	COMPARE("spaces", "list.json", "list", "--json");
	COMPARE("spaces", "graph.dot", "graph", "--dot");
	COMPARE("spaces", "graph.svg", "graph", "--svg");
}

/* Placement "parent", seen by one who is not root */
static void shared_group(void **state)
{
	put_link(DMA_PARENT "/" UUID_B "/iommu_group", "/sys/kernel/iommu_groups/12");
	put("/sys/kernel/debug/iommu_aux/groups",
	    "group 12 name mdevkit:0000:01:00.0 members 2 armed domain 3\n"
	    "  member " UUID_A " dma_dev 0000:01:00.0 pasid 5 armed\n"
	    "  member " UUID_B " dma_dev 0000:01:00.0 pasid 6 blocked gone");
	compare_host("shared");
	COMPARE("shared", "graph.svg", "graph", "--svg");
}

static void not_root(void **state)
{
	uint8_t config[64] = {};

	take_away("/sys/kernel/debug/iommu_aux");
	put_bytes(PORT "/config", config, sizeof(config));
	put_bytes(DMA_PARENT "/config", config, sizeof(config));
	put("/proc/self/status", "CapEff:\t0000000000000000");
	compare_host("not-root");
}

static void no_sysfs(void **state)
{
	take_away("/sys");
	take_away("/proc");
	compare_host("no-sysfs");
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, fine_setup, fine_teardown)
	const struct CMUnitTest tests[] = {
		CASE(everything_fine),	 CASE(exports),		CASE(helps),
		CASE(no_iommu),		 CASE(no_pasid),	CASE(no_acs),
		CASE(acs_off),		 CASE(no_intremap),	CASE(kernel_too_old),
		CASE(module_missing),	 CASE(module_unsigned), CASE(half_removed),
		CASE(names_with_spaces), CASE(shared_group),	CASE(not_root),
		CASE(no_sysfs),		 CASE(no_capability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
