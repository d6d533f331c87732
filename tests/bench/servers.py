"""Ours, the floors and the peers: how each is started for a job, and what is in force then."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Server:
    """One column of a case."""

    name: str
    # `ours`, `floor` or `peer`.
    kind: str
    # What starts it on a port of 127.0.0.1: command(lab, port).
    command: Callable
    # Why it cannot run here, or None: missing(lab).
    missing: Callable = lambda lab: None
    # Files of configuration that the command reads, as the result shows them: configuration(lab, port).
    configuration: Callable = lambda lab, port: ""
    # A program that reads the lines in its place and publishes them to it, on the load generator's core: publisher(lab, port).
    publisher: Callable | None = None
    # How many cores it gets; where it gets all, the load generator is on the last one, too.
    cores: int = 1
    # The most clients that it is tried with.
    most: int = 1_000_000
    # It has its turn in the full form only.
    only_full: bool = False
    # Its share of faults is measured, not forbidden.
    may_fail: bool = False

    def in_force(self, lab):
        """Its command line and its configuration, for the result."""
        return {"command": " ".join(lab.public(part) for part in self.command(lab, "PORT")), "configuration": lab.public(self.configuration(lab, "PORT")).strip()}


def ours(program, *options, name="ours", workers=1, inherits=None, processes=1):
    """One of our daemons; all that is not said here is as it comes. `inherits`: on one listener, `plain` or `deferred` (TCP_DEFER_ACCEPT), that all
    its processes inherit, as from a socket unit."""
    def given(lab):
        return [lab.binary(program), "--workers", workers, *(lab.fill(option) for option in options)]

    def command(lab, port):
        if inherits:
            return [sys.executable, lab.here("inherit.py"), port, inherits, processes, *given(lab)]
        return [*given(lab), "--listen", f"127.0.0.1:{port}"]

    return Server(name, "ours", command, configuration=lambda lab, port: differences(printed(*given(lab))), cores=max(workers, processes))


def printed(*command):
    """The configuration that a daemon of ours says is in force."""
    return subprocess.run([*map(str, command), "--print-config"], capture_output=True, text=True, check=True).stdout


def differences(config):
    """What of it is no default."""
    return "\n".join(line for line in config.splitlines() if not line.startswith("#") and not line.endswith("# default"))


def floor(name, program, *arguments):
    """A bare loop of system calls, of tests/bench/floors."""
    return Server(name, "floor", lambda lab, port: [lab.floor(program), port, *(lab.fill(argument) for argument in arguments)])
