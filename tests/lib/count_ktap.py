# SPDX-License-Identifier: GPL-2.0-only
"""Judges KTAP with the kernel's own parser; see count-ktap, which calls it inside lab/build-root."""

import argparse
import fnmatch
import os
import re
import sys

MAX_NOTES = 12


class Excuses:
    """What may be skipped: lines of "BOOTS  TEST  REASON" of tests/lab/skips.list."""

    def __init__(self, path):
        self.entries = []
        self.used = set()
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if re.match(r"#|\s*$", line):
                    continue
                fields = line.split(None, 2)
                if len(fields) != 3:
                    sys.exit(f"{path}:{number}: not BOOTS TEST REASON")
                reason = re.compile(fields[2].strip())
                for boot in fields[0].split(","):
                    self.entries.append((boot, fields[1], reason, number))

    def excuse(self, boot, test, reason):
        """Does an entry cover this skip?"""
        found = False
        for entry in self.entries:
            if (fnmatch.fnmatchcase(boot, entry[0]) and fnmatch.fnmatchcase(test, entry[1])
                    and entry[2].fullmatch(reason)):
                self.used.add(entry)
                found = True
        return found


def load_parser(folder):
    """The kernel's kunit_parser, silenced, and taught to remember why a test was skipped."""
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    import kunit_parser  # pylint: disable=import-outside-toplevel,import-error

    parse_result = kunit_parser.parse_test_result

    def with_reason(lines, test, expected_num):
        line = lines.peek()
        known = parse_result(lines, test, expected_num)
        match = kunit_parser.TEST_RESULT_SKIP.match(line)
        if known and match:
            test.skip_reason = match.group(5).strip()
            # A failure is none the less one because it calls itself a skip.
            if match.group(1) == "not ok":
                test.status = kunit_parser.TestStatus.FAILURE
        return known

    def add_error(test, message):
        test.counts.errors += 1
        kunit_parser.errors.append(f"{test.name}: {message}")

    kunit_parser.parse_test_result = with_reason
    kunit_parser.Test.add_error = add_error
    kunit_parser.stdout.print_with_timestamp = lambda message: None
    return kunit_parser


class Report:
    """The verdict over the output of one program."""

    def __init__(self, name):
        self.name = name
        self.passed = self.failed = 0
        self.skips = []         # (test, reason)
        self.failures = []      # lines

    def fail(self, text, count=1, notes=()):
        """Counts failures, and says why, with diagnostics."""
        self.failed += count
        self.failures.append(f"{self.name}: {text}")
        self.failures.extend("    " + note for note in list(notes)[-MAX_NOTES:])

    def add_test(self, parser, test, path):
        """Counts the leaves below one test."""
        status = parser.TestStatus
        if test.name and path is not None:
            path = path + [test.name]
        if test.subtests:
            before = self.failed
            for sub in test.subtests:
                self.add_test(parser, sub, path if path is not None else [])
            if path and not test.ok_status() and self.failed == before:
                self.fail("not ok " + "/".join(path), 1, diagnostics(test))
            return
        title = "/".join(path or [test.name])
        if test.status == status.SUCCESS:
            self.passed += 1
        elif test.status == status.SKIPPED:
            self.skips.append((title, getattr(test, "skip_reason", "")))
        elif test.status == status.FAILURE:
            self.fail("not ok " + title, 1, diagnostics(test))
        else:
            self.fail((title or "a result") + ": no result, or a test without any", 1, diagnostics(test))


def diagnostics(test):
    """The remarks before a result; what else stands between them is the kernel's or a tool's."""
    return [re.sub(r"^\s*# ?", "", line) for line in test.log if line.strip()]


def outside_parser(report, text):
    """What the parser forgives: returns the lines it may see, or None when there is nothing to be parsed."""
    lines = text.splitlines()
    while lines and not re.match(r"KTAP version \d+$", lines[0]):
        lines.pop(0)
    plan = None
    results = 0
    for line in lines:
        if re.match(r"1\.\.\d+", line) and plan is None:
            if results:
                report.fail("the plan comes after the first result")
                return None
            plan = int(re.match(r"1\.\.(\d+)", line).group(1))
        elif re.match(r"(not )?ok \d+", line):
            results += 1
        elif line.startswith("Bail out!"):
            report.fail("gave up:" + line[len("Bail out!"):])
    if plan is None:
        report.fail("no KTAP plan was printed", 1, text.splitlines())
        return None
    if not plan:
        report.fail("nothing is planned: a program that has nothing to say proves nothing")
        return None
    if results > plan:
        report.fail(f"{results} results came, but the plan said {plan}")
    elif results < plan:
        report.fail(f"{plan - results} of {plan} results did not come", plan - results,
                    [line.lstrip("# ") for line in lines if line.startswith("#")])
    if not text.endswith("\n"):
        report.fail("the output breaks off in the middle of a line")
    # A plan that is kept leaves the parser nothing to complain of but what is really wrong.
    lines = [line for line in lines if not line.startswith("Bail out!")]
    return [re.sub(r"^1\.\.\d+", f"1..{results}", line) if re.match(r"1\.\.\d+", line) else line for line in lines], results


def judge(parser, name, status, path):
    """The report on the output in a file and the exit status of the program."""
    report = Report(name)
    try:
        with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
            text = file.read().replace("\r", "").replace("\0", "")
    except OSError as error:
        report.fail(f"left no output: {error.strerror}")
        return report
    parsed = outside_parser(report, text)
    if parsed and parsed[1]:
        main = parser.parse_run_tests(parsed[0])
        report.add_test(parser, main, None)
        if main.counts.errors and not report.failed:
            report.fail("the KTAP is not valid: " + "; ".join(parser.errors))
    if status != "0" and not report.failed:
        report.fail("all results are good, but " +
                    ("it never ended" if status == "-" else f"the exit status is {status}"))
    elif report.failed and status not in ("0", "1"):
        report.failures.append("    " + ("it never ended" if status == "-" else f"exit status {status}"))
    return report


def check_skips(report, boot, program, excuses):
    """Skips without an excuse have failed. Returns the number of the others."""
    good = 0
    for title, reason in report.skips:
        test = f"{program}/{title}" if program else title
        if excuses is None or excuses.excuse(boot, test, reason):
            good += 1
        else:
            report.fail(f"skipped, and tests/lab/skips.list does not excuse it: {title}: {reason}")
    return good


def main():
    arguments = argparse.ArgumentParser(prog="count-ktap")
    arguments.add_argument("parser")
    arguments.add_argument("--failures")
    arguments.add_argument("--skips")
    arguments.add_argument("--excuses")
    arguments.add_argument("--excused")
    options = arguments.parse_args()

    parser = load_parser(options.parser)
    excuses = Excuses(options.excuses) if options.excuses else None
    failures = open(options.failures or os.devnull, "a", encoding="utf-8")
    skips = open(options.skips or os.devnull, "a", encoding="utf-8")
    for job in sys.stdin:
        name, status, minimum, path = job.rstrip("\n").split("\t")
        boot, _, program = name.partition("/")
        try:
            parser.errors = []
            report = judge(parser, name, status, path)
        except Exception as error:  # pylint: disable=broad-except
            report = Report(name)
            report.fail(f"the KTAP cannot be parsed: {error!r}")
        good = check_skips(report, boot, program, excuses)
        count = report.passed + report.failed + good
        if count < int(minimum):
            report.fail(f"{count} results, but there must be at least {minimum}")
        print(name, report.passed, report.failed, good)
        for line in report.failures:
            print(line[:200], file=failures)
        for title, reason in report.skips:
            print(boot, program, title, reason, sep="\t", file=skips)
    if options.excused and excuses:
        with open(options.excused, "a", encoding="utf-8") as file:
            for boot, test, reason, number in excuses.used:
                print(number, boot, file=file)
    failures.close()
    skips.close()


main()
