"""Namespaces and cgroups of our own: what is started in them ends with us, whatever happens."""

import os
import subprocess
import tempfile
from pathlib import Path


def hierarchies():
    """The mounted cgroup hierarchies that systemd uses: version 2, and its own one of version 1."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            yield Path(where)


class Cage:
    """A cgroup in each hierarchy, for two machines at once not to share theirs, and a folder to mount on."""

    def __init__(self):
        self.mount_point = tempfile.mkdtemp(prefix="datecast-")
        self.folders = [where / f"datecast-test-{os.getpid()}" for where in hierarchies()]

    def __enter__(self):
        for folder in self.folders:
            folder.mkdir()
        return self

    def __exit__(self, *_):
        os.rmdir(self.mount_point)
        for folder in self.folders:
            for path, _, _ in os.walk(folder, topdown=False):
                os.rmdir(path)

    def run(self, command):
        """Runs it inside; the exit status. `--kill-child`: the whole pid namespace dies with its parent."""
        enter = "; ".join(f"echo $$ >{folder}/cgroup.procs" for folder in self.folders)
        unshare = "exec unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc"
        # The parent may be killed: then unshare gets a KILL, too.
        shell = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", f'{enter}; {unshare} -- "$@"', "sh"]
        return subprocess.run([*shell, *command, self.mount_point], stdin=subprocess.DEVNULL).returncode
