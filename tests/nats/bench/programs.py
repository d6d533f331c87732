"""The programs under measurement."""

import os
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
