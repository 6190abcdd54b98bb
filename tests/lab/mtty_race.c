// SPDX-License-Identifier: GPL-2.0-only
/*
 * mtty under races: one group and many clients, users without rights, and everything
 * that can happen to an mdev happening at once.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpus.h"
#include "mtty.h"

#define NOBODY		65534
#define RACE_SECONDS	20

/* Counters that processes and threads of one test share */
struct tally {
	atomic_uint holders;		/* clients that have the device open now */
	atomic_uint most_holders;
	atomic_uint won, lost, unexpected;
	atomic_uint created, removed, opened, reset, accessed;
	struct overlap overlap;
	atomic_int errors[8];		/* the first unexpected errnos */
};

static struct tally *tally_new(void)
{
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(tally != MAP_FAILED);
	return tally;
}

static void tally_unexpected(struct tally *tally, int err)
{
	unsigned int nr = atomic_fetch_add(&tally->unexpected, 1);

	if (nr < ARRAY_SIZE(tally->errors))
		atomic_store(&tally->errors[nr], err);
}

static void check_no_unexpected(struct tally *tally)
{
	CHECK_EQ(atomic_load(&tally->unexpected), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tally->errors); i++)
		if (atomic_load(&tally->errors[i]))
			ktap_note("unexpected: %s",
				  strerrorname_np(-atomic_load(&tally->errors[i])));
}

static void wait_for_children(void)
{
	int status;

	while (wait(&status) > 0)
		CHECK_EQ(status, 0);
}

/* One client: opens and closes the mdev until the time is up */
static void compete(const struct vfio_mode *mode, const char *uuid, struct tally *tally,
		    double until, unsigned int who)
{
	pin_self(who);
	while (ktap_clock() < until) {
		struct vfio_client client;
		struct vfio_space space;
		unsigned int holders;
		int ret;

		ret = vfio_space_open(&space, mode);
		if (ret) {
			tally_unexpected(tally, ret);
			return;
		}
		ret = vfio_client_open(&client, &space, uuid);
		if (!ret) {
			holders = atomic_fetch_add(&tally->holders, 1) + 1;
			if (holders > atomic_load(&tally->most_holders))
				atomic_store(&tally->most_holders, holders);
			if (config_get(&client, PCI_VENDOR_ID, 2) == 0x4348)
				atomic_fetch_add(&tally->won, 1);
			atomic_fetch_sub(&tally->holders, 1);
			vfio_client_close(&client);
		} else if (ret == -EBUSY || (!mode->container_path && ret == -EINVAL)) {
			/* A group file, or a device bound to another iommufd, is taken */
			atomic_fetch_add(&tally->lost, 1);
		} else {
			tally_unexpected(tally, ret);
		}
		vfio_space_close(&space);
		overlap_step(&tally->overlap, who);
	}
}

TEST_ALL_MODES("of many clients that want one mdev exactly one has it at a time")
{
	struct tally *tally = tally_new();
	double until = ktap_clock() + 5;
	char uuid[UUID_SIZE];

	mdev_uuid(1, uuid);
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-2", uuid));
	fflush(stdout);
	for (int i = 0; i < 4; i++) {
		if (fork())
			continue;
		compete(mode, uuid, tally, until, i);
		fflush(stdout);
		_exit(0);
	}
	wait_for_children();
	check_no_unexpected(tally);
	CHECK_EQ(atomic_load(&tally->most_holders), 1);
	CHECK(atomic_load(&tally->won) > 10, "%u", atomic_load(&tally->won));
	CHECK(atomic_load(&tally->lost) > 0);
	check_overlap(&tally->overlap, 50);
	ktap_note("%u opens, %u refused", atomic_load(&tally->won), atomic_load(&tally->lost));
	CHECK_ERR(mdev_remove(uuid), 0);
}

TEST("a group that is open cannot be opened again, nor its device through another container")
{
	struct vfio_space first, second;
	struct vfio_client client, other;
	char uuid[UUID_SIZE];

	mdev_uuid(1, uuid);
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-2", uuid));
	REQUIRE_OK(vfio_space_open(&first, vfio_type1v2));
	REQUIRE_OK(vfio_space_open(&second, vfio_type1v2));
	REQUIRE_OK(vfio_client_open(&client, &first, uuid));
	CHECK_ERR(vfio_client_open(&other, &second, uuid), EBUSY);
	/* The first user notices nothing */
	CHECK_EQ(config_get(&client, PCI_VENDOR_ID, 2), 0x4348);
	vfio_client_close(&client);
	CHECK_ERR(vfio_client_open(&other, &second, uuid), 0);
	vfio_client_close(&other);
	vfio_space_close(&first);
	vfio_space_close(&second);
	CHECK_ERR(mdev_remove(uuid), 0);
}

/* ---- users without rights ------------------------------------------------------- */

/* The file through which the mdev is opened in this mode */
static void device_file(const struct vfio_mode *mode, const char *uuid, char *path, size_t size)
{
	if (mode->container_path)
		snprintf(path, size, "/dev/vfio/%d", mdev_group(uuid));
	else
		REQUIRE_OK(vfio_cdev_path(uuid, path, size));
}

/* Opens, uses and closes the mdev as user "nobody" in a child; returns the errno of the open */
static int use_as_nobody(const struct vfio_mode *mode, const char *uuid)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct vfio_client client;
		struct vfio_space space;
		int ret;

		REQUIRE(!setgid(NOBODY) && !setuid(NOBODY));
		REQUIRE_OK(vfio_space_open(&space, mode));
		ret = vfio_client_open(&client, &space, uuid);
		if (!ret) {
			void *memory = pages_alloc(65536);
			int fd = eventfd_new();

			CHECK_ERR(vfio_map(&space, memory, 0, 65536), 0);
			CHECK_ERR(vfio_irq_connect(&client, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &fd), 0);
			vfio_put(&client, 0, UART_SCR, 1, 0x3c);
			CHECK_EQ(vfio_get(&client, 0, UART_SCR, 1), 0x3c);
			CHECK_ERR(vfio_reset(&client), 0);
			vfio_client_close(&client);
		}
		vfio_space_close(&space);
		fflush(stdout);
		_exit(-ret);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return -WEXITSTATUS(status);
}

TEST_ALL_MODES("a user without rights is refused until the device's file is given to it")
{
	char uuid[UUID_SIZE], path[64];
	const char *space_path = mode->container_path ?: "/dev/iommu";
	struct stat before;

	mdev_uuid(1, uuid);
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-2", uuid));
	device_file(mode, uuid, path, sizeof(path));
	REQUIRE(!stat(space_path, &before));
	/* udev does this for /dev/vfio/vfio; for /dev/iommu the administrator does */
	REQUIRE(!chmod(space_path, 0666));

	CHECK_ERR(use_as_nobody(mode, uuid), EACCES);
	REQUIRE(!chown(path, NOBODY, NOBODY));
	CHECK_ERR(use_as_nobody(mode, uuid), 0);
	/* and taken back */
	REQUIRE(!chown(path, 0, 0));
	CHECK_ERR(use_as_nobody(mode, uuid), EACCES);

	CHECK(!chmod(space_path, before.st_mode & 07777));
	CHECK_ERR(mdev_remove(uuid), 0);
}

TEST("a user without rights can neither create nor remove")
{
	char uuid[UUID_SIZE], other[UUID_SIZE];
	int status;
	pid_t pid;

	mdev_uuid(1, uuid);
	mdev_uuid(2, other);
	REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-1", uuid));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		REQUIRE(!setgid(NOBODY) && !setuid(NOBODY));
		CHECK_ERR(mdev_create(MTTY_PARENT, "mtty-1", other), EACCES);
		CHECK_ERR(mdev_remove(uuid), EACCES);
		CHECK_ERR(sysfs_write("0", MDEV_DEVICES "/%s/loopback", uuid), EACCES);
		fflush(stdout);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	CHECK(!mdev_exists(other));
	CHECK_ERR(mdev_remove(uuid), 0);
}

/* ---- everything at once ----------------------------------------------------------- */

#define RACE_MDEVS	6

/*
 * The kernel's mdev bus loses the file "remove" for good when a remove arrives before
 * create has returned (the mdev is not "active" yet: EAGAIN). So an mdev is removed only
 * after its creator has marked it here, and by the one remover that takes the mark.
 */
struct marks {
	atomic_bool ready[RACE_MDEVS];
};

struct race {
	const struct vfio_mode *mode;
	struct tally *tally;
	struct marks *marks;
	double until;
	unsigned int seed;
	unsigned int who;
};

/* The UUID of one of the mdevs; returns which */
static unsigned int race_uuid(struct race *race, char uuid[UUID_SIZE])
{
	unsigned int n = rand_r(&race->seed) % RACE_MDEVS;

	mdev_uuid(n, uuid);
	return n;
}

static void *race_create(void *arg)
{
	struct race *race = arg;
	char uuid[UUID_SIZE];

	while (ktap_clock() < race->until) {
		unsigned int n = race_uuid(race, uuid);
		int ret;

		ret = mdev_create(MTTY_PARENT, rand_r(&race->seed) % 2 ? "mtty-1" : "mtty-2", uuid);
		if (!ret) {
			atomic_fetch_add(&race->tally->created, 1);
			atomic_store(&race->marks->ready[n], true);
		} else if (ret != -EEXIST) {
			tally_unexpected(race->tally, ret);
		}
		overlap_step(&race->tally->overlap, race->who);
	}
	return NULL;
}

static void *race_remove(void *arg)
{
	struct race *race = arg;
	char uuid[UUID_SIZE];

	while (ktap_clock() < race->until) {
		unsigned int n = race_uuid(race, uuid);
		int ret;

		if (!atomic_exchange(&race->marks->ready[n], false)) {
			sleep_ms(1);
			continue;
		}
		ret = mdev_remove(uuid);
		if (!ret)
			atomic_fetch_add(&race->tally->removed, 1);
		else
			tally_unexpected(race->tally, ret);
		overlap_step(&race->tally->overlap, race->who);
	}
	return NULL;
}

/* Errnos that an open may give when the mdev comes and goes and others open it, too */
static bool open_may_fail_with(int ret)
{
	return ret == -EBUSY || ret == -ENOENT || ret == -ENODEV || ret == -EINVAL ||
	       ret == -ENXIO || ret == -EPERM;
}

static void *race_open(void *arg)
{
	struct race *race = arg;
	char uuid[UUID_SIZE];

	while (ktap_clock() < race->until) {
		struct vfio_client client;
		struct vfio_space space;
		int ret, fd;
		bool late;

		ret = vfio_space_open(&space, race->mode);
		if (ret) {
			tally_unexpected(race->tally, ret);
			break;
		}
		race_uuid(race, uuid);
		ret = vfio_client_open(&client, &space, uuid);
		if (ret) {
			if (!open_may_fail_with(ret))
				tally_unexpected(race->tally, ret);
			vfio_space_close(&space);
			continue;
		}
		atomic_fetch_add(&race->tally->opened, 1);
		fd = eventfd_new();
		vfio_irq_connect(&client, rand_r(&race->seed) % 2 ? VFIO_PCI_MSI_IRQ_INDEX :
				 VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &fd);
		vfio_put(&client, 0, UART_IER, 1, UART_IER_RDI);
		for (int i = rand_r(&race->seed) % 20; i > 0; i--) {
			u8 sent = i, back = 0;

			if (rand_r(&race->seed) % 4 == 0 && !vfio_reset(&client))
				atomic_fetch_add(&race->tally->reset, 1);
			vfio_write(&client, 0, UART_SCR, &sent, 1);
			vfio_read(&client, 0, UART_SCR, &back, 1);
			if (back != sent)
				tally_unexpected(race->tally, -EILSEQ);
			atomic_fetch_add(&race->tally->accessed, 1);
		}
		/* The interrupt's file sometimes dies before the device's */
		late = rand_r(&race->seed) % 2;
		if (!late)
			close(fd);
		vfio_client_close(&client);
		vfio_space_close(&space);
		overlap_step(&race->tally->overlap, race->who);
		if (late)
			close(fd);
	}
	return NULL;
}

static void *race_look(void *arg)
{
	struct race *race = arg;
	char uuid[UUID_SIZE], text[256];

	while (ktap_clock() < race->until) {
		long left = mdev_available(MTTY_PARENT, "mtty-1");

		if (left < MTTY_PORTS - 2 * RACE_MDEVS || left > MTTY_PORTS)
			tally_unexpected(race->tally, -ERANGE);
		race_uuid(race, uuid);
		sysfs_read(text, sizeof(text), MDEV_DEVICES "/%s/loopback", uuid);
		sysfs_write("1", MDEV_DEVICES "/%s/loopback", uuid);
		mdev_group(uuid);
		sleep_ms(1);
	}
	return NULL;
}

TEST_ALL_MODES_LONG("create, remove, open, close and reset race for 20 s and nothing is left", 120)
{
	void *(*const roles[])(void *arg) = {
		race_create, race_remove, race_open, race_open, race_open, race_look,
	};
	struct race races[2][ARRAY_SIZE(roles)];
	struct tally *tally = tally_new();
	struct marks *marks = mmap(NULL, sizeof(*marks), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double until = ktap_clock() + RACE_SECONDS;

	REQUIRE(marks != MAP_FAILED);
	fflush(stdout);
	/* Two processes with all the threads each */
	for (unsigned int process = 0; process < 2; process++) {
		pthread_t threads[ARRAY_SIZE(roles)];

		if (fork())
			continue;
		for (unsigned int i = 0; i < ARRAY_SIZE(roles); i++) {
			races[process][i] = (struct race){
				.mode = mode,
				.tally = tally,
				.marks = marks,
				.until = until,
				.seed = 1000 * process + i,
				.who = ARRAY_SIZE(roles) * process + i,
			};
			/* Each role runs on both CPUs, once in each process */
			start_pinned(&threads[i], process + i, roles[i], &races[process][i]);
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(roles); i++)
			pthread_join(threads[i], NULL);
		fflush(stdout);
		_exit(0);
	}
	wait_for_children();
	check_no_unexpected(tally);
	ktap_note("%u created, %u removed, %u opened, %u resets, %u accesses",
		  atomic_load(&tally->created), atomic_load(&tally->removed),
		  atomic_load(&tally->opened), atomic_load(&tally->reset),
		  atomic_load(&tally->accessed));
	CHECK(atomic_load(&tally->created) > 5);
	CHECK(atomic_load(&tally->removed) > 5);
	CHECK(atomic_load(&tally->opened) > 5);
	CHECK(atomic_load(&tally->reset) > 5);
	check_overlap(&tally->overlap, 100);

	CHECK_EQ(atomic_load(&tally->created) - atomic_load(&tally->removed), mdev_count());
	mdev_remove_all();
	CHECK_EQ(mdev_count(), 0);
	CHECK_EQ(mdev_available(MTTY_PARENT, "mtty-1"), MTTY_PORTS);
	CHECK_EQ(mdev_available(MTTY_PARENT, "mtty-2"), MTTY_PORTS / 2);
}

struct remover {
	pthread_barrier_t *start;
	double begin, end;
};

static void *remove_once(void *arg)
{
	struct remover *remover = arg;
	char uuid[UUID_SIZE];
	int ret;

	mdev_uuid(1, uuid);
	pthread_barrier_wait(remover->start);
	remover->begin = ktap_clock();
	ret = mdev_remove(uuid);
	remover->end = ktap_clock();
	/* The loser finds it gone or going; or it waited for the winner and has nothing to do */
	CHECK(!ret || ret == -ENOENT || ret == -ENODEV || ret == -EAGAIN, "%d", ret);
	return NULL;
}

TEST("of two who remove one mdev both return and it has gone")
{
	double until = ktap_clock() + 15;
	unsigned int at_once = 0;
	pthread_barrier_t start;
	struct remover both[2];
	pthread_t threads[2];
	char uuid[UUID_SIZE];

	mdev_uuid(1, uuid);
	pthread_barrier_init(&start, NULL, 2);
	for (int i = 0; i < 200 && ktap_clock() < until; i++) {
		REQUIRE_OK(mdev_create(MTTY_PARENT, "mtty-2", uuid), "round %d", i);
		for (int t = 0; t < 2; t++) {
			both[t].start = &start;
			start_pinned(&threads[t], t, remove_once, &both[t]);
		}
		for (int t = 0; t < 2; t++)
			pthread_join(threads[t], NULL);
		CHECK(!mdev_exists(uuid), "round %d", i);
		at_once += both[0].begin < both[1].end && both[1].begin < both[0].end;
	}
	ktap_note("both were removing it %u times", at_once);
	CHECK(at_once > 5);
	CHECK_EQ(mdev_available(MTTY_PARENT, "mtty-1"), MTTY_PORTS);
}

TEST("the module is loaded and unloaded while others create, and nothing is left")
{
	struct tally *tally = tally_new();
	double until = ktap_clock() + 8;
	unsigned int unloaded = 0, refused = 0;

	fflush(stdout);
	for (unsigned int process = 0; process < 2; process++) {
		struct race race = { .until = until, .tally = tally, .seed = process };
		char uuid[UUID_SIZE];

		if (fork())
			continue;
		pin_self(process);
		while (ktap_clock() < race.until) {
			overlap_step(&tally->overlap, process);
			/* None that the other one may be creating, see struct marks */
			mdev_uuid(2 * (rand_r(&race.seed) % RACE_MDEVS) + process, uuid);
			/* Any error will do: the parent comes and goes */
			if (!mdev_create(MTTY_PARENT, "mtty-1", uuid))
				atomic_fetch_add(&tally->created, 1);
			mdev_remove(uuid);
		}
		_exit(0);
	}
	while (ktap_clock() < until) {
		int ret = module_unload("mtty");

		if (!ret)
			unloaded++;
		else if (ret == -EWOULDBLOCK)
			refused++;
		else
			tally_unexpected(tally, ret);
		if (!ret)
			REQUIRE_OK(module_load("mtty", NULL));
	}
	wait_for_children();
	check_no_unexpected(tally);
	ktap_note("%u created, %u times unloaded, %u times refused",
		  atomic_load(&tally->created), unloaded, refused);
	CHECK(unloaded > 0);
	check_overlap(&tally->overlap, 50);
	mdev_remove_all();
	CHECK_EQ(mdev_available(MTTY_PARENT, "mtty-1"), MTTY_PORTS);
}

/* ---- the parent's driver is unbound and its module unloaded at once ------------------- */

struct leaving {
	double until;
	unsigned int seed;
	atomic_uint done;		/* what the role has achieved */
};

static void *leave_by_unbind(void *arg)
{
	struct leaving *role = arg;

	while (ktap_clock() < role->until) {
		if (!sysfs_write(MTTYPCI_BDF, "/sys/bus/pci/drivers/mttypci/unbind"))
			atomic_fetch_add(&role->done, 1);
		sysfs_write(MTTYPCI_BDF, "/sys/bus/pci/drivers/mttypci/bind");
		sleep_ms(rand_r(&role->seed) % 8);
	}
	return NULL;
}

static void *leave_by_rmmod(void *arg)
{
	struct leaving *role = arg;

	while (ktap_clock() < role->until) {
		sleep_ms(rand_r(&role->seed) % 8);
		if (!module_unload("mtty"))
			atomic_fetch_add(&role->done, 1);
		module_load("mtty", NULL);
	}
	return NULL;
}

/* Its mdevs are removed by who takes the parent away */
static void *leave_with_mdevs(void *arg)
{
	struct leaving *role = arg;
	char uuid[UUID_SIZE];

	while (ktap_clock() < role->until) {
		unsigned int n = rand_r(&role->seed) % 8;

		mdev_uuid(n, uuid);
		if (!mdev_create(n % 2 ? MTTY_PARENT : MTTYPCI_PARENT,
				 n % 2 ? "mtty-1" : "mttypci-1", uuid))
			atomic_fetch_add(&role->done, 1);
	}
	return NULL;
}

/* Has the bus look at mdevs: who is waiting for one's lock holds a reference to it */
static void *leave_while_probed(void *arg)
{
	struct leaving *role = arg;
	char uuid[UUID_SIZE];

	while (ktap_clock() < role->until) {
		mdev_uuid(rand_r(&role->seed) % 8, uuid);
		if (!sysfs_write(uuid, "/sys/bus/mdev/drivers_probe"))
			atomic_fetch_add(&role->done, 1);
	}
	return NULL;
}

static void *leave_while_read(void *arg)
{
	static const char *const files[] = {
		"mdev_supported_types/mttypci-1/available_instances",
		"mdev_supported_types/mttypci-2/name", "mdev_supported_types/mttypci-1/description",
		"mdevkit/placement", "mdevkit/pasid_blocked",
	};
	struct leaving *role = arg;
	char text[256];

	while (ktap_clock() < role->until)
		for (size_t i = 0; i < ARRAY_SIZE(files); i++)
			if (!sysfs_read(text, sizeof(text), MTTYPCI_PARENT "/%s", files[i]))
				atomic_fetch_add(&role->done, 1);
	return NULL;
}

TEST_LONG("the parent's driver is unbound and its module unloaded at once, in a loop", 180)
{
	static void *(*const work[])(void *arg) = {
		leave_by_unbind, leave_by_rmmod, leave_with_mdevs, leave_while_probed,
		leave_while_read,
	};
	static const char *const what[] = { "unbound", "unloaded", "created", "probed", "read" };
	struct leaving roles[ARRAY_SIZE(work)];
	pthread_t threads[ARRAY_SIZE(work)];

	REQUIRE(path_exists(MTTYPCI_PARENT), "this machine has no pci-testdev");
	for (size_t i = 0; i < ARRAY_SIZE(work); i++) {
		roles[i] = (struct leaving){ .until = ktap_clock() + RACE_SECONDS, .seed = i };
		start_pinned(&threads[i], i % 2, work[i], &roles[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(work); i++) {
		pthread_join(threads[i], NULL);
		ktap_note("%s: %u times", what[i], atomic_load(&roles[i].done));
		CHECK(atomic_load(&roles[i].done) > 3 / ktap_slowness(), "%s", what[i]);
	}
	REQUIRE_OK(module_load("mtty", NULL));
	sysfs_write(MTTYPCI_BDF, "/sys/bus/pci/drivers/mttypci/bind");
	mdev_remove_all();
	CHECK_EQ(mdev_available(MTTY_PARENT, "mtty-1"), MTTY_PORTS);
	CHECK_EQ(mdev_available(MTTYPCI_PARENT, "mttypci-1"), MTTY_PORTS);
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = mtty_load,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
