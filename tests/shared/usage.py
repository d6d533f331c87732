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


def family(root):
    """The process and all that descend from it."""
    found = [root]
    for pid in found:
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
        except FileNotFoundError:
            continue
        for task in tasks:
            found += [int(child) for child in text_of(task / "children").split()]
    return found


def runtime(root):
    """Seconds of the processor that the threads of a process and of its descendants have had, as the scheduler counts them (schedstat)."""
    nanoseconds = 0
    for pid in family(root):
        for statistics in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            nanoseconds += int((text_of(statistics).split() or ["0"])[0])
    return nanoseconds / 1e9


def wakeups(root):
    """How often the threads of a process and of its descendants have waited for something so far: each wait has ended with a wakeup."""
    total = 0
    for pid in family(root):
        for status in Path(f"/proc/{pid}/task").glob("*/status"):
            total += sum(int(line.split()[1]) for line in text_of(status).splitlines() if line.startswith("voluntary_ctxt_switches:"))
    return total


def resident(root):
    """Bytes in memory of a process and its descendants: their own, without the pages of their programs."""
    total = 0
    for pid in family(root):
        for line in text_of(Path(f"/proc/{pid}/status")).splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) * 1024
    return total


def kernel_memory():
    """Bytes of the kernel's slabs, and of TCP's buffers: of the whole machine."""
    slab = next(int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("Slab:"))
    tcp = next(line for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return slab, int(tcp.split()[-1]) * os.sysconf("SC_PAGE_SIZE")


def text_of(path):
    """What is there; nothing if its process has ended meanwhile."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
