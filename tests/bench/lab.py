"""Where the programs under measurement are, and the files that they serve."""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or PROJECT / "target").resolve()
# What peers are fetched into.
PEERS = PROJECT / "tests/.venv/bench"
DAEMONS = ("ws-server", "static-server", "policy-server")
# The answer of the floors' `once` and `keep`; a file for each size.
SIZES = {"1KiB": 1024, "10KiB": 10 * 1024, "1MiB": 1024 * 1024}
# Files of 1 KiB, each with its number; what a Range asks for of the 1 MiB.
MANY = 10_000
RANGE = range(500_000, 510_240)


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

    def size(self, name):
        """Bytes of the program without its symbols, as a package has it."""
        stripped = self.folder / "stripped"
        subprocess.run(["strip", "-o", stripped, self.binary(name)], check=True)
        return stripped.stat().st_size

    def floor(self, name):
        return self.floors / name

    def here(self, name):
        return HERE / name

    def fill(self, option):
        return str(option).format(site=self.site, answers=self.answers, folder=self.folder, peers=PEERS, here=HERE)

    def public(self, text):
        """The same without the paths of this machine."""
        names = {sys.executable: "python3", self.folder: "FOLDER", self.binaries: "BINARIES", self.floors: "FLOORS", PEERS: "PEERS", TARGET: "TARGET", PROJECT: "."}
        for path, name in names.items():
            text = str(text).replace(str(path), name)
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
            self.write_answer(name, body)
        part = body[RANGE.start:RANGE.stop]
        (self.folder / "range").write_bytes(part)
        self.write_answer("range", part, "206 Partial Content", f"Content-Range: bytes {RANGE.start}-{RANGE.stop - 1}/{len(body)}\r\n")
        self.write_packed()
        (self.answers / "policy.xml").write_text(POLICY)
        self.write_answer("many", b"0" * 1024)

    def write_answer(self, name, body, status="200 OK", fields=""):
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n{fields}\r\n"
        (self.answers / f"{name}.http").write_bytes(head.encode() + body)

    def write_packed(self):
        """A text, and beside it the same packed beforehand: 40 KiB and 13."""
        text = "".join(f"{number * 7919 % 99991} of {number}, " for number in range(2700)).encode()
        packed = gzip.compress(text, mtime=0)
        (self.site / "packed.txt").write_bytes(text)
        (self.site / "packed.txt.gz").write_bytes(packed)
        self.write_answer("packed", packed, fields="Content-Encoding: gzip\r\n")

    def many(self):
        """The folder of 10,000 files, which not every run needs."""
        folder = self.site / "many"
        if not folder.exists():
            folder.mkdir()
            for number in range(MANY):
                (folder / f"{number:08}.txt").write_bytes(b"%08d" % number + b"0" * 1016)
            # What is not written out yet cannot be dropped.
            os.sync()
        return folder

    def make_cold(self):
        """The kernel forgets what is in the files. (Their names and sizes it keeps: to drop those takes a privilege, and slows all others.)"""
        for path in self.many().iterdir():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


POLICY = ('<?xml version="1.0"?>\n<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd">\n'
          '<cross-domain-policy>\n  <site-control permitted-cross-domain-policies="master-only"/>\n'
          '  <allow-access-from domain="*" to-ports="40132"/>\n</cross-domain-policy>\n\0')


def build():
    """Our daemons as they are published, the load generator and the floors."""
    run = lambda *command: subprocess.run([str(part) for part in command], check=True, cwd=PROJECT)  # noqa: E731
    if not os.environ.get("BINARIES"):
        run("cargo", "build", "--quiet", "--release", "--locked", *(f"--package={name}" for name in DAEMONS), "--bins")
    run("cargo", "build", "--quiet", "--release", "--locked", "-p", "datecast-tests", "--example", "load-generator")
    floors = TARGET / "bench/floors"
    shutil.rmtree(floors, ignore_errors=True)
    floors.mkdir(parents=True)
    for source in [*sorted((HERE / "floors").glob("*.c")), HERE / "peers/ticker.c"]:
        run("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", floors / source.stem, source)
