"""One run: a cluster, two machines, publishers and clients, and faults at points of the stream that a seed chooses."""

import os
import random
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from checker import check
from clients import Client, EventStream, LongPoll, ObjectStream, WebSocket, events_of
from cluster import ALWAYS, Cluster
from faults import Faults
from links import Links
from machines import Machine
from processes import OUT, kill_all
from waiting import PATIENCE, until
from publishers import Pace, Publisher

STREAM = "PROOF"
KINDS = {"websocket": WebSocket, "events": EventStream, "poll": LongPoll, "objects": ObjectStream}


class Binaries(NamedTuple):
    """The programs that take part."""
    nats: Path
    server: Path
    bridge: Path

    @classmethod
    def found(cls):
        """Those of this tree, or of the variables NATS_SERVER, BINARIES and NATS_BINARIES."""
        return cls(Path(os.environ.get("NATS_SERVER", "tests/.venv/nats/bin/nats-server")).absolute(),
                   Path(os.environ.get("BINARIES", "target/debug"), "ws-server").absolute(),
                   Path(os.environ.get("NATS_BINARIES", "datecast-nats/target/release"), "datecast-nats").absolute())

    def missing(self):
        return [str(binary) for binary in self if not os.access(binary, os.X_OK)]


class Scenario:
    """`run` does it all; `faults` has what the checker found."""

    def __init__(self, binaries, folder, seed, lines, rate, plan, divides=False, history=20_000, lag=False, settings=ALWAYS):
        """`divides`: the nodes reach each other through proxies, which faults can cut. `history`: what a machine keeps. `lag`: clients
        do not read for seconds, so that they may be told a gap. `settings`: those of the nodes' JetStream."""
        self.binaries, self.seed, self.lines, self.plan = binaries, seed, lines, plan
        self.began = time.monotonic()
        self.chance = random.Random(seed)
        self.cluster = Cluster(binaries.nats, folder, links=Links() if divides else None, settings=settings)
        self.machines = [Machine(name, binaries, folder, self.urls(), STREAM, history) for name in "ab"]
        self.pace = Pace(rate, lines)
        self.publishers = [Publisher(f"publisher-{n}", binaries.bridge, self.urls(), STREAM, self.pace, OUT / f"publisher-{n}.acks", seed + n)
                           for n in range(2)]
        self.lag, self.clients = lag, []

    def urls(self):
        """The servers' addresses, in an order of chance."""
        return self.chance.sample(self.cluster.urls, len(self.cluster.urls))

    def tell(self, text):
        print(f"  {time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def run(self):
        try:
            self.start()
            self.inflict_all()
            self.finish()
        finally:
            for client in self.clients:
                client.ends = True
            for client in self.clients:
                client.join()
            kill_all()

    def start(self):
        self.cluster.start()
        self.create()
        self.first = (self.epoch(), 1)
        for machine in self.machines:
            machine.start()
        for machine in self.machines:
            machine.wait_until_healthy()
        before = (self.first[0], 0)
        for name, kind in KINDS.items():
            for n in range(2):
                # One of each begins behind the number 0, the others as newcomers.
                client = Client(f"{name}-{n}", kind, self.machines, before if n == 0 else None, OUT / f"client-{name}-{n}.log",
                                f"{self.seed} {name} {n}", self.lag)
                self.clients.append(client)
                client.start()
        self.tell(f"two machines, {len(self.clients)} clients, the stream's epoch is {self.first[0]}")
        for publisher in self.publishers:
            publisher.start()

    def create(self):
        done = subprocess.run([self.binaries.bridge, "create", "--server", ",".join(self.cluster.urls), "--stream", STREAM, "--replicas", "3"],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, f"create: {done.returncode}: {done.stderr}"
        self.cluster.wait_until_whole(STREAM)

    def epoch(self):
        """As `create` has written it down; a server before 2.10 keeps the description only."""
        return self.cluster.leader(STREAM).stream(STREAM)["config"]["description"].split("datecast-epoch=")[1][:12]

    def acknowledged(self):
        return sum(len(publisher.acks) for publisher in self.publishers)

    def settled(self):
        """Lines that are acknowledged, or will never be, as their publisher was killed."""
        return self.acknowledged() + sum(publisher.abandoned for publisher in self.publishers)

    def inflict_all(self):
        """One fault in each part of the lines, while more lines are published."""
        faults = Faults(self.cluster, STREAM, self.machines, self.publishers, self.chance)
        part = self.lines // (len(self.plan) + 1)
        for number, (kind, seconds) in enumerate(self.plan, 1):
            self.pace.raise_limit((number + 1) * part)
            until(lambda: f"{number * part} lines are settled: {self.settled()}", lambda: self.settled() >= number * part)
            begin = time.monotonic()
            faults.inflict(kind, seconds)
            self.tell(f"{kind} at line {number * part}; whole again after {time.monotonic() - begin:.1f} s; {self.acknowledged()} acknowledged")
        self.pace.raise_limit(self.lines)

    def finish(self):
        statuses = [publisher.finish() for publisher in self.publishers]
        self.tell(f"the publishers ended with {statuses}; {self.acknowledged()} of {self.lines} lines acknowledged")
        assert statuses == [0] * len(statuses), f"publishers ended with {statuses}"
        self.last = max(id for publisher in self.publishers for _, id in publisher.acks)
        for client in self.clients:
            client.lags = False
        for client in self.clients:
            until(lambda: f"{client.name} has all: {client.since} of {self.last}", lambda: client.fault or (client.since or self.first) >= self.last)
        for client in self.clients:
            assert client.fault is None, f"{client.name}: {client.fault!r}"
        self.tell(f"every client has the last line; they moved {sum(client.moves for client in self.clients)} times")

    def evidence(self):
        """What the checker takes."""
        for publisher in self.publishers:
            publisher.write_log()
        sent = [text for publisher in self.publishers for text in publisher.sent]
        acks = {publisher.name: publisher.acks for publisher in self.publishers}
        return sent, acks, {client.name: events_of(client.log) for client in self.clients}, self.first

    def faults(self):
        return check(*self.evidence(), may_miss=[client.name for client in self.clients] if self.lag else ())
