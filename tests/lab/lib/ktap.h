/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KTAP: how a test program of the lab says what it found.
 *
 * A program is a list of TEST()s. Each test runs in a process of its own, in its
 * own process group: a crash, a file left open or a hang belongs to one test, and
 * the others still run. A test that makes no check at all counts as failed.
 */
#ifndef _LAB_KTAP_H
#define _LAB_KTAP_H

#include <errno.h>
#include <stdio.h>

#include "types.h"

/* One of several ways to run the same test body, e.g. an IOMMU mode */
struct ktap_variant {
	const char *name;
	/* Why this variant cannot run on this kernel (each test is a SKIP then), or NULL */
	const char *(*absent)(const struct ktap_variant *variant);
	const void *data;	/* what the test's body gets */
};

struct ktap_test {
	const char *sentence;		/* about behaviour, not about code */
	unsigned int seconds;		/* time limit on a stock kernel; 0: 120 s */
	const struct ktap_variant *variants;	/* ends with an empty name; NULL: none */
	void (*body)(const void *data);			/* NULL without variants */
	struct ktap_test *next;
};

/* Adds @test to the program's list; used by the TEST macros only */
void ktap_register(struct ktap_test *test);

#define KTAP_GLUE2(a, b) a##b
#define KTAP_GLUE(a, b) KTAP_GLUE2(a, b)

/*
 * KTAP_TEST(sentence, seconds, variants, type, name) { ... }: a test whose body has the
 * parameter "type name", the variant's data.
 */
#define KTAP_TEST(_sentence, _seconds, _variants, _type, _name)				\
static void KTAP_GLUE(test_body_, __LINE__)(_type _name);				\
static void KTAP_GLUE(test_run_, __LINE__)(const void *data)				\
{											\
	KTAP_GLUE(test_body_, __LINE__)(data);						\
}											\
static struct ktap_test KTAP_GLUE(test_, __LINE__) = {					\
	.sentence = (_sentence),							\
	.seconds = (_seconds),								\
	.variants = (_variants),							\
	.body = KTAP_GLUE(test_run_, __LINE__),						\
};											\
static void LAB_ATTRIBUTE((constructor)) KTAP_GLUE(test_register_, __LINE__)(void)	\
{											\
	ktap_register(&KTAP_GLUE(test_, __LINE__));					\
}											\
static void KTAP_GLUE(test_body_, __LINE__)(_type _name)

/* TEST("a duplicate UUID gives EEXIST") { ... } */
#define TEST(sentence) TEST_LONG(sentence, 0)
/* The same with a time limit of its own, in seconds */
#define TEST_LONG(sentence, seconds) \
	KTAP_TEST(sentence, seconds, NULL, const void *, unused __maybe_unused)

/*
 * Checks. CHECK*: a failure is noted with file and line, and the test goes on.
 * REQUIRE*: a failure ends the process that made the check (the test, or a child
 * of it). Usable from children and threads of the test, too.
 */
#define CHECK(cond, ...) \
	ktap_check(__FILE__, __LINE__, (cond), #cond, "" __VA_ARGS__)
#define CHECK_EQ(got, want, ...) \
	ktap_check_eq(__FILE__, __LINE__, (long long)(got), (long long)(want), \
		      #got, "" __VA_ARGS__)
#define CHECK_STR(got, want, ...) \
	ktap_check_str(__FILE__, __LINE__, (got), (want), #got, "" __VA_ARGS__)
/* @ret is 0 or a negative errno; @want is 0 or a positive errno: CHECK_ERR(f(), EBUSY) */
#define CHECK_ERR(ret, want, ...) \
	ktap_check_err(__FILE__, __LINE__, (ret), (want), #ret, "" __VA_ARGS__)
#define REQUIRE(cond, ...) do { if (!CHECK(cond, __VA_ARGS__)) ktap_abort(); } while (0)
#define REQUIRE_EQ(got, want, ...) \
	do { if (!CHECK_EQ(got, want, __VA_ARGS__)) ktap_abort(); } while (0)
#define REQUIRE_OK(ret, ...) \
	do { if (!CHECK_ERR(ret, 0, __VA_ARGS__)) ktap_abort(); } while (0)
/*
 * Ends the test: it could not run, and this is why. Not from children or threads.
 * Only what tests/lab/skips.list excuses may be skipped: a module, a driver or a device
 * that is not as it must be is a failure.
 */
#define SKIP(...) ktap_skip(__VA_ARGS__)

bool ktap_check(const char *file, int line, bool ok, const char *what, const char *fmt, ...)
	__printf(5, 6);
bool ktap_check_eq(const char *file, int line, long long got, long long want, const char *what,
		   const char *fmt, ...) __printf(6, 7);
bool ktap_check_str(const char *file, int line, const char *got, const char *want,
		    const char *what, const char *fmt, ...)
	__printf(6, 7);
bool ktap_check_err(const char *file, int line, long ret, int want, const char *what,
		    const char *fmt, ...) __printf(6, 7);
void ktap_abort(void) __noreturn;
void ktap_skip(const char *fmt, ...) __noreturn __printf(1, 2);

/* A line of diagnostics in the output */
void ktap_note(const char *fmt, ...) __printf(1, 2);

/*
 * How much slower this kernel is than a stock one: 1, or what MDEVKIT_SLOWNESS says. Time
 * limits are multiplied by it; tests that only repeat may do so less often.
 */
unsigned int ktap_slowness(void);

/* Seconds of a clock that only goes forward */
double ktap_clock(void);

/* True when a check of the running test has failed so far */
bool ktap_failed(void);

/*
 * Hooks that run in the program itself, not in a test's process; each may be NULL.
 * @before_all: before the first test; returns why nothing can run, or NULL. A program that
 *	cannot run has failed
 * @after_each: after each test, when all of its processes are dead. Puts the system
 *	back to where it was, and returns what the test had left behind, or NULL.
 *	It runs under a time limit of its own, in a child
 */
struct ktap_hooks {
	const char *(*before_all)(void);
	const char *(*after_each)(void);
};

/*
 * Runs all tests of the program, or those whose sentence contains argv[1], then
 * looks at the kernel's log since the start. Prints the plan first, so that tests
 * that vanish are noticed. An argv[1] that no sentence contains is a failure.
 * Returns the exit status: 0 when no test failed.
 */
int ktap_main(int argc, char **argv, const struct ktap_hooks *hooks);

#endif /* _LAB_KTAP_H */
