// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two tenants, each with several devices and threads, do anything that VFIO's files take, in any
 * order: reads and writes of regions, ioctls with any argument, interrupts, mappings, maps and
 * unmaps, resets, closing and opening again. Nothing of one reaches the other, the host stays
 * well, and afterwards everything can be removed.
 *
 * FUZZ_SECONDS=N: how long, for all modes together (30). FUZZ_SEED=N: the seed of an earlier run,
 * whose threads then draw the same numbers.
 */
#include <linux/pci_regs.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "modules/softdma_regs.h"
#include "sysfs.h"
#include "vfio.h"

#define SOFTDMA_PARENT	"/sys/devices/platform/softdma-a"
#define PINNER_PARENT	"/sys/devices/virtual/pinner/pinner"
#define PAGE		4096u
#define IOVA		0x40000000ull
#define MEMORY		(64 * PAGE)
#define DEVICES		6u
#define THREADS		4u
#define EVENTFDS	16u

/* What a tenant has in its memory and writes to its devices: these 48 bits, and any 16 */
#define TAG(tenant)	((tenant) ? 0x5b3d19f7e681ull : 0xa4c2e608197eull)

struct kind {
	const char *parent;
	const char *type;
};

static const struct kind kinds[DEVICES] = {
	{ SOFTDMA_PARENT, "softdma-pasid" },
	{ SOFTDMA_PARENT, "softdma-whole" },
	{ SOFTDMA_PARENT, "softdma-soft" },
	{ SOFTDMA_PARENT, "softdma-pages" },
	{ PINNER_PARENT, "pinner-one" },
	{ MTTY_PARENT, "mtty-2" },
};

/* Those who use it while it is closed and opened get what they get */
struct device {
	const struct kind *kind;
	char uuid[UUID_SIZE];
	struct vfio_client client;
	atomic_bool open;
};

struct tenant {
	unsigned int number;
	u64 seed;
	u64 end_ms;
	struct vfio_space space;
	u32 other_ioas;		/* 0: there is none */
	pthread_mutex_t lock;	/* held to open and close a device */
	struct device devices[DEVICES];
	u8 *memory;
	int eventfds[EVENTFDS];
	atomic_ulong steps;
	atomic_ulong foreign;	/* words of the other tenant */
};

struct worker {
	struct tenant *t;
	u64 random;
};

static u64 fuzz_seed;

/* splitmix64 */
static u64 draw(struct worker *w)
{
	u64 z = w->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static u64 below(struct worker *w, u64 limit)
{
	return limit ? draw(w) % limit : 0;
}

/* Rather an edge than the middle, and sometimes anything */
static u64 edge(struct worker *w, u64 size)
{
	switch (below(w, 8)) {
	case 0:
		return below(w, 16);
	case 1:
		return size + below(w, 16) - 8;
	case 2:
		return draw(w);
	case 3:
		return 1ull << below(w, 64);
	default:
		return below(w, size) & ~below(w, 8);
	}
}

static u64 tagged(struct worker *w)
{
	return TAG(w->t->number) << 16 | (u16)draw(w);
}

static void look_for_foreign(struct tenant *t, const void *data, size_t size)
{
	for (size_t at = 0; at + 8 <= size; at += 4) {
		u64 word;

		memcpy(&word, (const u8 *)data + at, 8);
		if (word >> 16 == TAG(!t->number))
			atomic_fetch_add(&t->foreign, 1);
	}
}

/* ---- a mapping that vanishes ---- */

struct landing {
	sigjmp_buf env;
};

static __thread struct landing *landing;

static void on_fault(int signal)
{
	if (landing)
		siglongjmp(landing->env, 1);
	_exit(128 + signal);
}

static void touch(struct worker *w, volatile u64 *at, size_t words)
{
	struct landing here;
	u64 word;

	landing = &here;
	if (!sigsetjmp(here.env, 1)) {
		for (unsigned int i = 0; i < 16; i++) {
			word = at[below(w, words)];
			look_for_foreign(w->t, &word, 8);
			at[below(w, words)] = tagged(w);
		}
	}
	landing = NULL;
}

/* ---- the steps ---- */

static void fill_random(struct worker *w, u64 *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		words[i] = below(w, 2) ? tagged(w) : below(w, 4) ? below(w, 64) : draw(w);
}

static const struct vfio_region_info *any_region(struct worker *w, struct device *d)
{
	unsigned int n = below(w, VFIO_PCI_ROM_REGION_INDEX + 3);

	return n < VFIO_PCI_ROM_REGION_INDEX ? &d->client.bars[n] : &d->client.config;
}

/*
 * The registers of the software engine that make it break the rules (another PASID) or end
 * the game (the parent has gone) are not the tenant's to have.
 */
static bool is_off_limits(const struct device *d, u64 region_offset, u64 base, size_t size)
{
	u64 offset = region_offset - base;

	return strstr(d->kind->type, "softdma") && base == d->client.bars[0].offset &&
	       offset < SOFTDMA_BUFFER && offset + size > SOFTDMA_COMMAND;
}

static void access_region(struct worker *w, struct device *d)
{
	const struct vfio_region_info *region = any_region(w, d);
	u64 at = region->offset + edge(w, region->size);
	size_t size = below(w, 4) ? 1u << below(w, 4) : below(w, 600);
	u64 data[80];

	fill_random(w, data, 80);
	if (below(w, 2)) {
		if (pread(d->client.fd, data, size, at) > 0)
			look_for_foreign(w->t, data, size);
	} else if (!is_off_limits(d, at, region->offset, size)) {
		pwrite(d->client.fd, data, size, at);
	}
}

/* One DMA of the software engine, to where memory may be, or a stream of them */
static void run_engine(struct worker *w, struct device *d)
{
	static const u32 commands[] = { SOFTDMA_READ, SOFTDMA_WRITE, SOFTDMA_STREAM, SOFTDMA_STOP };
	u64 base = d->client.bars[0].offset, iova = IOVA + edge(w, MEMORY);
	u32 length = edge(w, SOFTDMA_BUFFER_SIZE), command = commands[below(w, 4)];
	u64 data[32];

	if (!strstr(d->kind->type, "softdma"))
		return;
	for (unsigned int i = 0; i < 32; i++)
		data[i] = tagged(w);
	pwrite(d->client.fd, data, sizeof(data), base + SOFTDMA_BUFFER + 4 * below(w, 64));
	pwrite(d->client.fd, &iova, 8, base + SOFTDMA_IOVA);
	pwrite(d->client.fd, &length, 4, base + SOFTDMA_LENGTH);
	pwrite(d->client.fd, &command, 4, base + SOFTDMA_COMMAND);
}

/* What guests do most, and what switches most */
static void write_config(struct worker *w, struct device *d)
{
	static const u16 commands[] = { 0, PCI_COMMAND_MEMORY, PCI_COMMAND_MASTER,
					PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
					PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0x7ff, 0xffff };
	u16 value = commands[below(w, ARRAY_SIZE(commands))];
	u32 any = below(w, 2) ? 1u << below(w, 32) : draw(w);
	u64 base = d->client.config.offset;

	if (below(w, 2))
		pwrite(d->client.fd, &value, 2, base + PCI_COMMAND);
	else
		pwrite(d->client.fd, &any, 1 + below(w, 4), base + below(w, 256));
}

static void set_irqs(struct worker *w, struct device *d)
{
	union {
		struct vfio_irq_set hdr;
		u8 bytes[sizeof(struct vfio_irq_set) + 64 * sizeof(s32)];
	} set = {};
	s32 *fds = (s32 *)set.hdr.data;
	unsigned int n = below(w, 65);

	set.hdr.argsz = below(w, 8) ? sizeof(set) : draw(w);
	set.hdr.flags = below(w, 8) ? 1u << below(w, 3) | 8u << below(w, 3) : draw(w);
	set.hdr.index = below(w, 8) ? below(w, VFIO_PCI_NUM_IRQS) : draw(w);
	set.hdr.start = below(w, 2) ? 0 : edge(w, 4);
	set.hdr.count = below(w, 8) ? below(w, 8) : edge(w, 64);
	for (unsigned int i = 0; i < n && i < 64; i++)
		fds[i] = below(w, 8) ? w->t->eventfds[below(w, EVENTFDS)] : (s32)edge(w, 1000);
	ioctl(d->client.fd, VFIO_DEVICE_SET_IRQS, &set);
}

static void ask(struct worker *w, struct device *d)
{
	static const unsigned int queries[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
		VFIO_DEVICE_FEATURE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET,
		VFIO_DEVICE_IOEVENTFD, VFIO_DEVICE_QUERY_GFX_PLANE,
	};
	u32 data[64] __attribute__((aligned(8)));

	fill_random(w, (u64 *)data, 32);
	data[0] = below(w, 8) ? sizeof(data) : draw(w);
	data[2] = below(w, 4) ? below(w, 12) : draw(w);
	ioctl(d->client.fd, queries[below(w, ARRAY_SIZE(queries))], data);
}

static void use_mapping(struct worker *w, struct device *d)
{
	const struct vfio_region_info *region = &d->client.bars[below(w, 6)];
	size_t size = PAGE * (1 + below(w, 4));
	u64 at = region->offset + (edge(w, region->size) & ~(u64)(PAGE - 1));
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    below(w, 8) ? MAP_SHARED : MAP_PRIVATE, d->client.fd, at);

	if (memory == MAP_FAILED)
		return;
	touch(w, memory, size / 8);
	if (below(w, 4))
		touch(w, memory, size / 8);
	munmap(memory, size);
}

/* The lower half of memory stays mapped; the upper one comes and goes page by page. */
static void change_maps(struct worker *w)
{
	u64 first = 32 + below(w, 32), pages = 1 + below(w, 64 - first);

	if (below(w, 2))
		vfio_map(&w->t->space, w->t->memory + first * PAGE, IOVA + first * PAGE,
			 pages * PAGE);
	else
		vfio_unmap(&w->t->space, IOVA + first * PAGE, pages * PAGE, NULL);
}

/* With iommufd: to another address space, which has the same memory, or to none */
static void change_space(struct worker *w, struct device *d)
{
	u32 ioas[] = { w->t->space.ioas_id, w->t->other_ioas };

	if (!w->t->other_ioas)
		return;
	if (below(w, 3))
		vfio_client_attach(&d->client, ioas[below(w, 2)]);
	else
		vfio_client_detach(&d->client);
}

static void open_or_close(struct worker *w, struct device *d)
{
	pthread_mutex_lock(&w->t->lock);
	if (atomic_load(&d->open)) {
		atomic_store(&d->open, false);
		vfio_client_close(&d->client);
	} else if (!vfio_client_open(&d->client, &w->t->space, d->uuid)) {
		atomic_store(&d->open, true);
	}
	pthread_mutex_unlock(&w->t->lock);
}

static void step(struct worker *w)
{
	struct device *d = &w->t->devices[below(w, DEVICES)];
	unsigned int what = below(w, 64);

	if (!atomic_load(&d->open)) {
		open_or_close(w, d);
		return;
	}
	if (what < 24)
		access_region(w, d);
	else if (what < 32)
		write_config(w, d);
	else if (what < 42)
		run_engine(w, d);
	else if (what < 48)
		set_irqs(w, d);
	else if (what < 52)
		ask(w, d);
	else if (what < 57)
		use_mapping(w, d);
	else if (what < 61)
		change_maps(w);
	else if (what < 62)
		ioctl(d->client.fd, VFIO_DEVICE_RESET);
	else if (what < 63)
		change_space(w, d);
	else if (!below(w, 8))
		open_or_close(w, d);
	atomic_fetch_add(&w->t->steps, 1);
}

static void *work(void *data)
{
	struct worker *w = data;

	while (now_ms() < w->t->end_ms)
		step(w);
	return NULL;
}

/* ---- two tenants ---- */

static void add_space(struct tenant *t)
{
	u32 first = t->space.ioas_id;

	REQUIRE_OK(vfio_ioas_alloc(&t->space, &t->other_ioas));
	t->space.ioas_id = t->other_ioas;
	REQUIRE_OK(vfio_map(&t->space, t->memory, IOVA, MEMORY / 2));
	t->space.ioas_id = first;
}

static void play(struct tenant *t, const struct vfio_mode *mode)
{
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	pthread_mutex_init(&t->lock, NULL);
	signal(SIGBUS, on_fault);
	signal(SIGSEGV, on_fault);
	t->memory = pages_alloc(MEMORY);
	for (u64 *word = (u64 *)t->memory; word < (u64 *)(t->memory + MEMORY); word++)
		*word = TAG(t->number) << 16;
	for (unsigned int i = 0; i < EVENTFDS; i++)
		t->eventfds[i] = eventfd_new();
	REQUIRE_OK(vfio_space_open(&t->space, mode));
	for (unsigned int i = 0; i < DEVICES; i++)
		REQUIRE_OK(vfio_join_group(&t->space, t->devices[i].uuid));
	REQUIRE_OK(vfio_map(&t->space, t->memory, IOVA, MEMORY / 2));
	if (!mode->container_path)
		add_space(t);
	for (unsigned int i = 0; i < DEVICES; i++) {
		REQUIRE_OK(vfio_client_open(&t->devices[i].client, &t->space, t->devices[i].uuid));
		atomic_store(&t->devices[i].open, true);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker) { .t = t, .random = t->seed + i };
		REQUIRE_EQ(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	look_for_foreign(t, t->memory, MEMORY);
	CHECK_EQ(atomic_load(&t->foreign), 0);
	ktap_note("tenant %u: %lu steps", t->number, atomic_load(&t->steps));
	CHECK(atomic_load(&t->steps) > 100);
	for (unsigned int i = 0; i < DEVICES; i++)
		if (atomic_load(&t->devices[i].open))
			vfio_client_close(&t->devices[i].client);
	vfio_space_close(&t->space);
}

static unsigned int number_of_modes(void)
{
	unsigned int count = 0;

	for (const struct ktap_variant *v = vfio_modes; v->name; v++)
		count += !v->absent || !v->absent(v);
	return count;
}

static unsigned long env_number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

TEST_ALL_MODES_LONG("two tenants who do anything at all harm neither the host nor each other", 7200)
{
	u64 end = now_ms() + env_number("FUZZ_SECONDS", 30) * 1000 / number_of_modes();
	struct tenant tenants[2] = {};
	pid_t children[2];
	int status;

	ktap_note("FUZZ_SEED=%llu", fuzz_seed);
	for (unsigned int n = 0; n < 2; n++) {
		tenants[n].number = n;
		tenants[n].seed = fuzz_seed + n * 1000003;
		tenants[n].end_ms = end;
		for (unsigned int i = 0; i < DEVICES; i++) {
			struct device *d = &tenants[n].devices[i];

			d->kind = &kinds[i];
			mdev_uuid(0x2000 + n * DEVICES + i, d->uuid);
			REQUIRE_OK(mdev_create(d->kind->parent, d->kind->type, d->uuid), "%s",
				   d->kind->type);
		}
	}
	for (unsigned int n = 0; n < 2; n++) {
		children[n] = fork();
		REQUIRE(children[n] >= 0);
		if (!children[n]) {
			play(&tenants[n], mode);
			_exit(ktap_failed());
		}
	}
	for (unsigned int n = 0; n < 2; n++) {
		REQUIRE_EQ(waitpid(children[n], &status, 0), children[n]);
		CHECK_EQ(status, 0);
	}
	for (unsigned int n = 0; n < 2; n++)
		for (unsigned int i = 0; i < DEVICES; i++)
			CHECK_ERR(mdev_remove(tenants[n].devices[i].uuid), 0);
}

static const char *fuzz_load(void)
{
	if (getrandom(&fuzz_seed, 4, 0) != 4)
		return "there is no random number";
	fuzz_seed = env_number("FUZZ_SEED", (u32)fuzz_seed);
	if (module_load("softdma", NULL) || module_load("pinner", NULL) ||
	    module_load("mtty", NULL))
		return "the modules cannot be loaded";
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct ktap_hooks hooks = {
		.before_all = fuzz_load,
		.after_each = mdev_remove_all,
	};

	return ktap_main(argc, argv, &hooks);
}
