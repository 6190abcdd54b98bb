// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks every fault-injection point of what a client of an mdev can do.
 *
 * An operation that is known to succeed is run again and again while its 1st, 2nd, 3rd …
 * memory allocation in the kernel fails (/proc/self/fail-nth, slab and pages), until it
 * runs through without reaching the next one. After each failure the system must be
 * where it was and the same operation must work again. Needs the debug kernel; reports of
 * KASAN, lockdep and so on fail the boot by the kernel's log, leaks by kmemleak at its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/aux.h"
#include "lib/dmesg.h"
#include "lib/ktap.h"
#include "lib/sysfs.h"
#include "lib/vfio.h"

/* A walk that reaches this many points does not end; real ones have 10 to 400 */
#define WALK_LIMIT	2000
#define WALK_SECONDS	600
/* After so many refusals the operation is done in full once more, as it is at a walk's end */
#define FULL_REPEAT	8

#define DEBUGFS		"/sys/kernel/debug"
#define IOVA		0x10000000ULL
#define MAP_SIZE	(64UL << 10)

/* Where the mdevs come from and how a client gets at them: one variant of each test */
struct walk_kind {
	const char *parent;
	const char *type;
	const struct ktap_variant *mode;
	unsigned int part, parts;	/* of the steps that all modes share */
};

/* The mdev of one test, and what of it is open */
struct scene {
	const struct walk_kind *kind;
	char uuid[UUID_SIZE];
	char neighbour[UUID_SIZE];	/* another mdev, in a group that is in use */
	struct vfio_space space;
	struct vfio_client client;
	u32 other_ioas;
	void *memory;
	int irq_fd;
};

/* One thing that a client does. @act returns 0 or a negative errno */
struct step {
	const char *name;
	int (*act)(struct scene *scene);
	/* Takes a successful @act back */
	void (*undo)(struct scene *scene);
	/* Checks that a failed @act changed nothing */
	void (*intact)(struct scene *scene);
	/* Does not depend on the client's way: each mode of a parent walks a part of the points */
	bool shared;
	/* A walk that meets fewer points than this is not the walk that it was meant to be */
	unsigned int points;
};

static int fail_nth_fd = -1;

static void fail_nth_arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	REQUIRE_EQ(pwrite(fail_nth_fd, text, len, 0), len, "cannot arm fail-nth");
}

/* Returns true when the failure was injected since fail_nth_arm() */
static bool fail_nth_disarm(void)
{
	char text[16] = "";

	REQUIRE(pread(fail_nth_fd, text, sizeof(text) - 1, 0) > 0, "cannot read fail-nth");
	/* The write can hit the injection point itself; then it is spent */
	if (pwrite(fail_nth_fd, "0", 1, 0) != 1)
		REQUIRE_EQ(pwrite(fail_nth_fd, "0", 1, 0), 1, "cannot disarm fail-nth");
	return atoi(text) == 0;
}

static void walk(const struct step *step, struct scene *scene)
{
	unsigned int first = step->shared ? 1 + scene->kind->part : 1;
	unsigned int stride = step->shared ? scene->kind->parts : 1;
	unsigned int nth, survived = 0, refused = 0;
	bool injected;
	int ret;

	for (nth = first; nth < WALK_LIMIT && !ktap_failed(); nth += stride) {
		fail_nth_arm(nth);
		ret = step->act(scene);
		injected = fail_nth_disarm();
		if (ret)
			step->intact(scene);
		if (!ret)
			step->undo(scene);
		if (!injected) {
			CHECK_ERR(ret, 0, "%s without a failure", step->name);
			ktap_note("%s: %u points, of which %u refused, %u survived", step->name,
				  nth - 1, refused, survived);
			CHECK(nth - 1 >= step->points, "%s: %u points, not %u", step->name, nth - 1,
			      step->points);
			return;
		}
		refused += !!ret;
		survived += !ret;
		/*
		 * What has survived has just worked. After a refusal the walk to the next point
		 * shows that it works again up to there; all of it is done now and then.
		 */
		if (!ret || refused % FULL_REPEAT)
			continue;

		ret = step->act(scene);
		CHECK_ERR(ret, 0, "%s after failure %u was injected", step->name, nth);
		if (ret)
			return;
		step->undo(scene);
	}
	CHECK(nth < WALK_LIMIT, "%s: no end in sight", step->name);
}

/* What it is when the scene's device is open and attached */
static unsigned int armed_when_open(const struct scene *scene)
{
	return !strstr(scene->kind->parent, "mtty");
}

static int groups_in_use(void)
{
	return dir_count("/sys/kernel/iommu_groups");
}

static int create_act(struct scene *scene)
{
	return mdev_create(scene->kind->parent, scene->kind->type, scene->uuid);
}

static void create_undo(struct scene *scene)
{
	CHECK_ERR(mdev_remove(scene->uuid), 0, "cannot remove");
}

static long free_before;
static int groups_before;

static void create_intact(struct scene *scene)
{
	CHECK(!mdev_exists(scene->uuid), "a failed create left an mdev");
	CHECK_EQ(mdev_available(scene->kind->parent, scene->kind->type), free_before,
		 "a failed create cost capacity");
	CHECK_EQ(groups_in_use(), groups_before, "a failed create left an iommu group");
}

static const struct step step_create = {
	.name = "create",
	.act = create_act,
	.undo = create_undo,
	.intact = create_intact,
	.points = 20,
};

/* Removing cannot fail by lack of memory once it has begun: at most the write is refused */
static int remove_act(struct scene *scene)
{
	return mdev_remove(scene->uuid);
}

static void remove_undo(struct scene *scene)
{
	CHECK(!mdev_exists(scene->uuid), "remove said 0, the mdev is still there");
	CHECK_EQ(mdev_available(scene->kind->parent, scene->kind->type), free_before,
		 "remove did not give the capacity back");
	CHECK_EQ(groups_in_use(), groups_before, "remove left an iommu group");
	REQUIRE_OK(create_act(scene), "cannot create again");
}

static void remove_intact(struct scene *scene)
{
	CHECK(mdev_exists(scene->uuid), "remove was refused, the mdev has gone");
}

static const struct step step_remove = {
	.name = "remove",
	.act = remove_act,
	.undo = remove_undo,
	.intact = remove_intact,
	.points = 1,
};

static int join_act(struct scene *scene)
{
	return vfio_join_group(&scene->space, scene->uuid);
}

static void join_undo(struct scene *scene)
{
	vfio_leave_group(&scene->space, scene->uuid);
}

/* The group is free: its file, which one user can have open, can be opened */
static void join_intact(struct scene *scene)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%d", mdev_group(scene->uuid));
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0, "a failed join left %s in use: %s", path, strerror(errno));
	close(fd);
	CHECK_EQ(aux_armed_members(), 0, "a failed join armed something");
}

static const struct step step_join = {
	.name = "join the container",
	.act = join_act,
	.undo = join_undo,
	.intact = join_intact,
	.points = 3,
};

static int map_act(struct scene *scene)
{
	return vfio_map(&scene->space, scene->memory, IOVA, MAP_SIZE);
}

static void map_undo(struct scene *scene)
{
	u64 bytes = 0;

	REQUIRE_OK(vfio_unmap(&scene->space, IOVA, MAP_SIZE, &bytes), "cannot unmap");
	CHECK_EQ(bytes, MAP_SIZE, "other than what was mapped");
}

static void map_intact(struct scene *scene)
{
	u64 bytes = 0;
	int ret = vfio_unmap(&scene->space, IOVA, MAP_SIZE, &bytes);

	/* Type 1 says 0 bytes, iommufd that there is nothing */
	CHECK(ret == -ENOENT || !bytes, "a failed map left %llu bytes mapped",
	      (unsigned long long)bytes);
}

static const struct step step_map = {
	.name = "map",
	.act = map_act,
	.undo = map_undo,
	.intact = map_intact,
	.points = 1,
};

static int unmap_act(struct scene *scene)
{
	return vfio_unmap(&scene->space, IOVA, MAP_SIZE, NULL);
}

static void unmap_undo(struct scene *scene)
{
	REQUIRE_OK(map_act(scene), "cannot map again");
}

static void unmap_intact(struct scene *scene)
{
	CHECK(map_act(scene) < 0, "a failed unmap took the mapping away");
}

static const struct step step_unmap = {
	.name = "unmap",
	.act = unmap_act,
	.undo = unmap_undo,
	.intact = unmap_intact,
};

static int open_act(struct scene *scene)
{
	return vfio_client_open(&scene->client, &scene->space, scene->uuid);
}

static void open_undo(struct scene *scene)
{
	vfio_client_close(&scene->client);
}

static void open_intact(struct scene *scene)
{
	CHECK_EQ(aux_armed_members(), 0, "a failed open left the device armed");
	if (scene->space.mode->container_path)
		join_intact(scene);
}

static const struct step step_open = {
	.name = "open",
	.act = open_act,
	.undo = open_undo,
	.intact = open_intact,
	.points = 5,
};

/* close() always closes; what counts is that the next open finds all in order */
static int close_act(struct scene *scene)
{
	vfio_client_close(&scene->client);
	return 0;
}

static void close_undo(struct scene *scene)
{
	CHECK_EQ(aux_armed_members(), 0, "close left the device armed");
	REQUIRE_OK(open_act(scene), "cannot open again");
}

static void close_intact(struct scene *scene)
{
	CHECK(false, "close cannot fail");
}

static const struct step step_close = {
	.name = "close",
	.act = close_act,
	.undo = close_undo,
	.intact = close_intact,
};

static int replace_act(struct scene *scene)
{
	return vfio_client_attach(&scene->client, scene->other_ioas);
}

static void replace_undo(struct scene *scene)
{
	REQUIRE_OK(vfio_client_attach(&scene->client, scene->space.ioas_id), "cannot go back");
}

/* What was attached before is still attached: its IOAS cannot be destroyed, and detach works */
static void replace_intact(struct scene *scene)
{
	CHECK_EQ(aux_armed_members(), armed_when_open(scene), "a failed replace disarmed");
	REQUIRE_OK(vfio_client_detach(&scene->client), "a failed replace lost the address space");
	REQUIRE_OK(vfio_client_attach(&scene->client, scene->space.ioas_id), "cannot attach again");
}

static const struct step step_replace = {
	.name = "replace",
	.act = replace_act,
	.undo = replace_undo,
	.intact = replace_intact,
	.points = 1,
};

static int attach_act(struct scene *scene)
{
	return vfio_client_attach(&scene->client, scene->space.ioas_id);
}

static void attach_undo(struct scene *scene)
{
	REQUIRE_OK(vfio_client_detach(&scene->client), "cannot detach");
}

static void attach_intact(struct scene *scene)
{
	CHECK_EQ(aux_armed_members(), 0, "a failed attach left the device armed");
	/* Nothing is attached, so that there is nothing to detach */
	CHECK(vfio_client_detach(&scene->client) <= 0);
	CHECK_EQ(aux_armed_members(), 0, "detach of nothing armed something");
}

static const struct step step_attach = {
	.name = "attach",
	.act = attach_act,
	.undo = attach_undo,
	.intact = attach_intact,
	.points = 1,
};

static int detach_act(struct scene *scene)
{
	return vfio_client_detach(&scene->client);
}

static void detach_undo(struct scene *scene)
{
	CHECK_EQ(aux_armed_members(), 0, "detach left the device armed");
	REQUIRE_OK(attach_act(scene), "cannot attach again");
}

static void detach_intact(struct scene *scene)
{
	CHECK_EQ(aux_armed_members(), armed_when_open(scene), "a failed detach disarmed");
}

static const struct step step_detach = {
	.name = "detach",
	.act = detach_act,
	.undo = detach_undo,
	.intact = detach_intact,
};

static int irq_act(struct scene *scene)
{
	return vfio_irq_connect(&scene->client, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &scene->irq_fd);
}

static void irq_undo(struct scene *scene)
{
	CHECK_ERR(vfio_irq_disconnect(&scene->client, VFIO_PCI_MSI_IRQ_INDEX), 0,
		  "cannot take the eventfd away");
}

static void irq_intact(struct scene *scene)
{
	CHECK_ERR(vfio_irq_act(&scene->client, VFIO_PCI_MSI_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER),
		  EINVAL, "a failed connect switched MSI on");
}

static const struct step step_irq = {
	.name = "connect an interrupt",
	.act = irq_act,
	.undo = irq_undo,
	.intact = irq_intact,
	.points = 2,
};

static int reset_act(struct scene *scene)
{
	return vfio_reset(&scene->client);
}

static void reset_undo(struct scene *scene)
{
	CHECK_EQ(aux_armed_members(), armed_when_open(scene), "a reset disarmed");
}

static void reset_intact(struct scene *scene)
{
	CHECK_EQ(aux_armed_members(), armed_when_open(scene), "a failed reset disarmed");
	CHECK_ERR(vfio_reset(&scene->client), 0, "a failed reset cannot be repeated");
}

static const struct step step_reset = {
	.name = "reset",
	.act = reset_act,
	.undo = reset_undo,
	.intact = reset_intact,
};

/* A neighbour joins what this client has open, as in a VM with several slices */
static int neighbour_act(struct scene *scene)
{
	int ret = mdev_create(scene->kind->parent, scene->kind->type, scene->neighbour);

	if (ret)
		return ret;
	ret = vfio_join_group(&scene->space, scene->neighbour);
	if (ret)
		CHECK_ERR(mdev_remove(scene->neighbour), 0, "cannot remove the neighbour");
	return ret;
}

static void neighbour_undo(struct scene *scene)
{
	vfio_leave_group(&scene->space, scene->neighbour);
	CHECK_ERR(mdev_remove(scene->neighbour), 0, "cannot remove the neighbour");
}

static void neighbour_intact(struct scene *scene)
{
	char byte;

	CHECK(!mdev_exists(scene->neighbour), "a failed create left an mdev");
	CHECK_EQ(aux_armed_members(), armed_when_open(scene), "the open mdev is no longer armed");
	CHECK_EQ(vfio_read(&scene->client, VFIO_PCI_CONFIG_REGION_INDEX, 0, &byte, 1), 1,
		 "the open mdev suffered");
}

static const struct step step_neighbour = {
	.name = "a neighbour joins",
	.act = neighbour_act,
	.undo = neighbour_undo,
	.intact = neighbour_intact,
	.shared = true,
	.points = 20,
};

static const struct vfio_mode *mode_of(const struct scene *scene)
{
	return scene->kind->mode->data;
}

/* The scene as each test finds it: no mdev, nothing open */
static void scene_begin(struct scene *scene, const struct walk_kind *kind)
{
	/* Where arming fails a tenant stays without DMA, which the kit says loudly */
	dmesg_allow("DMA (does not start|is blocked after a change of its IOAS)");
	/* ... and a group that the IOMMU core has no memory for is not made */
	dmesg_allow("the IOMMU core did not set group .* up");
	memset(scene, 0, sizeof(*scene));
	scene->kind = kind;
	mdev_uuid(1, scene->uuid);
	mdev_uuid(2, scene->neighbour);
	scene->memory = pages_alloc(MAP_SIZE);
	scene->irq_fd = eventfd_new();
	fail_nth_fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	REQUIRE(fail_nth_fd >= 0, "cannot open /proc/self/fail-nth: %s", strerror(errno));
	/* Page faults of the program itself are not what is walked */
	REQUIRE_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0, "mlockall");
	free_before = mdev_available(kind->parent, kind->type);
	groups_before = groups_in_use();
	REQUIRE(free_before > 1, "%s of %s: %ld left", kind->type, kind->parent, free_before);
}

static void scene_space(struct scene *scene)
{
	REQUIRE_OK(vfio_space_open(&scene->space, mode_of(scene)));
}

static void scene_open(struct scene *scene)
{
	REQUIRE_OK(create_act(scene));
	scene_space(scene);
	REQUIRE_OK(open_act(scene));
}

static void scene_close(struct scene *scene)
{
	vfio_client_close(&scene->client);
	vfio_space_close(&scene->space);
	CHECK_ERR(mdev_remove(scene->uuid), 0, "cannot remove at the end");
	CHECK_EQ(mdev_available(scene->kind->parent, scene->kind->type), free_before,
		 "capacity at the end");
	CHECK_EQ(groups_in_use(), groups_before, "iommu groups at the end");
}

static const char *no_injection(void)
{
	if (access("/proc/self/fail-nth", W_OK) || !path_exists(DEBUGFS "/failslab"))
		return "this kernel has no fault injection (CONFIG_FAILSLAB)";
	return NULL;
}

static const char *why_absent(const struct ktap_variant *variant)
{
	const struct walk_kind *kind = variant->data;

	return kind->mode->absent ? kind->mode->absent(kind->mode) : NULL;
}

#define SOFTDMA_PARENT	"/sys/devices/platform/softdma-a"

/* A mode is one of vfio_modes[]: 0 type1v2, 1 iommufd_compat, 2 iommufd */
static const struct walk_kind software[] = {
	{ .parent = MTTY_PARENT, .type = "mtty-1", .mode = &vfio_modes[0],
	  .part = 0, .parts = 2 },
	{ .parent = MTTY_PARENT, .type = "mtty-1", .mode = &vfio_modes[2],
	  .part = 1, .parts = 2 },
};

static const struct walk_kind pasid[] = {
	{ .parent = SOFTDMA_PARENT, .type = "softdma-pasid", .mode = &vfio_modes[0],
	  .part = 0, .parts = 3 },
	{ .parent = SOFTDMA_PARENT, .type = "softdma-pasid", .mode = &vfio_modes[1],
	  .part = 1, .parts = 3 },
	{ .parent = SOFTDMA_PARENT, .type = "softdma-pasid", .mode = &vfio_modes[2],
	  .part = 2, .parts = 3 },
};

static const struct walk_kind whole[] = {
	{ .parent = SOFTDMA_PARENT, .type = "softdma-whole", .mode = &vfio_modes[0],
	  .part = 0, .parts = 2 },
	{ .parent = SOFTDMA_PARENT, .type = "softdma-whole", .mode = &vfio_modes[2],
	  .part = 1, .parts = 2 },
};

/* The life of the mdev does not depend on the client's way */
static const struct ktap_variant parents[] = {
	{ .name = "software", .absent = why_absent, .data = &software[0] },
	{ .name = "pasid", .absent = why_absent, .data = &pasid[0] },
	{ .name = "whole device", .absent = why_absent, .data = &whole[0] },
	{ }
};

static const struct ktap_variant clients[] = {
	{ .name = "software, type1v2", .absent = why_absent, .data = &software[0] },
	{ .name = "software, iommufd", .absent = why_absent, .data = &software[1] },
	{ .name = "pasid, type1v2", .absent = why_absent, .data = &pasid[0] },
	{ .name = "pasid, iommufd_compat", .absent = why_absent, .data = &pasid[1] },
	{ .name = "pasid, iommufd", .absent = why_absent, .data = &pasid[2] },
	{ .name = "whole device, type1v2", .absent = why_absent, .data = &whole[0] },
	{ .name = "whole device, iommufd", .absent = why_absent, .data = &whole[1] },
	{ }
};

/* Only containers are joined, only an iommufd has address spaces to move between */
static const struct ktap_variant containers[] = {
	{ .name = "software, type1v2", .absent = why_absent, .data = &software[0] },
	{ .name = "pasid, type1v2", .absent = why_absent, .data = &pasid[0] },
	{ .name = "pasid, iommufd_compat", .absent = why_absent, .data = &pasid[1] },
	{ .name = "whole device, type1v2", .absent = why_absent, .data = &whole[0] },
	{ }
};

static const struct ktap_variant iommufds[] = {
	{ .name = "software, iommufd", .absent = why_absent, .data = &software[1] },
	{ .name = "pasid, iommufd", .absent = why_absent, .data = &pasid[2] },
	{ .name = "whole device, iommufd", .absent = why_absent, .data = &whole[1] },
	{ }
};

#define TEST_PARENTS(sentence) \
	KTAP_TEST(sentence, WALK_SECONDS, parents, const struct walk_kind *, kind)
#define TEST_CLIENTS(sentence) \
	KTAP_TEST(sentence, WALK_SECONDS, clients, const struct walk_kind *, kind)
#define TEST_CONTAINERS(sentence) \
	KTAP_TEST(sentence, WALK_SECONDS, containers, const struct walk_kind *, kind)
#define TEST_IOMMUFDS(sentence) \
	KTAP_TEST(sentence, WALK_SECONDS, iommufds, const struct walk_kind *, kind)

TEST_PARENTS("create fails cleanly at each allocation")
{
	struct scene scene;

	scene_begin(&scene, kind);
	walk(&step_create, &scene);
}

TEST_PARENTS("remove works or changes nothing at each allocation")
{
	struct scene scene;

	scene_begin(&scene, kind);
	REQUIRE_OK(create_act(&scene));
	walk(&step_remove, &scene);
	create_undo(&scene);
}

TEST_CONTAINERS("joining a container fails cleanly at each allocation")
{
	struct scene scene;

	scene_begin(&scene, kind);
	REQUIRE_OK(create_act(&scene));
	scene_space(&scene);
	walk(&step_join, &scene);
	vfio_space_close(&scene.space);
	create_undo(&scene);
}

TEST_CLIENTS("open fails cleanly at each allocation")
{
	struct scene scene;

	scene_begin(&scene, kind);
	REQUIRE_OK(create_act(&scene));
	scene_space(&scene);
	walk(&step_open, &scene);
	vfio_space_close(&scene.space);
	create_undo(&scene);
}

TEST_CLIENTS("close closes at each allocation that fails")
{
	struct scene scene;

	scene_begin(&scene, kind);
	scene_open(&scene);
	walk(&step_close, &scene);
	scene_close(&scene);
}

TEST_CLIENTS("map and unmap fail cleanly at each allocation")
{
	struct scene scene;

	scene_begin(&scene, kind);
	scene_open(&scene);
	walk(&step_map, &scene);
	REQUIRE_OK(map_act(&scene));
	walk(&step_unmap, &scene);
	map_undo(&scene);
	scene_close(&scene);
}

TEST_IOMMUFDS("attach, replace and detach fail cleanly at each allocation")
{
	struct scene scene;

	scene_begin(&scene, kind);
	scene_open(&scene);
	REQUIRE_OK(map_act(&scene));
	REQUIRE_OK(vfio_ioas_alloc(&scene.space, &scene.other_ioas));
	walk(&step_replace, &scene);
	walk(&step_detach, &scene);
	REQUIRE_OK(vfio_client_detach(&scene.client));
	walk(&step_attach, &scene);
	scene_close(&scene);
}

TEST_CLIENTS("interrupts and reset fail cleanly at each allocation")
{
	struct vfio_irq_info msi;
	struct scene scene;

	scene_begin(&scene, kind);
	scene_open(&scene);
	REQUIRE_OK(vfio_irq_info(&scene.client, VFIO_PCI_MSI_IRQ_INDEX, &msi));
	if (msi.count)
		walk(&step_irq, &scene);
	walk(&step_reset, &scene);
	scene_close(&scene);
}

TEST_CLIENTS("an open mdev does not suffer when a neighbour fails to join")
{
	struct scene scene;

	scene_begin(&scene, kind);
	scene_open(&scene);
	free_before--;
	walk(&step_neighbour, &scene);
	free_before++;
	scene_close(&scene);
}

/*
 * Where the kernel itself is wrong nothing is learned about the kit: when an allocation of
 * vfio_create_group() fails, VFIO's vfio_group_release() finds group->iommu_group still set,
 * warns (group.c, "WARN_ON(group->iommu_group)"), and never gives the iommu group back.
 */
#define SPARED	"vfio_create_group"

/* Gets the addresses of the function SPARED as decimal text. False: not found */
static bool find_spared(char start[32], char end[32])
{
	unsigned long address, first = 0, last = ULONG_MAX;
	char line[512], name[256];
	FILE *file = fopen("/proc/kallsyms", "re");

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx %*c %255s", &address, name) == 2 && !strcmp(name, SPARED))
			first = address;
	rewind(file);
	while (first && fgets(line, sizeof(line), file)) {
		address = strtoul(line, NULL, 16);
		if (address > first && address < last)
			last = address;
	}
	fclose(file);
	snprintf(start, 32, "%lu", first);
	snprintf(end, 32, "%lu", last);
	return first && last != ULONG_MAX;
}

static const char *prepare(void)
{
	/* fail_iommufd: iommufd's own points, where the kernel has IOMMUFD_TEST */
	static const char *const attrs[] = {
		"failslab", "fail_page_alloc", "fail_iommufd", NULL
	};
	const char *reason = no_injection();
	char start[32], end[32];

	if (reason)
		return reason;
	if (!find_spared(start, end))
		return "no " SPARED " in /proc/kallsyms (CONFIG_KALLSYMS_ALL)";
	for (const char *const *attr = attrs; *attr; attr++) {
		/* Any allocation may fail, also one that could sleep, and nobody prints it */
		sysfs_write("N", DEBUGFS "/%s/ignore-gfp-wait", *attr);
		sysfs_write("0", DEBUGFS "/%s/verbose", *attr);
		sysfs_write(start, DEBUGFS "/%s/reject-start", *attr);
		sysfs_write(end, DEBUGFS "/%s/reject-end", *attr);
	}
	sysfs_write("N", DEBUGFS "/fail_page_alloc/ignore-gfp-highmem");
	sysfs_write("0", DEBUGFS "/fail_page_alloc/min-order");
	if (module_load("mtty", NULL) || module_load("softdma", NULL))
		return "module mtty or softdma cannot be loaded";
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = prepare,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
