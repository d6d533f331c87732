"""What systemd is for ws-server, in this process: it holds the listeners and the descriptors that ws-server stores, and starts the next
process with them."""

import fcntl
import os
import re
import signal
import socket
import tempfile
import threading
from pathlib import Path

from waiting import PATIENCE, until

FIRST = 3


class Holder:
    """A service manager for one ws-server after the other."""

    def __init__(self, folder, listeners=2):
        self.folder = Path(folder)
        self.notify_path = str(self.folder / "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.notify_path)
        self.listeners = listen(listeners)
        self.port = self.listeners[0].getsockname()[1]
        self.sockets = []
        self.kept, self.notified = [], []
        self.changed = threading.Condition()
        self.log = self.folder / "ws-server.log"
        self.pid = None
        threading.Thread(target=self.receive, daemon=True).start()

    def lines_socket(self):
        """Opens the producers' socket; its path."""
        path = str(self.folder / "lines")
        lines = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        lines.bind(path)
        lines.listen(64)
        self.sockets.append(("lines", lines))
        return path

    def receive(self):
        """Does with each notification what systemd would."""
        while True:
            text, descriptors, _, _ = socket.recv_fds(self.notify, 4096, 253)
            lines = text.decode().splitlines()
            with self.changed:
                if "FDSTORE=1" in lines:
                    self.kept += descriptors
                else:
                    if "FDSTOREREMOVE=1" in lines:
                        close(self.kept)
                        self.kept = []
                    # A barrier's descriptor is closed here: everything before it is done.
                    close(descriptors)
                self.notified += lines
                self.changed.notify_all()

    def start(self, binary, *arguments):
        """Starts a process with all that is held, and waits until it is ready."""
        with self.changed:
            self.notified.clear()
            passed = [("stream", listener.fileno()) for listener in self.listeners]
            passed += [(name, held.fileno()) for name, held in self.sockets]
            passed += [("hand-over", descriptor) for descriptor in self.kept]
        self.log_begins = self.log.stat().st_size if self.log.exists() else 0
        self.pid = spawn([binary, *arguments], passed, self.notify_path, self.log)
        self.wait_for("READY=1")

    def wait_for(self, line, patience=PATIENCE):
        with self.changed:
            came = self.changed.wait_for(lambda: line in self.notified, patience)
        assert came, f"no {line} within {patience} s: {self.log_of_this()}"

    def change_format(self, number):
        """Writes another format into what is kept, as if another version had written it."""
        with self.changed:
            first = socket.socket(fileno=self.kept[0])
            _, [manifest], _, _ = socket.recv_fds(first, 1, 1)
            # The format stands behind the 20 bytes that every manifest begins with.
            os.pwrite(manifest, number.to_bytes(8, "little"), 20)
            # The manifest goes first again, in a socket of its own.
            sender, kept = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            socket.send_fds(sender, [b"+"], [manifest])
            self.kept = [kept.detach(), first.detach(), *self.kept[1:]]
            os.close(manifest)
            sender.close()

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, patience=PATIENCE):
        """Waits for the end of the process; its exit code, or minus the signal."""
        pid = self.pid
        done, status = until(f"process {pid} ends", lambda: (found := os.waitpid(pid, os.WNOHANG))[0] and found, patience, 0.002)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def log_of_this(self):
        """What the newest process has logged."""
        with open(self.log, "rb") as log:
            log.seek(self.log_begins)
            return log.read().decode(errors="replace")

    def close(self):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def listen(count):
    """So many listeners on one port, among which the kernel shares the connections out."""
    listeners = []
    for _ in range(count):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if listeners:
            listener.bind(listeners[0].getsockname())
        else:
            listener.bind(("127.0.0.1", 0))
        listener.listen(4096)
        listeners.append(listener)
    return listeners


def close(descriptors):
    for descriptor in descriptors:
        os.close(descriptor)


def spawn(command, passed, notify, log):
    """A process that inherits these descriptors, by their names, from number 3 on (`sd_listen_fds(3)`)."""
    # The numbers that they get must not be ones that they come from.
    above = FIRST + len(passed) + 1
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above) for _, descriptor in passed]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATECAST_", "LISTEN_"))}
    environment |= {"NOTIFY_SOCKET": notify, "LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": ":".join(name for name, _ in passed)}
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
               (os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)]
    actions += [(os.POSIX_SPAWN_DUP2, copy, FIRST + index) for index, copy in enumerate(copies)]
    try:
        return os.posix_spawn(command[0], [str(part) for part in command], environment, file_actions=actions)
    finally:
        close(copies)
