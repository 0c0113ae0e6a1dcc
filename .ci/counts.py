"""What a test runner's own summary says: passed, failed, skipped.

A summary that is missing, or that counts no test at all, is a failure: a runner that
ran nothing has shown nothing.
"""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Counts:
    """Tests by outcome; ignored, todo and expected failures are skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    @property
    def total(self):
        return self.passed + self.failed + self.skipped

    @property
    def green(self):
        return self.passed > 0 and self.failed == 0 and self.skipped == 0


ONE_FAILED = Counts(failed=1)


def of_cargo(output):
    """Sums the result lines of `cargo test`; a test program that ended without one failed."""
    text = ANSI.sub("", output)
    started = len(re.findall(r"^\s+(?:Running \S|Doc-tests \S)", text, re.MULTILINE))
    results = re.findall(
        r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;", text, re.MULTILINE
    )
    counts = sum((Counts(*map(int, result)) for result in results), Counts())
    return counts + Counts(failed=max(0, started - len(results)))


def of_tap(report):
    """Reads the closing lines of Node's TAP report; None if it has none."""
    closing = dict(re.findall(r"^# (\w+) (\d+)$", report, re.MULTILINE))
    try:
        tests, passed, failed, cancelled, skipped, todo = (
            int(closing[key]) for key in ("tests", "pass", "fail", "cancelled", "skipped", "todo")
        )
    except KeyError:
        return None
    unexplained = max(0, tests - passed - failed - cancelled - skipped - todo)
    return Counts(passed, failed + cancelled + unexplained, skipped + todo)


def of_junit(report):
    """Sums the suites of pytest's JUnit report; None if it is not one."""
    try:
        suites = list(ElementTree.fromstring(report).iter("testsuite"))
    except ElementTree.ParseError:
        return None
    counts = Counts()
    for suite in suites:
        tests, failures, errors, skipped = (
            int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
        )
        # A test that passes and whose tear-down then fails counts as a test and an error.
        failed = failures + errors
        counts += Counts(max(0, tests - failed - skipped), failed, skipped)
    return counts


def judge(counts, exit_code):
    """The counts to believe, given how the runner ended."""
    if counts is None:
        return ONE_FAILED
    if counts.total == 0 or (exit_code != 0 and counts.failed == 0):
        return counts + ONE_FAILED
    return counts
