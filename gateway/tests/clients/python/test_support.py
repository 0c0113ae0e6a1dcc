"""The helper's own behaviour, shown on shell scripts in the gateway's place."""

import time

import pytest

from support import Gateway, StartError, StopError, program_from

LISTENS = """
echo "  public    http://${ROOMCAST__PUBLIC__ADDRESS}"
echo "  internal  http://${ROOMCAST__INTERNAL__ADDRESS}"
"""
FIXED = {"public.address": "127.0.0.1:4001", "internal.address": "127.0.0.1:4002"}


@pytest.fixture
def script(tmp_path):
    def write(body):
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        return str(program)

    return write


def test_a_program_that_the_environment_does_not_name_is_an_error_not_a_skip():
    with pytest.raises(StartError, match="ROOMCAST_NO_SUCH_BIN is not set"):
        program_from("ROOMCAST_NO_SUCH_BIN")


def test_addresses_are_read_settings_handed_over_and_sigterm_ends_it(start_gateway, script, monkeypatch):
    monkeypatch.setenv("ROOMCAST_STRAY", "seen")
    says = 'echo "limit $ROOMCAST__LIMITS__CONNECTIONS_MAX, stray ${ROOMCAST_STRAY-none}"'
    body = f"trap 'exit 7' TERM\n{says}\n{LISTENS}\nwhile :; do sleep 0.05; done"
    gateway = start_gateway(FIXED | {"limits.connections_max": 5}, program=script(body))
    assert gateway.public_url == "http://127.0.0.1:4001"
    assert gateway.internal_url == "http://127.0.0.1:4002"
    first = gateway.pid
    assert gateway.restart() == 7
    assert gateway.pid != first
    assert gateway.public_url == "http://127.0.0.1:4001"
    assert gateway.stop() == 7
    assert gateway.stop() is None
    assert "limit 5, stray none" in gateway.output


def test_a_program_that_ends_at_once_is_an_error_with_what_it_printed(script):
    with pytest.raises(StartError, match="ended with 3; it printed:\nport taken"):
        Gateway(program=script("echo 'port taken' >&2; exit 3"))


def test_a_program_that_never_says_where_it_listens_is_an_error(script):
    with pytest.raises(StartError, match="within 0.2 s"):
        Gateway(program=script("exec sleep 60"), start_deadline_seconds=0.2)


def test_a_program_that_ignores_sigterm_is_killed_and_that_is_an_error(script):
    stubborn = f"trap '' TERM{LISTENS}\nwhile :; do sleep 0.05; done"
    gateway = Gateway(program=script(stubborn), stop_deadline_seconds=0.2)
    with pytest.raises(StopError, match="did not end within 0.2 s of SIGTERM"):
        gateway.stop()
    assert not gateway.alive


def test_a_killed_program_is_gone(start_gateway, script):
    gateway = start_gateway(program=script(f"{LISTENS}\nexec sleep 60"))
    gateway.kill()
    assert not gateway.alive
    assert gateway.stop() is None


def test_a_program_that_ended_by_itself_is_an_error_at_stop(script):
    gateway = Gateway(program=script(f"{LISTENS}\nexit 9"))
    deadline = time.monotonic() + 10
    while gateway.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(StopError, match="had ended by itself with 9"):
        gateway.stop()
