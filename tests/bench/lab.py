"""Where the programs under measurement are, and the files that they serve."""

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or PROJECT / "target").resolve()
# What peers are fetched into.
PEERS = PROJECT / "tests/.venv/bench"
# The answer of the floors' `once` and `keep`; a file for each size.
SIZES = {"1KiB": 1024, "10KiB": 10 * 1024, "1MiB": 1024 * 1024}


class Lab:
    """The programs, and a folder for a run: `{site}`, `{answers}` and `{folder}` in an option are folders in it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.binaries = Path(os.environ.get("BINARIES") or TARGET / "release").resolve()
        self.generator = TARGET / "release/examples/load-generator"
        self.floors = TARGET / "bench/floors"
        self.site, self.answers = self.folder / "site", self.folder / "answers"
        self.write_files()

    def binary(self, name):
        return self.binaries / name

    def floor(self, name):
        return self.floors / name

    def here(self, name):
        return HERE / name

    def fill(self, option):
        return str(option).format(site=self.site, answers=self.answers, folder=self.folder, peers=PEERS, here=HERE)

    def public(self, text):
        """The same without what is so on this machine only."""
        for folder, name in ((self.folder, "FOLDER"), (self.binaries, "BINARIES"), (self.floors, "FLOORS"), (PEERS, "PEERS"), (PROJECT, ".")):
            text = str(text).replace(str(folder), name)
        return text

    def write_files(self):
        """The files of the site, and the answers that the floors give: the same bodies behind a head as short as it may be."""
        self.site.mkdir()
        self.answers.mkdir()
        # nginx's workers are another user.
        self.folder.chmod(0o755)
        for name, size in SIZES.items():
            body = bytes(33 + number % 90 for number in range(size))
            (self.site / f"{name}.txt").write_bytes(body)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
            (self.answers / f"{name}.http").write_bytes(head.encode() + body)
        (self.answers / "policy.xml").write_text(POLICY)


POLICY = ('<?xml version="1.0"?>\n<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd">\n'
          '<cross-domain-policy>\n  <site-control permitted-cross-domain-policies="master-only"/>\n'
          '  <allow-access-from domain="*" to-ports="40132"/>\n</cross-domain-policy>\n\0')


def build():
    """Our daemons as they are published, the load generator and the floors."""
    run = lambda *command: subprocess.run([str(part) for part in command], check=True, cwd=PROJECT)  # noqa: E731
    if not os.environ.get("BINARIES"):
        run("cargo", "build", "--quiet", "--release", "--locked", "-p", "ws-server", "-p", "static-server", "-p", "policy-server", "--bins")
    run("cargo", "build", "--quiet", "--release", "--locked", "-p", "datecast-tests", "--example", "load-generator")
    floors = TARGET / "bench/floors"
    shutil.rmtree(floors, ignore_errors=True)
    floors.mkdir(parents=True)
    for source in sorted((HERE / "floors").glob("*.c")):
        run("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", floors / source.stem, source)
