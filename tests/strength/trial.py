"""Tries mutants: builds the tests that concern them, and runs those within limits of processor time and memory."""

import json
import os
import resource
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """Tests that are built and run together; the next stage is asked only if these notice nothing."""

    package: str
    tests: tuple = ()  # names; none are all
    skip: tuple = ()


# These take most of the time of `common`, and look at three files.
DEAR = ("http::date::tests::dates_are_written_and_read_back", "websocket::tests::closing::all_65536_codes_get_their_answer",
        "websocket::utf8::tests::four_bytes_at_every_edge_have_the_same_outcome_at_every_split",
        "websocket::tests::hybi::messages_of_boundary_lengths_arrive")
STAGES = {
    "common": (Stage("common", skip=DEAR), Stage("common", tests=DEAR)),
    # What the event loop's own tests miss, the three handlers in its simulated network may notice.
    "reactor": (Stage("reactor"), Stage("policy-server"), Stage("static-server"), Stage("ws-server")),
}

# Seconds of processor time, many times what the tests need: a machine that is busy makes no hang. And bytes.
PROCESSOR, MEMORY = 40, 4 << 30
# Seconds on the clock, for tests that wait for ever.
PATIENCE = 900


@dataclass(frozen=True)
class Outcome:
    kind: str  # caught, missed, hung, unbuilt
    by: tuple = ()


class Trials:
    def __init__(self, package, copy, target):
        self.stages, self.copy = STAGES[package], copy
        manifests = [(path, path.read_text()) for path in copy.folder.rglob("Cargo.toml")]
        self.folders = {stage.package: path.parent for stage in self.stages for path, text in manifests
                        if f'\nname = "{stage.package}"\n' in text}
        self.environment = dict(os.environ, CARGO_TARGET_DIR=str(target), CARGO_PROFILE_DEV_DEBUG="0", CARGO_INCREMENTAL="1",
                                RUSTFLAGS="--cap-lints=allow", RUST_TEST_THREADS="1", RUST_BACKTRACE="0",
                                PROPTEST_RNG_SEED="1", PROPTEST_MAX_SHRINK_ITERS="0", PROPTEST_DISABLE_FAILURE_PERSISTENCE="1")

    def prove_that_nothing_fails(self):
        outcome = self.ask()
        if outcome.kind != "missed":
            raise SystemExit(f"the tests fail without a change: {outcome.kind} {' '.join(outcome.by)}")

    def of(self, mutant):
        text = self.copy.text(mutant.file)
        self.copy.write(mutant.file, mutant.applied(text))
        try:
            return self.ask()
        finally:
            self.copy.write(mutant.file, text)

    def ask(self):
        for stage in self.stages:
            program = self.build(stage.package)
            if program is None:
                return Outcome("unbuilt")
            outcome = self.run(program, stage)
            if outcome.kind != "missed":
                return outcome
        return Outcome("missed")

    def build(self, package):
        """The path of the package's unit tests; None if they do not compile."""
        build = subprocess.run(["cargo", "test", "--quiet", "--offline", "--locked", "--package", package, "--lib", "--no-run",
                                "--message-format=json"], cwd=self.copy.folder, env=self.environment, capture_output=True, text=True)
        programs = [message["executable"] for message in map(json.loads, filter(None, build.stdout.splitlines()))
                    if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]]
        return programs[-1] if build.returncode == 0 else None

    def run(self, program, stage):
        command = [program, *(("--exact", *stage.tests) if stage.tests else ())]
        for name in stage.skip:
            command += ["--skip", name]
        with tempfile.TemporaryFile("w+") as output:
            try:
                ended = subprocess.run(command, cwd=self.folders[stage.package], env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, timeout=PATIENCE, preexec_fn=limit)
            except subprocess.TimeoutExpired:
                return Outcome("hung", ("no end on the clock",))
            output.seek(0)
            return outcome_of(ended.returncode, output.read())


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def outcome_of(status, output):
    """A test that fails has noticed; tests that only end for want of time or memory have not, and are counted apart."""
    failed = tuple(sorted({line[5:].partition(" ... ")[0] for line in output.splitlines()
                           if line.startswith("test ") and line.endswith("FAILED")}))
    if status == 0:
        return Outcome("missed")
    if failed:
        return Outcome("caught", failed)
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return Outcome("hung", ("no end",))
    if "memory allocation of" in output:
        return Outcome("hung", ("no end of memory",))
    return Outcome("caught", (f"status {status}",))
