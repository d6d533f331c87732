"""Plants a bug, builds, runs its tests, and says what came of it."""

import hashlib
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass

from patches import STORM

# Past it a build or a test hangs.
BUILD_LIMIT = 1200
TEST_LIMIT = 180
STORM_LIMIT = 1800
STORM_SEEDS = 2000

# Incremental, without LTO; the crates of others are built once. The storm, which is long, is built optimised.
BUILD = {
    "CARGO_INCREMENTAL": "1",
    "CARGO_PROFILE_DEV_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "256",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_TERM_COLOR": "never",
}


@dataclass
class Verdict:
    """What became of a bug: `noticed` is the only good one."""

    kind: str
    by: str = ""
    seconds: int = 0

    def is_noticed(self):
        return self.kind == "noticed"

    def text(self):
        return f"{self.kind}{f' by {self.by}' if self.by else ''} ({self.seconds} s)"


def outcome_of(notice, status, said):
    """What became of a test that ended with this status (`None`: it did not end) and said this."""
    if status is None:
        return "hangs"
    if re.search(rf"^test {re.escape(notice.test)}\b.* FAILED$", said, re.MULTILINE) or re.search(r"^test result: FAILED\. 0 passed; 1 failed", said, re.MULTILINE):
        return "failed"
    if re.search(r"^test result: ok\. 1 passed", said, re.MULTILINE):
        return "passed"
    return "no such test" if "0 passed; 0 failed" in said else "crashes"


class Trials:
    def __init__(self, tree, build, packages):
        self.tree, self.build, self.packages = tree, build, packages
        self.passed = {}
        self.calm_below = 0  # the storms of the seeds before it pass without a bug

    def key(self, patch):
        """Changes with the patch and with any source that is concerned."""
        concerned = {*patch.builds, *(notice.package for notice in patch.notices)}
        return hashlib.sha256((patch.text + self.packages.digest(concerned)).encode()).hexdigest()

    def run(self, patch):
        """Without the bug its tests pass, and with it one of them fails."""
        begin = time.monotonic()
        verdict = self._control(patch) or self._planted(patch)
        verdict.seconds = round(time.monotonic() - begin)
        return verdict

    def _control(self, patch):
        self.tree.restore()
        for notice in patch.notices:
            # The storm's seeds are run when it is known how many it takes.
            if notice not in self.passed and not notice.is_storm:
                self.passed[notice] = self._test(notice)
            if self.passed.get(notice, "passed") != "passed":
                return Verdict(f"without the bug: {self.passed[notice]}", str(notice))
        return None

    def _planted(self, patch):
        """One test that notices it is enough; where the storm is named, it notices it, too."""
        said, by, seed = [], [], None
        try:
            if not self.tree.apply(patch):
                return Verdict("does not apply")
            for notice in patch.notices:
                if by and not notice.is_storm:
                    continue
                if notice.is_storm:
                    outcome, seed = self._storm(0, STORM_SEEDS)
                else:
                    outcome = self._test(notice)
                said.append(f"{notice}: {outcome}")
                if outcome == "failed":
                    by.append(f"{notice}, seed {seed}" if notice.is_storm else str(notice))
        finally:
            self.tree.restore()
        if not by or any(notice.is_storm for notice in patch.notices) and seed is None:
            return Verdict(", ".join(said))
        return self._calm(seed) or Verdict("noticed", "; ".join(by))

    def _calm(self, seed):
        """What the storms up to this seed say without the bug, if they do not pass."""
        if seed is None or seed < self.calm_below:
            return None
        outcome, failing = self._storm(self.calm_below, seed + 1 - self.calm_below)
        if outcome == "passed":
            self.calm_below = seed + 1
            return None
        return Verdict(f"without the bug: {outcome}", f"storm, seed {failing}")

    def _storm(self, first, seeds):
        """What became of the storms of these seeds, and the seed that failed. Nothing is shrunk: that would take minutes."""
        said, outcome = self._said(STORM, STORM_LIMIT, {"FIRST": str(first), "SEEDS": str(seeds), "TRIES": "0"})
        seed = re.search(r"^seed (\d+): ", said, re.MULTILINE)
        if outcome == "failed" and not seed:
            return "fails without a seed", None
        return outcome, int(seed[1]) if seed else None

    def _test(self, notice):
        return self._said(notice, TEST_LIMIT)[1]

    def _said(self, notice, limit, more=None):
        """What the test says, and `failed`, `passed`, or why neither."""
        target = ["--test", notice.file] if notice.file else ["--lib"]
        profile = ["--release"] if notice.is_storm else []
        command = ["cargo", "test", "--locked", "--package", notice.package, *target, *profile, "--no-run"]
        status, said = self._run(command, self.tree.folder, BUILD_LIMIT)
        program = re.search(r"^ *Executable .*\((.+)\)$", said, re.MULTILINE)
        if status != 0 or not program:
            return said, "build hangs" if status is None else "does not build"
        folder = self.tree.folder / self.packages.folders[notice.package].relative_to(self.packages.root)
        status, said = self._run([program[1], "--exact", notice.test], folder, limit, more)
        return said, outcome_of(notice, status, said)

    def wide(self, patch):
        """All unit tests that fail with the bug, in the packages that it concerns."""
        self.tree.restore()
        if not self.tree.apply(patch):
            return Verdict("does not apply")
        begin, failed = time.monotonic(), []
        for package in patch.builds:
            status, said = self._run(["cargo", "test", "--locked", "--package", package, "--lib"], self.tree.folder, TEST_LIMIT)
            failed += [f"\n    {package} {name}" for name in re.findall(r"^test (\S+) .*FAILED$", said, re.MULTILINE)]
            if status is None:
                failed.append(f"\n    {package} hangs")
            if "test result:" not in said:
                failed.append(f"\n    {package} does not build, or crashes\n{said[-1500:]}")
        self.tree.restore()
        return Verdict("".join(failed) or "NOTHING FAILED", seconds=round(time.monotonic() - begin))

    def _run(self, command, folder, limit, more=None):
        """Its status and what it said; `None` in the place of the status: it had no end in time."""
        environment = {**os.environ, **BUILD, **(more or {}), "CARGO_TARGET_DIR": str(self.build)}
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=limit)
                return process.returncode, said
            except subprocess.TimeoutExpired:
                return None, ""
            finally:
                # Also what a test has started and left: it is in the same session.
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
