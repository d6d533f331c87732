"""What a server gets to do, and what of it is measured: one sample, on a server that was started for it."""

import time

import usage
from machine import CLIENTS, on, running
from program import Program

# How many connections are open at a time where each asks again as soon as it has its answer.
AT_ONCE = 64

class Broken(Exception):
    """A server did not do what it is measured for: there is no figure."""


def generator(lab, *arguments):
    return Program(on(CLIENTS, [lab.generator, *arguments]))


def milliseconds(spread):
    return spread or {"p50": 0, "p99": 0, "max": 0}


class Exchanges:
    """As many exchanges as the server can take in `seconds`, over 64 connections or with 64 at a time."""

    def __init__(self, kind, *options, seconds=1.0, expect=None):
        self.kind, self.options, self.seconds, self.expect = kind, options, seconds, expect

    def sample(self, lab, server):
        with running(lab, server) as server_now:
            expect = ["--expect", self.expect(lab, server, server_now.port)] if self.expect else []
            with generator(lab, "exchange", "--to", server_now.address, "--as", self.kind, "--connections", AT_ONCE, *map(lab.fill, self.options),
                           "--millis", int(self.seconds * 1000), *expect) as load:
                load.next()
                begin = server_now.runtime()
                got = load.ask("go")
                used = server_now.runtime() - begin
        faults = sum(got["faults"].values())
        if got["done"] == 0 or faults and not server.may_fail:
            raise Broken(f"{got['done']} exchanges, {got['faults']}")
        return {"us": used / (got["done"] + faults) * 1e6, "units": got["done"], "a second": got["done"] / got["seconds"],
                "busy": used / got["seconds"], "wait_ms": milliseconds(got["wait_ms"]), "faults": faults / (got["done"] + faults)}


class Messages:
    """Messages to WebSockets, or to clients of another framing: dates once a second, or lines of the feeder."""

    def __init__(self, clients, rate=None, seconds=3, bytes_each=100, framing="rfc6455", opens_in=1.0):
        self.clients, self.rate, self.seconds, self.bytes_each, self.framing, self.opens_in = clients, rate, seconds, bytes_each, framing, opens_in

    def sample(self, lab, server):
        feed = self.rate and [lab.generator, "feed", "--rate", self.rate, "--bytes", self.bytes_each]
        with running(lab, server, feed) as server_now:
            with generator(lab, "hold", "--to", server_now.address, "--connections", self.clients, "--rate", int(self.clients / self.opens_in),
                           "--as", self.framing, "--spin", "on") as load:
                opened = load.next(patience=120)
                self.check(opened)
                server_now.wait_for_lull()
                begin = server_now.runtime()
                load.ask("mark")
                start = time.monotonic()
                time.sleep(self.seconds)
                used, seconds = server_now.runtime() - begin, time.monotonic() - start
                got = load.ask("report")
                self.check(got)
        if not got["messages"] or got["missing"] or got["doubled"]:
            raise Broken(f"{got['messages']} messages, {got['missing']} missing, {got['doubled']} double")
        return {"us": used / got["messages"] * 1e6, "units": got["messages"], "a second": got["messages"] / seconds, "busy": used / seconds,
                "late_ms": milliseconds(got["late_ms"]), "faults": 0}

    def check(self, report):
        if report["open"] != self.clients:
            raise Broken(f"{report['open']} of {self.clients} connections are open; the others: {report['ended']}")


class Idle:
    """What a connection takes in memory while nothing happens on it: in the server, and in the kernel for both of its ends."""

    def __init__(self, clients, *options):
        self.clients, self.options = clients, options

    def sample(self, lab, server):
        with running(lab, server) as server_now:
            time.sleep(0.2)
            empty, slab, tcp = server_now.memory(), *usage.kernel_memory()
            with generator(lab, *map(lab.fill, self.options), "--to", server_now.address, "--connections", self.clients) as load:
                load.next(patience=120)
                time.sleep(1)
                full, slab_now, tcp_now = server_now.memory(), *usage.kernel_memory()
        each = lambda now, before: (now - before) / self.clients  # noqa: E731
        return {"bytes": each(full, empty), "kernel": each(slab_now, slab), "buffers": each(tcp_now, tcp), "units": self.clients, "faults": 0}


class StartUp:
    """What a server takes of the processor until it listens."""

    def sample(self, lab, server):
        with running(lab, server) as server_now:
            return {"us": server_now.runtime() * 1e6, "units": 1, "faults": 0}
