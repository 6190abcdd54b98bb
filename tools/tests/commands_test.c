// SPDX-License-Identifier: GPL-2.0-only
/* policy, lease, gc, and what all commands do with bad arguments and bad files. */
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include "doctor.h"
#include "fake_host.h"
#include "lease.h"
#include "number.h"
#include "pci.h"

#define LEASE_A LEASES "/" UUID_A
#define LEASE_B LEASES "/" UUID_B

static void assert_says(const struct outcome *o, int status, const char *text)
{
	if (o->status != status || !(strstr(o->err, text) || strstr(o->out, text)))
		fail_msg("ended with %d, not %d and \"%s\": %s%s", o->status, status, text, o->out,
			 o->err);
}

#define ASSERT_SAYS(status, text, ...)                                                             \
	do {                                                                                       \
		struct outcome o_ __cleanup_outcome = RUN(__VA_ARGS__);                            \
		assert_says(&o_, status, text);                                                    \
	} while (0)

static void assert_content(const char *path, const char *want)
{
	__cleanup_free char *text = content(path);

	assert_string_equal(text, want);
}

static void policy_is_shown_and_set(void **state)
{
	ASSERT_SAYS(0, "mdev\n", "policy", "0000:01:00.0");
	ASSERT_SAYS(0, "", "policy", "0000:01:00.0", "parent");
	assert_content(DMA_PARENT "/mdevkit/placement", "parent");
	ASSERT_SAYS(0, "\"placement\": \"parent\"", "policy", "0000:01:00.0", "--json");
}

static void policy_refuses_what_it_does_not_know(void **state)
{
	ASSERT_SAYS(2, "no policy", "policy", "0000:01:00.0", "bus");
	ASSERT_SAYS(2, "takes a parent", "policy");
	ASSERT_SAYS(3, "no such parent", "policy", "0000:09:00.0");
	ASSERT_SAYS(3, "no such parent", "policy", "../mdev_bus/mtty");
	take_away(SOFT_PARENT "/mdevkit");
	ASSERT_SAYS(3, "not of the kit", "policy", "mtty", "slot");
	assert_content(DMA_PARENT "/mdevkit/placement", "mdev");
}

static void lease_follows_its_process(void **state)
{
	ASSERT_SAYS(0, "no lease", "lease", UUID_B);
	ASSERT_SAYS(0, "", "lease", UUID_B, "--pid", "4712");
	assert_content(LEASE_B, "process 4712 777");
	ASSERT_SAYS(0, "process 4712\n", "lease", UUID_B);
	put("/proc/4712/stat",
	    "4712 (an) other) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 778 1");
	ASSERT_SAYS(0, "process 4712 has ended", "lease", UUID_B);
	ASSERT_SAYS(3, "no such process", "lease", UUID_B, "--pid", "5000");
	ASSERT_SAYS(0, "", "lease", UUID_B, "--drop");
	ASSERT_SAYS(0, "no lease", "lease", UUID_B);
}

static void lease_runs_out(void **state)
{
	ASSERT_SAYS(0, "", "lease", UUID_B, "--for=60");
	assert_content(LEASE_B, "until 1060");
	ASSERT_SAYS(0, "60 s left", "lease", UUID_B);
	put("/proc/uptime", "1060.00 1.00");
	ASSERT_SAYS(0, "has run out", "lease", UUID_B);
}

static void lease_refuses_bad_values(void **state)
{
	ASSERT_SAYS(2, "no number of seconds", "lease", UUID_B, "--for", "0");
	ASSERT_SAYS(2, "no number of seconds", "lease", UUID_B, "--for", "99999999999999999999");
	ASSERT_SAYS(2, "no process ID", "lease", UUID_B, "--pid", "-1");
	ASSERT_SAYS(2, "exclude", "lease", UUID_B, "--pid", "1", "--for", "1");
	ASSERT_SAYS(2, "lacks its value", "lease", UUID_B, "--pid");
	ASSERT_SAYS(2, "one UUID", "lease", "../../etc/passwd");
	ASSERT_SAYS(3, "no such mdev", "lease", "5f0a3a7e-0000-4000-8000-0000000000ff", "--for",
		    "1");
	assert_false(path_exists(LEASES));
}

static void gc_lists_the_unused(void **state)
{
	struct outcome o __cleanup_outcome = RUN("gc");

	assert_int_equal(o.status, 0);
	assert_null(strstr(o.out, UUID_A));
	assert_non_null(strstr(o.out, UUID_B));
	assert_null(strstr(o.out, "gc --yes"));
}

static void gc_removes_what_its_owner_left(void **state)
{
	put(LEASE_A, "until 10");
	put(LEASE_B, "until 10");
	ASSERT_SAYS(0, "gc --yes removes 1", "gc");
	ASSERT_SAYS(0, "\"garbage\": true", "gc", "--json");
	ASSERT_SAYS(0, UUID_B " removed", "gc", "--yes");
	assert_content(DMA_PARENT "/" UUID_B "/remove", "1");
	assert_content(DMA_PARENT "/" UUID_A "/remove", "");
	assert_false(path_exists(LEASE_B));
	assert_true(path_exists(LEASE_A));
}

static void gc_keeps_what_has_an_owner_or_never_had_one(void **state)
{
	static const char *const kept[] = {
		"until 2000", "process 4712 777", "process 4712", "process x y", "until",
		"",	      "until -1",	  "{}",
	};
	size_t i;

	ASSERT_SAYS(0, "", "gc", "--yes");
	assert_content(DMA_PARENT "/" UUID_B "/remove", "");
	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		put(LEASE_B, kept[i]);
		ASSERT_SAYS(0, "", "gc", "--yes");
		assert_content(DMA_PARENT "/" UUID_B "/remove", "");
	}
}

static void gc_drops_leases_of_mdevs_that_are_gone(void **state)
{
	put(LEASES "/5f0a3a7e-0000-4000-8000-0000000000ff", "until 10");
	ASSERT_SAYS(0, "", "gc", "--yes");
	assert_false(path_exists(LEASES "/5f0a3a7e-0000-4000-8000-0000000000ff"));
}

static void wrong_usage_is_told(void **state)
{
	ASSERT_SAYS(2, "Usage", NULL);
	ASSERT_SAYS(2, "no command", "nothing");
	ASSERT_SAYS(2, "no argument", "list", "--jsn");
	ASSERT_SAYS(2, "no UUID", "show", "x");
	ASSERT_SAYS(2, "exclude", "graph", "--svg", "--dot");
	ASSERT_SAYS(2, "no option", "group", "-1");
	ASSERT_SAYS(2, "number of an iommu group", "group", "99999999999");
	ASSERT_SAYS(3, "no such iommu group", "group", "4096");
	ASSERT_SAYS(2, "no PCI address", "bind", "1:2", "vfio-pci");
	ASSERT_SAYS(2, "one of --libvirt", "export", UUID_A);
	ASSERT_SAYS(2, "one of --libvirt", "export", "--nova", "--dra", UUID_A);
	ASSERT_SAYS(2, "UUIDs of mdevs, or types", "export", "--nova");
	ASSERT_SAYS(0, "mdevkit 0.", "--version");
}

static void numbers_have_bounds(void **state)
{
	unsigned long long value;

	assert_true(parse_number("18446744073709551615", 10, -1ull, &value));
	assert_true(parse_number("ff", 16, 255, &value));
	assert_int_equal(value, 255);
	assert_false(parse_number("18446744073709551616", 10, -1ull, &value));
	assert_false(parse_number("256", 10, 255, &value));
	assert_false(parse_number("-1", 10, -1ull, &value));
	assert_false(parse_number(" 1", 10, -1ull, &value));
	assert_false(parse_number("1 ", 10, -1ull, &value));
	assert_false(parse_number("", 10, -1ull, &value));
	assert_false(parse_number(NULL, 10, -1ull, &value));
}

/* Firmware and unplugged devices give anything: lists in circles, all ones */
static void config_space_may_be_nonsense(void **state)
{
	static struct pci_config config;
	size_t size, at;

	for (size = 0; size <= 4096; size += 64) {
		config.size = size;
		memset(config.bytes, 0xff, sizeof(config.bytes));
		assert_false(pci_has_pasid(&config));
		pci_check_acs(&config);
		for (at = 0; at < 4096; at++)
			config.bytes[at] = at % 4 < 2 ? 0x40 : 0x10;
		assert_false(pci_has_pasid(&config));
		pci_check_acs(&config);
	}
}

static void pci_addresses_are_told_from_other_names(void **state)
{
	assert_true(is_pci_address("0000:01:00.0"));
	assert_true(is_pci_address("10000:e1:00.7"));
	assert_false(is_pci_address("0000:01:00.8"));
	assert_false(is_pci_address("0000:0G:00.0"));
	assert_false(is_pci_address("0000:01:00.0/"));
	assert_false(is_pci_address("01:00.0"));
	assert_false(is_pci_address("pci0000:00"));
	assert_false(is_pci_address(""));
}

/* The texts after "*reason = " in the kernel's sources */
static size_t check_reasons(const char *path)
{
	static const char start[] = "*reason = \"";
	char line[512];
	size_t count = 0;
	FILE *file = fopen(path, "r");

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		char *reason = strstr(line, start);

		if (!reason)
			continue;
		reason += strlen(start);
		*strrchr(reason, '"') = 0;
		/* A bug of the kit, not of the host */
		if (!strcmp(reason, "unknown flags"))
			continue;
		count++;
		if (!strcmp(pasid_remedy(reason), pasid_remedy("")))
			fail_msg("no remedy for \"%s\" of %s", reason, path);
	}
	fclose(file);
	return count;
}

static void each_reason_of_the_kernel_has_a_remedy(void **state)
{
	assert_true(check_reasons("../kernel/iommu/aux/isolation.c") >= 8);
	assert_true(check_reasons("../kernel/iommu/aux/trial.c") >= 3);
}

/* Two mdevs, a parent and a process appear and disappear while everything is read */
static void change_the_host(void)
{
	for (;;) {
		put_mdev(UUID_A, DMA_PARENT, "mdma-1", "12");
		put_process("4711", "qemu-system-x86", "21", "/dev/vfio/12", "");
		put_parent(SOFT_PARENT, "/sys/class/mtty", "");
		put_type(SOFT_PARENT, "mtty-1", "Single port serial", "22");
		take_away("/sys/bus/mdev/devices/" UUID_A);
		take_away("/proc/4711");
		take_away(DMA_PARENT "/" UUID_A);
		take_away(SOFT_PARENT "/mdev_supported_types");
		take_away("/sys/class/mdev_bus/mtty");
	}
}

static void devices_may_come_and_go_meanwhile(void **state)
{
	pid_t child = fork();
	int i;

	if (!child)
		change_the_host();
	assert_true(child > 0);
	for (i = 0; i < 50; i++) {
		ASSERT_SAYS(0, UUID_B, "list");
		ASSERT_SAYS(0, UUID_B, "graph", "--svg");
		ASSERT_SAYS(0, UUID_B, "show", UUID_B, "--json");
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* What list prints on a terminal; to be freed */
static char *on_a_terminal(void)
{
	char *argv[] = { "mdevkit", "list", NULL };
	char *text = must(calloc(1, 65536));
	int master, slave;
	FILE *out;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	out = fdopen(slave, "w");
	assert_non_null(out);
	assert_int_equal(mdevkit_run(2, argv, out, stderr), 0);
	assert_true(read(master, text, 65535) > 0);
	fclose(out);
	close(master);
	return text;
}

static void colours_are_for_terminals_only(void **state)
{
	__cleanup_free char *coloured = NULL;
	__cleanup_free char *plain = NULL;
	struct outcome o __cleanup_outcome = {};

	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	coloured = on_a_terminal();
	o = RUN("list");
	setenv("NO_COLOR", "1", 1);
	plain = on_a_terminal();
	unsetenv("NO_COLOR");
	assert_non_null(strstr(coloured, "\033["));
	assert_null(strstr(plain, "\033["));
	assert_null(strstr(o.out, "\033["));
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, fine_setup, fine_teardown)
	const struct CMUnitTest tests[] = {
		CASE(policy_is_shown_and_set),
		CASE(policy_refuses_what_it_does_not_know),
		CASE(lease_follows_its_process),
		CASE(lease_runs_out),
		CASE(lease_refuses_bad_values),
		CASE(gc_lists_the_unused),
		CASE(gc_removes_what_its_owner_left),
		CASE(gc_keeps_what_has_an_owner_or_never_had_one),
		CASE(gc_drops_leases_of_mdevs_that_are_gone),
		CASE(wrong_usage_is_told),
		CASE(numbers_have_bounds),
		CASE(config_space_may_be_nonsense),
		CASE(pci_addresses_are_told_from_other_names),
		CASE(devices_may_come_and_go_meanwhile),
		CASE(colours_are_for_terminals_only),
		CASE(each_reason_of_the_kernel_has_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
