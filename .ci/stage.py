"""Runs one command: its output is shown as it comes and kept, and its time has a bound."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a command ended. `exit_code` is None if it was stopped at its deadline."""

    exit_code: int | None
    output: str
    seconds: float


def run(command, *, cwd, env, deadline_seconds):
    """Runs `command` without input in a process group of its own, of which nothing is left after."""
    begin = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    lines = []
    reader = threading.Thread(target=_show_and_keep, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        exit_code = process.wait(deadline_seconds)
    except subprocess.TimeoutExpired:
        exit_code = None
        print(f"stopped: not done after {deadline_seconds} s", flush=True)
    finally:
        _end_group(process)
    reader.join(timeout=10)
    return Ended(exit_code, "".join(lines), time.monotonic() - begin)


def _show_and_keep(stream, lines):
    for line in stream:
        lines.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()


def _end_group(process):
    """Ends what the command left behind, and the command if it still runs."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
