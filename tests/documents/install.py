"""Install."""

import os
import re

from administrator import port_of
from clients import PORTS
from places import Place
from services import NAMES

MINUTES = 900


def make_deb(admin, piece):
    """Makes the file that the comment names."""
    admin.type(piece.command, patience=MINUTES)
    promised = piece.text.split("#")[1].strip().replace("VERSION", "[0-9.]+").replace("ARCH", admin.machine.run("dpkg", "--print-architecture"))
    made = admin.type("ls target/debian/$(readlink target/debian/datecast.deb)").strip()
    assert re.fullmatch(promised, made), made
    return made


def apt_install(admin, piece):
    """The three sockets listen, now and through every boot; no service runs yet."""
    admin.type(piece.command, patience=120)
    listening_and_enabled(admin)
    for name in NAMES:
        assert admin.main_pid(name) == 0, f"{name} runs before its first connection"


def listening_and_enabled(admin):
    ports = {port_of(address) for address in admin.listening()}
    assert ports == set(PORTS.values()), ports
    for name in NAMES:
        assert admin.machine.run("systemctl", "is-enabled", f"{name}.socket") == "enabled"


def shows_both(admin, piece):
    """Before the first connection, and after it."""
    _, before = admin.outcome(piece.command)
    assert "active (listening)" in before and "inactive (dead)" in before, before
    admin.wake("ws-server")
    after = admin.type(piece.command)
    assert "active (running)" in after and "inactive" not in after, after


def elsewhere(admin, piece):
    """Without the package and its groups: what it builds and installs listens and answers."""
    admin.type("sudo apt purge datecast && groupdel datecast && groupdel datecast-feed", patience=120)
    for line in piece.lines():
        admin.type(line.command, patience=MINUTES)
    listening_and_enabled(admin)
    for name in NAMES:
        admin.wake(name)
        assert (admin.machine.root / f"usr/local/bin/{name}").exists()
        assert admin.machine.run("readlink", f"/proc/{admin.main_pid(name)}/exe") == f"/usr/local/bin/{name}"


def disable(admin, piece):
    admin.type(piece.command)
    assert admin.listening() == [], admin.listening()


def uninstall(admin, piece):
    """Removes all but a configuration that was changed, and the package can be installed again."""
    admin.file("/etc/datecast/ws-server.toml", 'interval = "2s"\n')
    admin.type(f"{piece.command} BINARIES=target/release")
    names = " ".join(f"/usr/local/*/{name}* /usr/local/*/*/*/{name}* /etc/*/{name}*" for name in NAMES)
    left = admin.machine.query("bash", "-c", f"shopt -s nullglob; echo {names} /usr/local/*/datecast /usr/local/share/*/datecast").split()
    assert left == ["/etc/datecast/ws-server.toml"], left
    admin.machine.remove("/etc/datecast")
    admin.systemctl("daemon-reload")


def make_install(admin, piece):
    """Builds first; here into a folder. The package is installed again for all that follows."""
    admin.type(f"{piece.command} DESTDIR=/root/staged", patience=MINUTES)
    assert os.access(admin.machine.root / "root/staged/usr/local/bin/ws-server", os.X_OK)
    admin.machine.remove("/root/staged")
    admin.type("sudo apt install ./target/debian/datecast.deb", patience=120)
    listening_and_enabled(admin)


def exposure(admin, piece):
    """As low as the text says, for each of the three."""
    promised = piece.context.split("is ")[-1].split()[0].rstrip(".")
    for name in NAMES:
        admin.wake(name)
        _, text = admin.outcome(f"{piece.command} {name}.service --no-pager")
        assert f": {promised} " in text.splitlines()[-1], text.splitlines()[-1]
    return promised


def run_for_itself(admin, piece):
    """It takes minutes, and is a check of its own."""
    script = admin.project / {"cargo install --locked --path datecast": "tests/packaging/cargo-install", "make dist": "Makefile"}[piece.command]
    assert all(word in script.read_text() for word in piece.command.split()), script


PLACES = [
    Place(r"make deb", make_deb, "Install"),
    Place(r"sudo apt install \./target/debian/datecast\.deb", apt_install),
    Place(r"systemctl status ws-server\.socket ws-server\.service", shows_both),
    Place(r"cargo build --release .*\nsudo make install .*\nsudo systemctl daemon-reload\nsudo systemctl enable --now .*", elsewhere),
    Place(r"systemctl disable --now .*", disable, "Install"),
    Place(r"make uninstall", uninstall),
    Place(r"make install", make_install),
    Place(r"cargo install --locked --path datecast|make dist", run_for_itself),
    Place(r"systemd-analyze security", exposure, "Install"),
]
