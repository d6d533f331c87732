"""One line a check, the figures, and the count of all; in the manner of tests/run."""

import time
import traceback
from pathlib import Path

OUT = Path("tests/out")
totals = {"passed": 0, "failed": 0, "skipped": 0}
figures = []
started = time.monotonic()


class Skip(Exception):
    """Raised by a check that cannot run on this machine; its text says why."""


def check(name, body, *arguments):
    """Runs one check: it passes unless it raises. True if it passed."""
    begin = time.monotonic()
    try:
        said = body(*arguments)
    except Skip as reason:
        not_run_one(name, reason)
        return False
    except Exception as error:  # a check may fail in any way; the next ones still run
        (OUT / f"systemd-{name}.log").write_text(traceback.format_exc())
        failed(name, f"{type(error).__name__}: {error}", time.monotonic() - begin)
        return False
    totals["passed"] += 1
    print(f"ok      {name} ({time.monotonic() - begin:.0f} s){': ' + said if said else ''}", flush=True)
    return True


def failed(name, reason, seconds=0):
    totals["failed"] += 1
    print(f"FAILED  {name} ({seconds:.0f} s): {reason}", flush=True)


def not_run_one(name, reason):
    totals["skipped"] += 1
    print(f"NOT RUN {name}: {reason} (1 checks)", flush=True)


def not_run(name, reason):
    """None of the checks can run here; the exit status."""
    not_run_one(name, reason)
    return finish()


def figure(what, value):
    """Something measured, for docs/operations.md."""
    figures.append((what, value))


def finish():
    """The figures and the last lines; the exit status."""
    if figures:
        write_figures()
    print(f"{totals['passed'] + totals['failed']} checks ran, {totals['skipped']} could not; {time.monotonic() - started:.0f} s")
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped", flush=True)
    return 1 if totals["failed"] else 0


def write_figures():
    """As a table that docs/operations.md can take as it is: printed, and in tests/out/systemd-figures.md."""
    rows = ["| what | measured |", "|---|---|"] + [f"| {what} | {value} |" for what, value in figures]
    text = "\n".join(rows) + "\n"
    (OUT / "systemd-figures.md").write_text(text)
    print("\n" + text)
