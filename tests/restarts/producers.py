"""Programs that write lines into ws-server's socket for producers: `a 1`, `a 2` …, and connect again when they are cut off."""

import socket
import threading
import time


class Producer(threading.Thread):
    """Writes so many lines a second, each with the next number and the time in microseconds; `given`: as the only one, which numbers the
    messages, too."""

    def __init__(self, path, name, rate, given=False):
        super().__init__(daemon=True)
        self.path, self.name_of_lines, self.rate, self.given = path, name, rate, given
        # How many lines shall come at once, and what fills each of them.
        self.burst = None
        self.written, self.connects, self.to = 0, 0, None
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.is_set():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as to:
                try:
                    to.connect(self.path)
                    self.to = to
                    self.connects += 1
                    self.write(to)
                except OSError:
                    self.stopped.wait(0.02)

    def write(self, to):
        if self.given:
            to.sendall(b"!caught-up\n")
        begin, done = time.monotonic(), 0
        while not self.stopped.wait(0.01):
            due = int((time.monotonic() - begin) * self.rate)
            self.send(to, min(due - done, 1000), f" {time.time_ns() // 1000}")
            done = due
            if self.burst:
                self.send(to, *self.burst)
                self.burst = None

    def send(self, to, count, padding):
        lines = range(self.written + 1, self.written + 1 + count)
        numbered = "{0}\t{1} {0}{2}\n" if self.given else "{1} {0}{2}\n"
        text = "".join(numbered.format(number, self.name_of_lines, padding) for number in lines).encode()
        # What was begun has come or not: the next connection goes on behind it.
        self.written += count
        to.sendall(text)

    def cut(self):
        """What becomes of it when it is killed: it comes again."""
        self.to.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.stopped.set()
        self.join(20)
