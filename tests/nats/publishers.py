"""Publishers, which are given lines at a pace and write down the id of each line that is acknowledged."""

import random
import subprocess
import threading
import time

from checker import named
from framings import parse_id
from processes import Process

# So many lines at most come at once behind a pause.
BURST = 2_000


class Pace:
    """How many lines all publishers may write by now: so many a second, and none above a limit that faults raise."""

    def __init__(self, rate, total):
        self.rate, self.total = rate, total
        self.limit, self.taken = 0, 0
        self.due, self.then = 0.0, time.monotonic()
        self.lock = threading.Lock()

    def raise_limit(self, limit):
        with self.lock:
            self.limit = min(limit, self.total)

    def take(self, most):
        """How many of these lines are due; None when there will be no more."""
        with self.lock:
            now = time.monotonic()
            self.due = min(self.due + (now - self.then) * self.rate, BURST)
            self.then = now
            if self.taken >= self.total:
                return None
            count = max(0, min(most, int(self.due), self.limit - self.taken))
            self.due -= count
            self.taken += count
            return count


class Publisher:
    """One `datecast-nats publish`, and those that follow it when it has been killed."""

    def __init__(self, name, binary, urls, stream, pace, log, seed):
        self.name, self.pace, self.log = name, pace, log
        self.chance = random.Random(seed)
        # Each text that was written, and the acknowledged ones with their ids.
        self.sent, self.acks = [], []
        # Lines that processes were given, which were killed before they acknowledged them.
        self.abandoned = 0
        self.process = Process(name, [binary, "publish", "--server", ",".join(urls), "--stream", stream, "--print-ids"])

    def start(self):
        self.process.start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # The lines that this process was given; it acknowledges them from the beginning.
        self.given, self.before = [], len(self.acks)
        self.threads = [threading.Thread(target=work, args=(self.process.popen, self.given), daemon=True) for work in (self.write, self.read)]
        for thread in self.threads:
            thread.start()

    def write(self, popen, given):
        try:
            while (count := self.pace.take(200)) is not None and popen.poll() is None:
                lines = [f"{self.name} {len(self.sent) + n} {'x' * self.chance.randrange(80)}" for n in range(count)]
                self.sent += lines
                given += lines
                popen.stdin.write("".join(f"{line}\n" for line in lines).encode())
                popen.stdin.flush()
                time.sleep(0.02)
            popen.stdin.close()
        except (BrokenPipeError, ValueError):
            # It was killed: what it had not acknowledged may be in the stream, or not.
            pass

    def read(self, popen, given):
        for count, line in enumerate(popen.stdout):
            if not line.endswith(b"\n"):
                break
            self.acks.append((given[count], parse_id(line.decode().strip())))

    def kill(self):
        """As a crash does; the next process is given lines that come after all of these."""
        self.process.kill()
        self.join()
        self.abandoned += len(self.given) - (len(self.acks) - self.before)

    def join(self):
        for thread in self.threads:
            thread.join()

    def finish(self):
        """Waits until the process has ended of itself; its exit status."""
        status = self.process.wait()
        self.join()
        return status

    def write_log(self):
        with open(self.log, "w") as log:
            log.writelines(f"{named(id)}\t{text}\n" for text, id in self.acks)
