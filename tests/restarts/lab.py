"""A ws-server behind a holder, with a crowd of clients around it."""

import fcntl
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import tempfile
import termios
import time
from pathlib import Path

from holder import Holder
from waiting import PATIENCE, until
from producers import Producer
from program import Program

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release").resolve()
LOAD_GENERATOR = TARGET / "examples/load-generator"
BASE = ["--hand-over", "on", "--max-connections-per-ip", "0", "--log-level", "info"]
# Clients hear of all others that leave, and what they say, one by one.
HEARING = ["--leave-notices", "on", "--notice-rate", "1000", "--on-message", "broadcast"]
DATES = ["--source", "clock", "--template", "{seq} {date}"]
LINES = ["--template", "{seq} {line}"]
POLLS = {"poll", "jsonp"}
# What clients send that want all there is, and never read: a WebSocket, an event stream, lines.
DEAD = [b"GET /?since=1 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        b"GET /?since=1 HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n", b"GET /?since=1 HTTP/1.0\r\n\r\n"]
# What the server says that it left out, where it was too late or a client's socket was full.
COUNTED = {"dates": re.compile(r"(\d+) dates were skipped"), "notices": re.compile(r"(\d+) notices were not sent to a client")}
# What must not happen to a client that goes on.
LOSSES = ["missing", "left out", "doubled", "missing lines", "doubled lines", "missing notices", "doubled notices"]


class Crowd(Program):
    """The clients; see tests/load_generator/main.rs."""

    def __init__(self, port, clients, turnover, says, seed, without=None):
        super().__init__([LOAD_GENERATOR, "crowd", "--to", f"127.0.0.1:{port}", "--clients", clients, "--turnover", turnover, "--says", says,
                          "--seed", seed, "--without", without])
        self.clients, self.is_deaf = clients, False
        self.next()

    def be_deaf(self):
        """Counts nothing that clients hear of each other."""
        self.ask("deaf")
        self.is_deaf = True

    def report(self):
        return self.ask("report")

    def settle(self, forget=False):
        """Lets nobody come or go, and waits until each client has heard all; the report. With `forget`, what was said may be lost with all
        who heard it."""
        self.ask("calm")
        until(lambda: f"all are there: {self.report()}", lambda: (now := self.report())["open"] == self.clients and not now["leaving"], pause=0.05)
        until(lambda: f"each has messages: {self.report()}", lambda: self.report()["fewest"] >= 1, pause=0.05)
        if self.is_deaf:
            return self.report()
        if forget and sum(self.report()["ended"].values()) > self.clients * 0.9:
            self.ask("forget")
        # The last text, which each must reach. Its author, and who has heard nothing yet, are not behind.
        before = self.report()["heard"]
        until(lambda: f"somebody hears it: {self.report()}", lambda: self.ask("say")["heard"] > before or self.report()["heard"] > before, pause=0.1)
        return until(lambda: f"all hear all: {self.report()}", self.all_heard, pause=0.02)

    def all_heard(self):
        """The report, once all have heard what was said and who has left."""
        now = self.report()
        return None if now["behind"] or now["unheard"] or now["unannounced"] else now


class Lab:
    """Holder, process, producers and crowd; `with` ends them."""

    def __init__(self, binary, arguments, clients=300, turnover=30, says=10, seed=1, producers=0, workers=2, without=None, rate=50,
                 holds_lines=True, given=False, fill=0, first=None):
        self.binary, self.workers = binary, workers
        self.folder = Path(tempfile.mkdtemp(prefix="restarts-"))
        self.holder = Holder(self.folder)
        self.producers = []
        self.arguments = [*BASE, *arguments]
        if producers:
            path = self.holder.lines_socket() if holds_lines else str(self.folder / "own-lines")
            self.arguments += ["--source", f"unix:{path}", *LINES, *(["--numbers", "given"] if given else [])]
            self.producers = [Producer(path, chr(ord("a") + index), rate, given) for index in range(producers)]
        # What is done before the first client comes.
        self.fill, self.first = fill, first
        self.dead = []
        self.crowd_of = (clients, turnover, says, seed, without)
        self.random = random.Random(seed)
        self.seconds = []

    def __enter__(self):
        try:
            self.start()
            for producer in self.producers:
                producer.start()
            self.write_bursts(self.fill, "")
            if self.first:
                self.first(self)
            self.crowd = Crowd(self.holder.port, *self.crowd_of)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.bury()
        for producer in self.producers:
            if producer.is_alive():
                producer.stop()
        if hasattr(self, "crowd"):
            self.crowd.end()
        self.holder.close()
        if not error or error[0] is None:
            shutil.rmtree(self.folder)
        else:
            print(f"what was logged stays in {self.holder.log}")

    def start(self):
        self.holder.start(self.binary, "--workers", self.workers, *self.arguments)

    def hand_over(self, as_format=None, delay=0):
        """`systemctl restart`; perhaps as if a version had written the state that the next process does not know. The next process begins
        so many seconds after the end of this one."""
        begin = time.monotonic()
        self.holder.signal(signal.SIGUSR2)
        code = self.holder.wait()
        assert code == 0, f"exit code {code}: {self.holder.log_of_this()}"
        if as_format:
            self.holder.change_format(as_format)
        time.sleep(delay)
        self.start()
        self.seconds.append(time.monotonic() - begin)

    def pause(self):
        """Another moment of the interval each time."""
        time.sleep(self.random.uniform(0, 0.5))

    def wait_for_full(self):
        """Waits until nothing more goes to the dead: the kernel holds as much for them as it can."""
        before = None
        def is_full():
            nonlocal before
            now = unsent(self.dead)
            full, before = now == before and all(now), now
            return full
        until(lambda: f"the dead are full: {unsent(self.dead)}", is_full, pause=0.3)

    def kill(self):
        """`kill -9`, and the next process."""
        begin = time.monotonic()
        self.holder.signal(signal.SIGKILL)
        assert self.holder.wait() == -signal.SIGKILL
        self.start()
        self.seconds.append(time.monotonic() - begin)

    def stop(self, drain):
        """`systemctl stop`, and a start: the exit code, and how long the stop took."""
        begin = time.monotonic()
        self.holder.signal(signal.SIGTERM)
        code = self.holder.wait(drain + PATIENCE)
        seconds = time.monotonic() - begin
        self.start()
        return code, seconds

    def open_dead(self, count, burst=True):
        """Clients that ask for the stream and never read; with the burst, it is more than the kernel holds for them."""
        self.write_bursts(200 * burst, " " + "." * 1000)
        for number in range(count):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.bind(("127.0.4.1", 0))
            client.connect(("127.0.0.1", self.holder.port))
            client.sendall(DEAD[number % len(DEAD)])
            self.dead.append(client)

    def write_bursts(self, lines, padding):
        """Has each producer write so many lines at once."""
        for producer in self.producers:
            producer.burst = (lines, padding) if lines else None
        until("the bursts are written", lambda: not any(producer.burst for producer in self.producers))

    def bury(self):
        for client in self.dead:
            client.close()
        self.dead = []

    def counted(self):
        """What the processes said until now that they left out, of each kind."""
        return counted(self.holder)


def allow_descriptors():
    """Lets this program and what it starts open as many as they may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def counted(holder):
    """What the processes of a holder said until now that they left out, of each kind."""
    log = holder.log.read_text(errors="replace")
    return {what: sum(map(int, said.findall(log))) for what, said in COUNTED.items()}


def nothing_lost(report, counted):
    """Nobody was refused, nothing lost or doubled. A date that was late by half an interval may be left out, and a notice for a client whose
    socket is full, but not in silence: who can be told is told, and the server has counted it."""
    wrong = {name: count for name, count in report["counts"].items() if name in LOSSES}
    if wrong.get("left out", 0) <= counted["dates"] * report["open"]:
        wrong.pop("left out", None)
    if wrong.get("missing notices", 0) <= counted["notices"]:
        wrong.pop("missing notices", None)
    if report["counts"].get("told a gap") and not counted["dates"]:
        wrong["told a gap"] = report["counts"]["told a gap"]
    wrong |= {name: report[name] for name in ("unheard", "unannounced", "behind") if report[name]}
    assert not wrong and not report["faults"], f"{wrong}, {report}"


def left_out(counted):
    """For the record, if there is something."""
    return "".join(f", {count} {what} left out and counted" for what, count in counted.items() if count)


def nobody_ended(report):
    assert not report["ended"], report


def unsent(clients):
    """How many bytes have come that each of these has not read."""
    return [struct.unpack("i", fcntl.ioctl(client, termios.FIONREAD, bytes(4)))[0] for client in clients]


def median(values):
    return sorted(values)[len(values) // 2] if values else 0
