"""One machine of ours: a ws-server, and before it either a bridge from the engine or nothing."""

import http.client
import itertools
import socket

from engine import STREAM
from processes import Process
from waiting import until

runs = itertools.count()


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Machine:
    """A ws-server that reads lines at the Unix socket `lines`; with an engine, a bridge feeds it there.

    A context manager. Unless it should `begin` empty, it is filled when the context is entered.
    """

    def __init__(self, bench, engine=None, begin=True, history=None, backlog=None, greet=None):
        self.engine, self.begin = engine, begin
        folder = bench.folder / f"machine-{next(runs)}"
        folder.mkdir()
        self.lines, self.stream, self.metrics = (folder / name for name in ("lines", "stream", "metrics"))
        command = [bench.programs.ws_server, "--source", f"unix:{self.lines}", "--coalesce", "0", "--listen", f"unix:{self.stream}",
                   "--metrics", f"unix:{self.metrics}", "--workers", 1]
        follow = [bench.programs.bridge, "follow", "--server", engine and engine.servers, "--stream", STREAM, "--to", f"unix:{self.lines}"]
        if engine:
            command += ["--numbers", "given"]
        if history:
            command += ["--history", history]
            follow += ["--history", history]
        if backlog:
            command += ["--max-backlog", backlog]
        if greet is not None:
            command += ["--greet", greet]
        self.server, self.bridge = Process("bench-ws-server", command), Process("bench-follow", follow)

    def __enter__(self):
        try:
            self.server.start()
            until(lambda: f"ws-server listens: {self.server.said()}", lambda: self.health() is not None)
            if self.engine and self.begin:
                self.bridge.start()
                until(lambda: f"it is filled: {self.bridge.said()}", lambda: self.health() == 200)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.bridge.kill()
        self.server.kill()

    def health(self):
        """The status of /healthz; None while nobody listens there."""
        connection = UnixConnection(self.metrics)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()
