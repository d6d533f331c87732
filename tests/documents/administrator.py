"""Who reads docs/operations.md: root at a terminal of a machine with systemd, in a clone of the project."""

import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

from waiting import until
from services import NAMES, Services
from terminal import Terminal

# A port for a daemon beside the services.
OTHER_PORT = 40199
# Puts the text below the first of the comments that `systemctl edit` shows, as a person would.
EDITOR = '#!/bin/sh\nsed -i "2r /root/pasted" "$1"\n'
ROOT = "/srv/www"


class Administrator(Services):
    def __init__(self, machine):
        super().__init__(machine)
        self.project = Path.cwd()

    def prepare(self):
        """The machine boots; an answer to apt's question, and an editor."""
        self.machine.boot()
        self.machine.write("/etc/apt/apt.conf.d/yes", 'APT::Get::Assume-Yes "true";\n')
        # The index of this machine's manual pages takes longer to renew than the package to install.
        self.machine.remove("/var/lib/man-db/auto-update")
        self.file("/root/editor", EDITOR, 0o755)

    def line(self, command, folder=None):
        return self.machine.enter("bash", "-c", f"cd {folder or self.project}\n{command}")

    def outcome(self, command, folder=None, patience=60):
        """Runs a command as it is written; its exit status and what it printed."""
        done = subprocess.run(self.line(command, folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=patience)
        return done.returncode, done.stdout

    def type(self, command, folder=None, patience=60):
        """Runs a command as it is written, which must succeed; what it printed."""
        status, output = self.outcome(command, folder, patience)
        assert status == 0, f"{command}: exit status {status}: {output[-2000:]}"
        return output

    @contextmanager
    def running(self, command, sign):
        """A command in a terminal of its own that has printed this, and runs on until the end; then Ctrl-C."""
        with Terminal(self.line(command)) as terminal:
            terminal.until(sign, 20)
            yield terminal
            terminal.interrupt(20)

    def edit(self, command, text):
        """`systemctl edit UNIT` in a terminal, and the text in the editor."""
        self.machine.write("/root/pasted", text.rstrip() + "\n")
        with Terminal(self.line(f"SYSTEMD_EDITOR=/root/editor {command}")) as terminal:
            while terminal.read(0.5):
                pass
            assert terminal.process.wait(timeout=20) == 0, terminal.text
        return re.search(r"edit (\S+)", command).group(1)

    @contextmanager
    def edited(self, command, text, *apply):
        """The same for a while: then the drop-in is removed, and what applied it is run again."""
        unit = self.edit(command, text)
        unit += "" if "." in unit else ".service"
        try:
            for each in apply:
                self.type(each)
            yield
        finally:
            self.machine.remove(f"/etc/systemd/system/{unit}.d")
            self.systemctl("daemon-reload")
            for each in apply:
                self.type(each)

    @contextmanager
    def changed(self, path, change):
        """A file for a while with the text that `change` makes of its own."""
        file = self.machine.root / path.lstrip("/")
        before = file.read_text()
        file.write_text(change(before))
        try:
            yield
        finally:
            file.write_text(before)

    def added(self, name, line):
        """A further line in the configuration of a service for a while."""
        return self.changed(f"/etc/datecast/{name}.toml", lambda before: f"{before}\n{line}\n")

    @contextmanager
    def option(self, name, line):
        """The same; the service has it from the next start or reload on, and is restarted without it."""
        try:
            with self.added(name, line):
                yield
        finally:
            self.machine.query("systemctl", "reset-failed", name)
            self.systemctl("restart", name)

    def flags(self, name, flags):
        """Flags of a service for a while, in /etc/default/NAME; they count from the next start on."""
        return self.changed(f"/etc/default/{name}", lambda before: before.replace('FLAGS=""', f'FLAGS="{flags}"'))

    def curl(self, *arguments, patience=3):
        """What a client in the machine's network gets until then."""
        command = self.machine.enter_network("curl", "--silent", "--no-buffer", "--max-time", patience, *arguments)
        return subprocess.run(command, capture_output=True, text=True).stdout

    def status_of(self, *arguments, patience=3):
        return self.curl("--output", "/dev/null", "--write-out", "%{http_code}", *arguments, patience=patience)

    def listening(self, *ports):
        """The TCP listeners as `address:port`, one for each descriptor: all, or those on these ports."""
        addresses = [line.split()[3] for line in self.machine.run("ss", "-tlnH").splitlines()]
        return [address for address in addresses if not ports or port_of(address) in ports]

    def journal(self, name, *arguments):
        """What the daemon has written so far, one line each."""
        return self.machine.query("journalctl", "--no-pager", "-b", "-o", "cat", "-t", name, *arguments)

    def says(self, name, sign):
        """Waits for a line of the daemon's log that matches."""
        return until(f"{name} says {sign}", lambda: re.search(sign, self.journal(name)))

    def restarts(self, command, *names):
        """Runs a command after which each of these is another process."""
        before = {name: self.wake(name) for name in names}
        self.type(command)
        return [self.started_anew(name, before[name]) for name in names]

    def file(self, path, text, mode=0o644):
        self.machine.write(path, text)
        (self.machine.root / path.lstrip("/")).chmod(mode)


def port_of(address):
    return int(address.rpartition(":")[2])


def each_name(command):
    """The command for each of the three daemons, if it says NAME."""
    return [(name, command.replace("NAME", name)) for name in NAMES] if "NAME" in command else [(None, command)]


def body_of(piece):
    """The lines of a drop-in, below the comment that says how to open it."""
    first, _, rest = piece.text.partition("\n")
    return (first.removeprefix("# "), rest) if first.startswith("# ") else (None, piece.text)
