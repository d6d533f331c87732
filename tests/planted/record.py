"""The dated result, for the readers of the project."""

import datetime
import os
import platform
import re
import subprocess

HEAD = """# Planted bugs

Would the tests notice? Each of these mistakes was planted alone into a copy of the tree, and the test named beside it, which passes without it, failed. A test that
hangs or crashes and a patch that does not build would be no catch. `make planted` does it again; `RECORD=1 make planted` writes this file, and
`RECORD=1 tests/planted/run NAME` the rows of some.

{noticed} of {all} noticed, {date}, with {rustc} on {machine} with {cores} cores.

| bug | promise, attack | noticed by | patch |
|---|---|---|---|
"""


def kept(path, patches):
    """The rows of before, by the name of their patch, as far as it is still there."""
    rows = re.findall(r"^(\|.*\| `([a-z0-9-]+)` \|)$", path.read_text(), re.M)
    return {name: line for line, name in rows if name in patches}


def row(patch, verdict):
    by = f"`{verdict.by}`" if verdict and verdict.is_noticed() else f"**{verdict.kind if verdict else 'did not run'}**"
    return f"| {patch.bug} | {patch.promise} | {by} | `{patch.name}` |"


def write(path, tried, rows):
    """Writes what was found, and these rows of before."""
    rows = {**rows, **{patch.name: row(patch, verdict) for patch, verdict in tried}}
    noticed = sum(" | **" not in line for line in rows.values())
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split(" (")[0]
    text = HEAD.format(
        noticed=noticed, all=len(rows), date=datetime.date.today(), rustc=rustc, machine=f"{platform.system()} {platform.machine()}", cores=os.cpu_count()
    )
    text += "".join(f"{rows[name]}\n" for name in sorted(rows))
    path.write_text(text)
