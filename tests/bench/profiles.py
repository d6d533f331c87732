"""Callgrind's reports by source file, and the page of them."""

import re
from collections import Counter
from pathlib import Path

# A file of less than this share of a unit's instructions is not worth a row.
LEAST = 0.01


def by_file(report, project):
    """The instructions of a report by source file: {name: instructions}.

    Its format: https://valgrind.org/docs/manual/cl-format.html"""
    names, found, file, called = {}, Counter(), "", False
    for line in report.splitlines():
        if match := re.fullmatch(r"(fl|fi|fe|cfi|cfl)=(?:\((\d+)\))? ?(.*)", line):
            kind, number, name = match.groups()
            # A name stands in the report once, with its number.
            name = names.setdefault(number, name) if number else name
            # The others are of what is called.
            if kind in ("fl", "fi", "fe"):
                file = name
        elif line.startswith("calls="):
            called = True
        elif match := re.fullmatch(r"(?:\+\d+|-\d+|\*|\d+) (\d+)", line):
            # The line behind `calls=` has what was called, which stands for itself elsewhere.
            if not called:
                found[short(file, project)] += int(match[1])
            called = False
    return found


def short(file, project):
    """`common/src/queue.rs` of ours, of a crate `the crate httparse`, of Rust's library `core::slice`, and `libc`."""
    if file.startswith(f"{project}/"):
        return str(Path(file).relative_to(project))
    # Those that Rust's library has in itself lie elsewhere.
    if match := re.search(r"/(?:registry/src/[^/]+|deps)/(.+?)-\d[^/]*/", file):
        return f"the crate {match[1]}"
    if match := re.search(r"library/(core|alloc|std)/src/(\w+)", file):
        return f"{match[1]}::{match[2]}"
    return "libc" if file in ("???", "") or file.startswith("./") else file


def table(driver, each):
    """The files of a unit, the dearest first; what is little by itself is one row."""
    total = sum(each.values())
    rows = [(file, count) for file, count in sorted(each.items(), key=lambda one: -one[1]) if count >= LEAST * total]
    rest = total - sum(count for _, count in rows)
    lines = "".join(f"| {file} | {count:,.0f} | {count / total:.0%} |\n" for file, count in [*rows, ("all others", rest)])
    return f"## {driver.name}: {total:,.0f} instructions {driver.unit}\n\n| file | instructions | share |\n|---|---|---|\n{lines}\n"


def page(on, found):
    return f"""# For what ours takes its instructions

{on}.

Instructions in user space, counted by callgrind: for each unit of work the difference of two runs, by the file in which the source of each instruction
stands, whatever function the compiler has put it into. `core`, `alloc` and `std` are Rust's library, whose parts are mostly put into what uses them. One unit
follows the other, so that each has a turn of the event loop by itself. What the kernel takes is in the other tables: it is most of each cost.

{"".join(table(driver, each) for driver, each in found)}""".rstrip() + "\n"
