"""Starts Roomcast for a test and knows where it listens.

`make test` hands over the programs in ROOMCAST_BIN and ROOMCAST_ECHO_BIN. Without them
nothing is skipped: starting fails and says so.
"""

import os
import queue
import re
import subprocess
import threading
import time
from urllib.parse import urlsplit

START_DEADLINE_SECONDS = 10
STOP_DEADLINE_SECONDS = 15

DEFAULTS = {
    "public.address": "127.0.0.1:0",
    "internal.address": "127.0.0.1:0",
    "log.format": "json",
}

ADDRESS_LINES = {
    "public": re.compile(r"^\s*public\s+http://(\S+)"),
    "internal": re.compile(r"^\s*internal\s+http://(\S+)"),
}


class StartError(Exception):
    """The program did not come up; the text tells why and what it printed."""


class StopError(Exception):
    """The program did not end as it was told to."""


def program_from(variable):
    """The program that the environment names."""
    path = os.environ.get(variable)
    if not path:
        raise StartError(
            f"{variable} is not set: run the tests by `make test`, or set it to the built program"
        )
    return path


class Gateway:
    """One running gateway; `settings` are `{"section.key": value}`, `config` is a file for lists of tables."""

    def __init__(
        self,
        settings=None,
        *,
        program=None,
        config=None,
        start_deadline_seconds=START_DEADLINE_SECONDS,
        stop_deadline_seconds=STOP_DEADLINE_SECONDS,
    ):
        self._program = program or program_from("ROOMCAST_BIN")
        self._arguments = ["--config", str(config)] if config else []
        self._settings = DEFAULTS | (settings or {})
        self._start_deadline_seconds = start_deadline_seconds
        self._stop_deadline_seconds = stop_deadline_seconds
        self._launch()

    @property
    def pid(self):
        """The process id."""
        return self._process.pid

    @property
    def alive(self):
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def output(self):
        """Everything that the program has printed so far, both streams."""
        return "".join(self._lines)

    def stop(self):
        """Sends SIGTERM and gives the exit code; None if it was stopped or killed before."""
        if self._stopped:
            return None
        self._stopped = True
        if not self.alive:
            raise StopError(f"had ended by itself with {self._process.returncode}:\n{self.output}")
        self._process.terminate()
        try:
            return self._process.wait(self._stop_deadline_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise StopError(
                f"did not end within {self._stop_deadline_seconds} s of SIGTERM:\n{self.output}"
            ) from None

    def kill(self):
        """Ends it at once, as a crash would."""
        self._stopped = True
        self._process.kill()
        self._process.wait()

    def restart(self):
        """Stops it and starts it again on the same addresses; the exit code of the first."""
        code = self.stop()
        self._settings["public.address"] = urlsplit(self.public_url).netloc
        self._settings["internal.address"] = urlsplit(self.internal_url).netloc
        self._launch()
        return code

    def _launch(self):
        self._stopped = False
        self._lines = []
        try:
            self._process = subprocess.Popen(
                [self._program, *self._arguments],
                env=_environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise StartError(f"{self._program} did not start ({error})") from error
        said = queue.SimpleQueue()
        readers = [self._read(self._process.stdout, said), self._read(self._process.stderr, None)]
        try:
            self.public_url, self.internal_url = self._addresses(said)
        except StartError as error:
            self.kill()
            for reader in readers:
                reader.join(timeout=1)
            raise StartError(f"{self._program} {error}; it printed:\n{self.output}") from None

    def _read(self, stream, said):
        """Keeps what comes from `stream`, and passes it on to `said`; None there is the end."""

        def read():
            for line in stream:
                self._lines.append(line)
                if said:
                    said.put(line)
            if said:
                said.put(None)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        return reader

    def _addresses(self, said):
        """Waits for the two start-up lines."""
        deadline = time.monotonic() + self._start_deadline_seconds
        found = {}
        while len(found) < len(ADDRESS_LINES):
            try:
                line = said.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise StartError(
                    f"did not say where it listens within {self._start_deadline_seconds} s"
                ) from None
            if line is None:
                raise StartError(f"ended with {self._ended()}")
            for listener, pattern in ADDRESS_LINES.items():
                if match := pattern.match(line):
                    found[listener] = f"http://{match[1]}"
        return found["public"], found["internal"]

    def _ended(self):
        """The exit code of a program that has closed its standard output."""
        try:
            return self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "its output closed"


def _environment(settings):
    """Ours without ROOMCAST_*, and the settings."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ROOMCAST_")}
    given = {
        f"ROOMCAST__{key.replace('.', '__').upper()}": str(value) for key, value in settings.items()
    }
    return inherited | given
