"""A program in a pseudo-terminal, as a person has it."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

CTRL_C = b"\x03"


class Terminal:
    """`with` kills the program, if it runs on till then."""

    def __init__(self, command):
        self.master, slave = pty.openpty()

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            # A shell that starts these tests in the background has them ignore Ctrl-C; a person's shell does not.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.process = subprocess.Popen(list(map(str, command)), stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=take_terminal)
        os.close(slave)
        self.text = ""

    def until(self, sign, patience):
        """Reads until something matches; what matched. What was read before counts no more in the next call."""
        deadline = time.monotonic() + patience
        while not (found := re.search(sign, self.text)):
            assert time.monotonic() < deadline, f"no {sign!r} within {patience} s: {self.text[-2000:]}"
            assert self.read(0.2), f"ended before {sign!r}: {self.text[-2000:]}"
        self.text = ""
        return found.group()

    def read(self, seconds):
        """Takes what comes within this time; false at the end."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:  # nobody has the other end open any more
            return False
        self.text += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)

    def interrupt(self, patience):
        """Presses Ctrl-C; the program must end."""
        os.write(self.master, CTRL_C)
        deadline = time.monotonic() + patience
        while self.read(0.2):
            assert time.monotonic() < deadline, f"runs {patience} s after Ctrl-C: {self.text[-2000:]}"
        self.process.wait(timeout=patience)
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_running():
            self.kill()

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
