"""What a server gets to do, and what of it is measured: one sample, on a server that was started for it. `takes` is about how many seconds
a sample takes."""

import os
import re
import resource
import socket
import subprocess
import time
from contextlib import ExitStack
from statistics import median

import usage
from machine import CLIENTS, SERVERS, kill_family, on, running
from processes import Process, free_ports
from program import Program

# How many connections are open at a time where each asks again as soon as it has its answer.
AT_ONCE = 64
# Seconds that newcomers are watched for, and the time that a start may take.
WATCHED, PATIENCE = 1.5, 10
# Lines so many a second leave no lull that would be worth to wait for; seconds until they go out as they will.
UNBROKEN, SETTLES_IN = 20, 0.3


class Broken(Exception):
    """A server did not do what it is measured for: there is no figure."""


def generator(lab, *arguments):
    return Program(on(CLIENTS, [lab.generator, *arguments]))


def milliseconds(spread):
    return spread or {"p50": 0, "p99": 0, "max": 0}


class Exchanges:
    """As many exchanges as the server can take in `seconds`, over 64 connections or with 64 at a time; or `limit` of them."""

    def __init__(self, kind, *options, seconds=0.7, expect=None, limit=None, before=lambda lab: None, takes=None):
        self.kind, self.options, self.seconds, self.expect, self.limit, self.before = kind, options, seconds, expect, limit, before
        self.takes = takes or seconds + 0.2

    def sample(self, lab, server):
        with running(lab, server) as server_now:
            expect = ["--expect", self.expect(lab, server, server_now.port)] if self.expect else []
            limit = ["--limit", self.limit] if self.limit else []
            with generator(lab, "exchange", "--to", server_now.address, "--as", self.kind, "--connections", AT_ONCE, *map(lab.fill, self.options),
                           "--millis", int(self.seconds * 1000), *limit, *expect) as load:
                load.next()
                self.before(lab)
                begin = server_now.runtime()
                got = load.ask("go")
                used = server_now.runtime() - begin
        faults = sum(got["faults"].values())
        if got["done"] == 0 or faults and not server.may_fail:
            raise Broken(f"{got['done']} exchanges, {got['faults']}")
        return {"us": used / (got["done"] + faults) * 1e6, "units": got["done"], "a second": got["done"] / got["seconds"],
                "busy": used / got["seconds"], "wait_ms": milliseconds(got["wait_ms"]), "faults": faults / (got["done"] + faults)}


class Messages:
    """Messages to WebSockets, or to clients of another framing: dates once a second, or lines of the feeder. With `newcomers`, also how long
    an opening handshake and a Pong wait meanwhile. Several `generators` have a share of the clients each."""

    def __init__(self, clients, rate=None, seconds=2, bytes_each=100, framing="rfc6455", newcomers=False, generators=1):
        self.clients, self.rate, self.seconds, self.bytes_each, self.framing, self.newcomers = clients, rate, seconds, bytes_each, framing, newcomers
        self.generators = generators
        # Dates are spread as their clients came; lines begin when all are there.
        self.opens_in = clients / 20_000 if rate else max(1, clients / 10_000)
        self.takes = self.opens_in + seconds + 1 + WATCHED * newcomers

    def sample(self, lab, server):
        feed = self.rate and [lab.generator, "feed", "--rate", self.rate, "--bytes", self.bytes_each]
        clients = min(self.clients, server.most) // self.generators
        with running(lab, server, feed) as server_now, ExitStack() as stack:
            loads = [stack.enter_context(self.generator(lab, server_now, clients)) for _ in range(self.generators)]
            for load in loads:
                self.check(load.next(patience=120), clients)
            if feed:
                # Not before all are there: they would come while each line goes out to those that are, for half a minute with 10,000.
                server_now.begin_feed()
            if self.rate and self.rate >= UNBROKEN:
                time.sleep(SETTLES_IN)
            else:
                server_now.wait_for_lull()
            begin = server_now.runtime()
            for load in loads:
                load.ask("mark")
            start = time.monotonic()
            time.sleep(self.seconds)
            used, seconds = server_now.runtime() - begin, time.monotonic() - start
            reports = [load.ask("report") for load in loads]
            waits = self.watch_newcomers(loads[0]) if self.newcomers else {}
        return self.result(reports, clients, used, seconds) | waits

    def generator(self, lab, server_now, clients):
        # Several share the cores with the server: none of them may spin.
        spins = "on" if self.generators == 1 else "off"
        return generator(lab, "hold", "--to", server_now.address, "--connections", clients, "--rate", int(clients / self.opens_in), "--as", self.framing, "--spin", spins,
                         *(["--line-bytes", self.bytes_each] if self.rate else []))

    def result(self, reports, clients, used, seconds):
        for report in reports:
            self.check(report, clients)
        messages, missing, doubled, length = (sum(report[name] for report in reports) for name in ("messages", "missing", "doubled", "bytes"))
        if not messages or missing or doubled:
            raise Broken(f"{messages} messages, {missing} missing, {doubled} double")
        late = [milliseconds(report["late_ms"]) for report in reports]
        # Of several, the median is the middle one's; of the rest, the worst counts.
        spread = {"p50": median(one["p50"] for one in late), "p99": max(one["p99"] for one in late), "max": max(one["max"] for one in late)}
        return {"us": used / messages * 1e6, "units": messages, "a second": messages / seconds, "busy": used / seconds, "bytes": length / messages, "late_ms": spread,
                "late_each_ms": self.late_each([report["late_each_ms"] for report in reports]), "faults": 0}

    @staticmethod
    def late_each(reports):
        """What the connections have among themselves: the p99 of the one in the middle, of the worst one, and the greatest median of one."""
        return {"typical": median(one["typical"] for one in reports)} | {name: max(one[name] for one in reports) for name in ("worst", "always")}

    @staticmethod
    def check(report, clients):
        if report["open"] != clients:
            raise Broken(f"{report['open']} of {clients} connections are open; the others: {report['ended']}")

    @staticmethod
    def watch_newcomers(load):
        """How long the openings and the Pongs of newcomers wait, one after the other."""
        load.ask("probe")
        time.sleep(WATCHED)
        waits = load.ask("report")["probe"]
        # The floors know no Ping: there is no figure then.
        return {name: waits[name] for name in ("opening_ms", "pong_ms") if waits[name] and not waits["faults"]}


class Backlogs:
    """Lines to WebSockets, before and while newcomers fetch a history of `first` lines: how late lines are for those that wait for the next one,
    and how long newcomers take until they have all that there was. The newcomers' generator gives way to that of the others, which share its
    core: else lines would be late because of the clients."""

    bytes_each = 100
    rate = 200
    # Seconds of lines before the newcomers come; and within which they have all.
    quiet, patience = 1, 60
    takes = 6

    def __init__(self, clients, newcomers, first):
        self.clients, self.newcomers, self.first = clients, newcomers, first

    def sample(self, lab, server):
        feed = [lab.generator, "feed", "--rate", self.rate, "--bytes", self.bytes_each, "--first", self.first]
        with running(lab, server, feed) as server_now, ExitStack() as stack:
            live = stack.enter_context(self.generator(lab, server_now, self.clients))
            Messages.check(live.next(patience=120), self.clients)
            server_now.begin_feed()
            self.wait(live, lambda report: report["fewest"] >= self.first)
            live.ask("mark")
            time.sleep(self.quiet)
            before = live.ask("report")
            live.ask("mark")
            begin, start = server_now.runtime(), time.monotonic()
            newcomers = stack.enter_context(self.generator(lab, server_now, self.newcomers, "nice", "-n", 19))
            newcomers.next(patience=120)
            history = self.wait(newcomers, lambda report: report["behind"] == 0)
            used, seconds, beside = server_now.runtime() - begin, time.monotonic() - start, live.ask("report")
        return self.result(before, beside, history, used, seconds)

    def generator(self, lab, server_now, count, *before):
        return Program(on(CLIENTS, [*before, lab.generator, "hold", "--to", server_now.address, "--connections", count, "--rate", 10_000, "--as", "rfc6455",
                                    "--line-bytes", self.bytes_each]))

    def wait(self, load, is_done):
        """The report with which it is so."""
        deadline = time.monotonic() + self.patience
        while not is_done(report := load.ask("report")):
            if time.monotonic() > deadline or report["ended"]:
                raise Broken(f"the lines have not come: {report}")
            time.sleep(0.02)
        return report

    def result(self, before, beside, history, used, seconds):
        for report, count in ((before, self.clients), (beside, self.clients), (history, self.newcomers)):
            Messages.check(report, count)
            if not report["messages"] or report["missing"] or report["doubled"]:
                raise Broken(f"{report['messages']} messages, {report['missing']} missing, {report['doubled']} double")
        # A history that is cut short would be quick.
        if history["fewest"] < self.first:
            raise Broken(f"a newcomer got {history['fewest']} lines")
        messages = beside["messages"] + history["messages"]
        return {"us": used / messages * 1e6, "units": messages, "a second": messages / seconds, "busy": used / seconds, "bytes": (beside["bytes"] + history["bytes"]) / messages,
                "late_ms": beside["late_ms"], "late_each_ms": beside["late_each_ms"], "quiet_ms": before["late_ms"], "history_ms": history["caught_up_ms"], "faults": 0}


class Idle:
    """What a connection takes in memory while nothing happens on it: in the server, and in the kernel for both of its ends."""

    takes = 3.2

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


class Wakeups:
    """How often a server wakes up in a second in which nothing happens, with so many connections open."""

    seconds = 4
    takes = seconds + 1.5

    def __init__(self, clients):
        self.clients = clients

    def sample(self, lab, server):
        with running(lab, server) as server_now, ExitStack() as stack:
            if self.clients:
                load = stack.enter_context(generator(lab, "hold", "--to", server_now.address, "--connections", self.clients, "--as", "rfc6455"))
                Messages.check(load.next(), self.clients)
            # What the last one to come has set off is over.
            time.sleep(1)
            begin, used = server_now.wakeups(), server_now.runtime()
            time.sleep(self.seconds)
            return {"wakeups": (server_now.wakeups() - begin) / self.seconds, "us": (server_now.runtime() - used) / self.seconds * 1e6, "units": self.seconds, "faults": 0}


class Build:
    """How long a command takes that compiles, on all cores, and how many crates it compiles."""

    takes = 240

    def sample(self, lab, server):
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run([str(part) for part in server.command(lab, 0)], stderr=subprocess.PIPE, text=True)
        wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise Broken(done.stderr[-300:])
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"wall_s": wall, "cpu_s": used, "crates": len(re.findall(r"^ *Compiling ", done.stderr, re.M)), "units": 1, "faults": 0}


class StartUp:
    """What a server takes of the processor until it listens, and how long that is."""

    takes = 0.3

    def sample(self, lab, server):
        (port,) = free_ports(1)
        process = Process("start-up", server.command(lab, port))
        # It inherits our core, as another program that put it on one would be measured, too.
        os.sched_setaffinity(0, SERVERS)
        try:
            begin = time.monotonic()
            process.start()
            os.sched_setaffinity(0, CLIENTS)
            self.wait(process, port, begin + PATIENCE)
            wall, used = time.monotonic() - begin, usage.runtime(process.popen.pid)
        finally:
            kill_family(process)
            os.sched_setaffinity(0, {*SERVERS, *CLIENTS})
        return {"us": used * 1e6, "wall_ms": wall * 1e3, "units": 1, "faults": 0}

    @staticmethod
    def wait(process, port, deadline):
        """Until it accepts a connection; it looks all the time."""
        while True:
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if not process.runs() or time.monotonic() > deadline:
                raise Broken(f"it does not listen: {process.said()}")
