"""On what something was measured."""

import os
import platform
import subprocess


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
