// SPDX-License-Identifier: GPL-2.0-only
/*
 * mtty through VFIO: what a user of the device file gets, and what bad input gets.
 */
#include <fcntl.h>
#include <linux/iommufd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mtty.h"

#define CONFIG		VFIO_PCI_CONFIG_REGION_INDEX
#define CONFIG_SIZE	256
#define MAX_ACCESS	16
#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define UNTOUCHED	0xa5

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* ---- what the device is ------------------------------------------------- */

TEST_ALL_MODES("the device is a PCI function that can be reset")
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	CHECK_ERR(call(mtty.client.fd, VFIO_DEVICE_GET_INFO, &info), 0);
	CHECK_EQ(info.flags & ~VFIO_DEVICE_FLAGS_CAPS,
		 VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	CHECK_EQ(info.num_regions, VFIO_PCI_NUM_REGIONS);
	CHECK_EQ(info.num_irqs, VFIO_PCI_NUM_IRQS);
	mtty_close(&mtty);
}

TEST_ALL_MODES("every region has its size, its place and its flags")
{
	static const char *const types[] = { "mtty-1", "mtty-2" };

	for (int ports = 1; ports <= 2; ports++) {
		struct vfio_region_info info;
		struct mtty mtty;

		mtty_open(&mtty, mode, types[ports - 1]);
		for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
			unsigned int size = i == CONFIG ? CONFIG_SIZE :
					    i < (unsigned int)ports ? MTTY_UART_SIZE : 0;
			int ret = vfio_region_info(&mtty.client, i, &info);

			/* vfio-pci, too, has no VGA region unless there is VGA behind it */
			if (i == VFIO_PCI_VGA_REGION_INDEX && ret == -EINVAL)
				continue;
			CHECK_ERR(ret, 0, "region %u", i);
			CHECK_EQ(info.index, i);
			CHECK_EQ(info.size, size, "region %u", i);
			CHECK_EQ(info.offset, (u64)i << 40, "region %u", i);
			CHECK_EQ(info.cap_offset, 0, "region %u", i);
			if (size)
				CHECK_EQ(info.flags, VFIO_REGION_INFO_FLAG_READ |
						     VFIO_REGION_INFO_FLAG_WRITE, "region %u", i);
			else
				CHECK_EQ(info.flags & (VFIO_REGION_INFO_FLAG_MMAP |
						       VFIO_REGION_INFO_FLAG_CAPS), 0, "region %u",
					 i);
		}
		CHECK_ERR(vfio_region_info(&mtty.client, VFIO_PCI_NUM_REGIONS, &info), EINVAL);
		CHECK_ERR(vfio_region_info(&mtty.client, ~0U, &info), EINVAL);
		mtty_close(&mtty);
	}
}

TEST_ALL_MODES("every interrupt has its count and its flags")
{
	static const struct {
		unsigned int count, flags;
	} want[VFIO_PCI_NUM_IRQS] = {
		[VFIO_PCI_INTX_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
						 VFIO_IRQ_INFO_AUTOMASKED },
		[VFIO_PCI_MSI_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD },
		[VFIO_PCI_ERR_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD },
		[VFIO_PCI_REQ_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD },
	};
	struct vfio_irq_info info;
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	/* Before any GET_INFO: the kernel's sample counts 0 interrupts until then */
	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++) {
		CHECK_ERR(vfio_irq_info(&mtty.client, i, &info), 0, "interrupt %u", i);
		CHECK_EQ(info.index, i);
		CHECK_EQ(info.count, want[i].count, "interrupt %u", i);
		if (want[i].count && i != VFIO_PCI_ERR_IRQ_INDEX && i != VFIO_PCI_REQ_IRQ_INDEX)
			CHECK_EQ(info.flags, want[i].flags, "interrupt %u", i);
		else if (want[i].count)
			CHECK(info.flags & VFIO_IRQ_INFO_EVENTFD, "interrupt %u", i);
	}
	CHECK_ERR(vfio_irq_info(&mtty.client, VFIO_PCI_NUM_IRQS, &info), EINVAL);
	CHECK_ERR(vfio_irq_info(&mtty.client, ~0U, &info), EINVAL);
	mtty_close(&mtty);
}

/* ---- ioctls with bad arguments ------------------------------------------ */

TEST_ALL_MODES("an ioctl with a short argsz gets EINVAL")
{
	struct vfio_region_info region = {};
	struct vfio_device_feature feature = {};
	struct vfio_device_info device = {};
	struct vfio_irq_info irq = {};
	struct vfio_irq_set set = {
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
	};
	struct mtty mtty;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	fd = mtty.client.fd;
	for (u32 n = 0; n < offsetof(struct vfio_device_info, cap_offset); n++) {
		device.argsz = n;
		CHECK_ERR(call(fd, VFIO_DEVICE_GET_INFO, &device), EINVAL, "argsz %u", n);
	}
	for (u32 n = 0; n < sizeof(region); n++) {
		region.argsz = n;
		CHECK_ERR(call(fd, VFIO_DEVICE_GET_REGION_INFO, &region), EINVAL, "argsz %u", n);
	}
	for (u32 n = 0; n < sizeof(irq); n++) {
		irq.argsz = n;
		CHECK_ERR(call(fd, VFIO_DEVICE_GET_IRQ_INFO, &irq), EINVAL, "argsz %u", n);
	}
	for (u32 n = 0; n < sizeof(set); n++) {
		set.argsz = n;
		CHECK_ERR(call(fd, VFIO_DEVICE_SET_IRQS, &set), EINVAL, "argsz %u", n);
	}
	for (u32 n = 0; n < sizeof(feature); n++) {
		feature.argsz = n;
		CHECK_ERR(call(fd, VFIO_DEVICE_FEATURE, &feature), EINVAL, "argsz %u", n);
	}
	/* Room for the header, but not for the data that it announces */
	set = (struct vfio_irq_set) {
		.argsz = sizeof(set) + 3,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.count = 1,
	};
	CHECK_ERR(call(fd, VFIO_DEVICE_SET_IRQS, &set), EINVAL);
	mtty_close(&mtty);
}

TEST_ALL_MODES("flags that nobody knows get EINVAL")
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = 0x80000000,
	};
	static const u32 bad[] = {
		0,
		VFIO_IRQ_SET_DATA_NONE,
		VFIO_IRQ_SET_ACTION_TRIGGER,
		VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER,
		VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK,
		VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER | 0x40,
		VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER | 0x80000000,
	};
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERR(vfio_irq_set(&mtty.client, bad[i], INTX, 0, 1, NULL, 0), EINVAL,
			  "flags %#x", bad[i]);
	CHECK_ERR(call(mtty.client.fd, VFIO_DEVICE_FEATURE, &feature), EINVAL);
	mtty_close(&mtty);
}

TEST_ALL_MODES("an ioctl that nobody knows gets ENOTTY")
{
	struct vfio_device_feature feature = { .argsz = sizeof(feature) };
	struct mtty mtty;
	char arg[256] = "";

	mtty_open(&mtty, mode, "mtty-1");
	CHECK_ERR(call(mtty.client.fd, _IO(VFIO_TYPE, VFIO_BASE + 99), arg), ENOTTY);
	CHECK_ERR(call(mtty.client.fd, _IO('!', 1), arg), ENOTTY);
	CHECK_ERR(call(mtty.client.fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, arg), ENOTTY);
	/* docs/vfio.md; Linux 7.3 has 14 of them, and its VFIO itself answers EINVAL for 12 */
	for (u32 i = 0; i < 20; i++) {
		if (i == 12)
			continue;
		feature.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_PROBE | i;
		CHECK_ERR(call(mtty.client.fd, VFIO_DEVICE_FEATURE, &feature), ENOTTY, "%u", i);
		feature.flags = VFIO_DEVICE_FEATURE_SET | i;
		CHECK_ERR(call(mtty.client.fd, VFIO_DEVICE_FEATURE, &feature), ENOTTY, "%u", i);
	}
	mtty_close(&mtty);
}

TEST_ALL_MODES("a bad pointer gets EFAULT")
{
	char *hole = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const unsigned long requests[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
		VFIO_DEVICE_SET_IRQS, VFIO_DEVICE_FEATURE,
	};
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		CHECK_ERR(call(mtty.client.fd, requests[i], hole), EFAULT, "request %zu", i);
		CHECK_ERR(call(mtty.client.fd, requests[i], NULL), EFAULT, "request %zu", i);
	}
	CHECK_ERR(vfio_read(&mtty.client, CONFIG, 0, hole, 4), EFAULT);
	CHECK_ERR(vfio_write(&mtty.client, CONFIG, 0, hole, 4), EFAULT);
	CHECK_ERR(vfio_read(&mtty.client, 0, UART_SCR, hole, 1), EFAULT);
	CHECK_ERR(vfio_write(&mtty.client, 0, UART_SCR, hole, 1), EFAULT);
	mtty_close(&mtty);
}

TEST_ALL_MODES("trapped registers cannot be mapped")
{
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS + 1; i++) {
		void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, mtty.client.fd,
				 (off_t)i << 40);

		CHECK(map == MAP_FAILED && (errno == EINVAL || errno == ENODEV), "region %u: %s",
		      i, map == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	}
	mtty_close(&mtty);
}

/* ---- config space -------------------------------------------------------- */

static void read_bytes(struct mtty *mtty, unsigned int region, u8 *bytes, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = vfio_get(&mtty->client, region, i, 1);
}

/*
 * Reads @region at every size and alignment and past its end. @bytes: what single
 * bytes read, none of which may change by being read.
 */
static void check_reads(struct mtty *mtty, unsigned int region, const u8 *bytes,
			unsigned int size)
{
	unsigned int bad = 0;

	for (unsigned int at = 0; at < size + MAX_ACCESS; at++) {
		for (unsigned int len = 1; len <= MAX_ACCESS && bad < 10; len++) {
			u8 buf[MAX_ACCESS + 1];
			unsigned int i;
			ssize_t ret;
			bool ok;

			memset(buf, UNTOUCHED, sizeof(buf));
			ret = vfio_read(&mtty->client, region, at, buf, len);
			if (at + len <= size) {
				ok = ret == len && !memcmp(buf, bytes + at, len);
				i = len;
			} else {
				ok = ret == -EINVAL;
				i = 0;
			}
			for (; i < sizeof(buf); i++)
				ok = ok && buf[i] == UNTOUCHED;
			if (!CHECK(ok, "region %u: %u bytes at %#x: %zd, %02x %02x %02x %02x",
				   region, len, at, ret, buf[0], buf[1], buf[2], buf[3]))
				bad++;
		}
	}
}

TEST_ALL_MODES("config space reads the same at every size and alignment")
{
	u8 bytes[CONFIG_SIZE];
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	read_bytes(&mtty, CONFIG, bytes, sizeof(bytes));
	check_reads(&mtty, CONFIG, bytes, sizeof(bytes));
	mtty_close(&mtty);
}

TEST_ALL_MODES("all of config space can be read and written at once")
{
	u8 bytes[CONFIG_SIZE], whole[CONFIG_SIZE + 1];
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	read_bytes(&mtty, CONFIG, bytes, sizeof(bytes));
	CHECK_EQ(vfio_read(&mtty.client, CONFIG, 0, whole, CONFIG_SIZE), CONFIG_SIZE);
	CHECK(!memcmp(bytes, whole, CONFIG_SIZE));
	CHECK_EQ(vfio_write(&mtty.client, CONFIG, 0, whole, CONFIG_SIZE), CONFIG_SIZE);
	read_bytes(&mtty, CONFIG, whole, CONFIG_SIZE);
	CHECK(!memcmp(bytes, whole, CONFIG_SIZE));
	CHECK_ERR(vfio_read(&mtty.client, CONFIG, 0, whole, CONFIG_SIZE + 1), EINVAL);
	CHECK_ERR(vfio_write(&mtty.client, CONFIG, 0, whole, CONFIG_SIZE + 1), EINVAL);
	mtty_close(&mtty);
}

TEST_ALL_MODES("the identity is the one of the kernel's sample")
{
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	CHECK_EQ(config_get(&mtty.client, PCI_VENDOR_ID, 2), 0x4348);
	CHECK_EQ(config_get(&mtty.client, PCI_DEVICE_ID, 2), 0x3253);
	CHECK_EQ(config_get(&mtty.client, PCI_SUBSYSTEM_VENDOR_ID, 2), 0x4348);
	CHECK_EQ(config_get(&mtty.client, PCI_SUBSYSTEM_ID, 2), 0x3253);
	CHECK_EQ(config_get(&mtty.client, PCI_CLASS_REVISION, 4), 0x07000210);
	CHECK_EQ(config_get(&mtty.client, PCI_COMMAND, 2), PCI_COMMAND_IO);
	CHECK_EQ(config_get(&mtty.client, PCI_HEADER_TYPE, 1), 0);
	CHECK_EQ(config_get(&mtty.client, PCI_INTERRUPT_PIN, 1), 1);
	CHECK_EQ(config_get(&mtty.client, 0x40, 4), 0x80000023);
	CHECK_EQ(config_get(&mtty.client, 0x44, 4), 0x23);
	CHECK_EQ(config_get(&mtty.client, 0x60, 4), 0x20494350);	/* "PCI " */
	mtty_close(&mtty);
}

TEST_ALL_MODES("the capability list is well formed and holds MSI for one vector")
{
	unsigned int at, caps = 0;
	bool msi = false;
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	CHECK(config_get(&mtty.client, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	at = config_get(&mtty.client, PCI_CAPABILITY_LIST, 1);
	while (at && caps < 48) {
		CHECK(at >= PCI_STD_HEADER_SIZEOF && at % 4 == 0, "capability at %#x", at);
		if (config_get(&mtty.client, at + PCI_CAP_LIST_ID, 1) == PCI_CAP_ID_MSI) {
			msi = true;
			CHECK_EQ(config_get(&mtty.client, at + PCI_MSI_FLAGS, 2) &
				 (PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_ENABLE), 0);
		}
		at = config_get(&mtty.client, at + PCI_CAP_LIST_NEXT, 1);
		caps++;
	}
	CHECK_EQ(at, 0, "the list has no end");
	CHECK(msi);
	mtty_close(&mtty);
}

/* Bits of the header that a driver may change, by PCI 3.0 chapter 6.2; all else is read-only */
static u8 header_writable(unsigned int at, unsigned int ports)
{
	if (at >= PCI_BASE_ADDRESS_0 && at < PCI_BASE_ADDRESS_0 + 4 * ports)
		return at % 4 ? 0xff : 0xf8;
	switch (at) {
	case PCI_COMMAND:
		return PCI_COMMAND_IO | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY;
	case PCI_COMMAND + 1:
		return (PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE) >> 8;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
		return 0xff;
	case PCI_LATENCY_TIMER:
		return 0xf8;
	}
	return 0;
}

/*
 * Writes @len bytes @fill at @at of config space and looks at every byte of it.
 * @msi: offset of the MSI capability, whose registers are its driver's. Returns the
 * number of bytes that are not as they must be.
 */
static unsigned int check_config_write(struct mtty *mtty, unsigned int msi, u8 fill,
				       unsigned int at, unsigned int len)
{
	u8 before[CONFIG_SIZE], after[CONFIG_SIZE], pattern[MAX_ACCESS];
	unsigned int bad = 0;

	memset(pattern, fill, sizeof(pattern));
	CHECK_EQ(vfio_read(&mtty->client, CONFIG, 0, before, CONFIG_SIZE), CONFIG_SIZE);
	CHECK_EQ(vfio_write(&mtty->client, CONFIG, at, pattern, len), len);
	CHECK_EQ(vfio_read(&mtty->client, CONFIG, 0, after, CONFIG_SIZE), CONFIG_SIZE);
	for (unsigned int i = 0; i < CONFIG_SIZE; i++) {
		bool written = i >= at && i < at + len;
		u8 mask = written ? header_writable(i, 2) : 0;
		u8 want = (before[i] & ~mask) | (fill & mask);

		if (written && i >= msi + PCI_MSI_FLAGS && i < msi + PCI_MSI_DATA_64 + 2)
			continue;
		if (!CHECK_EQ(after[i], want, "byte %#x after %u bytes at %#x", i, len, at))
			bad++;
	}
	return bad;
}

TEST_ALL_MODES("writes change no read-only bit, at any size and alignment")
{
	/* Odd sizes and powers of two: every way to split is among them */
	static const unsigned int lengths[] = { 1, 2, 3, 4, 5, 7, 8, 16 };
	static const u8 fills[] = { 0xff, 0x00, 0x5a };
	struct mtty mtty;
	unsigned int bad = 0, msi;

	mtty_open(&mtty, mode, "mtty-2");
	msi = config_get(&mtty.client, PCI_CAPABILITY_LIST, 1);
	for (size_t f = 0; f < ARRAY_SIZE(fills); f++)
		for (unsigned int at = 0; at < CONFIG_SIZE; at++)
			for (size_t l = 0; l < ARRAY_SIZE(lengths) && bad < 10; l++)
				if (at + lengths[l] <= CONFIG_SIZE)
					bad += check_config_write(&mtty, msi, fills[f], at,
								  lengths[l]);
	mtty_close(&mtty);
}

TEST_ALL_MODES("a write past the end of config space changes nothing")
{
	u8 before[CONFIG_SIZE], after[CONFIG_SIZE], zeros[MAX_ACCESS] = "";
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	/* A byte that could change, at the place where a wrapped address would hit */
	config_put(&mtty.client, PCI_CACHE_LINE_SIZE, 1, 0x10);
	read_bytes(&mtty, CONFIG, before, CONFIG_SIZE);
	for (unsigned int at = CONFIG_SIZE - MAX_ACCESS + 1; at < CONFIG_SIZE + 64; at++) {
		for (unsigned int len = 1; len <= MAX_ACCESS; len++)
			if (at + len > CONFIG_SIZE)
				CHECK_ERR(vfio_write(&mtty.client, CONFIG, at, zeros, len), EINVAL,
					  "%u bytes at %#x", len, at);
	}
	read_bytes(&mtty, CONFIG, after, CONFIG_SIZE);
	CHECK(!memcmp(before, after, CONFIG_SIZE));
	mtty_close(&mtty);
}

TEST_ALL_MODES("places outside of every region get EINVAL")
{
	static const u64 places[] = {
		0x100, 0xfff, 0x1000, 0xffff, 0x10000, 0x100000, 0xffffffff, 0x100000000,
		(1ULL << 40) - 16, (1ULL << 40) - 1,
	};
	u8 buf[MAX_ACCESS] = "";
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	for (unsigned int region = 0; region < VFIO_PCI_NUM_REGIONS + 8; region++) {
		u64 start = (u64)region << 40;

		for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
			for (unsigned int len = 1; len <= MAX_ACCESS; len *= 2) {
				off_t at = start + places[i];

				CHECK(pread(mtty.client.fd, buf, len, at) == -1 &&
				      errno == EINVAL, "read %u bytes at %#llx", len,
				      (unsigned long long)at);
				CHECK(pwrite(mtty.client.fd, buf, len, at) == -1 &&
				      errno == EINVAL, "write %u bytes at %#llx", len,
				      (unsigned long long)at);
			}
		}
		/* Regions that are absent have no first byte either */
		if (region < 2 || region == CONFIG)
			continue;
		CHECK(pread(mtty.client.fd, buf, 1, start) == -1 && errno == EINVAL, "region %u",
		      region);
	}
	/* The largest file offset: no sum may wrap */
	for (unsigned int len = 1; len <= MAX_ACCESS; len++)
		CHECK(pread(mtty.client.fd, buf, len, 0x7fffffffffffffff - len) == -1 &&
		      errno == EINVAL, "%u bytes", len);
	mtty_close(&mtty);
}

TEST_ALL_MODES("a transfer of no bytes is none")
{
	static const off_t places[] = { 0, UART_SCR, (u64)CONFIG << 40, ((u64)CONFIG << 40) + 5 };
	u8 before[CONFIG_SIZE], after[CONFIG_SIZE], byte = 0xa5;
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	read_bytes(&mtty, CONFIG, before, CONFIG_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		CHECK_EQ(pwrite(mtty.client.fd, &byte, 0, places[i]), 0);
		CHECK_EQ(pread(mtty.client.fd, &byte, 0, places[i]), 0);
		CHECK_EQ(byte, 0xa5);
	}
	read_bytes(&mtty, CONFIG, after, CONFIG_SIZE);
	CHECK(!memcmp(before, after, CONFIG_SIZE));
	CHECK_EQ(uart_get(&mtty, 0, UART_SCR), 0);
	mtty_close(&mtty);
}

TEST_ALL_MODES("a sizing probe tells the size of each BAR")
{
	static const char *const types[] = { "mtty-1", "mtty-2" };

	for (unsigned int ports = 1; ports <= 2; ports++) {
		struct mtty mtty;

		mtty_open(&mtty, mode, types[ports - 1]);
		for (unsigned int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
			unsigned int at = PCI_BASE_ADDRESS_0 + 4 * bar;
			u32 want = bar < ports ? 0xfffffff9 : 0;

			config_put(&mtty.client, at, 4, 0xffffffff);
			CHECK_EQ(config_get(&mtty.client, at, 4), want, "BAR %u", bar);
			config_put(&mtty.client, at, 4, 0);
			CHECK_EQ(config_get(&mtty.client, at, 4), bar < ports ? 1 : 0, "BAR %u",
				 bar);
			/* By halves and by bytes, as some firmware does */
			config_put(&mtty.client, at, 2, 0xffff);
			config_put(&mtty.client, at + 2, 2, 0xffff);
			CHECK_EQ(config_get(&mtty.client, at, 4), want, "BAR %u by halves", bar);
			config_put(&mtty.client, at, 4, 0);
			for (int i = 3; i >= 0; i--)
				config_put(&mtty.client, at + i, 1, 0xff);
			CHECK_EQ(config_get(&mtty.client, at, 4), want, "BAR %u by bytes", bar);
			config_put(&mtty.client, at, 4, 0x0000c017);
			CHECK_EQ(config_get(&mtty.client, at, 4), bar < ports ? 0xc011 : 0,
				 "BAR %u", bar);
		}
		/* There is no expansion ROM */
		config_put(&mtty.client, PCI_ROM_ADDRESS, 4, 0xffffffff);
		CHECK_EQ(config_get(&mtty.client, PCI_ROM_ADDRESS, 4), 0);
		mtty_close(&mtty);
	}
}

/* ---- BARs ----------------------------------------------------------------- */

/* A state of the UART in which no register changes by being read */
static void uart_freeze(struct mtty *mtty, unsigned int port, u8 mark)
{
	uart_fifos_on(mtty, port);
	uart_put(mtty, port, UART_IER, 0);
	uart_put(mtty, port, UART_SCR, mark);
	uart_put(mtty, port, UART_MCR, 0);
	/* Offsets 0 and 1 are the divisor now, not the receiver's FIFO */
	uart_put(mtty, port, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	uart_put(mtty, port, UART_DLL, 0x34);
	uart_put(mtty, port, UART_DLM, 0x12);
	uart_get(mtty, port, UART_LSR);
	uart_get(mtty, port, UART_MSR);
	uart_get(mtty, port, UART_IIR);
}

TEST_ALL_MODES("UART registers read the same at every size and alignment")
{
	u8 bytes[MTTY_UART_SIZE];
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	for (unsigned int port = 0; port < 2; port++) {
		uart_freeze(&mtty, port, 0x77 + port);
		read_bytes(&mtty, port, bytes, sizeof(bytes));
		CHECK_EQ(bytes[UART_DLL], 0x34);
		CHECK_EQ(bytes[UART_DLM], 0x12);
		CHECK_EQ(bytes[UART_LCR], UART_LCR_DLAB | UART_LCR_WLEN8);
		CHECK_EQ(bytes[UART_SCR], 0x77 + port);
		check_reads(&mtty, port, bytes, sizeof(bytes));
	}
	mtty_close(&mtty);
}

TEST_ALL_MODES("a wide write reaches each UART register that it covers, and no other")
{
	u8 value[MAX_ACCESS + 1], bytes[MTTY_UART_SIZE];
	/* Registers that hold what is written: LCR keeps DLAB set by bit 7 */
	static const bool plain[MTTY_UART_SIZE] = {
		[UART_DLL] = true, [UART_DLM] = true, [UART_LCR] = true, [UART_SCR] = true,
	};
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	for (unsigned int at = 0; at < MTTY_UART_SIZE + 4; at++) {
		for (unsigned int len = 1; len <= MAX_ACCESS; len++) {
			ssize_t ret;

			uart_freeze(&mtty, 0, 0x11);
			uart_freeze(&mtty, 1, 0x22);
			for (unsigned int i = 0; i < len; i++)
				value[i] = 0x80 | (at + i);
			ret = vfio_write(&mtty.client, 0, at, value, len);
			CHECK_EQ(ret, at + len <= MTTY_UART_SIZE ? (int)len : -EINVAL,
				 "%u bytes at %u", len, at);
			read_bytes(&mtty, 0, bytes, sizeof(bytes));
			for (unsigned int i = 0; i < MTTY_UART_SIZE; i++) {
				static const u8 frozen[MTTY_UART_SIZE] = {
					[UART_DLL] = 0x34, [UART_DLM] = 0x12,
					[UART_LCR] = UART_LCR_DLAB | UART_LCR_WLEN8,
					[UART_SCR] = 0x11,
				};
				bool written = ret > 0 && i >= at && i < at + len;

				if (plain[i])
					CHECK_EQ(bytes[i], written ? 0x80 | i : frozen[i],
						 "register %u after %u bytes at %u", i, len, at);
			}
			/* The neighbour */
			CHECK_EQ(uart_get(&mtty, 1, UART_SCR), 0x22);
			CHECK_EQ(uart_get(&mtty, 1, UART_DLL), 0x34);
		}
	}
	mtty_close(&mtty);
}

TEST_ALL_MODES("with I/O decode off a BAR reads all-ones and drops writes")
{
	u8 ones[MTTY_UART_SIZE], bytes[MTTY_UART_SIZE];
	struct mtty mtty;
	u16 command;

	mtty_open(&mtty, mode, "mtty-2");
	memset(ones, 0xff, sizeof(ones));
	for (unsigned int port = 0; port < 2; port++)
		uart_freeze(&mtty, port, 0x55);
	command = config_get(&mtty.client, PCI_COMMAND, 2);
	config_put(&mtty.client, PCI_COMMAND, 2, command & ~PCI_COMMAND_IO);
	for (unsigned int port = 0; port < 2; port++) {
		check_reads(&mtty, port, ones, sizeof(ones));
		for (unsigned int reg = 0; reg < MTTY_UART_SIZE; reg++)
			uart_put(&mtty, port, reg, 0);
	}
	config_put(&mtty.client, PCI_COMMAND, 2, command);
	for (unsigned int port = 0; port < 2; port++) {
		read_bytes(&mtty, port, bytes, sizeof(bytes));
		CHECK_EQ(bytes[UART_SCR], 0x55);
		CHECK_EQ(bytes[UART_DLL], 0x34);
		CHECK_EQ(bytes[UART_LCR], UART_LCR_DLAB | UART_LCR_WLEN8);
	}
	mtty_close(&mtty);
}

/* ---- the UART -------------------------------------------------------------- */

TEST_ALL_MODES("what is sent comes back, on both ports, in order")
{
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	for (unsigned int port = 0; port < 2; port++)
		uart_fifos_on(&mtty, port);
	for (unsigned int round = 0; round < 40; round++) {
		unsigned int len = 1 + round % 16;

		for (unsigned int i = 0; i < len; i++) {
			uart_put(&mtty, 0, UART_TX, round + i);
			uart_put(&mtty, 1, UART_TX, ~(round + i));
		}
		for (unsigned int i = 0; i < len; i++) {
			CHECK(uart_get(&mtty, 0, UART_LSR) & UART_LSR_DR);
			CHECK(uart_get(&mtty, 1, UART_LSR) & UART_LSR_DR);
			CHECK_EQ(uart_get(&mtty, 0, UART_RX), (u8)(round + i));
			CHECK_EQ(uart_get(&mtty, 1, UART_RX), (u8)~(round + i));
		}
		for (unsigned int port = 0; port < 2; port++)
			CHECK_EQ(uart_get(&mtty, port, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	}
	mtty_close(&mtty);
}

TEST_ALL_MODES("the 17th character overruns the FIFO and is lost")
{
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	uart_fifos_on(&mtty, 0);
	for (unsigned int i = 0; i < 16; i++)
		uart_put(&mtty, 0, UART_TX, 'a' + i);
	CHECK(!(uart_get(&mtty, 0, UART_LSR) & UART_LSR_OE));
	uart_put(&mtty, 0, UART_TX, 'X');
	CHECK(uart_get(&mtty, 0, UART_LSR) & UART_LSR_OE);
	/* Reading LSR clears the error */
	CHECK(!(uart_get(&mtty, 0, UART_LSR) & UART_LSR_OE));
	for (unsigned int i = 0; i < 16; i++)
		CHECK_EQ(uart_get(&mtty, 0, UART_RX), 'a' + i);
	CHECK(!(uart_get(&mtty, 0, UART_LSR) & UART_LSR_DR));
	mtty_close(&mtty);
}

TEST_ALL_MODES("clearing the FIFO throws away what was received")
{
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	uart_fifos_on(&mtty, 0);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK(uart_get(&mtty, 0, UART_LSR) & UART_LSR_DR);
	uart_fifos_on(&mtty, 0);
	CHECK(!(uart_get(&mtty, 0, UART_LSR) & UART_LSR_DR));
	CHECK_EQ(uart_get(&mtty, 0, UART_RX), 0, "an empty FIFO gives no stale character");
	mtty_close(&mtty);
}

/* ---- interrupts ------------------------------------------------------------- */

/* INTx or MSI with a fresh eventfd behind it, and received data as the cause */
static int irq_setup(struct mtty *mtty, unsigned int index)
{
	int fd = eventfd_new();

	REQUIRE_OK(vfio_irq_connect(&mtty->client, index, 0, 1, &fd));
	uart_fifos_on(mtty, 0);
	uart_put(mtty, 0, UART_MCR, UART_MCR_OUT2);
	uart_put(mtty, 0, UART_IER, UART_IER_RDI);
	CHECK_EQ(eventfd_take(fd), 0, "no character has been received yet");
	return fd;
}

static void drain_uart(struct mtty *mtty)
{
	while (uart_get(mtty, 0, UART_LSR) & UART_LSR_DR)
		uart_get(mtty, 0, UART_RX);
}

TEST_ALL_MODES("INTx: a received character raises it once, and it stays masked until unmasked")
{
	struct mtty mtty;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	fd = irq_setup(&mtty, INTX);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK_EQ(eventfd_take(fd), 1);
	CHECK_EQ(uart_get(&mtty, 0, UART_IIR) & 0x0f, UART_IIR_RDI);
	/* Automasked: more of the same is not signalled */
	uart_put(&mtty, 0, UART_TX, 'b');
	CHECK_EQ(eventfd_take(fd), 0);
	/* The line is still up when it is unmasked: level-triggered, so it fires again */
	CHECK_ERR(vfio_irq_act(&mtty.client, INTX, VFIO_IRQ_SET_ACTION_UNMASK), 0);
	CHECK_EQ(eventfd_take(fd), 1);
	/* Now the cause is taken away first: unmasking is quiet */
	drain_uart(&mtty);
	CHECK_ERR(vfio_irq_act(&mtty.client, INTX, VFIO_IRQ_SET_ACTION_UNMASK), 0);
	CHECK_EQ(eventfd_take(fd), 0);
	uart_put(&mtty, 0, UART_TX, 'c');
	CHECK_EQ(eventfd_take(fd), 1);
	mtty_close(&mtty);
}

TEST_ALL_MODES("INTx: masked by the user it stays quiet, unmasked it is delivered")
{
	struct mtty mtty;
	u8 no = 0, yes = 1;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	fd = irq_setup(&mtty, INTX);
	CHECK_ERR(vfio_irq_act(&mtty.client, INTX, VFIO_IRQ_SET_ACTION_MASK), 0);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK_EQ(eventfd_take(fd), 0);
	/* DATA_BOOL: false changes nothing, true unmasks */
	CHECK_ERR(vfio_irq_set(&mtty.client, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_UNMASK,
			       INTX, 0, 1, &no, 1), 0);
	CHECK_EQ(eventfd_take(fd), 0);
	CHECK_ERR(vfio_irq_set(&mtty.client, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_UNMASK,
			       INTX, 0, 1, &yes, 1), 0);
	CHECK_EQ(eventfd_take(fd), 1);
	drain_uart(&mtty);
	CHECK_ERR(vfio_irq_act(&mtty.client, INTX, VFIO_IRQ_SET_ACTION_UNMASK), 0);
	CHECK_ERR(vfio_irq_set(&mtty.client, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK,
			       INTX, 0, 1, &no, 1), 0);
	uart_put(&mtty, 0, UART_TX, 'b');
	CHECK_EQ(eventfd_take(fd), 1, "masking with false masks nothing");
	mtty_close(&mtty);
}

TEST_ALL_MODES("INTx: signalling the unmask eventfd unmasks it")
{
	struct mtty mtty;
	int fd, unmask;

	mtty_open(&mtty, mode, "mtty-1");
	fd = irq_setup(&mtty, INTX);
	unmask = eventfd_new();
	REQUIRE_OK(vfio_irq_set(&mtty.client,
				VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0, 1,
				&unmask, sizeof(unmask)));
	for (int i = 0; i < 50; i++) {
		uart_put(&mtty, 0, UART_TX, 'a');
		CHECK_EQ(eventfd_take_within(fd, i ? 1000 : 0), 1, "round %d", i);
		drain_uart(&mtty);
		uart_put(&mtty, 0, UART_TX, 'b');
		CHECK_EQ(eventfd_take(fd), 0, "round %d: masked", i);
		CHECK_EQ(eventfd_write(unmask, 1), 0);
		CHECK_EQ(eventfd_take_within(fd, 1000), 1, "round %d: still pending", i);
		drain_uart(&mtty);
		CHECK_EQ(eventfd_write(unmask, 1), 0);
	}
	mtty_close(&mtty);
}

TEST_ALL_MODES("INTx: the command register's disable bit holds it back")
{
	struct mtty mtty;
	u16 command;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	fd = irq_setup(&mtty, INTX);
	command = config_get(&mtty.client, PCI_COMMAND, 2);
	config_put(&mtty.client, PCI_COMMAND, 2, command | PCI_COMMAND_INTX_DISABLE);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK_EQ(eventfd_take(fd), 0);
	/* PCI 3.0, 6.2.3: the status bit tells the line's state all the same */
	CHECK(config_get(&mtty.client, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	config_put(&mtty.client, PCI_COMMAND, 2, command);
	CHECK_EQ(eventfd_take(fd), 1);
	drain_uart(&mtty);
	CHECK(!(config_get(&mtty.client, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT));
	mtty_close(&mtty);
}

TEST_ALL_MODES("MSI: each new cause raises it, and nothing masks it")
{
	struct mtty mtty;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	fd = irq_setup(&mtty, MSI);
	for (int i = 0; i < 20; i++) {
		uart_put(&mtty, 0, UART_TX, 'a' + i);
		CHECK_EQ(eventfd_take(fd), 1, "character %d", i);
		drain_uart(&mtty);
		CHECK_EQ(eventfd_take(fd), 0, "character %d was taken", i);
	}
	/* No mask bits in this MSI capability, and none in VFIO's interface */
	CHECK_ERR(vfio_irq_act(&mtty.client, MSI, VFIO_IRQ_SET_ACTION_MASK), ENOTTY);
	CHECK_ERR(vfio_irq_act(&mtty.client, MSI, VFIO_IRQ_SET_ACTION_UNMASK), ENOTTY);
	mtty_close(&mtty);
}

TEST_ALL_MODES("the transmitter's interrupt comes when it is enabled with an empty FIFO")
{
	static const unsigned int indexes[] = { INTX, MSI };

	for (int i = 0; i < 2; i++) {
		struct mtty mtty;
		int fd;

		mtty_open(&mtty, mode, "mtty-2");
		fd = eventfd_new();
		REQUIRE_OK(vfio_irq_connect(&mtty.client, indexes[i], 0, 1, &fd));
		/* On the second port: any port's cause raises the card's interrupt */
		uart_fifos_on(&mtty, 1);
		uart_put(&mtty, 1, UART_IER, UART_IER_THRI);
		CHECK_EQ(eventfd_take(fd), 1);
		CHECK_EQ(uart_get(&mtty, 1, UART_IIR) & 0x0f, UART_IIR_THRI);
		mtty_close(&mtty);
	}
}

TEST_ALL_MODES("the user can trigger INTx and MSI with DATA_NONE and DATA_BOOL")
{
	static const unsigned int indexes[] = { INTX, MSI };
	const u32 trigger = VFIO_IRQ_SET_ACTION_TRIGGER;
	u8 no = 0, yes = 1;

	for (int i = 0; i < 2; i++) {
		unsigned int index = indexes[i];
		struct mtty mtty;
		int fd;

		mtty_open(&mtty, mode, "mtty-1");
		fd = eventfd_new();
		REQUIRE_OK(vfio_irq_connect(&mtty.client, index, 0, 1, &fd));
		CHECK_ERR(vfio_irq_act(&mtty.client, index, trigger), 0);
		CHECK_EQ(eventfd_take(fd), 1, "index %u", index);
		if (index == INTX)
			CHECK_ERR(vfio_irq_act(&mtty.client, INTX, VFIO_IRQ_SET_ACTION_UNMASK), 0);
		CHECK_ERR(vfio_irq_set(&mtty.client, VFIO_IRQ_SET_DATA_BOOL | trigger, index, 0, 1,
				       &no, 1), 0);
		CHECK_EQ(eventfd_take(fd), 0, "index %u", index);
		CHECK_ERR(vfio_irq_set(&mtty.client, VFIO_IRQ_SET_DATA_BOOL | trigger, index, 0, 1,
				       &yes, 1), 0);
		CHECK_EQ(eventfd_take(fd), 1, "index %u", index);
		mtty_close(&mtty);
	}
}

TEST_ALL_MODES("a number that is no eventfd is refused and the former eventfd stays")
{
	static const unsigned int indexes[] = { INTX, MSI, VFIO_PCI_ERR_IRQ_INDEX,
						VFIO_PCI_REQ_IRQ_INDEX };

	for (int i = 0; i < 4; i++) {
		int fd, not_open = 987, not_eventfd, minus_two = -2;
		unsigned int index = indexes[i];
		struct mtty mtty;

		mtty_open(&mtty, mode, "mtty-1");
		fd = eventfd_new();
		not_eventfd = open("/dev/null", O_RDWR | O_CLOEXEC);
		REQUIRE_OK(vfio_irq_connect(&mtty.client, index, 0, 1, &fd));
		CHECK_ERR(vfio_irq_connect(&mtty.client, index, 0, 1, &not_open), EBADF,
			  "index %u", index);
		CHECK_ERR(vfio_irq_connect(&mtty.client, index, 0, 1, &not_eventfd), EINVAL,
			  "index %u", index);
		/* Only -1 means "none" */
		CHECK(vfio_irq_connect(&mtty.client, index, 0, 1, &minus_two) < 0, "index %u",
		      index);
		CHECK_ERR(vfio_irq_act(&mtty.client, index, VFIO_IRQ_SET_ACTION_TRIGGER), 0,
			  "index %u", index);
		CHECK_EQ(eventfd_take(fd), 1, "index %u: the former eventfd", index);
		close(not_eventfd);
		mtty_close(&mtty);
	}
}

TEST_ALL_MODES("a bad unmask eventfd is refused and the former one stays")
{
	int fd, unmask, not_open = 987, not_eventfd;
	const u32 flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK;
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-1");
	fd = irq_setup(&mtty, INTX);
	unmask = eventfd_new();
	not_eventfd = open("/dev/null", O_RDWR | O_CLOEXEC);
	REQUIRE_OK(vfio_irq_set(&mtty.client, flags, INTX, 0, 1, &unmask, sizeof(unmask)));
	CHECK_ERR(vfio_irq_set(&mtty.client, flags, INTX, 0, 1, &not_open, 4), EBADF);
	CHECK_ERR(vfio_irq_set(&mtty.client, flags, INTX, 0, 1, &not_eventfd, 4), EINVAL);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK_EQ(eventfd_take(fd), 1);
	CHECK_EQ(eventfd_write(unmask, 1), 0);
	CHECK_EQ(eventfd_take_within(fd, 1000), 1);
	mtty_close(&mtty);
}

TEST_ALL_MODES("interrupts that the device has not are refused and the former state stays")
{
	static const unsigned int indexes[] = { INTX, MSI };

	for (int i = 0; i < 2; i++) {
		unsigned int index = indexes[i];
		int fds[3];
		struct mtty mtty;

		mtty_open(&mtty, mode, "mtty-1");
		for (int n = 0; n < 3; n++)
			fds[n] = eventfd_new();
		REQUIRE_OK(vfio_irq_connect(&mtty.client, index, 0, 1, &fds[2]));
		/* Vector 0 exists, vector 1 does not: neither may change */
		CHECK_ERR(vfio_irq_connect(&mtty.client, index, 0, 2, fds), EINVAL);
		CHECK_ERR(vfio_irq_connect(&mtty.client, index, 1, 1, fds), EINVAL);
		CHECK_ERR(vfio_irq_set(&mtty.client,
				       VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index,
				       ~0U, 2, NULL, 0), EINVAL);
		CHECK_ERR(vfio_irq_act(&mtty.client, index, VFIO_IRQ_SET_ACTION_TRIGGER), 0);
		CHECK_EQ(eventfd_take(fds[2]), 1);
		CHECK_EQ(eventfd_take(fds[0]), 0);
		CHECK_EQ(eventfd_take(fds[1]), 0);
		mtty_close(&mtty);
	}
}

TEST_ALL_MODES("MSI-X, which the card has not, is refused")
{
	struct mtty mtty;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	fd = eventfd_new();
	CHECK(vfio_irq_connect(&mtty.client, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &fd) < 0);
	CHECK(vfio_irq_act(&mtty.client, VFIO_PCI_MSIX_IRQ_INDEX,
			   VFIO_IRQ_SET_ACTION_TRIGGER) < 0);
	CHECK_ERR(vfio_irq_connect(&mtty.client, VFIO_PCI_NUM_IRQS, 0, 1, &fd), EINVAL);
	mtty_close(&mtty);
}

TEST_ALL_MODES("an eventfd that was taken away is never signalled again")
{
	static const unsigned int indexes[] = { INTX, MSI };
	int none = -1;

	for (int i = 0; i < 4; i++) {
		unsigned int index = indexes[i / 2];
		struct mtty mtty;
		int fd;

		mtty_open(&mtty, mode, "mtty-1");
		fd = irq_setup(&mtty, index);
		/* By -1 in its place, or by count 0, which takes all of the index */
		if (i % 2)
			CHECK_ERR(vfio_irq_connect(&mtty.client, index, 0, 1, &none), 0);
		else
			CHECK_ERR(vfio_irq_disconnect(&mtty.client, index), 0);
		uart_put(&mtty, 0, UART_TX, 'a');
		CHECK_EQ(eventfd_take(fd), 0, "index %u", index);
		CHECK_ERR(vfio_irq_disconnect(&mtty.client, index), 0,
			  "taking away what is not there changes nothing");
		/* And the other kind of interrupt can be used now */
		CHECK_ERR(vfio_irq_connect(&mtty.client, indexes[!(i / 2)], 0, 1, &fd), 0);
		mtty_close(&mtty);
	}
}

TEST_ALL_MODES("an eventfd can be replaced while the interrupt is in use")
{
	struct mtty mtty;
	int first, second;

	mtty_open(&mtty, mode, "mtty-1");
	first = irq_setup(&mtty, MSI);
	second = eventfd_new();
	CHECK_ERR(vfio_irq_connect(&mtty.client, MSI, 0, 1, &second), 0);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK_EQ(eventfd_take(first), 0);
	CHECK_EQ(eventfd_take(second), 1);
	mtty_close(&mtty);
}

/* Out of the card's line in debugfs */
static u64 counter(const struct mtty *mtty, const char *name)
{
	char text[1024], *line;

	REQUIRE_OK(sysfs_read(text, sizeof(text), "/sys/kernel/debug/mdevkit/counters"));
	line = strstr(text, mtty->uuid);
	REQUIRE(line, "%s", mtty->uuid);
	line = strstr(line, name);
	REQUIRE(line, "%s", name);
	return strtoull(line + strlen(name), NULL, 10);
}

TEST_ALL_MODES("what the tenant does is counted")
{
	u64 reads, writes, interrupts;
	struct mtty mtty;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	fd = irq_setup(&mtty, MSI);
	uart_fifos_on(&mtty, 0);
	uart_put(&mtty, 0, UART_IER, UART_IER_RDI);
	eventfd_take(fd);
	reads = counter(&mtty, "reads ");
	writes = counter(&mtty, "writes ");
	interrupts = counter(&mtty, "interrupts ");
	for (unsigned int i = 0; i < 5; i++)
		uart_get(&mtty, 0, UART_SCR);
	config_get(&mtty.client, PCI_VENDOR_ID, 2);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK_EQ(eventfd_take(fd), 1);
	CHECK_EQ(counter(&mtty, "reads ") - reads, 6);
	CHECK_EQ(counter(&mtty, "writes ") - writes, 1);
	CHECK_EQ(counter(&mtty, "interrupts ") - interrupts, 1);
	CHECK_EQ(counter(&mtty, "faults "), 0);
	mtty_close(&mtty);
}

/* ---- reset and close --------------------------------------------------------- */

TEST_ALL_MODES("a reset brings the UARTs back to their first state")
{
	u8 fresh[2][MTTY_UART_SIZE], after[MTTY_UART_SIZE];
	struct mtty mtty;

	mtty_open(&mtty, mode, "mtty-2");
	for (unsigned int port = 0; port < 2; port++)
		read_bytes(&mtty, port, fresh[port], MTTY_UART_SIZE);
	for (unsigned int port = 0; port < 2; port++) {
		uart_freeze(&mtty, port, 0x99);
		uart_put(&mtty, port, UART_LCR, UART_LCR_WLEN7);
		uart_put(&mtty, port, UART_IER, 0x0f);
		uart_put(&mtty, port, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
		uart_put(&mtty, port, UART_TX, 'x');
	}
	CHECK_ERR(vfio_reset(&mtty.client), 0);
	for (unsigned int port = 0; port < 2; port++) {
		read_bytes(&mtty, port, after, MTTY_UART_SIZE);
		for (unsigned int reg = 0; reg < MTTY_UART_SIZE; reg++)
			CHECK_EQ(after[reg], fresh[port][reg], "port %u, register %u", port, reg);
	}
	mtty_close(&mtty);
}

TEST_ALL_MODES("eventfds stay connected over a reset")
{
	struct mtty mtty;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	fd = irq_setup(&mtty, MSI);
	CHECK_ERR(vfio_reset(&mtty.client), 0);
	eventfd_take(fd);
	uart_fifos_on(&mtty, 0);
	uart_put(&mtty, 0, UART_IER, UART_IER_RDI);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK_EQ(eventfd_take(fd), 1);
	mtty_close(&mtty);
}

TEST_ALL_MODES("the next user finds no trace of the former one")
{
	u8 config[CONFIG_SIZE], uart[MTTY_UART_SIZE], after[CONFIG_SIZE];
	struct mtty mtty;
	int fd;

	mtty_open(&mtty, mode, "mtty-1");
	read_bytes(&mtty, CONFIG, config, CONFIG_SIZE);
	read_bytes(&mtty, 0, uart, MTTY_UART_SIZE);
	fd = irq_setup(&mtty, MSI);
	config_put(&mtty.client, PCI_BASE_ADDRESS_0, 4, 0xc000);
	config_put(&mtty.client, PCI_INTERRUPT_LINE, 1, 11);
	config_put(&mtty.client, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	uart_put(&mtty, 0, UART_SCR, 0x42);
	uart_put(&mtty, 0, UART_TX, 's');
	CHECK_EQ(eventfd_take(fd), 1);
	vfio_client_close(&mtty.client);

	REQUIRE_OK(vfio_client_open(&mtty.client, &mtty.space, mtty.uuid));
	read_bytes(&mtty, CONFIG, after, CONFIG_SIZE);
	CHECK(!memcmp(config, after, CONFIG_SIZE), "config space");
	read_bytes(&mtty, 0, after, MTTY_UART_SIZE);
	CHECK(!memcmp(uart, after, MTTY_UART_SIZE), "UART");
	uart_fifos_on(&mtty, 0);
	uart_put(&mtty, 0, UART_IER, UART_IER_RDI);
	uart_put(&mtty, 0, UART_TX, 'a');
	CHECK_EQ(eventfd_take(fd), 0, "the former user's eventfd");
	mtty_close(&mtty);
}

/* ---- address space ------------------------------------------------------------ */

TEST_ALL_MODES("memory can be mapped and unmapped, though the card does no DMA")
{
	u64 unmapped = 0;
	struct mtty mtty;
	void *memory;

	mtty_open(&mtty, mode, "mtty-1");
	memory = pages_alloc(1 << 20);
	CHECK_ERR(vfio_map(&mtty.space, memory, 0x100000, 1 << 20), 0);
	CHECK_ERR(vfio_map(&mtty.space, memory, 0x180000, 4096), EEXIST);
	CHECK_ERR(vfio_unmap(&mtty.space, 0x100000, 1 << 20, &unmapped), 0);
	CHECK_EQ(unmapped, 1 << 20);
	CHECK_ERR(vfio_map(&mtty.space, memory, 0x100000, 1 << 20), 0);
	/* Closed with the mapping live */
	mtty_close(&mtty);
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = mtty_load,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
