// SPDX-License-Identifier: GPL-2.0-only
/*
 * KTAP: how a test program of the lab says what it found.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dmesg.h"
#include "hang.h"
#include "ktap.h"

#define DEFAULT_SECONDS	120
#define CLEANUP_SECONDS	60

/* What the processes of one test tell the program; in shared memory */
struct verdict {
	atomic_uint checks;
	atomic_uint failures;
	atomic_bool skipped;
	char reason[256];
};

static struct ktap_test *first_test, **next_link = &first_test;
static struct verdict *verdict;
static unsigned int results, failed_results;
static struct dmesg kernel_log;

void ktap_register(struct ktap_test *test)
{
	*next_link = test;
	next_link = &test->next;
}

static void note_failure(const char *file, int line, const char *what, const char *fmt,
			 va_list args)
{
	char message[512] = "";
	const char *base = strrchr(file, '/');

	atomic_fetch_add(&verdict->failures, 1);
	if (*fmt)
		vsnprintf(message, sizeof(message), fmt, args);
	printf("# %s:%d: %s%s%s\n", base ? base + 1 : file, line, what, *fmt ? ": " : "", message);
}

bool ktap_check(const char *file, int line, bool ok, const char *what, const char *fmt, ...)
{
	va_list args;

	atomic_fetch_add(&verdict->checks, 1);
	if (ok)
		return true;
	va_start(args, fmt);
	note_failure(file, line, what, fmt, args);
	va_end(args);
	return false;
}

bool ktap_check_eq(const char *file, int line, long long got, long long want, const char *what,
		   const char *fmt, ...)
{
	char text[256];
	va_list args;

	atomic_fetch_add(&verdict->checks, 1);
	if (got == want)
		return true;
	snprintf(text, sizeof(text), "%s is %lld (%#llx), expected %lld (%#llx)", what, got, got,
		 want, want);
	va_start(args, fmt);
	note_failure(file, line, text, fmt, args);
	va_end(args);
	return false;
}

bool ktap_check_str(const char *file, int line, const char *got, const char *want,
		    const char *what, const char *fmt, ...)
{
	char text[512];
	va_list args;

	atomic_fetch_add(&verdict->checks, 1);
	if (!strcmp(got, want))
		return true;
	snprintf(text, sizeof(text), "%s is \"%s\", expected \"%s\"", what, got, want);
	va_start(args, fmt);
	note_failure(file, line, text, fmt, args);
	va_end(args);
	return false;
}

static const char *errno_name(long err)
{
	return err ? strerrorname_np(err) ?: "an unknown errno" : "success";
}

bool ktap_check_err(const char *file, int line, long ret, int want, const char *what,
		    const char *fmt, ...)
{
	char text[256];
	va_list args;

	atomic_fetch_add(&verdict->checks, 1);
	if (ret == -want)
		return true;
	if (ret > 0)
		snprintf(text, sizeof(text), "%s returned %ld, expected %s", what, ret,
			 errno_name(want));
	else
		snprintf(text, sizeof(text), "%s returned %s, expected %s", what,
			 errno_name(-ret), errno_name(want));
	va_start(args, fmt);
	note_failure(file, line, text, fmt, args);
	va_end(args);
	return false;
}

void ktap_abort(void)
{
	fflush(stdout);
	_exit(1);
}

void ktap_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(verdict->reason, sizeof(verdict->reason), fmt, args);
	va_end(args);
	atomic_store(&verdict->skipped, true);
	fflush(stdout);
	_exit(0);
}

void ktap_note(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# %s\n", text);
}

bool ktap_failed(void)
{
	return atomic_load(&verdict->failures);
}

unsigned int ktap_slowness(void)
{
	const char *text = getenv("MDEVKIT_SLOWNESS");
	int slowness = text ? atoi(text) : 1;

	return slowness > 0 ? slowness : 1;
}

double ktap_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void print_result(bool ok, const char *variant, const char *sentence, const char *skip)
{
	results++;
	if (!ok)
		failed_results++;
	printf("%sok %u %s%s%s%s%s\n", ok ? "" : "not ", results, variant ?: "",
	       variant ? ": " : "", sentence, skip ? " # SKIP " : "", skip ?: "");
	fflush(stdout);
}

typedef void (*group_fn)(const void *data);
typedef void (*run_fn)(const struct ktap_test *test, const struct ktap_variant *variant,
		       const struct ktap_hooks *hooks);

/* Kills what is left of a process group and waits for it; not for ever, if it is stuck */
static void end_group(pid_t group)
{
	int tries = 500;
	pid_t got;

	kill(-group, SIGKILL);
	while ((got = waitpid(-group, NULL, WNOHANG)) >= 0 && tries) {
		if (got)
			continue;
		usleep(10000);
		tries--;
	}
}

/*
 * Runs @body in a new process group and kills what is left of the group afterwards.
 * Returns the wait status, or -1 when the time was up.
 */
static int run_in_group(group_fn body, const void *data, unsigned int seconds)
{
	double deadline = ktap_clock() + seconds;
	unsigned int polls = 0;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("# fork");
		return 1;
	}
	if (!pid) {
		setpgid(0, 0);
		/* A program that is killed takes its test with it */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(data);
		fflush(stdout);
		_exit(0);
	}
	setpgid(pid, pid);
	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			break;
		if (ktap_clock() > deadline) {
			hang_report(pid);
			end_group(pid);
			return -1;
		}
		usleep(2000);
		if (++polls % 16 == 0)
			dmesg_follow(&kernel_log);
	}
	end_group(pid);
	return status;
}

static void run_cleanup(const void *data)
{
	const struct ktap_hooks *hooks = data;
	const char *left = hooks->after_each();

	if (left)
		CHECK(false, "left behind: %s", left);
}

static const char *why_absent(const struct ktap_variant *variant)
{
	return variant->absent ? variant->absent(variant) : NULL;
}

static int bail_out(const char *reason)
{
	printf("Bail out! %s\n", reason);
	return 1;
}

/* In seconds; MDEVKIT_LIMIT is for the test of what is told then */
static unsigned int test_limit(const struct ktap_test *test)
{
	const char *text = getenv("MDEVKIT_LIMIT");

	return text ? atoi(text) : (int)((test->seconds ?: DEFAULT_SECONDS) * ktap_slowness());
}

static void run_test(const struct ktap_test *test, const struct ktap_variant *variant,
		     const struct ktap_hooks *hooks)
{
	unsigned int limit = test_limit(test);
	double start = ktap_clock();
	const char *absent = variant ? why_absent(variant) : NULL;
	bool ok, hangs;
	int status;

	if (absent) {
		print_result(true, variant->name, test->sentence, absent);
		return;
	}
	memset(verdict, 0, sizeof(*verdict));
	status = run_in_group(test->body, variant ? variant->data : NULL, limit);
	ok = status == 0 && !atomic_load(&verdict->failures);
	hangs = status == -1;
	if (hangs)
		printf("# not finished after %u s\n", limit);
	else if (WIFSIGNALED(status))
		printf("# killed by signal %d (%s)\n", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	if (ok && !verdict->skipped && !atomic_load(&verdict->checks)) {
		printf("# the test checked nothing\n");
		ok = false;
	}
	if (hooks->after_each) {
		status = run_in_group(run_cleanup, hooks, CLEANUP_SECONDS * ktap_slowness());
		if (status) {
			printf("# cleaning up failed (%d)\n", status);
			ok = false;
		}
		ok = ok && !atomic_load(&verdict->failures);
	}
	dmesg_allow_no_more(&kernel_log);
	printf("# %u checks, %.1f s\n", atomic_load(&verdict->checks), ktap_clock() - start);
	print_result(ok, variant ? variant->name : NULL, test->sentence,
		     ok && verdict->skipped ? verdict->reason : NULL);
	/* What it has left behind would only make the others fail, or wait as it does */
	if (hangs)
		exit(bail_out("a test hangs"));
}

/* Is @filter part of the test's name as it is printed? */
static bool selected(const char *filter, const struct ktap_test *test,
		     const struct ktap_variant *variant)
{
	char name[256];

	if (!filter)
		return true;
	snprintf(name, sizeof(name), "%s%s%s", variant ? variant->name : "", variant ? ": " : "",
		 test->sentence);
	return strstr(name, filter);
}

/* Calls @fn for each test and variant that @filter selects */
static unsigned int visit_runs(const char *filter, const struct ktap_hooks *hooks, run_fn fn)
{
	const struct ktap_test *test;
	unsigned int count = 0;

	for (test = first_test; test; test = test->next) {
		if (!test->variants && selected(filter, test, NULL)) {
			if (fn)
				fn(test, NULL, hooks);
			count++;
		}
		for (const struct ktap_variant *v = test->variants; v && v->name; v++) {
			if (!selected(filter, test, v))
				continue;
			if (fn)
				fn(test, v, hooks);
			count++;
		}
	}
	return count;
}

int ktap_main(int argc, char **argv, const struct ktap_hooks *hooks)
{
	static const struct ktap_hooks no_hooks;
	const char *filter = argc > 1 ? argv[1] : NULL;
	const char *reason;
	unsigned int runs;

	hooks = hooks ?: &no_hooks;
	setvbuf(stdout, NULL, _IOLBF, 0);
	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	/* What a test forks and forgets is ours to wait for */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	runs = visit_runs(filter, hooks, NULL);
	printf("KTAP version 1\n1..%u\n", runs + 1);
	if (!runs)
		return bail_out("no test has such a name");
	if (dmesg_mark(&kernel_log, program_invocation_short_name))
		return bail_out("/dev/kmsg cannot be used");
	/* A kit that cannot be loaded, or does not take its device, is a broken kit: no SKIP */
	reason = hooks->before_all ? hooks->before_all() : NULL;
	if (reason)
		return bail_out(reason);
	visit_runs(filter, hooks, run_test);

	memset(verdict, 0, sizeof(*verdict));
	print_result(dmesg_is_clean(&kernel_log), NULL, "the kernel's log stays free of warnings",
		     NULL);
	return failed_results ? 1 : 0;
}
