"""The programs under measurement, and what is in force."""

import os
import platform
import re
import subprocess
from pathlib import Path


class Programs:
    """Those of this tree, or of the variables NATS_SERVER, BINARIES and NATS_BINARIES."""

    def __init__(self):
        self.nats_server = Path(os.environ.get("NATS_SERVER") or "tests/.venv/nats/bin/nats-server").absolute()
        self.ws_server = Path(os.environ.get("BINARIES") or "target/release", "ws-server").absolute()
        self.bridge = Path(os.environ.get("NATS_BINARIES") or "datecast-nats/target/release", "datecast-nats").absolute()

    def missing(self):
        return [str(program) for program in (self.nats_server, self.ws_server, self.bridge) if not os.access(program, os.X_OK)]

    def engine(self):
        """`nats-server 2.15.1`"""
        said = subprocess.run([self.nats_server, "--version"], capture_output=True, text=True, check=True).stdout
        return "nats-server " + re.search(r"[0-9][0-9.]*", said)[0]


def build():
    """`release build`, and what was left out to be quicker."""
    without_lto = os.environ.get("CARGO_PROFILE_RELEASE_LTO") == "off"
    return "release build" + " (without link-time optimisation)" * without_lto


def commit():
    """The tree that is measured: `abc1234`, and `-dirty` if something in it was changed."""
    try:
        return subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "an archive"


def system():
    """`2 cores, Debian GNU/Linux 12 (bookworm), Linux 6.18`"""
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "an unknown system")
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{len(os.sched_getaffinity(0))} cores, {release}, Linux {kernel}"
