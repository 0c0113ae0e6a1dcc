"""Tests of how a command is run: what is kept of it, and that nothing of it stays."""

import os
import time

import stage


def run(script, deadline_seconds=10):
    return stage.run(["sh", "-c", script], cwd="/", env=os.environ, deadline_seconds=deadline_seconds)


def test_output_of_both_streams_and_the_exit_code_are_kept(capfd):
    ended = run("echo out; echo err >&2; exit 3")
    assert ended.exit_code == 3
    assert sorted(ended.output.split()) == ["err", "out"]
    assert sorted(capfd.readouterr().out.split()) == ["err", "out"], "shown as well"


def test_a_command_that_hangs_is_stopped_at_its_deadline():
    begin = time.monotonic()
    ended = run("echo begun; sleep 60", deadline_seconds=0.3)
    assert ended.exit_code is None
    assert ended.output == "begun\n"
    assert time.monotonic() - begin < 10


def test_what_a_command_leaves_behind_is_ended():
    ended = run("sleep 60 & echo $!")
    left = f"/proc/{int(ended.output)}/stat"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and os.path.exists(left) and " Z " not in open(left).read():
        time.sleep(0.01)
    assert not os.path.exists(left) or " Z " in open(left).read()


def test_a_command_waits_for_no_input():
    assert run("cat").exit_code == 0
