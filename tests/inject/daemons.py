"""The three daemons under test: how each is started, and what its clients do."""

import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

PATIENCE = 20
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
EVENTS = b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"
CLOSE = bytes([0x88, 0x80, 0, 0, 0, 0])


class Ended(Exception):
    """The server ended the connection: that is what a fault may do to one of them."""


class Connection:
    def __init__(self, port):
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        except ConnectionResetError as error:
            raise Ended(str(error)) from None
        self.bytes = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Ended(str(error)) from None

    def until(self, wanted):
        """Reads up to these bytes; a server that neither sends them nor ends is a fault of its own."""
        end = time.monotonic() + PATIENCE
        while wanted not in self.bytes:
            self.receive(end, f"{wanted!r}, but only {self.bytes[-200:]!r}")
        before, self.bytes = self.bytes.split(wanted, 1)
        return before

    def take(self, count):
        end = time.monotonic() + PATIENCE
        while len(self.bytes) < count:
            self.receive(end, f"{count} bytes, but only {len(self.bytes)}")
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def receive(self, end, missing):
        """Reads what there is, until the moment `end` at the latest."""
        self.socket.settimeout(max(0.01, end - time.monotonic()))
        try:
            chunk = self.socket.recv(1 << 20)
        except TimeoutError:
            raise AssertionError(f"in {PATIENCE} s neither the end nor {missing}") from None
        except OSError as error:
            raise Ended(str(error)) from None
        if not chunk:
            raise Ended(f"the end before {missing}")
        self.bytes += chunk


class Daemon:
    """A process, its canaries, and what they do between two looks at it."""

    name = ""
    arguments: tuple = ()

    def __init__(self, binaries, folder):
        self.command = [f"{binaries}/{self.name}", "--listen", "127.0.0.1:0", *(part.format(folder=folder) for part in self.arguments)]
        self.log, self.canaries, self.rounds = [], [], 0

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # A daemon that neither listens nor ends is ended, and its log with it.
        watchdog = threading.Timer(PATIENCE, self.kill)
        watchdog.start()
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
            if found:
                break
        else:
            watchdog.cancel()
            raise RuntimeError("".join(self.log))
        watchdog.cancel()
        self.port = int(found[1])
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()
        self.canaries = [self.canary(kind) for kind in self.kinds()]
        self.round()
        self.baseline = self.descriptors()

    def kinds(self):
        return ()

    def canary(self, kind):
        raise NotImplementedError

    def round(self):
        """One round of canaries and newcomers; how many of all these connections, or of their requests, failed."""
        self.rounds += 1
        failed = 0
        for at, (canary, kind) in enumerate(zip(self.canaries, self.kinds())):
            try:
                self.ask(canary, kind)
            except Ended:
                failed += 1
        for newcomer in self.newcomers:
            try:
                newcomer(self)
            except Ended:
                failed += 1
        for at, (canary, kind) in enumerate(zip(self.canaries, self.kinds())):
            try:
                self.hear(canary, kind)
            except Ended:
                failed += 1
                canary.socket.close()
                self.canaries[at] = None
        return failed

    def restore(self):
        """New canaries in the places of those that ended; all must be well again."""
        for at, kind in enumerate(self.kinds()):
            if self.canaries[at] is None:
                self.canaries[at] = self.canary(kind)
        failed = self.round()
        assert failed == 0, f"{failed} connections failed in the round after the fault"
        end = time.monotonic() + PATIENCE
        while self.descriptors() > self.baseline:
            assert time.monotonic() < end, f"{self.descriptors()} descriptors, {self.baseline} before"
            time.sleep(0.005)

    def ask(self, canary, kind):
        """What a canary sends at the begin of a round."""

    def hear(self, canary, kind):
        """What it must get by the end."""

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def leave(self):
        """Its canaries go: a stop need not wait for their Close."""
        for canary in self.canaries:
            if canary:
                canary.socket.close()
        self.canaries = [None] * len(self.canaries)

    def stop(self):
        self.leave()
        assert self.process.poll() is None, f"it has ended with {self.process.returncode}: {''.join(self.log[-5:])}"
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        assert code == 0, f"exit code {code}"
        assert not any("panicked" in line for line in self.log), "".join(self.log[-20:])

    def kill(self):
        self.leave()
        if self.process.poll() is not None:
            return
        for child in self.children():
            os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def children(self):
        """The processes that it has started: the daemon itself, where strace has."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
                return [int(child) for child in children.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            return []


class WsServer(Daemon):
    name = "ws-server"
    arguments = ("--source", "-", "--workers", "2", "--write-timeout", "5s")

    def kinds(self):
        return ("websocket", "websocket", "events", "events")

    def canary(self, kind):
        connection = Connection(self.port)
        connection.send(UPGRADE if kind == "websocket" else EVENTS)
        connection.until(b"\r\n\r\n")
        return connection

    def round(self):
        self.process.stdin.write(f"line-{self.rounds + 1}.\n")
        self.process.stdin.flush()
        return super().round()

    def hear(self, canary, kind):
        canary.until(f"line-{self.rounds}.".encode())

    def close_handshake(self):
        newcomer = self.canary("websocket")
        newcomer.send(CLOSE)
        newcomer.until(b"\x88")
        newcomer.socket.close()

    def bad_request(self):
        newcomer = Connection(self.port)
        newcomer.send(b"\x16\x03\x01\r\n\r\n")
        newcomer.until(b" 400 ")
        newcomer.socket.close()

    newcomers = (close_handshake, bad_request, close_handshake)


class StaticServer(Daemon):
    name = "static-server"
    arguments = ("--root", "{folder}", "--workers", "2", "--cache-size", "0", "--keep-alive-requests", "0", "--keep-alive", "1h")

    def kinds(self):
        return ("small", "large", "small")

    def canary(self, kind):
        return Connection(self.port)

    def ask(self, canary, kind):
        canary.send(f"GET /{kind} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    def hear(self, canary, kind):
        head = canary.until(b"\r\n\r\n")
        body = canary.take(int(re.search(rb"Content-Length: (\d+)", head)[1]))
        if not head.startswith(b"HTTP/1.1 200 "):
            # The request failed, and its connection goes on.
            assert re.match(rb"HTTP/1.1 (403|404|503) ", head), head
            self.failed_requests += 1
        else:
            assert body == (b"s" * 100 if kind == "small" else b"l" * 300_000), f"{len(body)} wrong bytes"

    def round(self):
        self.failed_requests = 0
        return super().round() + self.failed_requests

    def get(self):
        newcomer = self.canary("large")
        self.ask(newcomer, "large")
        self.hear(newcomer, "large")
        newcomer.socket.close()

    newcomers = (get, get)


class PolicyServer(Daemon):
    name = "policy-server"
    arguments = ("--workers", "1")

    def get(self):
        newcomer = Connection(self.port)
        newcomer.send(b"<policy-file-request/>\0")
        newcomer.until(b"</cross-domain-policy>")
        newcomer.socket.close()

    newcomers = (get,) * 4


ALL = (WsServer, StaticServer, PolicyServer)
