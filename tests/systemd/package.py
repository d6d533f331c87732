"""The package: what an installation brings, an upgrade keeps, and a purge leaves."""

import shutil

import hand_over
import prepare
import report
from clients import PORTS, Knocker, LiveClients, knock
from machine import until
from services import CONFIGURATION, NAMES


def installs(lab):
    """Sockets listen and are enabled; no service runs yet."""
    for package in (prepare.PACKAGE, prepare.NEWER):
        shutil.copy(package, lab.machine.root / "var")
    lab.machine.run("dpkg", "--install", f"/var/{prepare.PACKAGE.name}", patience=120)
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
    yield "removal-keeps-configuration", removal_keeps_configuration
    yield "purge-closes-the-ports", purge_closes_the_ports
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
            lab.machine.run("dpkg", "--install", f"/var/{prepare.NEWER.name}", patience=120)
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


def removal_keeps_configuration(lab):
    lab.machine.run("dpkg", "--remove", "datecast", patience=120)
    assert (lab.machine.root / "etc/datecast/ws-server.toml").read_text() == CONFIGURATION
    assert not (lab.machine.root / "usr/bin/ws-server").exists()


def purge_closes_the_ports(lab):
    """From installed and answering to purged: nothing listens, nothing is left."""
    lab.machine.run("dpkg", "--install", f"/var/{prepare.PACKAGE.name}", patience=120)
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
    lab.machine.run("dpkg", "--install", f"/var/{prepare.PACKAGE.name}", patience=120)
    lab.configure(CONFIGURATION)
    hand_over.fresh(lab)
    with LiveClients(lab.machine, hand_over.FEW) as clients:
        hand_over.wait_for_messages(clients, 1)
        lab.systemctl("--no-block", "poweroff")
        lab.machine.is_gone = True
        until("everybody is closed", lambda: clients.report()["open"] == 0)
        hand_over.closed_in_order(clients.report()["ended"], hand_over.FEW)
