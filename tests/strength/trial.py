"""Tries mutants: builds the tests that concern them, and runs those within limits of processor time and memory."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from math import ceil
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """Tests that run together; the next stage is asked only if these notice nothing."""

    package: str
    skip: tuple = ()
    only: tuple = ()
    cases: int = 256  # of each test that draws its input
    near: bool = False  # only the tests of the module that the mutant is in
    test: str = ""  # a file of tests/ instead of the unit tests

    @property
    def program(self):
        return self.package, self.test


# These take most of the time of `common`, and look at few files.
DEAR = ("http::date::tests::dates_are_written_and_read_back", "websocket::tests::closing::all_65536_codes_get_their_answer",
        "websocket::utf8::tests::four_bytes_at_every_edge_have_the_same_outcome_at_every_split",
        "websocket::tests::hybi::messages_of_boundary_lengths_arrive",
        "websocket::tests::hixie::a_text_that_never_ends_is_refused_at_the_limit",
        "http::body_reader::tests::what_two_servers_could_read_in_two_ways_is_refused_behind_the_content_before_it")
# The same for the event loop, the one that notices most first.
LONG = tuple(f"tests::{name}" for name in (
    "storm::any_storm_keeps_every_promise_of_the_reactor", "any_order_of_events_keeps_the_invariants",
    "storm::nth_failure::each_call_may_fail_at_each_use_with_each_error", "a_peer_that_does_not_read_is_not_read_from_and_gets_everything_once_it_does",
    "lines_come_back_in_order_however", "a_stop_for_good_is_spread_over_the_time_that_the_settings_say", "paused::a_hand_over_takes_paused_input_along",
    "paused::paused_input_waits_whole_and_comes_in_order_when_it_is_resumed",
    "per_address::no_order_of_events_on_two_workers_exceeds_the_limit_or_leaks_a_place",
    "faults::after_any_error_of_any_call_a_newcomer_is_served_and_another_connection_goes_on",
    "eviction::the_longest_idle_goes_first_whatever_happened_before"))
STAGES = {
    "common": (Stage("common", skip=DEAR, cases=32, near=True), Stage("common", skip=DEAR, cases=32), Stage("common")),
    # What the event loop's own tests miss, the handlers in its simulated network may notice, and two daemons over real sockets.
    "reactor": (Stage("reactor", skip=LONG), Stage("policy-server"), *(Stage("reactor", only=(name,)) for name in LONG),
                Stage("policy-server", test="requests"), Stage("static-server", test="files")),
}

# Tests get this many times the processor time that they need without a change, and a second: a machine that is busy makes no hang.
TIMES, SPARE = 5, 1
# Before that is known; and bytes.
FIRST, MEMORY = 600, 4 << 30
# Seconds on the clock, for tests that wait for ever.
PATIENCE = 150


# A test's name is in a line before if something else was written meanwhile.
FAILURE = re.compile(r"(?:test (\S+)(?: - .*)? \.\.\. )?FAILED$")


@dataclass(frozen=True)
class Outcome:
    kind: str  # caught, missed, hung, unbuilt
    by: tuple = ()


class Trials:
    def __init__(self, package, copy, target):
        self.stages, self.copy, self.seconds = STAGES[package], copy, {}
        manifests = [(path, path.read_text()) for path in copy.folder.rglob("Cargo.toml")]
        self.folders = {stage.package: path.parent for stage in self.stages for path, text in manifests
                        if f'\nname = "{stage.package}"\n' in text}
        self.environment = dict(os.environ, CARGO_TARGET_DIR=str(target), CARGO_PROFILE_DEV_DEBUG="0", CARGO_INCREMENTAL="1",
                                RUSTFLAGS="--cap-lints=allow", RUST_TEST_THREADS="1", RUST_BACKTRACE="0",
                                PROPTEST_RNG_SEED="1", PROPTEST_MAX_SHRINK_ITERS="0", PROPTEST_DISABLE_FAILURE_PERSISTENCE="1")

    def prove_that_nothing_fails(self):
        """Also measures what the tests need."""
        programs, errors = self.build_all()
        if not programs:
            raise SystemExit(f"the tests do not compile: {errors}")
        for stage in self.stages:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            outcome = self.run(programs[stage.program], stage)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.seconds[stage] = SPARE + TIMES * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            if outcome.kind != "missed":
                raise SystemExit(f"the tests fail without a change: {outcome.kind} {' '.join(outcome.by)}")

    def of(self, mutant):
        """Tries a mutant in a build of its own."""
        text = self.copy.text(mutant.file)
        self.copy.write(mutant.file, mutant.applied(text))
        try:
            for stage in self.stages:
                program, _ = self.build(*stage.program)
                outcome = self.run(program, stage, mutant) if program else Outcome("unbuilt")
                if outcome.kind != "missed":
                    return outcome
            return Outcome("missed")
        finally:
            self.copy.write(mutant.file, text)

    def build_all(self, optimised=False):
        """All programs by package, or none and where the errors are."""
        programs = {}
        for name in dict.fromkeys(stage.program for stage in self.stages):
            programs[name], errors = self.build(*name, optimised)
            if not programs[name]:
                return None, errors
        return programs, []

    def run_all(self, programs, mutant=None, number=0):
        for stage in self.stages:
            outcome = self.run(programs[stage.program], stage, mutant, number)
            if outcome.kind != "missed":
                return outcome
        return Outcome("missed")

    def kept(self, programs):
        """Copies of programs, which later builds do not replace."""
        folder = Path(self.environment["CARGO_TARGET_DIR"])
        return {name: shutil.copy(program, folder / "-".join(("together", *name))) for name, program in programs.items()}

    def build(self, package, test, optimised=False):
        """The path of the tests' program, and, if it does not compile, the errors as (file, line, column)."""
        target = ("--test", test) if test else ("--lib",)
        environment = self.environment | ({"CARGO_PROFILE_DEV_OPT_LEVEL": "1"} if optimised else {})
        build = subprocess.run(["cargo", "test", "--quiet", "--offline", "--locked", "--package", package, *target, "--no-run",
                                "--message-format=json"], cwd=self.copy.folder, env=environment, capture_output=True, text=True)
        messages = [json.loads(line) for line in build.stdout.splitlines() if line.startswith("{")]
        if build.returncode != 0:
            return None, [(span["file_name"], span["line_start"], span["column_start"]) for message in messages
                          if message["reason"] == "compiler-message" and message["message"]["level"] == "error"
                          for span in message["message"]["spans"] if span["is_primary"]]
        return [message["executable"] for message in messages
                if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]][-1], []

    def run(self, program, stage, mutant=None, number=0):
        command = [program]
        if stage.near and mutant:
            command.append(module_of(mutant.file) + "::")
        for name in stage.skip:
            command += ["--skip", name]
        seconds = self.seconds.get(stage, FIRST)
        environment = self.environment | {"PROPTEST_CASES": str(stage.cases), "MUTANT": str(number)}
        with subprocess.Popen(command + list(stage.only), cwd=self.folders[stage.package], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
                              preexec_fn=lambda: limit(seconds)) as process:
            timer = threading.Timer(PATIENCE, end, [process])
            timer.start()
            try:
                output, has_failed = until_one_fails(process.stdout)
                if not has_failed:
                    process.wait()
            finally:
                timer.cancel()
                end(process)
        return outcome_of(process.returncode, output)


def until_one_fails(lines):
    """What the tests say until the first of them fails; the others would only take time."""
    output = []
    for line in lines:
        output.append(line)
        if FAILURE.match(line):
            return "".join(output), True
    return "".join(output), False


def end(process):
    """Ends the tests with all that they have started, such as a daemon, which would hold their output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def module_of(file):
    """The outermost module: `http` for common/src/http/date.rs."""
    return Path(file).relative_to(Path(file.partition("/src/")[0]) / "src").parts[0].removesuffix(".rs")


def limit(seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(seconds), ceil(seconds) + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def outcome_of(status, output):
    """A test that fails has noticed; tests that only end for want of time or memory have not, and are counted apart."""
    failed = tuple(sorted({match[1] or "a test" for match in map(FAILURE.match, output.splitlines()) if match}))
    if status == 0:
        return Outcome("missed")
    if failed:
        return Outcome("caught", failed)
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return Outcome("hung", ("no end",))
    if "memory allocation of" in output:
        return Outcome("hung", ("no end of memory",))
    return Outcome("caught", (f"status {status}",))
