// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the operations of a tenant and of an administrator cost, in instructions.
 *
 * Runs in a VM of lab/run --icount. The environment says whose driver is loaded (BENCH_SIDE) and
 * where the numbers go (BENCH_RESULTS); rows.list makes a table of them. With an argument only
 * the tests whose sentence has it run.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktap.h"
#include "measure.h"
#include "sysfs.h"

/* ---- the floor: a system call, and one that reads ---- */

static int call_getppid(void *data)
{
	syscall(SYS_getppid);
	return 0;
}

static int read_zero(void *data)
{
	u8 byte;

	return pread(*(int *)data, &byte, 1, 0) == 1 ? 0 : -EIO;
}

TEST("floor: system calls that do nothing")
{
	int fd = open("/dev/zero", O_RDONLY);

	REQUIRE(fd >= 0);
	bench_one(BENCH_FLOOR, "getppid", call_getppid, NULL);
	bench_one(BENCH_FLOOR, "pread", read_zero, &fd);
	close(fd);
}

static const char *restore(void)
{
	return mdev_remove_all();
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv, &(struct ktap_hooks){ .after_each = restore });
}
