"""What is measured: each measure takes its pairs in turn, without and with the engine, and gives rows of the table."""

import collections
import time

import load
import usage
from figures import Pairs, digits, only_with, row
from machine import Machine
from ways import Client, Way, feed

# Lines that one client gets in a window, at this rate.
A_SECOND, SECONDS = 1_000, 5
# A flood is of as many lines as take about this many seconds, of which a first one is an estimate.
FLOOD_SECONDS, ESTIMATE, MOST = 3, 5_000, 2_000_000
# A ring that holds all floods: a client that falls out of the ring is closed, and the client here may be slower than the writer.
ROOM = {"history": 8_000_000, "backlog": "4GiB", "greet": 0}
# By default, and as many as the stream has by then.
REFILLS = [4_096, 100_000]


def throughput(bench, engine):
    """Lines per second to a client, and the processor's time for each."""
    speed, work = Pairs(), collections.defaultdict(list)
    with Machine(bench, **ROOM) as without, Machine(bench, engine, **ROOM) as given:
        ways = Way(without), Way(given)
        counts = [min(int(flood(way, ESTIMATE) * FLOOD_SECONDS), MOST) for way in ways]
        for turn in bench.turns():
            speeds = []
            for way, count in zip(ways, counts, strict=True):
                before = way.cpu()
                speeds.append(flood(way, count))
                for name, seconds in way.cpu().items():
                    work[way, name].append((seconds - before[name]) / count)
            speed.add(*speeds)
            bench.say(f"lines per second, {turn}: {digits(speeds[0])} without, {digits(speeds[1])} with")
    yield row("lines per second", speed)
    served = Pairs(*(work[way, "ws-server"] for way in ways))
    yield row("processor's time for a line: ws-server", served, "µs", 1e6)
    for name in ("follow", "publish"):
        yield only_with(f"the same: `datecast-nats {name}`", work[ways[1], name], "µs", 1e6)
    yield only_with("the same: all nats-servers", work[ways[1], "nats-server"], "µs", 1e6)


def flood(way, count):
    """Lines per second of a flood of this many; a small one may come all at once."""
    return (count - 1) / max(1e-3, way.window(count, how="bulk")["seconds"])


def latency(bench, engine):
    """From the moment that a line is written until a client has it; and the memory of what was there."""
    figures = {"p50": Pairs(), "p99": Pairs(), "silence": Pairs()}
    with Machine(bench) as without, Machine(bench, engine) as given:
        for turn in bench.turns():
            got = [Way(machine).window(A_SECOND * SECONDS, A_SECOND) for machine in (without, given)]
            for name, pairs in figures.items():
                pairs.add(*(each[name] for each in got))
            texts = [f"{digits(each['p50'] * 1e3)} / {digits(each['p99'] * 1e3)} ms" for each in got]
            bench.say(f"latency p50 / p99, {turn}: {texts[0]} without, {texts[1]} with")
        memory = Pairs([usage.memory(without.server)], [usage.memory(given.server)])
        bridge, servers = usage.memory(given.bridge), engine.memory()
    for name in ("p50", "p99"):
        yield row(f"latency at {A_SECOND:,} lines/s, {name}", figures[name], "ms", 1e3, adds=True)
    yield row(f"longest silence in {SECONDS} s of them", figures["silence"], "ms", 1e3)
    yield row("memory of ws-server (most RSS)", memory, "MB", 1e-6)
    yield only_with("the same: `datecast-nats follow`", [bridge], "MB", 1e-6)
    yield only_with("the same: each nats-server", servers, "MB", 1e-6)


def pauses(bench, engine):
    """The longest silence of a client while the leader changes."""
    for name, change in (("steps down", engine.step_down), ("is killed (`kill -9`)", engine.kill_leader)):
        silence = Pairs()
        with Machine(bench) as without, Machine(bench, engine) as given:
            for turn in bench.turns():
                rest = Way(without).window(A_SECOND * SECONDS, A_SECOND)
                changed = Way(given).window(A_SECOND * SECONDS, A_SECOND, during=lambda change=change: (time.sleep(1), change()))
                engine.wait_until_whole()
                silence.add(rest["silence"], changed["silence"])
                bench.say(f"the leader {name}, {turn}: silence {digits(changed['silence'])} s, {digits(rest['silence'])} s without")
        yield row(f"longest silence while the leader {name}", silence, "ms", 1e3)


def refills(bench, engine):
    """From the moment that an empty machine gets something to read until a client of it has the newest line."""
    for count in REFILLS:
        times = Pairs()
        options = {"history": count, "backlog": "64MiB"} if count > REFILLS[0] else {}
        for turn in bench.turns():
            seconds = [refill(bench, source, count, options) for source in (None, engine)]
            times.add(*seconds)
            bench.say(f"an empty machine gets {count:,} lines, {turn}: {digits(seconds[0])} s without, {digits(seconds[1])} s with")
        yield row(f"an empty machine gets {count:,} lines", times, "ms", 1e3)


def refill(bench, engine, count, options):
    with Machine(bench, engine, begin=False, **options) as machine:
        with Client(machine, engine.newest if engine else count - 1, 1, "newest") as client:
            begin = load.NOW()
            if engine:
                machine.bridge.start()
            else:
                feed(machine, count)
            return (client.result()["end"] - begin) / 1e9


def make_small():
    """Makes all of it so small that a run takes seconds, and its figures say nothing."""
    global SECONDS, FLOOD_SECONDS, ESTIMATE, REFILLS
    SECONDS, FLOOD_SECONDS, ESTIMATE, REFILLS = 1, 0.5, 1_000, REFILLS[:1]
