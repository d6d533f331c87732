"""A line for each check, as tests/run counts them, and the figures for the record."""

import os
import platform
import subprocess
import sys
import time
import traceback
from pathlib import Path

figures = []
# Tables behind the one of all figures, by their titles.
sections = {}
failed = 0
# Of the machine, over the last five minutes.
begun_at = os.getloadavg()[1]


def check(name, body, *arguments):
    """Runs a check; what it returns stands behind its line."""
    global failed
    begin, before = time.monotonic(), len(figures)
    try:
        text = body(*arguments)
        show(before)
        if text:
            figure(name, text)
        print(f"ok      {name} ({time.monotonic() - begin:.0f} s){': ' + text if text else ''}", flush=True)
        return True
    except Exception as error:
        failed += 1
        show(before)
        figure(name, "failed")
        print(f"not ok  {name} ({time.monotonic() - begin:.0f} s): {error}", flush=True)
        traceback.print_exc(file=sys.stdout)
        return False


def figure(what, value):
    figures.append((what, value))


def section(title, text, columns, rows):
    """A table of its own, which says behind its text what it was measured on."""
    table = [f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows)]
    sections[title] = "\n".join([f"{text} Measured: {stamp()}.", "", *table])


def show(before):
    """Prints the figures of a check, also of one that fails."""
    for what, value in figures[before:]:
        print(f"        {what}: {value}")


def record(path, title, extent):
    """With RECORD=1, writes down what was measured: when, on what, in which state of the project. What this run did not measure stays."""
    if os.environ.get("RECORD") != "1":
        return
    first, *before = Path(path).read_text().split("\n## ") if Path(path).exists() else [""]
    rows = dict(recorded(first)) | {what: (value, stamp()) for what, value in figures}
    lines = [HEADS[title].format(extent=extent, cores=os.cpu_count(), kernel=platform.release()), "", "| what | figure | measured, commit, load |", "|---|---|---|"]
    lines += [f"| {what} | {value} | {measured} |" for what, (value, measured) in rows.items()]
    kept = dict(section.rstrip("\n").split("\n\n", 1) for section in before)
    lines += [f"\n## {title}\n\n{text}" for title, text in (kept | sections).items()]
    Path(path).write_text("\n".join(lines) + "\n")


def recorded(text):
    """The rows of the record before: what, and its figure with the stamp."""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| what |"):
            what, value, measured = line[2:-2].split(" | ")
            yield what, (value, measured)


def stamp():
    commit = subprocess.run(["git", "log", "-1", "--format=%h"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{time.strftime('%Y-%m-%d')}, {commit}, {begun_at:.0f} to {os.getloadavg()[1]:.0f}"


MEASURED = """Measured on a virtual machine with {cores} cores (Linux {kernel}), with release builds without LTO; the last column says when, the newest commit, and the
load averages of the machine before and after."""
HEADS = {
    "restarts": """# Restarts under load

<!-- `RECORD=1 make restarts` writes this file. -->

ws-server behind a holder that keeps its listeners and descriptors as systemd does, with 300 clients of thirteen ways around it (eleven where an older build
knows no polls), of which 30 a second leave and come, and 10 a second say something to all. A date that is late by half an interval and a notice for a full socket may be
left out, if it is counted; a row says so then. With a late hand-over, the next process begins three seconds after the end of the one before. Beside busy loops (`BUSY=8 tests/restarts/run --quick`, as root; recorded in
a control group with a small share of the processors) 150 clients are around it. `make restarts` measures it. """ + MEASURED,
    "soak": """# The long run

<!-- `RECORD=1 make soak TIME=10m` writes this file. -->

Six processes of ws-server, each of which hands over to the next one, and then one that lives on for four fifths of {extent}. 100 clients a second leave and come, of
every WebSocket dialect, event streams, lines over HTTP/1.1 and 1.0, JSON lines, long polls and JSONP; all of them expect every line once and in order. Beside them
are clients that mean no good and are reset, clients that never read and slow ones; producers are cut off, and once a minute the process may open no descriptor. What is
kept of the history is full before the first client comes.

A slope is that of Theil and Sen with its interval of 95 %: within the long life over its last three fifths, as medians of twenty stretches, and from one short life to
the next. A figure rises if the slope is surely above zero and the rise is more than a hundredth of it (and more than 256 KiB, 10 descriptors, 5 ms of the median's and
50 ms of the 99th percentile's lateness). What is before is the allocator's: in a process with 300 clients and 40 lines a second, a profile of the heap showed the same
7.3 to 8.3 MB in use from the first minute on, while what the process held of memory rose by 10 KiB a second for 11 minutes, and by 1 to 2 for the last four.

`make soak TIME=1h` measures it. Days are simulated: `make soak-simulated` runs whole servers through storms, with clocks that jump. """ + MEASURED,
}
