"""The page of what does not depend on the machine: instructions, system calls and allocations, with their bounds; of tests/bench/bounds.json."""

import json
from pathlib import Path

import drivers
import idle

HERE = Path(__file__).resolve().parent
BOUNDS = HERE / "bounds.json"
PAGE = HERE / "results/counts.md"
FIGURES = {"instructions": "instructions", "instructions without LTO": "without link-time optimisation", "calls": "system calls", "allocations": "calls of the allocator", "wakeups": "wakeups"}
TEXT = """# What ours takes in counts

Instructions in user space and calls of the allocator (callgrind), system calls (strace), for one unit of work: the difference of two runs, one unit after the other, so that each has a
turn of the event loop by itself. `make test-all` fails where a figure is above its bound, which is in brackets. Which source files the instructions are of is in [profile.md](profile.md), the times beside
floors and peers are in [usual.md](usual.md).

The aim for a date is 300 instructions, all at once or in slices. A turn of the event loop with its wakeup, and a slice with the text of its date, cost once what all of their dates
share: that is `date-alone`, in which one date pays for all of it. A date by itself is what is left of the others. Divided by 200 dates, as here, the shared part is some
40 instructions of each; a worker with 1,000 clients and more has 500 dates in a slice, in two turns. What is left of an allocation for each date or line is the tick's or the
batch's: none is made for a client.
"""


def cell(entry):
    # A difference of two runs may be a little less than nothing.
    return f"{max(entry['measured'], 0):,} ({entry['bound']:,})" if entry else ""


def page(bounds):
    """The whole page."""
    rows = [f"| {each.name} | {each.unit} | {' | '.join(cell(bounds[each.name].get(figure)) for figure in FIGURES)} | {max(entry['on'] for entry in bounds[each.name].values())} |\n"
            for each in [*drivers.ALL, *idle.ALL] if each.name in bounds]
    heads = ["", "", *FIGURES.values(), "measured on"]
    return f"{TEXT}\n| {' | '.join(heads)} |\n{'|---' * len(heads)}|\n{''.join(rows)}"


def write():
    """Makes the page anew, of the bounds there."""
    PAGE.write_text(page(json.loads(BOUNDS.read_text())))
