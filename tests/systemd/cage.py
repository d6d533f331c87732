"""Namespaces and cgroups of our own: a process that starts in them ends with us, whatever happens."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def hierarchies():
    """The mounted cgroup hierarchies that systemd uses: version 2, and its own one of version 1."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            yield Path(where)


class Cage:
    """A cgroup in each hierarchy, so that two machines at once do not share theirs, and a folder to mount on."""

    def __enter__(self):
        # A TERM runs __exit__; after a KILL only empty folders stay.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.cgroups = [where / f"datecast-test-{os.getpid()}" for where in hierarchies()]
        if not self.cgroups:
            raise OSError("none is mounted")
        for cgroup in self.cgroups:
            cgroup.mkdir()
        self.mount_point = tempfile.mkdtemp(prefix="datecast-")
        return self

    def __exit__(self, *_):
        os.rmdir(self.mount_point)
        for cgroup in self.cgroups:
            remove(cgroup)

    def run(self, command):
        """Runs a command inside; its exit status. `--kill-child`: the whole pid namespace dies with its parent."""
        enter = "; ".join(f"echo $$ >{cgroup}/cgroup.procs" for cgroup in self.cgroups)
        unshare = "exec unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc"
        # If the parent is killed, unshare gets a KILL, too.
        shell = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", f'{enter}; {unshare} -- "$@"', "sh"]
        return subprocess.run([*shell, *command, self.mount_point], stdin=subprocess.DEVNULL).returncode


def remove(cgroup, patience=5):
    """Removes a cgroup and those in it, once the last killed process there is gone."""
    deadline = time.monotonic() + patience
    for path, _, _ in os.walk(cgroup, topdown=False):
        while True:
            try:
                os.rmdir(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
