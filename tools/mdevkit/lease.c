// SPDX-License-Identifier: GPL-2.0-only
/* mdevkit lease: who owns an mdev, and until when. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "describe.h"
#include "lease.h"
#include "lock.h"
#include "number.h"
#include "sysfs.h"

#define TEN_YEARS (10ull * 366 * 24 * 3600)

static int show_lease(struct cli *cli, const char *uuid)
{
	struct lease lease = lease_read(uuid);
	__cleanup_free char *text = lease_text(&lease);
	struct json_object *o;

	if (!cli->json) {
		fprintf(cli->out, "%s\n", text ?: "no lease");
		return EXIT_OK;
	}
	o = json_object_new_object();
	json_object_object_add(o, "uuid", json_text(uuid));
	json_object_object_add(o, "lease", json_text(text));
	json_object_object_add(o, "ended", json_object_new_boolean(lease.state == LEASE_ENDED));
	return print_json(cli, o);
}

static int written(struct cli *cli, const char *uuid, int ret)
{
	return ret ? failed(cli, LEASES "/%s: %s", uuid, strerror(errno)) : EXIT_OK;
}

static int change_lease(struct cli *cli, const char *uuid, const char *pid_text,
			const char *seconds_text, bool drop)
{
	unsigned long long pid = 0, seconds = 0;
	int lock __cleanup_lock = -1;

	if (pid_text && (!parse_number(pid_text, 10, INT_MAX, &pid) || !pid))
		return usage_error(cli, "\"%s\" is no process ID", pid_text);
	if (seconds_text && (!parse_number(seconds_text, 10, TEN_YEARS, &seconds) || !seconds))
		return usage_error(cli, "\"%s\" is no number of seconds", seconds_text);
	lock = lock_take(cli);
	if (lock < 0)
		return EXIT_ERROR;
	if (drop)
		return written(cli, uuid, lease_drop(uuid));
	if (seconds)
		return written(cli, uuid, lease_for(uuid, seconds));
	if (!lease_to_process(uuid, pid))
		return EXIT_OK;
	if (errno == ESRCH)
		return failed(cli, "/proc/%llu/stat: there is no such process", pid);
	return written(cli, uuid, -1);
}

static int lease_run(struct cli *cli, int argc, char **argv)
{
	const char *pid = take_value(&argc, argv, "--pid");
	const char *seconds = take_value(&argc, argv, "--for");
	bool drop = take_flag(&argc, argv, "--drop");
	struct model m __cleanup_model = {};
	const struct mdev *d;

	if (unknown_option(argc, argv))
		return usage_error(cli, "no option \"%s\", or it lacks its value",
				   unknown_option(argc, argv));
	if (argc != 1 || !is_uuid(argv[0]))
		return usage_error(cli, "lease takes one UUID");
	if (!!pid + !!seconds + drop > 1)
		return usage_error(cli, "--pid, --for and --drop exclude each other");
	model_load(&m);
	d = find_mdev(&m, argv[0]);
	/* A lease that its mdev has left behind can be dropped. */
	if (!d && !drop)
		return failed(cli, "/sys/bus/mdev/devices/%s: there is no such mdev", argv[0]);
	if (pid || seconds || drop)
		return change_lease(cli, d ? d->uuid : argv[0], pid, seconds, drop);
	return show_lease(cli, d->uuid);
}

const struct command lease_command = {
	.name = "lease",
	.arguments = "UUID [--pid PID|--for SECONDS|--drop] [--json]",
	.summary = "Say who owns an mdev: a process, or anybody for some time",
	.help = "\n"
		"mdevkit gc removes an mdev that nobody uses when its lease has ended: the\n"
		"process is gone, or the time is over. An mdev without a lease is never\n"
		"removed. A platform renews with --for, or names itself with --pid. Leases are\n"
		"files in /run/mdevkit/leases.\n",
	.run = lease_run,
};
