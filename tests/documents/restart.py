"""Reload, restart, stop; upgrade and remove."""

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import hand_over
import prepare
from administrator import OTHER_PORT, ROOT, each_name
from clients import PORTS, LiveClients
from waiting import until
from places import Place, Quote
from services import CONFIGURATION, NAMES

LIVE = 90
RELOAD = "Reload, restart, stop"
UPGRADE = "Upgrade and remove"


def reload(admin, piece):
    """Nothing happens to clients; with a wrong configuration the command fails, and both places say why."""
    with admin.configured(CONFIGURATION):
        hand_over.fresh(admin)
        with LiveClients(admin.machine, LIVE) as clients:
            clients.ask("mark")
            admin.type("systemctl reload ws-server")
            hand_over.wait_for_messages(clients, 2)
            hand_over.nobody_noticed(clients.report(), LIVE)
    for name, command in each_name(piece.command):
        pid = admin.wake(name)
        with admin.option(name, 'linger = "soon"'):
            status, _ = admin.outcome(command)
            assert status != 0
            until("the status says why", lambda: "`linger`" in admin.outcome(f"systemctl status {name}")[1])
            assert "`linger`" in admin.journal(name) and admin.main_pid(name) == pid
            admin.wake(name)


def status(admin, piece):
    for name, command in each_name(piece.command):
        admin.wake(name)
        assert "active (running)" in admin.type(command)


def keeps_everybody(admin, piece):
    """Another process, the same connections, the next number for each."""
    with admin.configured(CONFIGURATION):
        hand_over.fresh(admin)
        before = admin.main_pid("ws-server")
        with LiveClients(admin.machine, LIVE) as clients:
            clients.ask("mark")
            admin.type(piece.command)
            admin.started_anew("ws-server", before)
            hand_over.each_hears(clients, 2)
            hand_over.nobody_noticed(clients.report(), LIVE)


def finishes_answers(admin, piece):
    """A download goes on to its end, and the sockets stay open."""
    for name in NAMES:
        admin.wake(name)
    # More than the kernel keeps on both sides of a connection: the download cannot end before we read it.
    size = 20_000_000
    admin.file(f"{ROOT}/big", "x" * size)
    with admin.option("static-server", f'root = "{ROOT}"'):
        admin.systemctl("restart", "static-server")
        before = admin.main_pid("static-server"), admin.main_pid("policy-server")
        command = admin.machine.enter_network("curl", "--silent", "--show-error", "--fail", "http://localhost:8080/big")
        with subprocess.Popen(command, stdout=subprocess.PIPE) as download, ThreadPoolExecutor() as pool:
            begun = len(download.stdout.read(1))
            restart = pool.submit(admin.type, piece.command)
            until("it is stopping", lambda: "deactivating" in admin.outcome("systemctl show -P ActiveState static-server")[1] or restart.done())
            assert not restart.done(), "the restart has not waited for the download"
            assert begun + len(download.stdout.read()) == size
            restart.result()
        for name, pid in zip(("static-server", "policy-server"), before):
            admin.started_anew(name, pid)
    admin.machine.remove(ROOT)


def stops(admin, piece):
    """Everybody gets the end that the text says; the next connection starts it again."""
    with admin.configured(CONFIGURATION):
        hand_over.fresh(admin)
        with LiveClients(admin.machine, LIVE) as clients:
            hand_over.wait_for_messages(clients, 1)
            admin.type(piece.command)
            until("everybody is closed", lambda: clients.report()["open"] == 0)
            hand_over.closed_in_order(clients.report()["ended"], LIVE)
        assert admin.main_pid("ws-server") == 0
        admin.wake("ws-server")


def killed(admin, piece):
    """Open connections break; the next one finds another process."""
    pid = admin.wake("ws-server")
    with admin.running("curl -N http://localhost:40132/", r"\d\d:\d\d:\d\d") as stream:
        admin.type(f"{piece.command} {pid}")
        admin.started_anew("ws-server", pid)
        until("the connection breaks", lambda: not stream.read(0.1))
        stream.process.wait(timeout=10)
    admin.wake("ws-server")


def without_hand_over(admin, piece):
    """Without systemd, USR2 closes with 1012."""
    command = f"ws-server {piece.text} --template '{{seq}} {{date}}' --listen 127.0.0.1:{OTHER_PORT} --max-connections-per-ip 0"
    with admin.running(command, "listening on"):
        with LiveClients(admin.machine, LIVE, OTHER_PORT) as clients:
            listener = admin.machine.run("ss", "-tlnp", f"sport = :{OTHER_PORT}")
            admin.type(f"kill -USR2 {re.search('pid=([0-9]+)', listener).group(1)}")
            until("everybody is closed", lambda: clients.report()["open"] == 0)
            ended = clients.report()["ended"]
            assert any("1012" in key for key in ended), ended


def gap(admin, piece):
    """As an event, and as a response field: three messages have left the history."""
    shown = re.sub(r"\w+_19", r"\\w+_19", piece.text.replace("{", r"\{").replace("}", r"\}"))
    lines = f"(seq 40; sleep 30) | ws-server --source - --history 22 --listen 127.0.0.1:{OTHER_PORT}"
    url = f"http://127.0.0.1:{OTHER_PORT}/?since=15"
    with admin.running(lines, "listening on"):
        until("all lines are there", lambda: admin.curl(url, patience=0.5).endswith("40\n"))
        events = admin.curl("--header", "Accept: text/event-stream", url, patience=0.5)
        assert re.search(rf"event: gap\ndata: {shown}", events), events
        head = admin.curl("--include", url, patience=0.5)
        assert re.search(rf"(?i)datecast-gap: {shown}", head), head


def source_ends(admin, piece):
    """The last line, and behind it what the source is doing, in the words of the text."""
    lines = f"seq 3 | ws-server --source - --at-eof keep --listen 127.0.0.1:{OTHER_PORT}"
    with admin.running(lines, "listening on"):
        events = until("the source has ended", lambda: re.search(r"(?s)data: 3\n.*event: source\n.*", admin.curl(
            "--header", "Accept: text/event-stream", f"http://127.0.0.1:{OTHER_PORT}/", patience=0.5)))
        assert piece.text in events.group(), events.group()


def upgrade(admin, piece):
    """The running services are restarted, and no socket; what was stopped or disabled stays so, but an enabled socket listens again."""
    shutil.copy(prepare.NEWER, admin.machine.root / "root/datecast.deb")
    admin.systemctl("stop", "policy-server.service", "static-server.socket", "static-server.service")
    admin.wake("ws-server")
    before, socket = admin.main_pid("ws-server"), admin.show("ws-server.socket", "ActiveEnterTimestampMonotonic")
    admin.systemctl("disable", "policy-server.socket")
    admin.type(piece.command, folder="/root", patience=120)
    admin.started_anew("ws-server", before)
    assert admin.show("ws-server.socket", "ActiveEnterTimestampMonotonic") == socket
    assert admin.main_pid("policy-server") == 0 and admin.is_active("static-server.socket")
    assert admin.machine.query("systemctl", "is-enabled", "policy-server.socket") == "disabled"
    admin.systemctl("enable", "policy-server.socket")


def restart_socket(admin, piece):
    for name, command in each_name(piece.command):
        admin.wake(name)
        admin.type(command)
        admin.wake(name)


DROP_IN = "/etc/systemd/system/ws-server.service.d/override.conf"


def remove(admin, piece):
    """The ports are closed, the clients get their Close; the configuration and the drop-ins stay."""
    admin.edit("systemctl edit ws-server", "[Service]\nLimitNOFILE=2000")
    admin.configure(CONFIGURATION)
    hand_over.fresh(admin)
    with LiveClients(admin.machine, LIVE) as clients:
        hand_over.wait_for_messages(clients, 1)
        admin.type(piece.command, patience=120)
        until("everybody is closed", lambda: clients.report()["open"] == 0)
        hand_over.closed_in_order(clients.report()["ended"], LIVE)
    assert not admin.listening(*PORTS.values())
    assert (admin.machine.root / "etc/datecast/ws-server.toml").read_text() == CONFIGURATION
    assert (admin.machine.root / DROP_IN[1:]).exists()


def purge(admin, piece):
    """The configuration is gone, too, and the list of enabled units; the drop-in is not."""
    admin.type(piece.command, patience=120)
    assert not (admin.machine.root / "etc/datecast").exists()
    assert admin.machine.query("sh", "-c", "ls /etc/systemd/system/sockets.target.wants | grep server") == ""
    assert (admin.machine.root / DROP_IN[1:]).exists()
    admin.machine.remove("/etc/systemd/system/ws-server.service.d")
    admin.systemctl("daemon-reload")
    admin.type("sudo apt install ./target/debian/datecast.deb", patience=120)


def stop_service_only(admin, piece):
    """The port stays open: the next connection starts the service again."""
    admin.wake("ws-server")
    admin.type(piece.command)
    assert admin.main_pid("ws-server") == 0
    admin.wake("ws-server")


def stop_both(admin, piece):
    admin.wake("ws-server")
    admin.type(piece.command)
    assert not admin.listening(40132)
    until("the service ends", lambda: admin.main_pid("ws-server") == 0)
    admin.systemctl("start", "ws-server.socket")


PLACES = [
    Place(r"systemctl reload NAME", reload, RELOAD),
    Place(r"systemctl status NAME", status, RELOAD),
    Place(r"systemctl restart ws-server", keeps_everybody, RELOAD),
    Place(r"systemctl restart static-server policy-server", finishes_answers),
    Place(r"systemctl stop ws-server", stops, RELOAD),
    Place(r"kill -9", killed, RELOAD),
    Place(r"systemctl kill -s USR2 ws-server", keeps_everybody),
    Place(r"--hand-over off", without_hand_over),
    Place(r'\{"missed":3,"stream":"same","next":"01932f5a0c2e_19"\}', gap),
    Place(r'\{"source":"ended",.*', source_ends),
    Place(r"apt install \./datecast\.deb", upgrade),
    Place(r"systemctl restart NAME\.socket", restart_socket, UPGRADE),
    Place(r"apt remove datecast", remove),
    Place(r"apt purge datecast", purge),
    Place(r"systemctl stop ws-server", stop_service_only, UPGRADE),
    Place(r"systemctl stop ws-server\.socket", stop_both),
    Quote(r"systemctl edit", "the drop-ins of whichever unit", UPGRADE),
]
