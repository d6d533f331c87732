"""The cores, and the servers that run on one of them."""

import os
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager

import usage
from processes import Process, free_ports
from waiting import until

# The server has the first core, the load generator and its feeder have the others.
CORES = sorted(os.sched_getaffinity(0))
SERVERS, CLIENTS = CORES[:1], CORES[1:] or CORES
# What must not happen meanwhile: a lull of this long, or else after this long at the latest.
LULL, PATIENCE_FOR_LULL = 0.02, 1.2


def on(cores, command):
    """The command, on these cores alone."""
    return ["taskset", "--cpu-list", ",".join(map(str, cores)), *map(str, command)]


def listens(port):
    """Somebody listens there. The connection is closed at once: no server counts it as work that was measured."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Running:
    """A server that runs."""

    def __init__(self, process, port, feeder=None):
        self.process, self.port, self.feeder = process, port, feeder

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def begin_feed(self):
        """Its feeder writes from now on."""
        self.feeder.stdin.write(b"go\n")
        self.feeder.stdin.flush()

    def runtime(self):
        """Seconds of the processor that its threads and those of its descendants have had so far."""
        return usage.runtime(self.process.popen.pid)

    def memory(self):
        return usage.resident(self.process.popen.pid)

    def wakeups(self):
        return usage.wakeups(self.process.popen.pid)

    def wait_for_lull(self):
        """Between two bursts, so that none is counted in part."""
        deadline, last = time.monotonic() + PATIENCE_FOR_LULL, self.runtime()
        while time.monotonic() < deadline:
            time.sleep(LULL)
            if last == (last := self.runtime()):
                return


@contextmanager
def running(lab, server, feed=None):
    """Starts a server on a free port, and kills all its processes at the end. `feed` is a command whose output it reads, or its publisher;
    it begins on demand."""
    (port,) = free_ports(1)
    with ExitStack() as stack:
        source = subprocess.DEVNULL
        feeder = None
        if feed:
            feeder = subprocess.Popen(on(CLIENTS, feed), stdout=subprocess.PIPE, stdin=subprocess.PIPE)
            stack.callback(end, feeder)
            source = feeder.stdout
        process = Process(server.name.replace(" ", "-").replace("/", "-"), on(CORES[:server.cores], server.command(lab, port)))
        stack.callback(kill_family, process)
        process.start(stdin=subprocess.DEVNULL if server.publisher else source)
        until(lambda: f"{server.name} listens: {process.said()}", lambda: listens(port) or ended(server, process))
        if server.publisher:
            stack.callback(end, subprocess.Popen(on(CLIENTS, server.publisher(lab, port)), stdin=source))
        if feeder:
            feeder.stdout.close()
        yield Running(process, port, feeder)


def ended(server, process):
    assert process.runs(), f"{server.name} ended: {process.said()}"


def end(process):
    process.kill()
    process.wait()


def kill_family(process):
    """Also its children, as some servers have one for each client."""
    if process.popen is None:
        return
    # One that has just begun may still be starting its children: a process that is stopped starts no more.
    if process.runs():
        process.pause()
        os.waitid(os.P_PID, process.popen.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    family = usage.family(process.popen.pid)
    process.kill()
    for pid in family[1:]:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            pass
