"""The long run: real processes with thousands of clients that come and go, restarts, producers that are killed, a shortage of descriptors,
slow and hostile clients. Does anything grow?"""

import os
import resource
import statistics
import time

import lab
import report
import slopes
from guests import Hostile, Slow
from waiting import PATIENCE, until

TURNOVER = 100
# Lines a second of each of the two producers: what 10,000 clients cost with one of them is as much as two cores do for server and clients.
RATE = 0.25
HISTORY = 256
DEAD = 30
# Processes that follow each other for a fifth of the time in all; then one process lives on.
SHORT = 6
SHARE = 0.2
# Of that one's life, at its beginning: the allocator still takes memory that it will use again. The record shows the plateau.
WARMING = 0.4
# For so many seconds a minute, the process may open no descriptor.
SHORTAGE = 1.5
# What is judged: its column, unit, and the least rise that counts, in units.
FIGURES = [(1, "memory", "KiB", 256), (2, "descriptors", "", 10), (3, "lateness p50", "ms", 5), (4, "lateness p99", "ms", 50)]


def clients_that_fit():
    """As many as a process may have descriptors, with a margin; 10,000 at most."""
    return min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3 * 2)


def soak(binary, seconds, clients):
    """The verdict on so many seconds."""
    arguments = ["--history", HISTORY, "--greet", 5, "--max-connections", 0, "--drain-timeout", "2s"]
    with lab.Lab(binary, arguments, clients=clients, turnover=TURNOVER, says=0, producers=2, rate=RATE, fill=HISTORY) as here:
        here.crowd.be_deaf()
        others = [Hostile(here.holder.port), Slow(here.holder.port)]
        for other in others:
            other.start()
        here.crowd.ask("mark")
        run = Run(here)
        for _ in range(SHORT):
            run.live(seconds * SHARE / SHORT)
            here.hand_over()
        run.live(seconds * (1 - SHARE))
        for other in others:
            other.stop()
        here.bury()
        run.add(here.crowd.settle())
        here.crowd.end()
        return run.verdict(*others, back_at_baseline(here))


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


def usage(pid):
    """Resident memory in KiB, and open descriptors, of a process."""
    with open(f"/proc/{pid}/status") as status:
        memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    return memory, len(os.listdir(f"/proc/{pid}/fd"))


class Run:
    """What is seen while it runs."""

    def __init__(self, here):
        self.here, self.begun = here, time.monotonic()
        # For each process: (time, RSS, descriptors, lateness of the median and of the 99th percentile).
        self.lives = []
        self.totals, self.ended, self.faults, self.worst, self.shortages = {}, {}, {}, 0.0, 0

    def live(self, seconds):
        """One process's life: samples, dead clients, a producer that is killed, a shortage of descriptors each minute."""
        samples, begun = [], time.monotonic()
        self.lives.append(samples)
        self.here.bury()
        self.here.open_dead(DEAD, burst=False)
        cut, short = begun + seconds / 2, begun + min(seconds / 2, 30)
        while (now := time.monotonic()) < begun + seconds:
            time.sleep(min(2.0, seconds / 10))
            if cut and now > cut:
                self.here.producers[len(self.lives) % 2].cut()
                cut = None
            if now > short:
                self.run_short()
                short = now + 60
            self.sample(samples)

    def run_short(self):
        """No descriptor is to be had for a while: newcomers wait."""
        pid = self.here.holder.pid
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE, (10, most))
        time.sleep(SHORTAGE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.shortages += 1

    def sample(self, samples):
        taken = self.here.crowd.ask("take")
        self.add(taken)
        if late := taken["late_ms"]:
            samples.append((time.monotonic() - self.begun, *usage(self.here.holder.pid), late["p50"], late["p99"]))

    def add(self, now):
        for name, count in now["counts"].items():
            self.totals[name] = self.totals.get(name, 0) + count
        for total, part in ((self.ended, now["ended"]), (self.faults, now["faults"])):
            for name, count in part.items():
                total[name] = total.get(name, 0) + count
        if now["late_ms"]:
            self.worst = max(self.worst, now["late_ms"]["max"])

    def judge(self):
        """Slopes within the process that lives long, and from one short life to the next; what rises."""
        rising = []
        *short, long = self.lives
        settled = long[int(len(long) * WARMING):]
        for column, what, unit, least in FIGURES:
            within = slopes.stretches([(row[0], row[column]) for row in settled])
            ends = [tuple(statistics.median(row[at] for row in life[len(life) // 2:]) for at in (0, column)) for life in short if life]
            for where, points in (("within a process", within), ("from process to process", ends)):
                found, low, high = (end * 60 for end in slopes.sen(points))
                level = statistics.median(value for _, value in points)
                report.figure(f"{what}, {where}", f"{found:+.3g} (95 %: {low:+.3g} to {high:+.3g}) {unit} a minute, at {level:.5g} {unit}".replace("  ", " "))
                if slopes.rises(points, least):
                    rising.append(f"{what} {where}: {found:+.3g} a minute")
        tenths = slopes.stretches([row[:2] for row in long], 10)
        report.figure("memory in each tenth of that process's life", ", ".join(f"{value:,.0f}" for _, value in tenths) + " KiB")
        return rising

    def verdict(self, hostile, slow, baseline):
        wrong = {name: count for name, count in self.totals.items() if name in lab.LOSSES}
        rising = self.judge()
        report.figure("clients", f"{self.here.crowd.clients} at a time of thirteen ways, {self.totals['opened']} came, {self.totals['left']} left; beside them "
                      f"{hostile.count} hostile, {DEAD} that never read, {slow.count} slow ones")
        report.figure("messages", f"{self.totals['messages']}, from two producers of a line each {1 / RATE:g} s; missing or doubled: {wrong or 0}")
        report.figure("faults", f"{len(self.lives) - 1} hand-overs, {len(self.lives)} producers cut off, {self.shortages} shortages of descriptors of {SHORTAGE} s")
        report.figure("worst lateness", f"{self.worst:.0f} ms")
        report.figure("descriptors at the end, without clients", str(baseline))
        # Where the clients' program was too busy to send its requests within a second, the server may have given up on them.
        faults = {name: count for name, count in self.faults.items() if not name.endswith("closed after a second of silence")}
        assert not wrong and not faults, f"{wrong} {self.faults}"
        assert not self.ended, self.ended
        assert not rising, f"rises: {rising}"
        return f"{self.totals['messages']} messages, nothing lost, nothing rises, {baseline} descriptors at the end"
