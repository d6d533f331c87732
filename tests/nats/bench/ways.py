"""The two ways of a line to a client: straight into ws-server, or through the engine."""

import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path

import load
import usage
from engine import STREAM
from processes import Process

LOAD = Path(__file__).with_name("load.py")
# The lines of each window have numbers of their own: a client tells them from what came before.
numbers = iter(range(0, 1 << 62, 10_000_000))


def feed(machine, count):
    """Writes this many lines, from number 0 on, into ws-server at once."""
    with socket.socket(socket.AF_UNIX) as producer:
        producer.connect(str(machine.lines))
        producer.sendall(b"".join(load.line(number, 0) for number in range(count)))


class Client:
    """A client of the stream, which waits for `count` lines; `how` it reads is said in load.py."""

    def __init__(self, machine, first, count, how):
        self.process = Process("bench-client", [sys.executable, LOAD, "read", "--from", machine.stream, "--first", first,
                                                "--count", count, "--how", how])
        self.process.start(stdout=subprocess.PIPE)
        ready = self.process.popen.stdout.readline()
        assert ready == b"ready\n", f"the client did not begin: {self.process.said()}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.popen.stdout.close()

    def result(self):
        """What it measured; fails if a line was lost or doubled."""
        text = self.process.popen.stdout.read()
        assert self.process.wait() == 0, f"the client: {self.process.said()}"
        return json.loads(text)


class Way:
    """How lines come to the clients of a machine; `publishing` is what its publishers took of the processor, in seconds."""

    def __init__(self, machine):
        self.machine = machine
        self.publishing = 0

    @contextlib.contextmanager
    def writing(self, first, count, rate):
        """Writes lines while the body runs, and waits until all are written, and acknowledged if there is an engine."""
        engine = self.machine.engine
        command = [sys.executable, LOAD, "write", "--first", first, "--count", count, "--rate", rate]
        if engine is None:
            command += ["--to", self.machine.lines]
        writer = Process("bench-write", command)
        publisher = Process("bench-publish", [self.machine.bridge.command[0], "publish", "--server", engine and engine.servers, "--stream", STREAM])
        try:
            if engine:
                publisher.start(stdin=subprocess.PIPE)
                with publisher.popen.stdin as pipe:
                    writer.start(stdout=pipe)
            else:
                writer.start()
            yield
            usage.cpu_at_end(writer)
            if engine:
                self.publishing += usage.cpu_at_end(publisher)
        finally:
            writer.kill()
            publisher.kill()

    def window(self, count, rate=0, during=None, how="each"):
        """Lines from the writer to one client; what the client measured."""
        first = next(numbers)
        if self.machine.engine:
            self.machine.engine.newest = first + count - 1
        with Client(self.machine, first, count, how) as client, self.writing(first, count, rate):
            if during:
                during()
            return client.result()

    def cpu(self):
        """Seconds of the processor so far, by program; the client and what writes the lines are not among them."""
        machine = self.machine
        used = {"ws-server": usage.cpu(machine.server)}
        if machine.engine:
            used |= {"follow": usage.cpu(machine.bridge), "publish": self.publishing, "nats-server": machine.engine.cpu()}
        return used
