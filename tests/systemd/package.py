"""The package: what an installation brings, an upgrade keeps, and a purge leaves."""

import shutil

import hand_over
import named
import prepare
import report
import work
from clients import PORTS, Knocker, LiveClients, knock
from program import Program
from waiting import until
from services import CONFIGURATION, NAMES, SERVICES

FROM_BEFORE = "upgrade-from-one-unnamed-stream"
OURS = ("ws-server*", "policy-server*", "static-server*", "datecast*")
TOKENS = "/etc/datecast/lab.tokens"


def installs(lab):
    """Sockets listen and are enabled; no service runs yet."""
    for package in (prepare.PACKAGE, prepare.NEWER):
        shutil.copy(package, lab.machine.root / "var")
    install(lab, prepare.PACKAGE)
    for name in NAMES:
        assert lab.is_active(f"{name}.socket"), f"{name}.socket does not listen"
        assert lab.machine.run("systemctl", "is-enabled", f"{name}.socket") == "enabled"
        assert not lab.is_active(f"{name}.service"), f"{name}.service runs before its first connection"
    lab.configure(CONFIGURATION)


def activation_checks():
    for name in NAMES:
        yield f"first-connection-starts-{name}", first_connection_starts, name
        yield f"control-no-socket-no-{name}", no_socket_no_service, name


def first_connection_starts(lab, name):
    lab.systemctl("stop", f"{name}.service")
    assert lab.main_pid(name) == 0
    pid = lab.wake(name)
    return f"pid {pid}, {lab.show(f'{name}.service', 'StatusText') or 'no status'}"


def no_socket_no_service(lab, name):
    """The same connections without the socket unit: all refused."""
    lab.systemctl("stop", f"{name}.socket", f"{name}.service")
    try:
        assert knock(lab.machine, name) == {"refused": 20}
    finally:
        lab.systemctl("start", f"{name}.socket")


def removal_checks():
    yield "upgrade-under-load", upgrade_under_load
    yield "control-upgrade-that-restarts-sockets", restarted_sockets_refuse
    yield "upgrade-of-named-streams", upgrade_of_named_streams
    yield "removal-of-named-streams", removal_of_named_streams
    yield "removal-keeps-configuration", removal_keeps_configuration
    yield "purge-closes-the-ports", purge_closes_the_ports
    yield FROM_BEFORE, from_one_unnamed_stream
    yield "shutdown-closes-with-1001", shutdown_closes


def since(lab):
    return [lab.show(f"{name}.socket", "ActiveEnterTimestampMonotonic") for name in NAMES]


def upgrade_under_load(lab):
    """Another version, other processes, the same sockets; no newcomer is refused, and no client loses its connection."""
    pids, sockets = [lab.wake(name) for name in NAMES], since(lab)
    with LiveClients(lab.machine, 900) as clients:
        clients.ask("mark")
        with Knocker(lab.machine, "ws-server", 400) as ws, Knocker(lab.machine, "policy-server", 400) as policy, \
                Knocker(lab.machine, "static-server", 400) as static:
            knockers = [ws, policy, static]
            for knocker in knockers:
                knocker.wait_for_answer()
            install(lab, prepare.NEWER)
            for name, pid in zip(NAMES, pids):
                lab.started_anew(name, pid)
            ws.go_on(2)
            results = [knocker.stop() for knocker in knockers]
        live = clients.report()
    assert since(lab) == sockets, "a socket was started anew"
    for name, result in zip(NAMES, results):
        assert list(result["outcomes"]) == ["answered"], f"{name}: {result}"
    assert live["open"] == 900 and live["missing"] == live["doubled"] == 0, live
    total = sum(result["knocks"] for result in results)
    report.figure("an upgrade of the package under 1,200 new connections a second", f"0 of {total} refused, 900 of 900 live clients kept")
    return f"{total} new connections, 0 refused; 900 of 900 live ones kept"


def restarted_sockets_refuse(lab):
    """A package that restarted its sockets would refuse connections."""
    def restart_socket():
        for _ in range(3):
            lab.systemctl("stop", "policy-server.socket", "policy-server.service")
            lab.systemctl("start", "policy-server.socket")
    outcomes = lab.under_load("policy-server", restart_socket)["outcomes"]
    assert outcomes.get("refused", 0) > 0, outcomes
    return f"{outcomes['refused']} refused"


def install(lab, package):
    lab.machine.run("dpkg", "--install", f"/var/{package.name}", patience=120)


def upgrade_of_named_streams(lab):
    """Each stream is another process with the same clients; its feeder and its command are the same."""
    with named.named(lab, *named.PORTS), LiveClients(lab.machine, 450, named.PORTS[named.FIRST]) as first, \
            LiveClients(lab.machine, 450, named.PORTS[named.SECOND]) as second:
        before = {name: lab.main_pid(named.stream(name)) for name in named.PORTS}
        feeding = {name: (lab.main_pid(named.feeder(name)), named.shell(lab, name)) for name in named.PORTS}
        for clients in (first, second):
            hand_over.each_hears(clients, 5)
            clients.ask("mark")
        install(lab, prepare.PACKAGE)
        for name, pid in before.items():
            lab.started_anew(named.stream(name), pid)
        for clients in (first, second):
            hand_over.wait_for_messages(clients, 25)
            hand_over.nobody_noticed(clients.report(), 450)
        assert feeding == {name: (lab.main_pid(named.feeder(name)), named.shell(lab, name)) for name in named.PORTS}


def running(lab):
    """What of ours is active, and which processes there are."""
    units = lab.machine.query("systemctl", "list-units", "--no-legend", "--plain", "--state=active,activating,failed", *OURS)
    return units + lab.machine.query("sh", "-c", "ps -eo comm= | grep -E '^(datecast|.*-server)$'")


def removal_of_named_streams(lab):
    """Nothing runs on. What an administrator wrote stays, and after a removal what was enabled runs again with the next installation; a
    purge forgets that, and the links of `systemctl enable`."""
    links = "find /etc/systemd/system -type l -name 'ws-server*@*' -o -type l -name 'datecast*@*'"
    lab.machine.write(TOKENS, "alice 0123456789abcdef\n")
    try:
        with named.named(lab, *named.PORTS):
            lab.systemctl("enable", f"ws-server-metrics@{named.FIRST}.socket")
            named.restart(lab, named.FIRST)
            lab.machine.run("dpkg", "--remove", "datecast", patience=120)
            assert running(lab) == "", running(lab)
            assert lab.machine.query("sh", "-c", "ls -d /run/*-server*") == ""
            assert len(lab.machine.query("sh", "-c", links).splitlines()) == 6
            install(lab, prepare.PACKAGE)
            for name in named.PORTS:
                until(f"{name} is fed again", lambda: "from a command" in named.read(lab, name))
            lab.machine.run("dpkg", "--purge", "datecast", patience=120)
            assert running(lab) == "", running(lab)
            assert lab.machine.query("sh", "-c", links) == ""
            for path in (TOKENS, f"/etc/datecast/{named.stream(named.FIRST)}.toml", f"/etc/datecast/feed@{named.FIRST}.env"):
                assert (lab.machine.root / path[1:]).exists(), path
            install(lab, prepare.PACKAGE)
            assert "@" not in running(lab), running(lab)
    finally:
        lab.machine.remove(TOKENS)
        lab.configure(CONFIGURATION)


def state(lab):
    """What an upgrade might change: what is enabled and active, the configuration, the sockets."""
    enabled = lab.machine.query("systemctl", "list-unit-files", "--no-legend", "--state=enabled", *OURS)
    active = lab.machine.query("systemctl", "list-units", "--no-legend", "--plain", "--state=active", *OURS)
    # The columns UNIT, LOAD, ACTIVE, SUB: a description may be another one.
    active = [line.split()[:4] for line in active.splitlines()]
    files = lab.machine.query("sh", "-c", "find /etc/datecast /etc/default/*-server -type f -exec md5sum {} +")
    return enabled, active, files, since(lab), lab.machine.query("ss", "-tlnH"), lab.machine.query("ls", "-l", "/run/ws-server/")


def from_one_unnamed_stream(lab):
    """From version 0.2.0: another process, and else nothing is another: the same clients, producer and lines, sockets, units and files."""
    if not prepare.BEFORE.exists():
        raise report.Skip(f"no package of version 0.2.0: tests/out/systemd-before.log (it needs the commit {prepare.BEFORE_COMMIT})")
    lab.machine.query("dpkg", "--purge", "datecast")
    shutil.copy(prepare.BEFORE, lab.machine.root / "var")
    install(lab, prepare.BEFORE)
    lab.configure(work.LINES)
    lab.systemctl("start", *SERVICES)
    pids = [lab.main_pid(name) for name in NAMES]
    with LiveClients(lab.machine, work.LISTENERS) as clients, Program(lab.machine.enter("python3", "-c", work.PRODUCER)) as producer:
        assert producer.next() == {"connected": True}
        until("lines come", lambda: clients.report()["messages"] > 0)
        before = state(lab)
        install(lab, prepare.PACKAGE)
        for name, pid in zip(NAMES, pids):
            lab.started_anew(name, pid)
        after = state(lab)
        hand_over.wait_for_messages(clients, 50)
        producer.send("enough")
        lines = producer.next()["lines"]
        until("all lines are there", lambda: clients.report()["messages"] >= work.LISTENERS * lines, patience=10)
        counts = clients.report()
    assert counts["open"] == work.LISTENERS and counts["missing"] == counts["doubled"] == 0, counts
    assert counts["messages"] == work.LISTENERS * lines, (lines, counts)
    assert before == after, [pair for pair in zip(before, after) if pair[0] != pair[1]]
    report.figure("an upgrade from version 0.2.0 with one unnamed stream", f"{work.LISTENERS} of {work.LISTENERS} clients and the producer kept, "
                  f"0 of {lines} lines lost; the same units, sockets and files")
    return f"{lines} lines to each of {work.LISTENERS} clients"


def removal_keeps_configuration(lab):
    lab.machine.run("dpkg", "--remove", "datecast", patience=120)
    assert (lab.machine.root / "etc/datecast/ws-server.toml").read_text() == CONFIGURATION
    assert not (lab.machine.root / "usr/bin/ws-server").exists()


def purge_closes_the_ports(lab):
    """From installed and answering to purged: nothing listens, nothing is left."""
    install(lab, prepare.PACKAGE)
    for name in NAMES:
        lab.wake(name)
    lab.machine.run("dpkg", "--purge", "datecast", patience=120)
    for name in NAMES:
        until(f"{name} is gone", lambda: lab.main_pid(name) == 0)
        assert knock(lab.machine, name) == {"refused": 20}, f"port {PORTS[name]} is open"
        assert lab.show(f"{name}.socket", "LoadState") == "not-found"
    left = lab.machine.query("sh", "-c", "find /etc /usr /lib /var/lib -xdev -path '*datecast*' -not -path '*/tests/*'")
    assert not (lab.machine.root / "etc/datecast").exists(), left
    return "ports 40132, 843 and 8080 refuse"


def shutdown_closes(lab):
    """A shutdown of the machine is a stop for ws-server. No check can follow this one."""
    install(lab, prepare.PACKAGE)
    lab.configure(CONFIGURATION)
    hand_over.fresh(lab)
    with LiveClients(lab.machine, hand_over.FEW) as clients:
        hand_over.wait_for_messages(clients, 1)
        lab.systemctl("--no-block", "poweroff")
        lab.machine.is_gone = True
        until("everybody is closed", lambda: clients.report()["open"] == 0)
        hand_over.closed_in_order(clients.report()["ended"], hand_over.FEW)
