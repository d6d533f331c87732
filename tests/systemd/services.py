"""The three services in the container: their state, drop-ins, loads."""

import re
from contextlib import contextmanager

from clients import Knocker, knock
from machine import until

# ws-server's: each message says its number.
CONFIGURATION = """template = "{seq} {date}"
workers = 2
"""
NAMES = ["ws-server", "policy-server", "static-server"]


class Services:
    def __init__(self, machine):
        self.machine = machine

    def show(self, unit, name):
        return self.machine.query("systemctl", "show", "--value", "--property", name, unit)

    def main_pid(self, name):
        """The main process as the container counts; 0 if there is none. Never hand a 0 to kill."""
        return int(self.show(f"{name}.service", "MainPID") or 0)

    def is_active(self, unit):
        return self.show(unit, "ActiveState") == "active"

    def systemctl(self, *arguments):
        return self.machine.run("systemctl", *arguments)

    def kill(self, name, signal):
        pid = self.main_pid(name)
        assert pid > 1, f"{name} has no main process"
        self.machine.run("kill", f"-{signal}", pid)
        return pid

    def started_anew(self, name, before, patience=20):
        """Waits for an active service with another main process; its pid."""
        def other():
            pid = self.main_pid(name)
            return pid if pid > 1 and pid != before and self.is_active(f"{name}.service") else None
        return until(f"another {name} than {before}", other, patience)

    def wake(self, name):
        """The service running, by a first connection if need be; its pid."""
        assert knock(self.machine, name) == {"answered": 20}
        return until(f"{name} runs", lambda: self.is_active(f"{name}.service") and self.main_pid(name))

    def connections_per_worker(self, name):
        """What the epoll instance of each worker watches (proc_pid_fdinfo(5)), but for a handful of its own."""
        lines = self.machine.query("sh", "-c", f"grep -c ^tfd: /proc/{self.main_pid(name)}/fdinfo/*").splitlines()
        counts = [int(re.search(r":(\d+)$", line).group(1)) for line in lines]
        return sorted(count for count in counts if count > 10)

    def configure(self, text, name="ws-server"):
        """The daemon's configuration, in force after its next start."""
        self.machine.write(f"/etc/datecast/{name}.toml", text)

    @contextmanager
    def configured(self, text, name="ws-server"):
        """Another configuration for a while, with a fresh process at both ends."""
        file = self.machine.root / f"etc/datecast/{name}.toml"
        before = file.read_text()
        self.systemctl("stop", f"{name}.service")
        self.configure(text, name)
        try:
            yield
        finally:
            self.configure(before, name)
            self.systemctl("stop", f"{name}.service")

    @contextmanager
    def drop_in(self, unit, text, restart=None):
        """The unit changed for a while; what is named is restarted at both ends."""
        folder = f"/etc/systemd/system/{unit}.d"
        self.machine.write(f"{folder}/lab.conf", text)
        try:
            self.reload(restart)
            yield
        finally:
            self.machine.remove(folder)
            self.reload(restart)

    def reload(self, restart):
        self.systemctl("daemon-reload")
        if restart:
            self.systemctl("reset-failed", *restart)
            self.systemctl("restart", *restart)

    def recover(self):
        """After a check that failed: the units as they came, the sockets open, the services not running."""
        for name in NAMES:
            for unit in (f"{name}.socket", f"{name}.service"):
                self.machine.remove(f"/etc/systemd/system/{unit}.d")
        self.configure(CONFIGURATION)
        self.configure("", "static-server")
        units = [f"{name}.{kind}" for name in NAMES for kind in ("socket", "service")]
        self.machine.query("systemctl", "daemon-reload")
        self.machine.query("systemctl", "stop", *units)
        self.machine.query("systemctl", "reset-failed", *units)
        self.machine.query("systemctl", "start", *units[::2])

    def under_load(self, name, action, rate=1000, port=None, before=1.0, after=1.0):
        """Does something while new connections knock; what became of them."""
        with Knocker(self.machine, name, rate=rate, port=port) as knocker:
            knocker.wait_for_answer()
            knocker.go_on(before)
            action()
            knocker.go_on(after)
            return knocker.stop()
