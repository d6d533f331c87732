"""Plants a bug, builds, runs its tests, and says what came of it."""

import hashlib
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass

# Past it a build or a test hangs.
BUILD_LIMIT = 1200
TEST_LIMIT = 180
STORM_LIMIT = 1800
STORM_SEEDS = "2000"

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


class Trials:
    def __init__(self, tree, build, packages):
        self.tree, self.build, self.packages = tree, build, packages
        self.passed = {}

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
            if notice not in self.passed:
                self.passed[notice] = self._test(notice, is_control=True)
            if self.passed[notice] != "passed":
                return Verdict(f"without the bug: {self.passed[notice]}", str(notice))
        return None

    def _planted(self, patch):
        try:
            if not self.tree.apply(patch):
                return Verdict("does not apply")
            said = []
            for notice in patch.notices:
                outcome = self._test(notice)
                if outcome == "failed":
                    return Verdict("noticed", str(notice))
                said.append(outcome)
            return Verdict(", ".join(said))
        finally:
            self.tree.restore()

    def _test(self, notice, is_control=False):
        """`failed`, `passed`, or why neither."""
        target = ["--test", notice.file] if notice.file else ["--lib"]
        profile = ["--release"] if notice.is_storm else []
        command = ["cargo", "test", "--locked", "--package", notice.package, *target, *profile, "--no-run"]
        status, said = self._run(command, self.tree.folder, BUILD_LIMIT)
        program = re.search(r"^ *Executable .*\((.+)\)$", said, re.MULTILINE)
        if status != 0 or not program:
            return "build hangs" if status is None else "does not build"
        seeds = {"SEEDS": STORM_SEEDS} if notice.is_storm and not is_control else {}
        limit = STORM_LIMIT if notice.is_storm else TEST_LIMIT
        folder = self.tree.folder / self.packages.folders[notice.package].relative_to(self.packages.root)
        status, said = self._run([program[1], "--exact", notice.test], folder, limit, seeds)
        if status is None:
            return "hangs"
        if re.search(rf"^test {re.escape(notice.test)}\b.* FAILED$", said, re.MULTILINE) or re.search(r"^test result: FAILED\. 0 passed; 1 failed", said, re.MULTILINE):
            return "failed"
        if re.search(r"^test result: ok\. 1 passed", said, re.MULTILINE):
            return "passed"
        return "no such test" if "0 passed; 0 failed" in said else "crashes"

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
