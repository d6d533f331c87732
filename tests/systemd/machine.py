"""A systemd in a container: the machine's own files, or another system's, under a throw-away overlay."""

import os
import shutil
import subprocess
from pathlib import Path

from waiting import until

LAB_TARGET = """[Unit]
Requires=basic.target
Wants=dbus.service
After=basic.target dbus.service
AllowIsolate=yes
"""
# A test that logs a lot must not lose lines.
JOURNAL = "[Journal]\nStorage=volatile\nRateLimitBurst=0\nForwardToConsole=no\n"

# The ports of the documents' streams and proxies that the kernel would give to clients, too.
RESERVED = "40132-40133"


class Machine:
    """Use it in a mount and pid namespace of your own: it undoes nothing."""

    def __init__(self, folder, console, system="/", options=()):
        """`system`: the folder of its files; `options`: more of them for systemd-nspawn."""
        self.folder, self.console, self.pid = Path(folder), console, None
        self.system, self.options = system, options
        # True from its shutdown on: a command that enters it then may hang.
        self.is_gone = False

    def boot(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "tmpfs", self.folder)
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        mount("-t", "overlay", "overlay", "-o",
              f"lowerdir={self.system},upperdir={self.folder}/upper,workdir={self.folder}/work", self.root)
        self.prepare()
        # --register=no: there is no machined. --keep-unit: nspawn would want a scope of its own.
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe",
                   "--link-journal=no", *self.options, "--boot", "--directory", self.root, "systemd.unit=lab.target"]
        with open(self.console, "w") as log:
            self.nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env={**os.environ, "UNIFIED_CGROUP_HIERARCHY": "1"})
        self.pid = until("the container has an init", self.init)
        # Else a client's own port may be one on which a stream or a proxy is to listen while that client is there.
        subprocess.run(self.enter_network("sh", "-c", f"echo {RESERVED} >/proc/sys/net/ipv4/ip_local_reserved_ports"), check=True)
        until("lab.target", lambda: self.query("systemctl", "is-active", "lab.target") == "active")

    @property
    def root(self):
        return self.folder / "root"

    def prepare(self):
        """Writes the overlay's own files."""
        (self.root / "etc/machine-id").write_text("")
        (self.root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)
        self.write("/etc/systemd/system/lab.target", LAB_TARGET)
        self.write("/etc/systemd/journald.conf.d/lab.conf", JOURNAL)

    def init(self):
        """The container's init: the process that is number 1 in its namespace. nspawn's first child is another one."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
            except OSError:
                continue
            numbers = status.get("NSpid", "").split()
            if status["Name"] == "systemd" and numbers[-1] == "1" and len(numbers) > 1:
                return int(folder.name)
        assert self.nspawn.poll() is None, f"systemd-nspawn ended: {Path(self.console).read_text()}"
        return None

    def write(self, path, text):
        """Writes a file of root in the container, by way of the overlay."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def remove(self, path):
        file = self.root / path.lstrip("/")
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)

    def enter(self, *command):
        """The command line that runs a command in the container."""
        return ["nsenter", "--target", str(self.pid), "--all", "--", *map(str, command)]

    def enter_network(self, *command):
        """The command line that runs a command of ours in the container's network."""
        return ["nsenter", "--target", str(self.pid), "--net", "--", *map(str, command)]

    def run(self, *command, patience=60):
        """Runs a command in the container, which must succeed; its output."""
        done = subprocess.run(self.enter(*command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience)
        assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def query(self, *command):
        """The output of a command in the container, whatever its status."""
        return subprocess.run(self.enter(*command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60).stdout.strip()


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True, text=True)
