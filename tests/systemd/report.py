"""One line a check, the figures, and the count of all; in the manner of tests/run."""

import json
import os
import platform
import subprocess
import time
import traceback
from pathlib import Path

OUT = Path("tests/out")
DOCUMENT = Path("docs/operations.md")
# A run with RECORD=1 writes what stands between them.
BEGIN, END = "<!-- figures of make test-systemd -->\n", "<!-- end of figures -->\n"
# What the files in tests/out/ begin with.
kind = "systemd"
totals = {"passed": 0, "failed": 0, "skipped": 0}
figures = []
started = time.monotonic()


class Skip(Exception):
    """Raised by a check that cannot run on this machine; its text says why."""


def check(name, body, *arguments):
    """Runs one check: it passes unless it raises. True if it passed."""
    begin = time.monotonic()
    try:
        outcome = body(*arguments)
    except Skip as reason:
        not_run_one(name, reason)
        return False
    except Exception as error:  # a check may fail in any way; the next ones still run
        # The name of a check may be a command, with its slashes.
        (OUT / f"{kind}-{name.replace('/', '_')}.log").write_text(traceback.format_exc())
        failed(name, f"{type(error).__name__}: {error}", time.monotonic() - begin)
        return False
    totals["passed"] += 1
    print(f"ok      {name} ({time.monotonic() - begin:.0f} s){': ' + outcome if outcome else ''}", flush=True)
    return True


def failed(name, reason, seconds=0):
    totals["failed"] += 1
    print(f"FAILED  {name} ({seconds:.0f} s): {reason}", flush=True)


def not_run_one(name, reason, count=1):
    totals["skipped"] += count
    print(f"NOT RUN {name}: {reason} ({count} checks)", flush=True)


def not_run(name, reason, count):
    """Reports that none of these checks can run here; the exit status."""
    not_run_one(name, reason, count)
    return finish()


def save(file):
    """Writes the figures, and the counts down for the process that started this one."""
    if figures:
        write_figures()
    file.write_text(json.dumps(totals))


def add(name, file, count):
    """Adds the counts of another process; without them it failed, however many of its checks ran."""
    if not file.exists():
        return failed(name, f"ended before its {count} checks did")
    for name, number in json.loads(file.read_text()).items():
        totals[name] += number


def figure(what, value):
    """Keeps a measured figure for docs/operations.md."""
    figures.append((what, value))


def finish():
    """Prints the last lines; the exit status."""
    print(f"{totals['passed'] + totals['failed']} checks ran, {totals['skipped']} could not; {time.monotonic() - started:.0f} s")
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped", flush=True)
    return 1 if totals["failed"] else 0


def write_figures():
    """Prints a table with its date, and writes it to tests/out/systemd-figures.md, and with RECORD to docs/operations.md."""
    rows = ["| what | measured |", "|---|---|"] + [f"| {what} | {value} |" for what, value in figures]
    text = f"{circumstances()}\n\n" + "\n".join(rows) + "\n"
    (OUT / "systemd-figures.md").write_text(text)
    print("\n" + text)
    if os.environ.get("RECORD"):
        before, rest = DOCUMENT.read_text().split(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")


def circumstances():
    """The date and the machine of the figures."""
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    kernel = ".".join(platform.release().split(".")[:2])
    manager = subprocess.run(["systemctl", "--version"], capture_output=True, text=True).stdout.split()[1]
    build = f"binaries of {os.environ['BINARIES']}" if os.environ.get("BINARIES") else "release build"
    return (f"`make test-systemd` on {time.strftime('%F')}: {os.cpu_count()} cores, {system}, Linux {kernel}, "
            f"systemd {manager}, {build}; clients and services on the same cores.")
