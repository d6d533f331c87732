"""Ours, the floors and the peers: how each is started for a job, and what is in force then."""

import dataclasses
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
    # Its share of faults is measured, not forbidden.
    may_fail: bool = False
    # It waits for the request before it answers.
    reads: bool = True

    def in_force(self, lab):
        """Its command line and its configuration, for the result."""
        command = " ".join(lab.public(part) for part in self.command(lab, "PORT"))
        return f"{command}\n{lab.public(self.configuration(lab, 'PORT'))}".strip()


def ours(program, *options):
    """One of our daemons with one worker; all that is not said here is as it comes."""
    def command(lab, port):
        return [lab.binary(program), "--listen", f"127.0.0.1:{port}", "--workers", 1, *(lab.fill(option) for option in options)]
    return Server("ours", "ours", command)


def floor(name, program, *arguments):
    """A bare loop of system calls, of tests/bench/floors."""
    return Server(name, "floor", lambda lab, port: [lab.floor(program), port, *(lab.fill(argument) for argument in arguments)])
