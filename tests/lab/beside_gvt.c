// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kit beside the kernel's own users of the mdev bus: i915 GVT-g (kvmgt) is the one
 * that exists on this architecture. Without an Intel GPU it has no parent, but its driver
 * sits on the same bus.
 */
#include <stdlib.h>
#include <string.h>

#include "mtty.h"

#define GVT_DRIVER	MDEV_DRIVERS "/intel_vgpu_mdev"

static void load_gvt(void)
{
	if (system("modinfo kvmgt >/dev/null 2>&1"))
		SKIP("this kernel has no module kvmgt (CONFIG_DRM_I915_GVT_KVMGT is not set)");
	REQUIRE_OK(module_load("kvmgt", NULL));
	REQUIRE(path_exists(GVT_DRIVER));
}

static void unload_gvt(void)
{
	CHECK_ERR(module_unload("kvmgt"), 0);
	CHECK(!path_exists(GVT_DRIVER));
}

static void use_mtty(const struct vfio_mode *mode)
{
	struct mtty mtty;
	char driver[64];
	int fd;

	mtty_open(&mtty, mode, "mtty-2");
	/* GVT-g's driver is asked first or last, but never gets an mdev of ours */
	CHECK_ERR(link_basename(driver, sizeof(driver), MDEV_DEVICES "/%s/driver", mtty.uuid), 0);
	CHECK_STR(driver, "mtty");
	fd = eventfd_new();
	CHECK_ERR(vfio_irq_connect(&mtty.client, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &fd), 0);
	uart_fifos_on(&mtty, 0);
	uart_put(&mtty, 0, UART_IER, UART_IER_RDI);
	uart_put(&mtty, 0, UART_TX, 'g');
	CHECK_EQ(eventfd_take(fd), 1);
	CHECK_EQ(uart_get(&mtty, 0, UART_RX), 'g');
	mtty_close(&mtty);
}

TEST_ALL_MODES("kvmgt of i915 GVT-g and the kit share the bus, whoever comes first")
{
	/* The kit first */
	load_gvt();
	CHECK(path_exists(MDEV_DRIVERS "/mtty"));
	use_mtty(mode);
	/* Now kvmgt first */
	CHECK_ERR(module_unload("mtty"), 0);
	CHECK_ERR(module_unload("mdevkit"), 0);
	CHECK(path_exists(GVT_DRIVER));
	REQUIRE_OK(module_load("mtty", NULL));
	use_mtty(mode);
	unload_gvt();
	use_mtty(mode);
}

TEST("kvmgt goes away while an mdev of the kit is open, and the mdev works on")
{
	struct mtty mtty;

	load_gvt();
	mtty_open(&mtty, vfio_type1v2, "mtty-1");
	unload_gvt();
	uart_put(&mtty, 0, UART_SCR, 0x42);
	CHECK_EQ(uart_get(&mtty, 0, UART_SCR), 0x42);
	REQUIRE_OK(module_load("kvmgt", NULL));
	CHECK_EQ(uart_get(&mtty, 0, UART_SCR), 0x42);
	mtty_close(&mtty);
	unload_gvt();
}

TEST("the bus module mdev stays loaded as long as a user is there")
{
	CHECK(module_loaded("mdev"));
	CHECK_ERR(module_unload("mdev"), EWOULDBLOCK);
	CHECK(path_exists(MDEV_DRIVERS "/mtty"));
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = mtty_load,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
