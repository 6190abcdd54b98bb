// SPDX-License-Identifier: GPL-2.0-only
/* The kernel, its modules and their signatures. */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "kmod.h"
#include "number.h"
#include "sysfs.h"

struct wanted_module {
	const char *name;
	const char *what;
	bool ours;
};

static const struct wanted_module wanted_modules[] = {
	{ "vfio", "VFIO", false },
	{ "vfio_iommu_type1", "VFIO's containers", false },
	{ "mdev", "the kernel's bus of mediated devices", false },
	{ "iommu_aux", "the kit's iommu groups", true },
	{ "mdevkit", "the kit", true },
};

/* "6.12.95+deb13-amd64" is 6, 12 */
static bool parse_release(const char *release, unsigned long *major, unsigned long *minor)
{
	char *end;

	*major = strtoul(release, &end, 10);
	if (end == release || *end != '.' || *major > 1000)
		return false;
	release = end + 1;
	*minor = strtoul(release, &end, 10);
	return end != release && *minor <= 1000;
}

void check_kernel(struct findings *f)
{
	unsigned long major, minor;

	if (!f->release || !parse_release(f->release, &major, &minor)) {
		add_check(f, duplicate("kernel"), UNKNOWN,
			  duplicate("/proc/sys/kernel/osrelease names no version"), NULL);
		return;
	}
	if (major < 6 || (major == 6 && minor < 12))
		add_check(f, duplicate("kernel"), PROBLEM,
			  format("Linux %s is too old: before 6.12 no domain can be attached to a "
				 "PASID",
				 f->release),
			  duplicate("Boot Linux 6.12 or newer; on Debian 12 it is in "
				    "bookworm-backports."));
	else
		add_check(f, duplicate("kernel"), OK, format("Linux %s", f->release), NULL);
}

static char *missing_remedy(const struct wanted_module *wanted, const char *release)
{
	if (wanted->ours)
		return format("Build and install the kit for this kernel: apt install dkms "
			      "linux-headers-%s, then make dkms-install in the kit.",
			      release);
	return format("Install the package with all modules of this kernel (Debian: "
		      "linux-image-%s), or boot a kernel with VFIO and VFIO_MDEV.",
		      release);
}

static void check_module(struct findings *f, const struct wanted_module *wanted)
{
	struct module_state state = module_state(f->release, wanted->name);
	char *name = format("module %s", wanted->name);

	switch (state.place) {
	case MODULE_BUILT_IN:
		add_check(f, name, OK, format("%s, built into the kernel", wanted->what), NULL);
		break;
	case MODULE_LOADED:
		add_check(f, name, OK, format("%s, loaded", wanted->what), NULL);
		break;
	case MODULE_INSTALLED:
		add_check(f, name, OK,
			  format("%s, installed for this kernel; a driver that needs it loads it",
				 wanted->what),
			  NULL);
		break;
	default:
		add_check(f, name, PROBLEM,
			  format("not installed for Linux %s: %s", f->release, wanted->what),
			  missing_remedy(wanted, f->release));
	}
}

void check_modules(struct findings *f)
{
	size_t i;

	if (!f->release || !is_file_name(f->release))
		return;
	for (i = 0; i < sizeof(wanted_modules) / sizeof(*wanted_modules); i++)
		check_module(f, &wanted_modules[i]);
}

enum secure_boot { SECURE_BOOT_NONE, SECURE_BOOT_OFF, SECURE_BOOT_ON };

static enum secure_boot read_secure_boot(void)
{
	__cleanup_strv char **names = list_folder("/sys/firmware/efi/efivars");
	unsigned char value[5];
	size_t i;

	for (i = 0; names[i]; i++) {
		__cleanup_free char *path = format("/sys/firmware/efi/efivars/%s", names[i]);

		/* Four bytes of attributes, then the variable's one */
		if (!strncmp(names[i], "SecureBoot-", 11) &&
		    read_bytes(path, value, sizeof(value)) == sizeof(value))
			return value[4] ? SECURE_BOOT_ON : SECURE_BOOT_OFF;
	}
	return SECURE_BOOT_NONE;
}

/* "[none] integrity confidentiality" has the one in force in brackets. */
static bool locked_down(void)
{
	__cleanup_free char *text = read_file("/sys/kernel/security/lockdown");

	return text && strchr(text, '[') && !strstr(text, "[none]");
}

static bool must_be_signed(void)
{
	__cleanup_free char *enforced = read_file("/sys/module/module/parameters/sig_enforce");

	return locked_down() || (enforced && *enforced == 'Y');
}

/* The first module of the kit that has no signature, or NULL */
static const char *unsigned_module(struct findings *f)
{
	size_t i;

	for (i = 0; f->release && i < sizeof(wanted_modules) / sizeof(*wanted_modules); i++) {
		struct module_state state = module_state(f->release, wanted_modules[i].name);

		if (wanted_modules[i].ours && state.file_known && !state.is_signed)
			return wanted_modules[i].name;
	}
	return NULL;
}

void check_secure_boot(struct findings *f)
{
	enum secure_boot boot = read_secure_boot();
	bool enforced = must_be_signed();
	const char *module;

	if (boot != SECURE_BOOT_ON && !enforced) {
		add_check(f, duplicate("signatures"), OK,
			  format("Secure Boot is %s: modules need no signature",
				 boot == SECURE_BOOT_OFF ? "off" : "not there"),
			  NULL);
		return;
	}
	module = unsigned_module(f);
	if (module)
		add_check(f, duplicate("signatures"), enforced ? PROBLEM : WARNING,
			  format("%s, but the module %s is not signed",
				 enforced ? "the kernel loads signed modules only"
					  : "Secure Boot is on",
				 module),
			  duplicate("Have DKMS sign it: mokutil --import /var/lib/dkms/mok.pub, "
				    "reboot, enroll the key, then dkms install --force; or switch "
				    "Secure Boot off."));
	else
		add_check(f, duplicate("signatures"), OK,
			  duplicate("modules need a signature, and those of the kit that are "
				    "installed have one"),
			  duplicate("If modprobe says \"Key was rejected\", enroll it: mokutil "
				    "--import /var/lib/dkms/mok.pub."));
}
