"""The long run: real processes with thousands of clients that come and go, restarts, producers that are killed, slow and hostile
clients. Does anything grow?"""

import os
import random
import resource
import socket
import statistics
import threading
import time

import lab
import report
import slopes
from holder import PATIENCE, until

TURNOVER = 100
# Of a process's life, at its beginning: memory is still being taken for the first time.
WARMING = 0.34
# The ring is full after a part of this many lines, and remains so.
HISTORY = 256
HOSTILE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nHost", b"SSH-2.0-Go\r\n",
    b"<policy-file-request/>\0", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x85",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
]


class Hostile(threading.Thread):
    """Clients that mean no good, twenty a second; each is reset after a while, or when it has been closed."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.count, self.stopped = port, 0, threading.Event()

    def run(self):
        held, chosen = [], random.Random(1)
        while not self.stopped.wait(0.05):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            try:
                client.bind(("127.0.5.1", 0))
                client.settimeout(5)
                client.connect(("127.0.0.1", self.port))
                client.sendall(chosen.choice(HOSTILE))
            except OSError:
                pass
            held.append(client)
            self.count += 1
            while len(held) > 60:
                held.pop(0).close()
        for client in held:
            client.close()


def clients_that_fit():
    """As many as a process may have descriptors, with a margin; 10,000 at most."""
    return min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def usage(pid):
    """Resident memory in KiB, and open descriptors."""
    with open(f"/proc/{pid}/status") as status:
        memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    return memory, len(os.listdir(f"/proc/{pid}/fd"))


def soak(binary, seconds, clients, lives=6):
    """The verdict on so many seconds, in which so many processes follow each other."""
    arguments = ["--history", HISTORY, "--greet", 5, "--max-connections", 0, "--drain-timeout", "2s"]
    with lab.Lab(binary, arguments, clients=clients, turnover=TURNOVER, says=0, producers=2, rate=1) as here:
        here.crowd.be_deaf()
        hostile = Hostile(here.holder.port)
        hostile.start()
        fill_ring(here)
        here.crowd.ask("mark")
        run = Run(here, seconds / lives)
        for life in range(lives):
            run.live(life)
            if life < lives - 1:
                here.hand_over()
        hostile.stopped.set()
        hostile.join()
        here.bury()
        now = here.crowd.settle()
        run.add(now)
        here.crowd.end()
        baseline = back_at_baseline(here)
        return run.verdict(hostile.count, baseline)


def fill_ring(here):
    for producer in here.producers:
        producer.burst = HISTORY
    until("the ring is full", lambda: not any(producer.burst for producer in here.producers))


def back_at_baseline(here):
    """All connections are gone: only what a process has without clients is open."""
    pid, found = here.holder.pid, None
    # Listeners, producers, the poll, wakers, the log, pipes.
    most = 60

    def few():
        nonlocal found
        found = usage(pid)[1]
        return found <= most
    until(lambda: f"descriptors are back: {found} are open", few, PATIENCE, 0.5)
    return found


class Run:
    """What is seen while it runs."""

    def __init__(self, here, life_seconds):
        self.here, self.life_seconds = here, life_seconds
        self.begun = time.monotonic()
        # For each process: (time, RSS, descriptors, lateness of the median and of the 99th percentile).
        self.lives = []
        self.totals, self.ended, self.faults, self.worst = {}, {}, {}, 0.0

    def live(self, number):
        """One process's life: samples, dead clients, producers that are killed."""
        samples, until_when = [], time.monotonic() + self.life_seconds
        self.lives.append(samples)
        self.here.bury()
        self.here.open_dead(30, burst=False)
        cut = time.monotonic() + self.life_seconds / 2
        while time.monotonic() < until_when:
            time.sleep(min(2.0, self.life_seconds / 10))
            if cut and time.monotonic() > cut:
                self.here.producers[number % 2].cut()
                cut = None
            now = self.here.crowd.ask("take")
            self.add(now)
            if late := now["late_ms"]:
                samples.append((time.monotonic() - self.begun, *usage(self.here.holder.pid), late["p50"], late["p99"]))

    def add(self, now):
        for name, count in now["counts"].items():
            self.totals[name] = self.totals.get(name, 0) + count
        for total, part in ((self.ended, now["ended"]), (self.faults, now["faults"])):
            for name, count in part.items():
                total[name] = total.get(name, 0) + count
        if now["late_ms"]:
            self.worst = max(self.worst, now["late_ms"]["max"])

    def verdict(self, hostile, baseline):
        wrong = {name: count for name, count in self.totals.items() if name in lab.LOSSES}
        settled = [life[int(len(life) * WARMING):] for life in self.lives]
        rising = []
        for column, what, unit in ((1, "memory", "KiB"), (2, "descriptors", ""), (3, "lateness p50", "ms"), (4, "lateness p99", "ms")):
            within = slopes.mean_slope([[(row[0], row[column]) for row in life] for life in settled])
            means = [(statistics.fmean(row[0] for row in life), statistics.fmean(row[column] for row in life)) for life in settled if life]
            across = slopes.line(means)
            for where, (found, margin) in (("within a process", within), ("from process to process", across)):
                report.figure(f"{what}, {where}", f"{found * 60:+.3g} ± {margin * 60:.2g} {unit} a minute, at a mean of "
                              f"{statistics.fmean(mean for _, mean in means):.4g} {unit}".replace("  ", " "))
                if found - margin > 0:
                    rising.append(f"{what} {where}: {found * 60:+.3g} ± {margin * 60:.2g} a minute")
        report.figure("clients", f"{self.here.crowd.clients} at a time, {self.totals['opened']} came, {self.totals['left']} left, "
                      f"{hostile} hostile, {30 * len(self.lives)} that never read")
        report.figure("messages", f"{self.totals['messages']}, {len(self.lives) - 1} hand-overs, {len(self.lives)} cut producers; missing or doubled: {wrong or 0}")
        report.figure("worst lateness", f"{self.worst:.0f} ms")
        report.figure("descriptors at the end, without clients", str(baseline))
        # Where the clients' program was too busy to send its requests within a second, the server may have given up on them.
        faults = {name: count for name, count in self.faults.items() if not name.endswith("closed after a second of silence")}
        assert not wrong and not faults, f"{wrong} {self.faults}"
        assert not self.ended, self.ended
        assert not rising, f"rises: {rising}"
        return f"{self.totals['messages']} messages, nothing lost, nothing rises, {baseline} descriptors at the end"
