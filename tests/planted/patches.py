"""A planted bug: a patch with some lines before it.

    Bug: A broadcast visits all subscribers in one turn.
    Promise: EV-34
    Noticed by: ws-server broadcast::tests::a_long_broadcast_is_cut
    Noticed by: ws-server --test hand_over ids_go_on
    Builds: ws-server

One of the tests that notice it is enough; without `--test` it is a unit test. `storm` is the simulated storm of ws-server, from 2,000 seeds:
where it is named, it has to notice the bug, whatever else does.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Notice:
    """A test that should notice a bug: of a package, in a file of its `tests` or (`None`) in its sources."""

    package: str
    file: str | None
    test: str

    @classmethod
    def read(cls, text):
        words = text.split()
        if words == ["storm"]:
            return STORM
        if len(words) == 2:
            return cls(words[0], None, words[1])
        if len(words) == 4 and words[1] == "--test":
            return cls(words[0], words[2], words[3])
        raise ValueError(f"`{text}` is no `PACKAGE TEST`, `PACKAGE --test FILE TEST` or `storm`")

    @property
    def is_storm(self):
        return self == STORM

    def __str__(self):
        if self.is_storm:
            return "storm"
        return f"{self.package} {f'--test {self.file} ' if self.file else ''}{self.test}"

    def is_there(self, folder):
        """Whether a function of this name stands in a file that its modules lead to."""
        *modules, name = self.test.split("::")
        at = folder / ("tests" if self.file else "src") / (self.file or "lib")
        files = [path for path in (at.with_suffix(".rs"), at / "main.rs") if path.is_file()]
        at = at if self.file else folder / "src"
        for module in modules:
            declared = re.compile(rf"\bmod {module}\b")
            if not any(declared.search(file.read_text()) for file in files):
                return False
            at = at / module
            files += [path for path in (at.with_suffix(".rs"), at / "mod.rs") if path.is_file()]
        return any(f"fn {name}(" in file.read_text() for file in files)


# The storm of ws-server over its simulated network, with as many seeds as a soak has.
STORM = Notice("ws-server", None, "simulated::storm::nothing_is_lost_in_any_storm")


@dataclass(frozen=True)
class Patch:
    """A patch with what its first lines say."""

    path: Path
    text: str
    bug: str
    promise: str
    notices: tuple
    builds: tuple
    mistakes: tuple

    @classmethod
    def read(cls, path):
        text = path.read_text()
        fields, mistakes = {}, []
        for line in text.splitlines():
            if line.startswith(("--- ", "diff ")):
                break
            field, colon, value = line.partition(": ")
            if colon:
                fields.setdefault(field, []).append(value.strip())
        notices = []
        for value in fields.get("Noticed by", []):
            try:
                notices.append(Notice.read(value))
            except ValueError as error:
                mistakes.append(str(error))
        mistakes += [f"no `{field}:`" for field in ("Bug", "Promise", "Noticed by", "Builds") if field not in fields]
        mistakes += [f"`{field}:` is not known" for field in fields if field not in ("Bug", "Promise", "Noticed by", "Builds")]
        word = lambda field: " ".join(fields.get(field, []))
        return cls(path, text, word("Bug"), word("Promise"), tuple(notices), tuple(word("Builds").split()), tuple(mistakes))

    @property
    def name(self):
        return self.path.stem

    def faults(self, root, packages):
        """What is wrong with it; empty if it can be tried."""
        faults = list(self.mistakes)
        for package in {*self.builds, *(notice.package for notice in self.notices)}:
            if package not in packages.folders:
                faults.append(f"there is no package `{package}`")
        for notice in self.notices:
            folder = packages.folders.get(notice.package)
            if folder and not notice.is_there(folder):
                faults.append(f"there is no test `{notice}`")
        applied = subprocess.run(["git", "apply", "-C1", "--check", str(self.path)], cwd=root, capture_output=True, text=True)
        if applied.returncode != 0:
            faults.append(f"it does not apply: {applied.stderr.strip().splitlines()[-1]}")
        return faults
