"""A line for each check, as tests/run counts them, and the figures for the record."""

import os
import platform
import subprocess
import sys
import time
import traceback
from pathlib import Path

figures = []
failed = 0


def check(name, body, *arguments):
    """Runs a check; what it returns stands behind its line."""
    global failed
    begin = time.monotonic()
    try:
        text = body(*arguments)
        if text:
            figure(name, text)
        print(f"ok      {name} ({time.monotonic() - begin:.0f} s){': ' + text if text else ''}", flush=True)
        return True
    except Exception as error:
        failed += 1
        print(f"not ok  {name} ({time.monotonic() - begin:.0f} s): {error}", flush=True)
        traceback.print_exc(file=sys.stdout)
        return False


def figure(what, value):
    figures.append((what, value))


def record(path, title, extent):
    """With RECORD=1, writes down what was measured: when, on what, in which state of the project."""
    if os.environ.get("RECORD") != "1" or failed:
        return
    commit = subprocess.run(["git", "log", "-1", "--format=%h of %cs"], capture_output=True, text=True, check=True).stdout.strip()
    lines = [HEADS[title].format(date=time.strftime("%Y-%m-%d"), extent=extent, cores=os.cpu_count(), kernel=platform.release(), commit=commit), ""]
    lines += ["| what | figure |", "|---|---|"]
    # What this run did not measure stays.
    rows = [line[2:-2].split(" | ", 1) for line in Path(path).read_text().splitlines()[1:] if line.startswith("| ")] if Path(path).exists() else []
    rows = {what: value for what, value in rows if what != "what"} | dict(figures)
    lines += [f"| {what} | {value} |" for what, value in rows.items()]
    Path(path).write_text("\n".join(lines) + "\n")


MEASURED = "Measured on {date}, on a virtual machine with {cores} cores that did other work, too (Linux {kernel}), with release builds without LTO, at commit {commit}."
HEADS = {
    "restarts": """# Restarts under load

<!-- `RECORD=1 make restarts` writes this file. -->

ws-server behind a holder that keeps its listeners and descriptors as systemd does, with 300 clients of eleven dialects around it, of which 30 a second leave and
come, and 10 a second say something to all. `make restarts` measures it. """ + MEASURED,
    "soak": """# The long run

<!-- `RECORD=1 make soak TIME=10m` writes this file. -->

ws-server for {extent} as several processes, each of which hands over to the next one; 100 clients a second leave and come. A slope is of the last two thirds of
each process's life, with its interval of 95 %. `make soak TIME=1h` measures it. """ + MEASURED,
}
