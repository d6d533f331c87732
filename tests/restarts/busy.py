"""Busy loops beside a check, which get the processor first: a machine that is starved."""

import contextlib
import os
import subprocess

# What only root may give. A process of the usual priority beside it gets a third of its share.
PRIORITY = -5


@contextlib.contextmanager
def loops(count):
    """Runs so many of them; what the name of a check gets for it."""
    started = []
    try:
        for _ in range(count):
            started.append(subprocess.Popen(["sh", "-c", "while :; do :; done"]))
            os.setpriority(os.PRIO_PROCESS, started[-1].pid, PRIORITY)
        yield f"-beside-{count}-busy-loops" if count else ""
    finally:
        for loop in started:
            loop.kill()
            loop.wait()
