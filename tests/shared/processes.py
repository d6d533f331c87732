"""Processes that are started, signalled by their pid, and ended with us."""

import os
import random
import signal
import socket
import subprocess
from pathlib import Path

from waiting import PATIENCE

# Where the logs go.
OUT = Path("tests/out/nats")
running = set()


def free_ports(count, chosen=random.SystemRandom()):
    """Different ports that nothing listens on, below those that the system gives to connections."""
    ports, sockets = [], []
    try:
        while len(ports) < count:
            attempt = socket.socket()
            sockets.append(attempt)
            try:
                attempt.bind(("127.0.0.1", chosen.randrange(10_240, 32_768)))
            except OSError:
                continue
            ports.append(attempt.getsockname()[1])
    finally:
        for attempt in sockets:
            attempt.close()
    return ports


class Process:
    """A program that may run many times, one process at a time; its log is one file."""

    def __init__(self, name, command, environment=None):
        self.name, self.command, self.environment = name, [str(part) for part in command], environment
        self.log = OUT / f"{name}.log"
        self.popen = None
        self.is_paused = False

    def start(self, **more):
        assert not self.runs(), f"{self.name} runs already"
        # Where the log of this process begins.
        self.begins = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                self.command, stderr=log, env={**os.environ, **(self.environment or {})},
                **({"stdin": subprocess.DEVNULL, "stdout": log} | more))
        running.add(self)
        self.is_paused = False

    def runs(self):
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def pause(self):
        """Stops it where it is: it hangs."""
        self.signal(signal.SIGSTOP)
        self.is_paused = True

    def resume(self):
        self.signal(signal.SIGCONT)
        self.is_paused = False

    def kill(self):
        """As a crash does; also of a process that is paused."""
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()
        running.discard(self)

    def wait(self, patience=PATIENCE):
        """The exit status."""
        status = self.popen.wait(patience)
        running.discard(self)
        return status

    def said(self):
        """What the process that runs now has logged."""
        with open(self.log, "rb") as log:
            log.seek(self.begins)
            return log.read().decode(errors="replace")


def kill_all():
    for process in list(running):
        process.kill()


def end_with_us():
    """A signal that ends us raises, so that what is running ends, too."""
    def end(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
