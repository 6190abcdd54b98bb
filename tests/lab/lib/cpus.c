// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which CPU something runs on, and proof that what should run at once did.
 */
#include <sched.h>
#include <unistd.h>

#include "cpus.h"
#include "ktap.h"

static cpu_set_t set_of(unsigned int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(n % sysconf(_SC_NPROCESSORS_ONLN), &set);
	return set;
}

void pin_self(unsigned int n)
{
	cpu_set_t set = set_of(n);

	REQUIRE_EQ(pthread_setaffinity_np(pthread_self(), sizeof(set), &set), 0);
}

void start_pinned(pthread_t *thread, unsigned int n, void *(*work)(void *arg), void *arg)
{
	cpu_set_t set = set_of(n);
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	REQUIRE_EQ(pthread_attr_setaffinity_np(&attr, sizeof(set), &set), 0);
	REQUIRE_EQ(pthread_create(thread, &attr, work, arg), 0);
	pthread_attr_destroy(&attr);
}

void overlap_step(struct overlap *overlap, unsigned int who)
{
	atomic_fetch_or(&overlap->cpus, 1ul << sched_getcpu());
	if (atomic_exchange(&overlap->last, who + 1) != who + 1)
		atomic_fetch_add(&overlap->changes, 1);
}

void check_overlap(struct overlap *overlap, unsigned int changes)
{
	unsigned int seen = atomic_load(&overlap->changes);

	CHECK_EQ(__builtin_popcountl(atomic_load(&overlap->cpus)),
		 sysconf(_SC_NPROCESSORS_ONLN) < 2 ? 1 : 2, "CPUs");
	CHECK(seen >= changes / ktap_slowness(), "they took turns %u times only", seen);
	ktap_note("they took turns %u times", seen);
}
