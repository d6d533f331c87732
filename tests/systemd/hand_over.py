"""Live connections across `systemctl restart ws-server`, and how a stop differs."""

import os
import re
import time

import report
from clients import Knocker, LiveClients
from waiting import until
from services import CONFIGURATION

NAME = "ws-server"
LIVE = int(os.environ.get("LIVE", 9000))
# At any time, every client may have a Ping to answer.
PINGS = CONFIGURATION + 'ping-interval = "1s"\n'
# For the checks where the number does not matter: hundreds of each dialect.
FEW = 1800
OFF = "[Service]\nEnvironment=DATECAST_WS_HAND_OVER=off\n"
MUTE = "[Service]\nExecStop=\n"


def checks():
    yield "hand-over-of-9000", hand_over, LIVE
    yield "hand-over-again-and-again", again_and_again
    yield "hand-over-over-a-bad-configuration", bad_configuration
    yield "hand-over-with-the-socket-restarted", socket_restarted
    yield "hand-over-of-half-a-frame", half_a_frame
    yield "control-hand-over-off", hand_over_off
    yield "control-nobody-says-restart", nobody_says_restart
    yield "stop-closes-with-1001", stop_closes
    yield "control-kill-closes-without-a-code", kill_closes


def restart(lab, name=NAME):
    """Restarts ws-server, or a named one; how many seconds that took."""
    before, begin = lab.main_pid(name), time.monotonic()
    lab.systemctl("restart", f"{name}.service")
    seconds = time.monotonic() - begin
    lab.started_anew(name, before)
    return seconds


def nobody_noticed(counts, live):
    """The same connections, each with the next number and no other."""
    assert counts["open"] == live, counts
    assert counts["missing"] == counts["doubled"] == counts["notices"] == 0 < counts["fewest"], counts


def fresh(lab):
    """A ws-server that starts with the connections of this check. The ones that started it have left: on a busy machine they may
    live long enough to get a leave notice."""
    lab.systemctl("stop", f"{NAME}.service")
    lab.wake(NAME)
    until("nobody is left", lambda: lab.show(f"{NAME}.service", "StatusText").startswith("0 clients"))


def hand_over(lab, live):
    fresh(lab)
    before = lab.main_pid(NAME)
    with LiveClients(lab.machine, live) as clients:
        clients.ask("mark")
        wait_for_messages(clients, 4)
        quiet = clients.report()
        sockets = server_sockets(lab)
        assert len(sockets) == live, len(sockets)
        status = lab.show(f"{NAME}.service", "StatusText")
        assert f"{live:,} clients" in status.replace(str(live), f"{live:,}"), status
        clients.ask("mark")
        seconds = restart(lab)
        each_hears(clients, 5)
        counts = clients.report()
        nobody_noticed(counts, live)
        assert lab.main_pid(NAME) != before
        assert server_sockets(lab) == sockets, "the kernel has other connections than before"
        workers = lab.connections_per_worker(NAME)
        assert len(workers) == 2 and workers[0] > live * 0.44, workers
        assert counts["shift_ms"]["p50"] < 250, counts
        answers_pings(clients)
        leave_by_their_ids(clients)
    report.figure(f"{live:,} live clients of nine kinds over two workers across `systemctl restart ws-server`",
                  f"{counts['open']} kept, 0 numbers missing, 0 doubled; the restart took {seconds * 1000:.0f} ms")
    report.figure("the longest pause between two messages of a client around it (p50 / p99 / max; the interval is 1000 ms)",
                  "{p50:.0f} / {p99:.0f} / {max:.0f} ms".format(**counts["gap_ms"]))
    report.figure("the same for as long without a restart", "{p50:.0f} / {p99:.0f} / {max:.0f} ms".format(**quiet["gap_ms"]))
    return f"{seconds * 1000:.0f} ms, gap p99 {counts['gap_ms']['p99']} ms ({quiet['gap_ms']['p99']} ms without), dates moved by {counts['shift_ms']['p99']} ms (p99)"


def server_sockets(lab):
    """The kernel's cookies of the server's ends of all connections: no two sockets ever have the same."""
    listing = lab.machine.run("ss", "-tneH", "state", "established", "sport = :40132")
    return set(re.findall(r" sk:(\w+)", listing))


def wait_for_messages(clients, each):
    """Waits until the clients have so many more messages each, on average."""
    counts = clients.report()
    wanted = counts["messages"] + each * counts["open"]
    until(f"{each} messages a client", lambda: clients.report()["messages"] >= wanted, pause=0.1)


def each_hears(clients, messages):
    """Waits until each client has so many messages since the mark: a forgotten one would never have them."""
    until(f"{messages} messages for each client", lambda: clients.report()["fewest"] >= messages, pause=0.1)


def answers_pings(clients):
    """The new process reads from the old connections, too."""
    asked = clients.ask("ping")["done"]
    until("every Ping is answered", lambda: clients.report()["pongs"] >= asked)


def leave_by_their_ids(clients):
    """A client keeps its id: the notice of its leaving after the restart has the id from before."""
    ids = set(clients.ask("leave 5")["ids"])
    until(f"leave notices of {ids}", lambda: ids <= set(clients.report()["left"]))


def again_and_again(lab):
    """Six restarts in quick succession while other clients come and go."""
    with lab.configured(PINGS), LiveClients(lab.machine, FEW) as clients, \
            Knocker(lab.machine, NAME, rate=300, kind="websocket") as knocker:
        knocker.wait_for_answer()
        clients.ask("mark")
        pids, begin = set(), time.monotonic()
        for _ in range(6):
            lab.systemctl("restart", f"{NAME}.service")
            pids.add(lab.main_pid(NAME))
        seconds = time.monotonic() - begin
        each_hears(clients, 5)
        result, counts = knocker.stop(), clients.report()
    assert len(pids) == 6, pids
    assert list(result["outcomes"]) == ["answered"], result
    assert counts["open"] == FEW and counts["missing"] == counts["doubled"] == 0, counts
    return f"6 restarts in {seconds:.1f} s, {FEW} kept, {result['knocks']} new ones answered"


def bad_configuration(lab):
    """With a configuration that no process starts with, clients and newcomers wait until it is mended, and lose only time."""
    fresh(lab)
    with LiveClients(lab.machine, FEW) as clients, Knocker(lab.machine, NAME, rate=50) as knocker:
        knocker.wait_for_answer()
        wait_for_messages(clients, 1)
        lab.configure("workers = \"many\"\n")
        try:
            lab.machine.query("systemctl", "restart", f"{NAME}.service")
            until("it has tried twice", lambda: int(lab.show(f"{NAME}.service", "NRestarts")) >= 2)
        finally:
            lab.configure(CONFIGURATION)
        until("it starts again", lambda: lab.is_active(f"{NAME}.service"))
        clients.ask("mark")
        each_hears(clients, 2)
        result, counts = knocker.stop(), clients.report()
    assert list(result["outcomes"]) == ["answered"], result
    assert counts["open"] == FEW and counts["doubled"] == 0, counts
    return f"{FEW} kept, {result['knocks']} new ones answered, the longest after {result['wait_ms']['max'] / 1000:.1f} s"


def socket_restarted(lab):
    """A restart of the socket unit closes the port for a moment, but no connection."""
    fresh(lab)
    with LiveClients(lab.machine, FEW) as clients:
        wait_for_messages(clients, 1)
        clients.ask("mark")
        before = lab.main_pid(NAME)
        lab.systemctl("restart", f"{NAME}.socket")
        lab.started_anew(NAME, before)
        wait_for_messages(clients, 2)
        nobody_noticed(clients.report(), FEW)


def half_a_frame(lab):
    """A client in the middle of a frame is closed with 1012; no other client is."""
    fresh(lab)
    with LiveClients(lab.machine, FEW) as clients:
        wait_for_messages(clients, 1)
        assert clients.ask("half 60")["done"] == 60
        wait_for_messages(clients, 1)
        restart(lab)
        wait_for_messages(clients, 2)
        counts = clients.report()
    assert counts["ended"] == {"1012": 60} and counts["open"] == FEW - 60, counts


def hand_over_off(lab):
    """The control: without the hand-over the same restart closes every connection with 1012."""
    with lab.drop_in(f"{NAME}.service", OFF, restart=[f"{NAME}.service"]):
        fresh(lab)
        with LiveClients(lab.machine, LIVE) as clients:
            wait_for_messages(clients, 1)
            restart(lab)
            until("everybody is closed", lambda: clients.report()["open"] == 0)
            ended = clients.report()["ended"]
    assert ended.get("1012", 0) == LIVE // 3, ended
    return f"all {LIVE} closed: {ended}"


def nobody_says_restart(lab):
    """The control: without `ExecStop=` a restart is a stop for the daemon, and closes every connection with 1001."""
    with lab.drop_in(f"{NAME}.service", MUTE, restart=[f"{NAME}.service"]):
        fresh(lab)
        with LiveClients(lab.machine, FEW) as clients:
            wait_for_messages(clients, 1)
            restart(lab)
            until("everybody is closed", lambda: clients.report()["open"] == 0)
            ended = clients.report()["ended"]
    assert ended.get("1001", 0) == FEW // 3, ended
    return str(ended)


def stop_closes(lab):
    """Close 1001 for RFC 6455 and its drafts, the closing handshake of draft 76, the end of the stream for HTTP."""
    fresh(lab)
    with LiveClients(lab.machine, LIVE) as clients:
        wait_for_messages(clients, 1)
        begin = time.monotonic()
        lab.systemctl("stop", f"{NAME}.service")
        until("everybody is closed", lambda: clients.report()["open"] == 0)
        seconds = time.monotonic() - begin
        ended = clients.report()["ended"]
    closed_in_order(ended, LIVE)
    ninth = LIVE // 9
    report.figure(f"`systemctl stop ws-server` with {LIVE:,} live clients", f"all closed in order in {seconds:.1f} s: {3 * ninth} with 1001, "
                  f"{2 * ninth} by the drafts' own ways, {4 * ninth} at the end of an HTTP stream")
    return f"{ended} in {seconds:.1f} s"


def closed_in_order(ended, live):
    """Each of the nine dialects ends in its own way."""
    ninth = live // 9
    assert ended == {"1001": 3 * ninth, "closed": 2 * ninth, "end": 4 * ninth}, ended


def kill_closes(lab):
    """The control: a killed process closes nothing in order."""
    fresh(lab)
    with LiveClients(lab.machine, FEW) as clients:
        before = lab.kill(NAME, "KILL")
        until("everybody is cut off", lambda: clients.report()["open"] == 0)
        ended = clients.report()["ended"]
        lab.started_anew(NAME, before)
    assert "1001" not in ended and ended.get("cut", 0) + ended.get("reset", 0) >= FEW // 3, ended
    return str(ended)
