"""Minimal Debian systems, made by mmdebstrap from the mirrors that this machine uses."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import prepare
from cage import Cage

OUT = Path("tests/out/fresh").resolve()
TOOLS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "nsenter": "util-linux"}
# What a system has that an installer made, and the minimal one has not: an init, sudo, certificates.
INCLUDE = "systemd-sysv,sudo,ca-certificates"
USER = "newcomer"
# Seconds for a mirror, also in the time that `tests/ahead` gets.
PATIENCE = 1800


@dataclass(frozen=True)
class Release:
    name: str
    code: str


RELEASES = {release.name: release for release in (Release("debian-12", "bookworm"), Release("debian-13", "trixie"))}


class Unreachable(Exception):
    """No mirror of this machine has the release."""


def folder(release):
    return OUT / release.name


def root(release):
    return folder(release) / "root"


def obstacle():
    """Why no such system can be made and booted here, or None."""
    if os.geteuid() != 0:
        return "not root"
    prepare.OUT.mkdir(exist_ok=True)
    if lacking := prepare.lacks(TOOLS):
        return lacking
    try:
        with Cage():
            return None
    except OSError as error:
        return f"no cgroups of our own here: {error}"


def make(release, downloads):
    """Makes the system, once for these downloads: commands `apt install`, the first of which is executed, too."""
    stamp = folder(release) / "stamp"
    wanted = "\n".join([INCLUDE, *sources(release), *downloads])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    shutil.rmtree(root(release), ignore_errors=True)
    folder(release).mkdir(parents=True, exist_ok=True)
    with open(folder(release) / "root.log", "w") as log:
        made = subprocess.run(["mmdebstrap", "--variant=minbase", f"--include={INCLUDE}", release.code, root(release), *sources(release)],
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=PATIENCE)
        if made.returncode:
            raise Unreachable(f"mmdebstrap made no {release.code} from this machine's mirrors; see {log.name}")
        settle(release)
        for number, command in enumerate(downloads):
            only = "" if number == 0 else " --download-only"
            # As the host's network is used, and nothing of the host's.
            inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c",
                      f'mount -t proc proc "$0/proc" && exec chroot "$0" runuser -u {USER} -- sh -c "$1"', root(release), command + only]
            subprocess.run(inside, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=PATIENCE, check=True)
    stamp.write_text(wanted)


def settle(release):
    """The user, and what a person would answer."""
    system = root(release)
    shutil.copy("/etc/resolv.conf", system / "etc/resolv.conf")
    subprocess.run(["chroot", system, "useradd", "--create-home", "--shell", "/bin/bash", USER], check=True, capture_output=True, text=True)
    (system / f"etc/sudoers.d/{USER}").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    (system / "etc/apt/apt.conf.d/yes").write_text('APT::Get::Assume-Yes "true";\n')


def own_code():
    """The code name of this machine's own system."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return release.get("VERSION_CODENAME", "")


def is_this_machine(release):
    return own_code() == release.code


def sources(release):
    """The lines of sources.list: the machine's own mirrors of Debian, with this release instead of the machine's."""
    own = own_code()
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages", "Origin: Debian"],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    lines = []
    for line in dict.fromkeys(listed):
        site, suite, component = line.split()
        if suite == own or suite.startswith(f"{own}-"):
            lines.append(f"deb {site} {suite.replace(own, release.code)} {component}")
    if not lines:
        raise Unreachable("this machine's apt knows no mirror of Debian (apt-get update)")
    return lines
