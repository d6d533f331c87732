"""A copy of the tree to change: the working tree itself is never touched."""

import shutil
import subprocess
from pathlib import Path


class Copy:
    def __init__(self, project, folder):
        self.project, self.folder = Path(project), Path(folder)
        self.refresh()

    def refresh(self):
        """Brings the copy up to date; what is the same keeps its time, so that it is not compiled anew."""
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=self.project, check=True,
                               capture_output=True, text=True).stdout.split("\0")
        wanted = {name for name in names if name and (self.project / name).is_file()}
        for name in wanted:
            source, target = self.project / name, self.folder / name
            if not target.is_file() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        for path in self.folder.rglob("*"):
            if path.is_file() and str(path.relative_to(self.folder)) not in wanted:
                path.unlink()

    def text(self, name):
        return (self.folder / name).read_text()

    def write(self, name, text):
        (self.folder / name).write_text(text)
