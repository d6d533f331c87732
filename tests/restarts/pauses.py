"""How much longer than its interval each of many clients waits for a date over a hand-over."""

import resource
import shutil
import signal
import tempfile
import time
from pathlib import Path

import lab
from holder import Holder
from program import Program

# Two hand-overs are so far apart that each client has its next dates between them, in seconds.
APART = 2.5
# Descriptors of a process that are not those of clients.
MARGIN = 1000


def clients_that_fit():
    return min(19_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - MARGIN)


def pauses(binary, count, clients):
    """All are WebSockets whose dates are spread over the second. Nobody is lost, and no date."""
    folder = Path(tempfile.mkdtemp(prefix="pauses-"))
    holder = Holder(folder)
    start = lambda: holder.start(binary, "--workers", 2, *lab.BASE, *lab.DATES, "--max-connections", 0, "--leave-notices", "off")  # noqa: E731
    try:
        start()
        to = f"127.0.0.1:{holder.port}"
        with Program([lab.LOAD_GENERATOR, "hold", "--to", to, "--connections", clients, "--rate", 3000, "--as", "rfc6455"]) as held:
            all_there(held.next(patience=120), clients)
            time.sleep(APART)
            found = [one(holder, start, held, clients) for _ in range(count)]
    finally:
        holder.close()
        shutil.rmtree(folder)
    figures = " / ".join(f"{lab.median([gaps[name] - 1000 for gaps, _ in found]):.1f}" for name in ("p50", "p99", "max"))
    return f"{count} hand-overs of {clients} WebSockets: their longest pause was {figures} ms (p50 / p99 / max, medians) more than the interval; restart {lab.median([took for _, took in found]) * 1000:.0f} ms (median)"


def one(holder, start, held, clients):
    """The longest pauses over one hand-over, in milliseconds, and its time in seconds."""
    held.ask("mark")
    begin = time.monotonic()
    holder.signal(signal.SIGUSR2)
    code = holder.wait()
    assert code == 0, f"exit code {code}: {holder.log_of_this()}"
    start()
    took = time.monotonic() - begin
    time.sleep(APART)
    report = held.ask("report")
    all_there(report, clients)
    # A date that is late by half an interval is left out and counted: here it would be a fault of the machine.
    assert not report["missing"] and not report["doubled"], report
    return report["gap_ms"], took


def all_there(report, clients):
    assert report["open"] == clients, f"{report['open']} of {clients} are open; the others: {report['ended']}"
