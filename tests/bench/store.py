"""What a long run has finished, kept so that the next one goes on behind it."""

import hashlib
import json
import subprocess

import lab
import measured_on


def tree():
    """The tree that is measured: its commit, and what was changed in it."""
    changed = subprocess.run(["git", "diff", "HEAD"], capture_output=True, cwd=lab.PROJECT).stdout
    return measured_on.commit() + (f"-{hashlib.sha256(changed).hexdigest()[:8]}" if changed else "")


class Kept:
    """A case's result, for one tree, form and number of rounds: after a change, it is measured anew."""

    def __init__(self, form, rounds, name, folder=None):
        folder = folder or lab.TARGET / "bench/kept"
        self.path = folder / f"{tree()}-{form}-{rounds}" / f"{name}.json"

    def read(self):
        try:
            return json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            # A file that a crash has cut off counts as none.
            return None

    def write(self, result):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = self.path.with_suffix(".new")
        whole.write_text(json.dumps(result))
        whole.rename(self.path)
