"""Which mutants there are, by cargo-mutants, and which of them a sample takes."""

import hashlib
import json
import subprocess
from dataclasses import dataclass

CONFIG = "tests/strength/mutants.toml"


@dataclass(frozen=True)
class Mutant:
    """One change: the characters from start to end of the file become another text."""

    name: str
    genre: str
    file: str
    start: tuple  # line and column, from 1; a column counts characters
    end: tuple
    replacement: str
    key: str

    def applied(self, text):
        lines = text.splitlines(keepends=True)
        before = "".join(lines[: self.start[0] - 1]) + lines[self.start[0] - 1][: self.start[1] - 1]
        after = lines[self.end[0] - 1][self.end[1] - 1 :] + "".join(lines[self.end[0] :])
        return before + self.replacement + after


def listed(package):
    """All mutants but those that the configuration leaves out, and how many it leaves out."""
    everything = ask(package, "--no-config")
    mutants = [mutant_of(entry) for entry in ask(package, "--config", CONFIG)]
    return mutants, len(everything) - len(mutants)


def ask(package, *more):
    command = ["cargo", "mutants", "--list", "--json", "--package", package, *more]
    # The simulated network is test code.
    command += ["--exclude", "common/reactor/src/simulation/**", "--exclude", "common/reactor/src/system/simulated/**"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit("cargo is missing: tests/needs cargo") from None
    if answer.returncode != 0:
        raise SystemExit(f"{answer.stderr}\ncargo-mutants is needed: `cargo install --locked cargo-mutants@27.1.0`")
    return json.loads(answer.stdout)


def mutant_of(entry):
    start, end = ((entry["span"][which]["line"], entry["span"][which]["column"]) for which in ("start", "end"))
    return Mutant(entry["name"], entry["genre"], entry["file"], start, end, entry["replacement"], key_of(entry))


def key_of(entry):
    """What the mutant is, wherever its function stands in the file: changes above it do not make it another one."""
    function = entry.get("function") or {}
    first = (function.get("span") or entry["span"])["start"]["line"]
    body = "\n".join(line for line in entry["diff"].splitlines()[2:] if not line.startswith("@@"))
    place = (entry["span"]["start"]["line"] - first, entry["span"]["start"]["column"])
    parts = (entry["file"], function.get("function_name"), place, entry["replacement"], body)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def sample(mutants, size, seed):
    """As many as that, or all for 0, in an order that depends on nothing but the seed and what each mutant is: where the code has
    changed a little, nearly the same ones are chosen."""
    order = sorted(mutants, key=lambda mutant: hashlib.sha256(f"{seed} {mutant.key}".encode()).digest())
    return order[:size] if size else order
