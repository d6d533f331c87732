"""A daemon of ours below what counts its instructions and calls, and the reports of that."""

import concurrent.futures
import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path

import drivers
import processes
from machine import listens
from processes import Process, free_ports
from waiting import until

PROJECT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("BINARIES") or Path(os.environ.get("CARGO_TARGET_DIR") or "target", "release"))
# What gives memory, in glibc.
ALLOCATORS = ("malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc")
INSTRUCTIONS = "instructions" + " without LTO" * (os.environ.get("CARGO_PROFILE_RELEASE_LTO") == "off")


class Tool:
    """What counts, and how each figure is read from its report. One that runs its command as a process of its own `forks`."""

    def __init__(self, name, command, figures, forks=False):
        self.name, self.command, self.figures, self.forks = name, command, figures, forks


def instructions(report):
    """The sum of callgrind's `summary:` line."""
    return {"all": int(re.search(r"^(?:summary|totals): (\d+)", report, re.M)[1])}


def allocations(report):
    """How often callgrind saw a function of the allocator called that gives memory. A name stands in the report once, with its number."""
    names, counts, called = {}, dict.fromkeys(ALLOCATORS, 0), None
    for number, name, calls in re.findall(r"^(?:c?fn=(\(\d+\))(?: (.*))?|calls=(\d+) .*)$", report, re.M):
        if calls and called in counts:
            counts[called] += int(calls)
        elif number:
            called = names[number] = re.sub(r"'\d+$", "", name) or names[number]
    return counts


def system_calls(report):
    """The calls of each name, of strace's table."""
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", report, re.M)
    return {name: int(count) for count, name in rows if name != "total"}


TOOLS = [
    Tool("callgrind", lambda report: ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={report}"],
         {INSTRUCTIONS: instructions, "allocations": allocations}),
    Tool("strace", lambda report: ["strace", "--follow-forks", "--summary-only", f"--output={report}"], {"calls": system_calls}, forks=True),
]


@contextlib.contextmanager
def workplace(name):
    """A folder with the files that the daemons serve, and a pool for as many runs at a time as there are cores. What the daemons say is
    in tests/out/NAME."""
    os.chdir(PROJECT)
    processes.OUT = Path("tests/out", name)
    processes.OUT.mkdir(parents=True, exist_ok=True)
    processes.end_with_us()
    with tempfile.TemporaryDirectory(prefix=f"{name}.") as folder, concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        drivers.write_files(Path(folder))
        yield Path(folder), pool


def named(found, names):
    """Those whose names begin with one of these; all, without names."""
    return [each for each in found if not names or each.name.startswith(tuple(names))]


@contextlib.contextmanager
def daemon(driver, folder, name, counter=(), forks=False):
    """The driver's daemon, which listens, below what counts; and its port."""
    (port,) = free_ports(1)
    program = [BINARIES / driver.program, "--workers", "1", *driver.options(folder)]
    if not driver.deferred:
        command = [*counter, *program, "--listen", f"127.0.0.1:{port}"]
    else:
        # What inherits is a process of its own: where that is another one than what counts, it counts the hand-on, too, the same in each run.
        inherit = [sys.executable, Path(__file__).with_name("inherit.py"), port, "deferred", 1]
        command = [*counter, *inherit, *program] if forks else [*inherit, *counter, *program]
    process = Process(name, command)
    try:
        process.start(stdin=driver.standard_input)
        until(lambda: f"{driver.program} listens: {process.said()}", lambda: process.runs() and listens(port))
        yield process, port
    finally:
        process.kill()


def run(driver, tool, units, folder):
    """The report of one run, and how many units it did."""
    report = folder / f"{driver.name}-{tool.name}-{units}"
    with daemon(driver, folder, report.name, tool.command(report), tool.forks) as (process, port):
        done = driver.drive(port, units, process.popen.stdin, lambda: drivers.terminate(process))
        assert process.wait(drivers.PATIENCE) == 0, process.said()
    return report.read_text(), done


def slope(few, many):
    """The counts for one unit, of two runs."""
    (before, start), (after, end) = few, many
    return {name: (after[name] - before.get(name, 0)) / (end - start) for name in after}
