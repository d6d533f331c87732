"""The three services in the container: their state, drop-ins, loads."""

import re
from contextlib import contextmanager

import report
from clients import Knocker, knock
from waiting import until

# The configuration of ws-server: each message has its number.
CONFIGURATION = """template = "{seq} {date}"
workers = 2
"""
NAMES = ["ws-server", "policy-server", "static-server"]
SOCKETS, SERVICES = ([f"{name}.{kind}" for name in NAMES] for kind in ("socket", "service"))


class Services:
    def __init__(self, machine):
        self.machine = machine

    def show(self, unit, name):
        return self.machine.query("systemctl", "show", "--value", "--property", name, unit)

    def main_pid(self, name):
        """The pid of the main process in the container; 0 if there is none. Never pass a 0 to kill."""
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
        """Starts the service by a first connection if need be; its pid."""
        outcomes = knock(self.machine, name)
        assert outcomes == {"answered": 20}, f"{name}: {outcomes}"
        return until(f"{name} runs", lambda: self.is_active(f"{name}.service") and self.main_pid(name))

    def connections_per_worker(self, name):
        """How many descriptors the epoll instance of each worker watches (proc_pid_fdinfo(5)); it has a handful of its own."""
        lines = self.machine.query("sh", "-c", f"grep -c ^tfd: /proc/{self.main_pid(name)}/fdinfo/*").splitlines()
        counts = [int(re.search(r":(\d+)$", line).group(1)) for line in lines]
        return sorted(count for count in counts if count > 10)

    def configure(self, text, name="ws-server"):
        """Writes the daemon's configuration, which takes effect with its next start."""
        self.machine.write(f"/etc/datecast/{name}.toml", text)

    @contextmanager
    def configured(self, text, name="ws-server"):
        """Another configuration for a while; a new process starts before and after."""
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
        """A changed unit for a while; restarts the named units before and after."""
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
        """Restores the units after a failed check: as shipped, the sockets open, the services stopped."""
        units = [*SOCKETS, *SERVICES]
        self.machine.query("systemctl", "stop", "datecast-nats@*", "nats-server", "datecast-feed@*", "ws-server@*", "ws-server-lines@*", "ws-server-metrics@*")
        self.machine.query("systemctl", "reset-failed")
        for unit in units:
            self.machine.remove(f"/etc/systemd/system/{unit}.d")
        self.configure(CONFIGURATION)
        self.configure("", "static-server")
        self.machine.query("systemctl", "daemon-reload")
        self.machine.query("systemctl", "stop", *units)
        self.machine.query("systemctl", "reset-failed", *units)
        self.machine.query("systemctl", "start", *SOCKETS)

    def keep_journal(self, part):
        """Keeps the journal so far, to explain a failure."""
        log = self.machine.query("journalctl", "--no-pager", "-o", "short-precise", "-b")
        (report.OUT / f"{part}-journal.log").write_text(log + "\n")

    def under_load(self, name, action, rate=1000, port=None, before=1.0, after=1.0):
        """Runs the action while new connections knock; their outcomes."""
        with Knocker(self.machine, name, rate=rate, port=port) as knocker:
            knocker.wait_for_answer()
            knocker.go_on(before)
            action()
            knocker.go_on(after)
            return knocker.stop()
