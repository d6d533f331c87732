"""Servers that other people wrote, with their best settings for each job. The first one of a job is the best that was measured; all have
their turn in the full form."""

import os

from lab import PEERS
from servers import Server

PYTHON = PEERS / "uwebsockets/bin/python"


def is_there(path, how):
    """For `missing`: this file is there, or how to get it."""
    return lambda lab: None if os.path.exists(path) else f"no {lab.public(path)}: {how}"


def uwebsockets(job):
    return Server("uWebSockets", "peer", lambda lab, port: [PYTHON, lab.here("peers/uwebsockets.py"), port, job],
                  is_there(PYTHON, "PyPI's socketify, by tests/bench/fetch"))


def dates():
    return (uwebsockets("dates"),)


def policies():
    return ()


def files(deferred=False):
    return ()


def handshakes():
    return (uwebsockets("silent"),)


def lines():
    return (uwebsockets("lines"),)


def echoes():
    return ()
