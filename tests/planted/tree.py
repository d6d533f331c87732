"""A copy of the tree, for one bug at a time."""

import os
import subprocess


class Tree:
    def __init__(self, root, folder):
        self.root, self.folder = root, folder

    def restore(self):
        """Makes the copy equal to the tree. What is equal already keeps its time, so that little is built anew."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=self.root, capture_output=True, check=True
        )
        wanted = {name for name in os.fsdecode(listed.stdout).split("\0") if name and not name.startswith("tests/planted/")}
        for name in wanted:
            self._copy(name)
        for path in self.folder.rglob("*"):
            if (path.is_file() or path.is_symlink()) and str(path.relative_to(self.folder)) not in wanted:
                path.unlink()

    def _copy(self, name):
        ours, copy = self.root / name, self.folder / name
        if ours.is_symlink() or not ours.is_file():
            if ours.is_symlink() and not copy.is_symlink():
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.symlink_to(os.readlink(ours))
            elif not ours.is_symlink():
                copy.unlink(missing_ok=True)
            return
        content = ours.read_bytes()
        if not copy.is_file() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
            copy.chmod(ours.stat().st_mode & 0o777)

    def apply(self, patch):
        """False if it does not apply."""
        # Without the ceiling, git would find the repository around the copy, and patch nothing.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(self.folder.parent)}
        command = ["git", "apply", "-C1", str(patch.path)]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True).returncode == 0
