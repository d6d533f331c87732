"""Older builds of ws-server, from the history."""

import os
import subprocess
from pathlib import Path

# Each writes another state than the one before: the newest commits before the change.
OLDER = {
    # Nothing of what the source is doing; no lines of JSON.
    "without-source-state": "c53703b^",
    # With that, and without keys and tokens of clients that publish.
    "without-publishing": "f731625^",
    # With these, and without numbers that are given.
    "without-given-numbers": "63df006^",
    # With these, and without the moment at which each connection was written down.
    "without-moments": "04da954^",
    # With these, written and taken as a whole, and without the polls of the process before.
    "without-parts": "53a95994^",
}
# Builds that do not know this way yet.
WITHOUT_JSON = {"without-source-state", "without-publishing"}


def obstacle():
    """Why no older build can be made here, or None."""
    for commit in OLDER.values():
        if subprocess.run(["git", "rev-parse", "--quiet", "--verify", commit + "^{commit}"], capture_output=True).returncode:
            return f"the history ends before {commit}: a shallow clone"
    return None


def older(name):
    """The ws-server of that name, built once."""
    commit = subprocess.run(["git", "rev-parse", "--short=12", OLDER[name]], check=True, capture_output=True, text=True).stdout.strip()
    folder = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "older").resolve()
    binary = folder / f"ws-server-{commit}"
    if not binary.exists():
        source = folder / "source"
        subprocess.run(["rm", "-rf", source], check=True)
        source.mkdir(parents=True)
        archive = subprocess.Popen(["git", "archive", commit], stdout=subprocess.PIPE)
        # As new files: cargo would take what it compiled from another commit for fresh.
        subprocess.run(["tar", "-x", "-m", "-C", source], stdin=archive.stdout, check=True)
        assert archive.wait() == 0
        # Not optimised across crates: what it writes counts, not how quick it is.
        environment = {**os.environ, "CARGO_TARGET_DIR": str(folder / "target"), "CARGO_PROFILE_RELEASE_LTO": "off",
                       "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
        subprocess.run(["cargo", "build", "-q", "--release", "--locked", "-p", "ws-server", "--bin", "ws-server"], cwd=source, env=environment, check=True)
        os.rename(folder / "target/release/ws-server", binary)
        subprocess.run(["rm", "-rf", source], check=True)
    return str(binary)
