"""What a long run has finished, kept so that the next one goes on behind it."""

import json

import lab
import measured_on


class Kept:
    """A case's result, for one tree, form and number of rounds: after a commit, it is measured anew."""

    def __init__(self, form, rounds, name, folder=None):
        folder = folder or lab.TARGET / "bench/kept"
        self.path = folder / f"{measured_on.commit()}-{form}-{rounds}" / f"{name}.json"

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
