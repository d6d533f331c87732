"""What a long run has measured so far, kept so that the next one goes on there."""

import hashlib
import json
import shutil

import lab


def build_of(files):
    """A name for what is measured and for what measures it, by their bytes: after a change to either, nothing that was kept counts."""
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


class Kept:
    """The rounds of cases, for one build."""

    def __init__(self, build, folder=lab.TARGET / "bench/kept"):
        self.folder = folder / build

    def read(self, name, servers):
        """The rounds of a case; none if other servers took part, or if a crash has cut the file off."""
        try:
            kept = json.loads((self.folder / f"{name}.json").read_text())
        except (FileNotFoundError, ValueError):
            return []
        return kept["rounds"] if kept["servers"] == servers else []

    def forget(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, servers, rounds):
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = self.folder / f"{name}.new"
        whole.write_text(json.dumps({"servers": servers, "rounds": rounds}))
        whole.rename(self.folder / f"{name}.json")
