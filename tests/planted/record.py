"""The dated result, for the readers of the project."""

import datetime
import os
import platform
import subprocess

HEAD = """# Planted bugs

Would the tests notice? Each of these mistakes was planted alone into a copy of the tree, and the test named beside it, which passes without it, failed. A test that
hangs or crashes and a patch that does not build would be no catch. `make planted` does it again; `RECORD=1 make planted` writes this file.

{noticed} of {all} noticed, {date}, with {rustc} on {machine} with {cores} cores.

| bug | promise, attack | noticed by | patch |
|---|---|---|---|
"""


def write(path, tried):
    """Writes what `make planted` found."""
    noticed = sum(verdict is not None and verdict.is_noticed() for _, verdict in tried)
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split(" (")[0]
    text = HEAD.format(
        noticed=noticed, all=len(tried), date=datetime.date.today(), rustc=rustc, machine=f"{platform.system()} {platform.machine()}", cores=os.cpu_count()
    )
    for patch, verdict in sorted(tried, key=lambda pair: pair[0].name):
        by = f"`{verdict.by}`" if verdict and verdict.is_noticed() else f"**{verdict.kind if verdict else 'did not run'}**"
        text += f"| {patch.bug} | {patch.promise} | {by} | `{patch.name}` |\n"
    path.write_text(text)
