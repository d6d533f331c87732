"""The cases: what is measured of whom, in the order of the table."""

import dataclasses
import socket

import foreign
from loads import Exchanges, Idle, Messages, StartUp
from servers import Server, floor, ours

DATES = ours("ws-server", "--template", "{{seq}} {{date}}")
ALIGNED = ours("ws-server", "--template", "{{seq}} {{date}}", "--align")
LINES = ours("ws-server", "--source", "-", "--greet", 0)
SILENT = ours("ws-server", "--interval", 0, "--leave-notices", "off")
FILES = ours("static-server", "--root", "{site}", "--keep-alive-requests", 0)
DATES_FLOOR, SILENT_FLOOR = floor("floor", "dates"), floor("floor", "dates", "silent")


@dataclasses.dataclass(frozen=True)
class Case:
    """One row: what is measured, in which unit, and whose figures stand beside ours. The first floor and the first peer count."""

    name: str
    title: str
    load: object
    servers: tuple[Server, ...]
    # The figure of a sample that is compared, and its unit.
    figure: str = "us"
    unit: str = "µs"
    # Also in the quick form, and with which load.
    quick: object = None
    # In the form with the best peers only.
    usual: bool = True


def policy_of(lab, server, port):
    """A file with the policy that the server gives."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        # Who never reads the request ends most answers to one with a reset.
        if server.reads:
            connection.sendall(b"<policy-file-request/>\0")
        whole = b"".join(iter(lambda: connection.recv(65536), b""))
    assert whole.startswith(b"<?xml") and b"</cross-domain-policy>" in whole, whole
    path = lab.folder / "expected.policy"
    path.write_bytes(whole)
    return path


def body(size):
    return lambda lab, server, port: lab.site / f"{size}.txt"


def once(answer):
    """Both floors of one answer per connection."""
    return (floor("floor", "once", "plain", answer), floor("floor, deferred accept", "once", "deferred", answer))


def gets(size, how="get", **more):
    return Exchanges(how, "--path", f"/{size}.txt", expect=body(size), **more)


def cases():
    """All cases, in the order of the table."""
    found = []
    for count, name in ((1_000, "1k"), (10_000, "10k")):
        short = Messages(count, seconds=2)
        found += [
            Case(f"dates-{name}", f"a date to {count:,} WebSockets, spread over the second", Messages(count), (DATES, DATES_FLOOR, *foreign.dates()), quick=short),
            Case(f"dates-{name}-aligned", f"a date to {count:,} WebSockets, all at once", Messages(count), (ALIGNED, DATES_FLOOR, *foreign.dates())),
        ]
    found += [
        Case("policy", "a policy answer", Exchanges("policy", expect=policy_of),
             (ours("policy-server"), *once("{answers}/policy.xml"), *foreign.policies()), quick=Exchanges("policy", expect=policy_of, seconds=0.6)),
        Case("get-close", "GET 1 KiB, one per connection", gets("1KiB", "get-close"), (FILES, *once("{answers}/1KiB.http"), *foreign.files(deferred=True)),
             quick=gets("1KiB", "get-close", seconds=0.6)),
        Case("handshake", "an opening handshake", Exchanges("handshake"), (SILENT, SILENT_FLOOR, *foreign.handshakes()), quick=Exchanges("handshake", seconds=0.6)),
    ]
    for size in ("1KiB", "10KiB", "1MiB"):
        title = f"GET {size[:-3]} {size[-3:]}, keep-alive"
        found.append(Case(f"get-{size}", title, gets(size), (FILES, floor("floor", "keep", f"{{answers}}/{size}.http"), *foreign.files(large=size == "1MiB")),
                          quick=gets(size, seconds=0.6)))
    found += lines()
    for size, name in ((16, "16 B"), (1024, "1 KiB"), (16 * 1024, "16 KiB")):
        found.append(Case(f"echo-{size}", f"an echo of {name}", Exchanges("echo", "--bytes", size),
                          (ours("ws-server", "--interval", 0, "--on-message", "echo", "--message-rate", 0), floor("floor", "echo"), *foreign.echoes()),
                          quick=Exchanges("echo", "--bytes", size, seconds=0.6) if size == 1024 else None))
    return found + memory()


def lines():
    """Lines to WebSockets. The floor writes 64 KiB at a time; up to 20 lines a second a write would come seconds late, and it writes each line."""
    found = []
    for count, name in ((1_000, "1k"), (10_000, "10k")):
        for rate in (1, 20, 200, 2_000):
            block = "each" if rate <= 20 else 64 * 1024
            load = Messages(count, rate=rate, seconds=4)
            found.append(Case(f"lines-{rate}-{name}", f"{rate:,} lines a second to {count:,} WebSockets", load,
                              (LINES, floor("floor", "lines", block), *foreign.lines()),
                              quick=load if (rate, count) == (200, 1_000) else None, usual=rate in (20, 200)))
    return found


def memory():
    return [
        Case("memory-websocket", "memory of an idle WebSocket", Idle(10_000, "hold", "--as", "rfc6455", "--rate", 10_000), (SILENT, SILENT_FLOOR, *foreign.handshakes()),
             figure="bytes", unit="bytes"),
        Case("memory-keep-alive", "memory of an idle keep-alive connection",
             Idle(4_000, "exchange", "--as", "get", "--path", "/1KiB.txt", "--expect", "{site}/1KiB.txt"),
             (ours("static-server", "--root", "{site}", "--max-connections-per-ip", 0), floor("floor", "keep", "{answers}/1KiB.http"), *foreign.files()),
             figure="bytes", unit="bytes"),
        Case("start-up", "the start, until it listens", StartUp(), (ours("ws-server"), floor("floor", "dates"), *foreign.dates())),
    ]
