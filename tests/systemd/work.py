"""A restart without the clock: lines from a producer, a download, a changed configuration."""

import subprocess
import time

import hand_over
import report
from clients import LiveClients
from program import Program
from crashes import WATCHDOG
from waiting import until

LINES = """source = "unix:/run/ws-server/lines"
template = "{seq} {line}"
workers = 2
"""
# The producer writes the messages' numbers itself.
THEIR_NUMBERS = LINES.replace("{seq} {line}", "{line} from outside")
CONNECTED = """
import json, select, socket, sys, time
producer = socket.socket(socket.AF_UNIX)
producer.connect("/run/ws-server/lines")
"""
# Numbers, 50 a second, to the end of the input; then how many there were.
PRODUCER = CONNECTED + """
print(json.dumps({"connected": True}), flush=True)
number, due = 0, time.monotonic()
while not select.select([sys.stdin], [], [], max(0, due - time.monotonic()))[0]:
    number, due = number + 1, due + 0.02
    producer.sendall(b"%d\\n" % number)
print(json.dumps({"lines": number}), flush=True)
"""
# 4 is left out, 6 comes twice.
FAULTY = CONNECTED + """
producer.sendall(b"1\\n2\\n3\\n5\\n6\\n6\\n7\\n")
"""
LISTENERS = 450
BIG = 40 * 1024 * 1024


def checks():
    yield "lines-across-restarts", lines_across_restarts
    yield "control-a-gap-and-a-double-are-noticed", faults_are_noticed
    yield "download-across-restart", download_across_restart
    yield "reload-keeps-everybody", reload_keeps_everybody


def lines_across_restarts(lab):
    """A producer writes all the while on one connection; every client gets every line once, in order."""
    with lab.configured(LINES):
        lab.systemctl("start", "ws-server.service")
        with LiveClients(lab.machine, LISTENERS) as clients, Program(lab.machine.enter("python3", "-c", PRODUCER)) as producer:
            assert producer.next() == {"connected": True}
            until("lines come", lambda: clients.report()["messages"] > 0)
            for _ in range(2):
                hand_over.restart(lab)
                hand_over.wait_for_messages(clients, 50)
            producer.send("enough")
            lines = producer.next()["lines"]
            until("all lines are there", lambda: clients.report()["messages"] >= LISTENERS * lines, patience=10)
            counts = clients.report()
    assert counts["open"] == LISTENERS and counts["missing"] == counts["doubled"] == 0, counts
    assert counts["messages"] == LISTENERS * lines, (lines, counts)
    report.figure(f"{lines} lines of a producer to {LISTENERS} clients over two restarts", "every client each line once, the producer connected once")
    return f"{lines} lines to each of {LISTENERS} clients over two restarts"


def faults_are_noticed(lab):
    """The control of every "0 missing, 0 doubled": numbers with a gap and a double in them."""
    others = LISTENERS * 7 // 9
    with lab.configured(THEIR_NUMBERS):
        lab.systemctl("start", "ws-server.service")
        with LiveClients(lab.machine, LISTENERS) as clients:
            lab.machine.run("python3", "-c", FAULTY)
            # Event streams have the true number as their id: their clients notice at the first false one.
            until("all lines are there", lambda: clients.report()["messages"] >= others * 7)
            counts = clients.report()
    assert counts["missing"] == counts["doubled"] == counts["open"] == others, counts
    assert len(counts["ended"]) == 1 and "has the id" in next(iter(counts["ended"])), counts
    return f"{counts['missing']} missing, {counts['doubled']} doubled, {LISTENERS - others} with a false id"


def download_across_restart(lab):
    """static-server finishes the download, and the watchdog waits for it: one worker ends long before the other."""
    name = "static-server"
    content = bytes(range(256)) * (BIG // 256)
    folder = lab.machine.root / "srv/www"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "big").write_bytes(content)
    copy = lab.machine.folder / "copy"
    slow = ["curl", "-s", "--limit-rate", "6M", "--output", copy, "http://127.0.0.1:8080/big"]
    short = f"[Service]\nWatchdogSec={WATCHDOG}\n"
    with lab.configured('root = "/srv/www"\n', name), lab.drop_in(f"{name}.service", short, restart=[f"{name}.service"]):
        before = lab.main_pid(name)
        download = subprocess.Popen(lab.machine.enter_network(*slow))
        until("the download has begun", lambda: copy.exists() and copy.stat().st_size > 0)
        begin = time.monotonic()
        lab.systemctl("restart", f"{name}.service")
        seconds = time.monotonic() - begin
        status = download.wait(timeout=30)
        lab.started_anew(name, before)
    whole = copy.read_bytes() == content
    assert status == 0 and whole, f"curl ended with {status}, {copy.stat().st_size} of {BIG} bytes"
    assert seconds > 2 * WATCHDOG, "the download was over before the watchdog could have come"
    return f"{BIG >> 20} MiB whole; the restart waited {seconds:.1f} s for it"


def reload_keeps_everybody(lab):
    """A reload changes the messages in the same process; a wrong configuration changes nothing."""
    hand_over.fresh(lab)
    with lab.configured(hand_over.CONFIGURATION):
        hand_over.fresh(lab)
        pid = lab.main_pid("ws-server")
        with LiveClients(lab.machine, 90) as clients:
            lab.configure(hand_over.CONFIGURATION.replace("{date}", "{date} anew"))
            lab.systemctl("reload", "ws-server.service")
            until("the new template is in force", lambda: "anew" in one_line(lab))
            lab.configure("workers = \"many\"\n")
            lab.machine.query("systemctl", "reload", "ws-server.service")
            clients.ask("mark")
            hand_over.wait_for_messages(clients, 2)
            counts = clients.report()
        assert "anew" in one_line(lab)
        assert lab.main_pid("ws-server") == pid
    hand_over.nobody_noticed({**counts, "notices": 0}, 90)


def one_line(lab):
    """The first message of a new client."""
    command = lab.machine.enter_network("curl", "-sN", "--max-time", "0.5", "--http1.0", "http://127.0.0.1:40132/")
    return subprocess.run(command, capture_output=True, text=True).stdout
