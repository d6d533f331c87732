"""The cases: what is measured of whom, in the order of the tables."""

import dataclasses
import functools
import socket

import foreign
from lab import MANY, RANGE
from loads import Backlogs, Build, Exchanges, Idle, Messages, StartUp, Wakeups
from servers import Server, floor, ours
from targets import Target

TEMPLATE = ("--template", "{{seq}} {{date}}")
SILENT = ("--interval", 0, "--leave-notices", "off")
FILES = ("static-server", "--root", "{site}", "--keep-alive-requests", 0)
SILENT_FLOOR = floor("floor", "dates", "silent")
# Beside which framing the others have their own: these have the same frames as one of them, or differ in the opening only.
FRAMINGS = {"rfc6455": "WebSockets", "hixie-76": "WebSockets of draft 76", "events-1.1": "event streams", "events-1.0": "event streams of HTTP/1.0",
            "lines-1.1": "streams of lines in chunks", "lines-1.0": "streams of lines of HTTP/1.0"}
# How many clients lines go to, and dates.
LINES_TO = {"1k": 1_000, "10k": 10_000}
DATES_TO = LINES_TO | {"19k": 19_000}


@dataclasses.dataclass(frozen=True)
class Case:
    """One row: what is measured, in which unit, and whose figures stand beside ours. The first floor and the first peer count."""

    name: str
    title: str
    load: object
    servers: tuple[Server, ...]
    # The table in which it stands.
    group: str
    # What it shall cost at most.
    targets: tuple[Target, ...] = ()
    # The figure of a sample that is compared, and its unit.
    figure: str = "us"
    unit: str = "µs"
    # Also in the quick form, and with which load.
    quick: object = None
    # In the form with the best peers only.
    usual: bool = True
    # More rounds than these show nothing new.
    rounds: int = 1_000


def cases():
    """All cases, in the order of the tables."""
    return [*dates(), *scaling(), *lines(), *coalesced(), *two_cores(), *backlogs(), *short_connections(), *files(), *echoes(), *memory(), *starts(), *build(), *idle()]


def unknown(names, wanted):
    """The names that begin the name of none of these cases."""
    return [name for name in names if not any(case.name.startswith(name) for case in wanted)]


def dates():
    """Spread over the second, as they come, and all at once, as the floor and the peers send them."""
    found = []
    for name, count in DATES_TO.items():
        goals = {"1k": (Target("floor", 1.15),), "19k": ()}.get(name, (
            Target("floor", 1.05), Target("peer", 1), Target("ours", 1.2, "late_ms p99", "ms"), Target("ours", 5, "opening_ms max", "ms"), Target("ours", 5, "pong_ms max", "ms")))
        for how, options, text in (("", (), "spread over the second"), ("-aligned", ("--align",), "all at once")):
            load = functools.partial(Messages, count, newcomers=not how and name == "10k")
            # They send all at once in either case, and what a date costs them at 10,000 they take at 19,000.
            peers = foreign.dates()[:1] if how or name == "19k" else able(foreign.dates(), count)
            found.append(Case(
                f"dates-{name}{how}", f"a date to {count:,} WebSockets, {text}", load(),
                (ours("ws-server", *TEMPLATE, *options), floor("floor", "dates"), *[slices()] * (not how), *peers), "messages", goals if not how else (),
                quick=load(seconds=1) if not how and name != "19k" else None, usual=not how))
    return found


def able(servers, count):
    """Those that can have so many clients; those of fewer have their turn beside 1,000."""
    return [server for server in servers if server.most >= count or count == 1_000]


def slices():
    """What it costs that no date of the second is late because of the others."""
    return floor("floor, in slices of 500", "dates", "spread")


def scaling():
    """Workers and listeners; and more connections than one process may have descriptors for, by several processes on one port."""
    dates = lambda name, **more: ours("ws-server", *TEMPLATE, name=name, **more)  # noqa: E731
    found = [Case("workers", "a date to 10,000 WebSockets, by workers and listeners", Messages(10_000), (
        dates("ours"), dates("ours, on an inherited listener", inherits="plain"), dates("ours, 2 workers", workers=2),
        dates("ours, 2 workers on one inherited listener", workers=2, inherits="plain"), dates("ours, 2 processes on one inherited listener", processes=2, inherits="plain"),
        floor("floor", "dates")), "messages", usual=False)]
    for count, processes in ((40_000, 4), (100_000, 10)):
        own = ours("ws-server", *TEMPLATE, "--max-connections-per-ip", 0, processes=processes, inherits="plain")
        found.append(Case(f"dates-{count // 1000}k", f"a date to {count:,} WebSockets, by {processes} processes on one inherited listener", Messages(count, generators=processes), (own,), "messages", usual=False, rounds=3))
    return found


def gathered():
    """The least that the bytes of lines can cost, where nobody waits for them."""
    return floor("floor, 64 KiB at a time", "lines", "rfc6455", "64KiB")


def lines():
    """Lines in each framing, each as soon as it comes. The floor writes once for what it has read at once, as ours does; to gather 64 KiB is cheaper, and seconds late."""
    found = []
    for framing, audience in FRAMINGS.items():
        web = framing == "rfc6455"
        for name, count in LINES_TO.items():
            for rate in (1, 20, 200, 2_000):
                load = Messages(count, rate=rate, seconds=2 if rate == 1 else 1, framing=framing)
                floors = [floor("floor", "lines", framing, "read")] + [dataclasses.replace(gathered(), only_full=True)] * (rate == 2_000 and web)
                found.append(Case(
                    f"lines-{rate}-{name}" + f"-{framing}" * (not web), f"{rate:,} line{'s' * (rate > 1)} a second to {count:,} {audience}, `--coalesce 0`", load,
                    (ours("ws-server", "--source", "-", "--greet", 0, "--coalesce", 0), *floors, *(able(foreign.lines(), count) if web else ())), "messages",
                    quick=Messages(count, rate=rate, seconds=1) if web and (rate, name) == (200, "1k") else None,
                    usual=web and (rate, name) in ((20, "10k"), (200, "1k"), (2_000, "1k")) or (framing, rate, name) == ("events-1.1", 200, "1k")))
    return found


def coalesced():
    """What comes within 5 ms goes out together, as it does unless an option says otherwise."""
    found = []
    for name, count in LINES_TO.items():
        for rate in (200, 2_000):
            servers = (ours("ws-server", "--source", "-", "--greet", 0, "--coalesce", "5ms"), floor("floor", "lines", "rfc6455", "5ms"), *[gathered()] * (rate == 2_000),
                       *able(foreign.lines(), count))
            found.append(Case(f"coalesced-{rate}-{name}", f"{rate:,} lines a second to {count:,} WebSockets, `--coalesce 5ms` (the default)", Messages(count, rate=rate, seconds=1), servers,
                              "messages", (Target("floor", 1.3), *[Target("floor, 64 KiB at a time", 1.3)] * (rate == 2_000)), usual=(rate, name) == (2_000, "1k")))
    # As long as 64 KiB take to come, and room for them.
    long = ours("ws-server", "--source", "-", "--greet", 0, "--coalesce", "330ms", "--send-buffer", "256KiB", "--max-queue", "256KiB")
    found.append(Case("coalesced-64KiB", "2,000 lines a second to 1,000 WebSockets, `--coalesce 330ms`, in which 64 KiB come together", Messages(1_000, rate=2_000, seconds=3),
                      (long, gathered()), "messages", (Target("floor, 64 KiB at a time", 1.3),)))
    return found


def two_cores():
    """What one core cannot send in time; the load generator has a share of both cores."""
    own = ours("ws-server", "--source", "-", "--greet", 0, "--coalesce", "5ms", "--max-connections-per-ip", 0, workers=2)
    return [Case("lines-2000-10k-2-workers", "2,000 lines a second to 10,000 WebSockets on two cores, `--coalesce 5ms`", Messages(10_000, rate=2_000, generators=2), (own,),
                 "messages", (Target("ours", 1_000, "late_ms max", "ms"),), usual=False, rounds=3)]


def backlogs():
    """Newcomers that fetch a long history beside those that wait for the next line. None of the peers has a history."""
    clients, newcomers, first = 100, 1_000, 10_000
    own = ours("ws-server", "--source", "-", "--history", 3 * first // 2, "--greet", first, "--coalesce", 0, "--max-connections-per-ip", 0)
    return [Case("backlogs", f"lateness p99 of 200 lines a second to {clients} WebSockets, while {newcomers:,} newcomers fetch {first:,} lines each, `--coalesce 0`",
                 Backlogs(clients, newcomers, first), (own,), "messages", figure="late_ms p99", unit="ms", usual=False)]


def policy_of(lab, server, port):
    """A file with the policy that the server gives."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        # Who never reads the request ends most answers to one with a reset: here it gets none.
        if not server.may_fail:
            connection.sendall(b"<policy-file-request/>\0")
        whole = b"".join(iter(lambda: connection.recv(65536), b""))
    assert whole.startswith(b"<?xml") and b"</cross-domain-policy>" in whole, whole
    path = lab.folder / "expected.policy"
    path.write_bytes(whole)
    return path


def both(program, *options):
    """Ours on its own listener, and on one that it inherits, with TCP_DEFER_ACCEPT."""
    return ours(program, *options), ours(program, *options, name="ours, deferred accept", inherits="deferred")


def once(answer):
    """Both floors of one answer per connection."""
    return floor("floor", "once", "plain", answer), floor("floor, deferred accept", "once", "deferred", answer)


def short_connections():
    floors = (Target("floor", 1.1), Target("floor, deferred accept", 1.1))
    policy, close, handshake = (lambda **more: Exchanges("policy", expect=policy_of, **more), lambda **more: gets("1KiB", "get-close", **more),
                                lambda **more: Exchanges("handshake", **more))
    return [
        Case("policy", "a policy answer", policy(), (*both("policy-server"), *once("{answers}/policy.xml"), *foreign.policies()), "exchanges",
             (*floors, Target("peer", 1)), quick=policy(seconds=0.5)),
        Case("get-close", "GET 1 KiB, one per connection", close(), (*both(*FILES), *once("{answers}/1KiB.http"), *foreign.files(deferred=True)), "exchanges",
             floors, quick=close(seconds=0.5)),
        Case("handshake", "an opening handshake", handshake(),
             (*both("ws-server", *SILENT), SILENT_FLOOR, floor("floor, deferred accept", "dates", "deferred"), *foreign.handshakes()), "exchanges", floors, quick=handshake(seconds=0.5)),
    ]


def body(name):
    return lambda lab, server, port: lab.site / name


def gets(size, how="get", **more):
    return Exchanges(how, "--path", f"/{size}.txt", expect=body(f"{size}.txt"), **more)


def files():
    found = []
    for size in ("1KiB", "10KiB", "1MiB"):
        goals = (Target("peer", 1),) if size == "1MiB" else (Target("floor", 1.1), Target("nginx", 0.8))
        found.append(Case(f"get-{size}", f"GET {size[:-3]} {size[-3:]}, keep-alive", gets(size),
                          (ours(*FILES), floor("floor", "keep", f"{{answers}}/{size}.http"), *foreign.files(large=size == "1MiB")), "exchanges", goals,
                          quick=gets(size, seconds=0.5) if size != "10KiB" else None))
    part = Exchanges("get", "--path", "/1MiB.txt", "--header", f"Range: bytes={RANGE.start}-{RANGE.stop - 1}", "--status", 206,
                     expect=lambda lab, server, port: lab.folder / "range")
    packed = Exchanges("get", "--path", "/packed.txt", "--header", "Accept-Encoding: gzip", expect=body("packed.txt.gz"))
    many = ("get", "--path", "/many/{{number}}.txt", "--files", MANY)
    first = lambda lab, server, port: lab.many() / "00000000.txt"  # noqa: E731
    each = floor("floor", "keep", "{answers}/many.http", MANY)
    return found + [
        Case("get-range", f"GET {len(RANGE) // 1024} KiB of 1 MiB (Range), keep-alive", part, (ours(*FILES), floor("floor", "keep", "{answers}/range.http"), *foreign.files()), "exchanges",
             (Target("peer", 1),)),
        Case("get-packed", "GET 38 KiB that were packed to 13 beforehand, keep-alive", packed, (ours(*FILES), floor("floor", "keep", "{answers}/packed.http"), *foreign.packed_files()), "exchanges",
             (Target("peer", 1),)),
        Case("get-many", f"GET 1 KiB of {MANY:,} files in turn, keep-alive", Exchanges(*many, expect=first), (ours(*FILES), each, *foreign.files()), "exchanges", (Target("peer", 1),)),
        Case("get-cold", f"GET 1 KiB of each of {MANY:,} files for the first time, none in memory", Exchanges(*many, expect=first, limit=MANY - 64, seconds=20, takes=2, before=lambda lab: lab.make_cold()),
             (ours(*FILES), each, *foreign.files()), "exchanges", (Target("peer", 1),)),
    ]


def echoes():
    found = []
    for size, name in ((16, "16 B"), (1024, "1 KiB"), (16 * 1024, "16 KiB")):
        load = lambda **more: Exchanges("echo", "--bytes", size, **more)  # noqa: B023, E731
        found.append(Case(f"echo-{size}", f"an echo of {name}", load(), (ours("ws-server", "--interval", 0, "--on-message", "echo", "--message-rate", 0), floor("floor", "echo"), *foreign.echoes()),
                          "exchanges", (Target("floor", 1.1),), quick=load(seconds=0.5) if size == 1024 else None))
    return found


def memory():
    return [
        Case("memory-websocket", "an idle WebSocket", Idle(10_000, "hold", "--as", "rfc6455", "--rate", 10_000), (ours("ws-server", *SILENT), SILENT_FLOOR, *foreign.handshakes()), "memory",
             (Target("ours", 256, unit="bytes"),), figure="bytes", unit="bytes", rounds=3),
        Case("memory-keep-alive", "an idle keep-alive connection", Idle(4_000, "exchange", "--as", "get", "--path", "/1KiB.txt", "--expect", "{site}/1KiB.txt"),
             (ours("static-server", "--root", "{site}", "--max-connections-per-ip", 0), floor("floor", "keep", "{answers}/1KiB.http"), *foreign.files()), "memory",
             (Target("ours", 400, unit="bytes"),), figure="bytes", unit="bytes", rounds=3),
    ]


def starts():
    goals = (Target("ours", 10, "wall_ms", "ms"),)
    return [
        Case("start-ws", "ws-server", StartUp(), (ours("ws-server"), floor("floor", "dates"), *foreign.alone()), "starts", goals, figure="wall_ms", unit="ms"),
        Case("start-static", "static-server", StartUp(), (ours(*FILES), floor("floor", "keep", "{answers}/1KiB.http"), *foreign.files()), "starts", goals, figure="wall_ms", unit="ms"),
        Case("start-policy", "policy-server", StartUp(), (ours("policy-server"), floor("floor", "once", "plain", "{answers}/policy.xml"), *foreign.policies()), "starts", goals, figure="wall_ms", unit="ms"),
    ]


def build():
    command = ["cargo", "build", "--release", "--locked", "--workspace", "--bins", "--target-dir", "{folder}/clean"]
    return [Case("build", "all programs of the workspace", Build(), (Server("ours", "ours", lambda lab, port: [*map(lab.fill, command)]),), "build", figure="wall_s", unit="s",
                 usual=False, rounds=1)]


def idle():
    """Nothing happens: besides the ticks that somebody waits for, a daemon looks once a second how it does."""
    goal = {"targets": (Target("ours", 2, unit="a second"),), "figure": "wakeups", "unit": "a second", "rounds": 3}
    silent = ours("ws-server", *SILENT)
    return [
        Case("idle-ws", "ws-server without a client", Wakeups(0), (silent, SILENT_FLOOR, *foreign.handshakes()), "idle", usual=False, **goal),
        Case("idle-ws-1k", "ws-server with 1,000 idle WebSockets", Wakeups(1_000), (silent, SILENT_FLOOR, *foreign.handshakes()), "idle", **goal),
        Case("idle-static", "static-server without a client", Wakeups(0), (ours(*FILES), floor("floor", "keep", "{answers}/1KiB.http"), *foreign.files()), "idle", usual=False, **goal),
        Case("idle-policy", "policy-server without a client", Wakeups(0), (ours("policy-server"), floor("floor", "once", "plain", "{answers}/policy.xml"), *foreign.policies()), "idle", usual=False, **goal),
    ]
