// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which CPU something runs on, and proof that what should run at once did.
 */
#include <sched.h>
#include <unistd.h>

#include "cpus.h"
#include "ktap.h"

void pin_thread(pthread_t thread, unsigned int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(n % sysconf(_SC_NPROCESSORS_ONLN), &set);
	REQUIRE_EQ(pthread_setaffinity_np(thread, sizeof(set), &set), 0);
}

void pin_self(unsigned int n)
{
	pin_thread(pthread_self(), n);
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
