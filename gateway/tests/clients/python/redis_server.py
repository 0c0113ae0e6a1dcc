"""Starts a Redis server for a test, on a port of its own, without persistence."""

import socket
import subprocess
import time

START_DEADLINE_SECONDS = 15
START_ATTEMPTS = 5


class RedisServer:
    """One running `redis-server`; a machine without it fails its tests."""

    def __init__(self, folder):
        for _ in range(START_ATTEMPTS):
            self.port = _free_port()
            if self._started(folder):
                return
        raise AssertionError(f"no redis-server in {START_ATTEMPTS} attempts:\n{self._log.read_text()}")

    @property
    def address(self):
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    def stop(self):
        """Ends it."""
        self._process.kill()
        self._process.wait()

    def _started(self, folder):
        """Starts it; false if somebody else was faster to take the port."""
        self._log = folder / "redis.log"
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*command, "--save", "", "--appendonly", "no"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + START_DEADLINE_SECONDS
        while not _answers(self.port):
            if self._process.poll() is not None and "already in use" in self._log.read_text():
                return False
            assert self._process.poll() is None and time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)
        return self._process.poll() is None


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
    except OSError:
        return False
