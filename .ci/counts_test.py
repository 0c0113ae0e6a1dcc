"""Tests of how runners' summaries are read."""

import counts
from counts import Counts

CARGO = """
     Running unittests src/lib.rs (target/debug/deps/roomcast-1)
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
     Running tests/a.rs (target/debug/deps/a-1)
test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests roomcast
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
"""

TAP = """TAP version 13
ok 1 - one
1..3
# tests {tests}
# suites 0
# pass 1
# fail 1
# cancelled 1
# skipped 1
# todo 1
# duration_ms 5.1
"""


def test_cargo_sums_programs_and_doc_tests():
    assert counts.of_cargo(CARGO) == Counts(8, 2, 1)


def test_cargo_sees_through_colours():
    coloured = CARGO.replace("Running", "\x1b[1m\x1b[32mRunning\x1b[0m").replace("ok.", "\x1b[32mok\x1b[0m.")
    assert counts.of_cargo(coloured) == Counts(8, 2, 1)


def test_a_cargo_test_program_without_a_result_failed():
    crashed = CARGO + "     Running tests/b.rs (target/debug/deps/b-1)\nerror: test failed: SIGABRT\n"
    assert counts.of_cargo(crashed) == Counts(8, 3, 1)


def test_tap_counts_cancelled_as_failed_and_todo_as_skipped():
    assert counts.of_tap(TAP.format(tests=5)) == Counts(1, 2, 2)


def test_tap_tests_without_an_outcome_failed():
    assert counts.of_tap(TAP.format(tests=7)) == Counts(1, 4, 2)


def test_a_tap_report_that_breaks_off_is_none():
    assert counts.of_tap("TAP version 13\nok 1 - one\n") is None
    assert counts.of_tap("") is None


def test_junit_counts_errors_as_failed():
    report = '<testsuites><testsuite tests="6" failures="1" errors="2" skipped="1"/></testsuites>'
    assert counts.of_junit(report) == Counts(2, 3, 1)


def test_what_is_not_junit_is_none():
    assert counts.of_junit("") is None
    assert counts.of_junit("<testsuites><testsuite") is None


def test_a_missing_summary_no_tests_and_a_crash_are_failures():
    assert counts.judge(None, 0) == Counts(0, 1, 0)
    assert counts.judge(Counts(), 0) == Counts(0, 1, 0)
    assert counts.judge(Counts(3, 0, 0), 101) == Counts(3, 1, 0)
    assert counts.judge(Counts(3, 2, 0), 1) == Counts(3, 2, 0)
    assert counts.judge(Counts(3, 0, 0), 0) == Counts(3, 0, 0)


def test_only_some_passed_and_nothing_else_is_green():
    assert Counts(1, 0, 0).green
    assert not Counts(1, 0, 1).green
    assert not Counts(1, 1, 0).green
    assert not Counts(0, 0, 0).green
