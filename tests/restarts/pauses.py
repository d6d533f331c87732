"""How much longer than its interval each of many clients waits for a date over a hand-over."""

import re
import resource
import shutil
import signal
import tempfile
import time
from pathlib import Path

import lab
import report
from holder import Holder
from program import Program

# Two hand-overs are so far apart that each client has its next dates between them, in seconds.
APART = 2.5
# What each step is, by the line of the log that has it, in the order of the steps.
STEPS = {
    "wait for the next process: ": {
        "stop": "the source is read no more, the workers take what was on its way to them and ask for what tells the sockets apart; all clients are served",
        "export": "each worker writes its connections down, and ends",
        "records": "what was written of all connections is put in the order in which they are due",
        "descriptors": "the sockets are queued for the next process",
        "service manager": "until it says that it has them",
    },
    "after their export began: ": {
        "between the processes": "the process ends, the next one begins and reads its options",
        "manifest": "what was written is taken out of the first queue, and looked through",
        "preparations": "the state of the stream, the source and the workers",
        "adoption": "the workers take the sockets out of the queues, join them with their records and adopt them; those that are due get their dates meanwhile",
    },
}
ALL = re.compile(r"are back, ([\d.]+) ms after their export began")
WHAT_TAKES_THE_TIME = """The time of each step of these hand-overs in milliseconds, as both processes log it. The clients whose dates are due next are adopted first: nobody's
pause is the sum. A monitor of this virtual machine lists the descriptors of each process (`/proc/PID/fd`) every few seconds; the kernel forgets those names one by one when the process before is
reaped, which takes some 20 ms of the time between the processes."""
# Descriptors of a process that are not those of clients.
MARGIN = 1000


def clients_that_fit():
    return min(19_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - MARGIN)


def pauses(binary, count, clients):
    """All are WebSockets whose dates are spread over the second. Nobody is lost, and no date but those that the server says it left out."""
    folder = Path(tempfile.mkdtemp(prefix="pauses-"))
    holder = Holder(folder)
    start = lambda: holder.start(binary, "--workers", 2, *lab.BASE, *lab.DATES, "--max-connections", 0, "--leave-notices", "off")  # noqa: E731
    try:
        start()
        to = f"127.0.0.1:{holder.port}"
        with Program([lab.LOAD_GENERATOR, "hold", "--to", to, "--connections", clients, "--rate", 3000, "--as", "rfc6455"]) as held:
            all_there(held.next(patience=120), clients)
            time.sleep(APART)
            found = [one(holder, start, held, clients, place / count) for place in range(count)]
        left_out = lab.left_out(lab.counted(holder))
        tell_steps(f"What takes the time of pause-of-{clients}-clients", holder.log.read_text(), count)
    finally:
        holder.close()
        shutil.rmtree(folder)
    figures = " / ".join(f"{lab.median([gaps[name] - 1000 for gaps, _ in found]):.1f}" for name in ("p50", "p99", "max"))
    worst = max(gaps["p99"] - 1000 for gaps, _ in found)
    return f"{count} hand-overs of {clients} WebSockets, at other times of the second each: their longest pause was {figures} ms (p50 / p99 / max, medians) more than the interval, and where most were due {worst:.1f} ms (p99); restart {lab.median([took for _, took in found]) * 1000:.0f} ms (median){left_out}"


def one(holder, start, held, clients, later):
    """The longest pauses over one hand-over, in milliseconds, and its time in seconds. It begins so many seconds `later` than the answer to
    a command, which comes where the generator has no date to read: how many are due in it is else always the same few."""
    held.ask("mark")
    time.sleep(later)
    begin = time.monotonic()
    holder.signal(signal.SIGUSR2)
    code = holder.wait()
    assert code == 0, f"exit code {code}: {holder.log_of_this()}"
    start()
    took = time.monotonic() - begin
    time.sleep(APART)
    report = held.ask("report")
    all_there(report, clients)
    # A machine that is busy with other things may be late by half an interval, but no date is left out in silence.
    assert not report["doubled"] and report["missing"] <= lab.counted(holder)["dates"] * clients, report
    return report["gap_ms"], took


def tell_steps(title, log, count):
    """A table of what each step has taken, out of the log of all processes."""
    rows = []
    for begin, steps in STEPS.items():
        logged = [times(line.split(begin)[1]) for line in log.splitlines() if begin in line]
        assert len(logged) == count and all(list(taken) == list(steps) for taken in logged), logged
        of = "before" if not rows else "next"
        rows += [[of, step, what, *figures([taken[step] for taken in logged])] for step, what in steps.items()]
    rows.append(["both", "all", "from the beginning of the export to the last adopted connection", *figures(list(map(float, ALL.findall(log))))])
    report.section(title, WHAT_TAKES_THE_TIME, ["process", "step", "what it is", "median", "max"], rows)


def times(logged):
    """`export 26.1 ms, records 9.4 ms`, as a dictionary."""
    return {step: float(taken) for step, taken, _ in (part.rsplit(" ", 2) for part in logged.split(", "))}


def figures(taken):
    return [f"{lab.median(taken):.1f}", f"{max(taken):.1f}"]


def all_there(report, clients):
    assert report["open"] == clients, f"{report['open']} of {clients} are open; the others: {report['ended']}"
