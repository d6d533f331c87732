"""What a process has used, as /proc tells it."""

import os
import time
from pathlib import Path

from waiting import PATIENCE

TICKS = os.sysconf("SC_CLK_TCK")


def cpu(process):
    """Seconds of the processor."""
    fields = Path(f"/proc/{process.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(process):
    """The most bytes that it ever had in memory (RSS), pages of its program among them."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process.popen.pid}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


def cpu_at_end(process):
    """Waits for its end, which must be a good one; seconds of the processor."""
    deadline = time.monotonic() + PATIENCE
    # Until it is waited for, /proc has its figures.
    while not os.waitid(os.P_PID, process.popen.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
        assert time.monotonic() < deadline, f"{process.name} did not end: {process.said()}"
        time.sleep(0.005)
    used = cpu(process)
    assert process.wait() == 0, f"{process.name}: {process.said()}"
    return used
