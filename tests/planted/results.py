"""Results that outlive a run: each counts for one patch and for the source that it was tried with."""

import json
import os

from trial import Verdict


class Results:
    def __init__(self, path, anew):
        self.path = path
        self.kept = json.loads(path.read_text()) if path.exists() and not anew else {}

    def get(self, name, key):
        kept = self.kept.get(name)
        return Verdict(**kept["verdict"]) if kept and kept["key"] == key else None

    def put(self, name, key, verdict):
        self.kept[name] = {"key": key, "verdict": verdict.__dict__}
        # Whole, or not at all: a run may be cut off anywhere.
        unfinished = self.path.with_suffix(".new")
        unfinished.write_text(json.dumps(self.kept, indent=1))
        os.replace(unfinished, self.path)
