"""A machine of ours: a ws-server whose numbers are given, and the bridge that feeds it from the stream."""

import http.client
import os
import re
import signal
import socket
import sys
import threading

from processes import Process
from waiting import until

# Runs a command with the descriptors that follow as numbers 3, 4, …, as a service manager passes them on.
INHERIT = """
import fcntl, os, sys
count = int(sys.argv[1])
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 1000) for number in sys.argv[2:2 + count]]
for number, descriptor in enumerate(high, 3):
    os.dup2(descriptor, number)
    os.close(descriptor)
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


class Manager:
    """Plays the service manager's part in a hand-over: keeps the descriptors that a process stores, and gives them to the next."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.kept, self.barriers = [], 0
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            text, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 253)
            lines = text.decode().split("\n")
            if "FDSTORE=1" in lines:
                self.kept += descriptors
                continue
            if "FDSTOREREMOVE=1" in lines:
                self.forget()
            # Whoever waits at a barrier goes on when its descriptor is closed.
            for descriptor in descriptors:
                os.close(descriptor)
            self.barriers += "BARRIER=1" in lines

    def forget(self):
        while self.kept:
            os.close(self.kept.pop())


class Server(Process):
    """A ws-server."""

    def __init__(self, name, binary, folder, history, options=()):
        self.source, self.health = folder / f"{name}.lines", folder / f"{name}.metrics"
        self.manager = Manager(folder / f"{name}.notify")
        super().__init__(name, [
            binary, "--listen", "127.0.0.1:0", "--source", f"unix:{self.source}", "--numbers", "given", "--history", history,
            "--max-backlog", "64MiB", "--metrics", f"unix:{self.health}", "--hand-over", "on", "--log-level", "debug", *options],
            {"NOTIFY_SOCKET": str(folder / f"{name}.notify")})
        self.own_command = self.command

    def start(self):
        kept = list(self.manager.kept)
        self.command = self.own_command
        if kept:
            self.command = [sys.executable, "-c", INHERIT, str(len(kept)), *map(str, kept), *self.own_command]
            names = ":".join(["hand-over"] * len(kept))
            self.environment |= {"LISTEN_FDS": str(len(kept)), "LISTEN_FDNAMES": names}
        super().start(pass_fds=kept)
        for name in ("LISTEN_FDS", "LISTEN_FDNAMES"):
            self.environment.pop(name, None)

    def address(self):
        """Where it listens, or None: it may not have begun."""
        found = self.runs() and re.search(r"listening on 127\.0\.0\.1:(\d+)", self.said())
        return ("127.0.0.1", int(found[1])) if found else None

    def wait_until_it_listens(self):
        return until(f"{self.name} listens", self.address)

    def restart(self):
        """A restart that its clients do not notice."""
        before = self.manager.barriers
        self.signal(signal.SIGUSR2)
        until(f"{self.name} hands over", lambda: self.manager.barriers > before)
        assert self.wait() == 0, f"{self.name}: {self.said()[-2000:]}"
        assert self.manager.kept, f"{self.name} handed over nothing: {self.said()[-2000:]}"
        self.start()
        self.wait_until_it_listens()

    def kill(self):
        super().kill()
        self.manager.forget()

    def is_healthy(self):
        """Whether it says that all is well: it has caught up with the stream, for one."""
        return self.ask("/healthz")[0] == 200

    def ask(self, path):
        """Status and body of its metrics endpoint; status 0 where there is none."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.health))
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)


class Machine:
    """Both of them. The bridge of a machine that is gone is started anew until it runs, as a service manager does."""

    def __init__(self, name, binaries, folder, urls, stream, history, options=()):
        self.name = name
        self.server = Server(f"server-{name}", binaries.server, folder, history, options)
        self.bridge = Process(f"bridge-{name}", [
            binaries.bridge, "follow", "--server", ",".join(urls), "--stream", stream, "--to", f"unix:{self.server.source}",
            "--history", history])

    def start(self):
        self.server.start()
        self.server.wait_until_it_listens()
        self.bridge.start()

    def wait_until_healthy(self):
        until(lambda: f"{self.name} is healthy: {self.server.ask('/healthz')}; its bridge {self.bridge.popen.poll()}",
              self.server.is_healthy)
