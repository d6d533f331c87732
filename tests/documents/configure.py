"""Configure."""

import re
from contextlib import contextmanager

from administrator import ROOT, body_of, each_name
from clients import PORTS
from waiting import until
from places import Place, Quote
from services import NAMES
from terminal import Terminal

METRICS = dict(zip(NAMES, (8432, 8433, 8434)))
SECTION = "Configure"
PAGE = "http://localhost:8080/"
TMPFILES = "/etc/tmpfiles.d/datecast.conf"
STREAM = "http://localhost:40132/"
# A setting of a unit that can be seen from outside.
LIMIT = "[Service]\nLimitNOFILE=1234"
# The socket that a further core gets: one more listener for each port.
LISTENERS = {name: f"[Socket]\nListenStream=[::]:{port}" for name, port in PORTS.items()}
# At this level the log shows the start; at `error`, the level of the file, it does not.
FLAG = "--log-level debug"


def reload(admin, piece):
    """The new options count in the same process, and the log names those that need a restart."""
    for name, command in each_name(piece.command):
        pid = admin.wake(name)
        with admin.option(name, 'log-level = "warn"\nworkers = 7'):
            admin.type(command)
            admin.says(name, r"workers.*restart|restart.*workers")
            assert admin.main_pid(name) == pid


def restart_with_flags(admin, piece):
    """The flags of /etc/default/NAME are in force, and not the file's value."""
    for name, command in each_name(piece.command):
        with admin.option(name, 'log-level = "error"'), admin.flags(name, FLAG):
            admin.restarts(command, name)
            assert FLAG in admin.machine.run("sh", "-c", f"tr '\\0' ' ' </proc/{admin.main_pid(name)}/cmdline")
            # It would not say so at the level `error`.
            since = admin.machine.run("date", "+%F %T.%N")
            admin.restarts(command, name)
            assert "listening on" in admin.journal(name, "--since", since), "the flag has no precedence"


def edit_socket(admin, piece):
    """Another listener for each socket; the three commands of the row, one after the other."""
    edit, *apply = re.findall(r"`(systemctl [^`]*)`", piece.context)
    for name in NAMES:
        before = len(admin.listening())
        with admin.edited(edit.replace("NAME", name), LISTENERS[name], *[command.replace("NAME", name) for command in apply]):
            assert len(admin.listening()) == before + 1, admin.listening()
            admin.wake(name)
        assert len(admin.listening()) == before


def edit_service(admin, piece):
    edit, restart = re.findall(r"`(systemctl [^`]*)`", piece.context)
    for name in NAMES:
        admin.wake(name)
        with admin.edited(edit.replace("NAME", name), LIMIT, restart.replace("NAME", name)):
            assert re.search(r"open files +1234 ", admin.machine.run("cat", f"/proc/{admin.main_pid(name)}/limits"))


def by_its_row(admin, piece):
    """The first command of its row runs it."""


def check(admin, piece):
    """Says nothing against the file that is shipped; names what is wrong in another; and with that the service does not start, while
    its port stays open."""
    for name, command in each_name(piece.command):
        admin.type(command)
        with admin.added(name, 'linger = "soon"'):
            status, output = admin.outcome(command)
            assert status == 78 and "`linger`" in output, output
            status, _ = admin.outcome(f"systemctl restart {name}")
            assert status != 0 and admin.listening(PORTS[name])
        until(f"{name} has started by itself", lambda: admin.main_pid(name) and admin.is_active(name))


def listen_on_loopback(admin, piece):
    """The port is open there, as often as the text says, and nowhere else."""
    command, text = body_of(piece)
    wanted = re.findall(r"ListenStream=(\S+)", text)
    with admin.edited(command, text, "systemctl daemon-reload", "systemctl restart ws-server.socket"):
        assert admin.listening(40132) == wanted, admin.listening()
        assert re.search(r"\d\d:\d\d:\d\d", admin.curl(f"http://{wanted[0]}/", patience=1.5))


@contextmanager
def site(admin, mode, owner="root:root"):
    """A web root of one file, with this mode, as an editor of the site may leave it; the service is told to serve it."""
    folder = admin.machine.root / ROOT[1:]
    admin.file(f"{ROOT}/index.html", "<html>a site</html>\n", mode)
    folder.chmod(mode | 0o100 | (mode & 0o040) >> 2)
    admin.machine.run("chown", "-R", owner, ROOT)
    try:
        with admin.option("static-server", f'root = "{ROOT}"'):
            # Without the right to look into its root it does not start.
            admin.outcome("systemctl restart static-server")
            yield
    finally:
        admin.machine.remove(ROOT)


def readable_by_all(admin, piece):
    """What could not be read before can be after it."""
    with site(admin, 0o600):
        assert admin.status_of(PAGE) != "200"
        admin.type(piece.command)
        until("the site is served", lambda: "a site" in admin.curl(PAGE))


def readable_by_group(admin, piece):
    """A group's files are served with the drop-in, and not without."""
    command, text = body_of(piece)
    owner = f"root:{re.search('=(.*)', text).group(1)}"
    with site(admin, 0o640, owner):
        assert admin.status_of(PAGE) != "200"
    with admin.edited(command, text, "systemctl restart static-server"), site(admin, 0o640, owner):
        assert "a site" in admin.curl(PAGE)


def hears(admin, writer, text):
    """A client of the stream gets the line that this command writes."""
    with Terminal(admin.machine.enter_network("curl", "--silent", "--no-buffer", STREAM)) as stream:
        stream.read(0.3)
        admin.type(writer)
        stream.until(text, 10)


def lines_by_a_socket(admin, piece):
    """Root writes to it."""
    with admin.option("ws-server", piece.text):
        admin.systemctl("restart", "ws-server")
        hears(admin, "echo by root | nc -N -U /run/ws-server/lines", "by root")


def group(admin, piece):
    admin.type(piece.command)
    assert admin.machine.run("getent", "group", piece.command.split()[-1])


# A user who is in one more group than the control.
def as_member(group, command):
    return f"setpriv --reuid nobody --regid nogroup --groups {group} -- {command}"


def folder(admin, piece):
    """The line in the file of tmpfiles.d; the command that obeys it stands behind it."""
    admin.file(TMPFILES, piece.text + "\n")


def make_folder(admin, piece):
    """The folder is there."""
    admin.type(piece.command)
    assert admin.machine.run("stat", "--format", "%F %a %U %G", "/run/producers") == "directory 2770 root producers"


def group_source(admin, piece):
    """The drop-in below uses it."""
    admin.type(f"grep -q producers {TMPFILES}")
    admin.source = piece.text


def lines_by_a_group(admin, piece):
    """A user of the group writes, also after a restart; another one may not."""
    command, text = body_of(piece)
    path = re.search(r"unix:([^\"]*)", admin.source).group(1)
    write = f"sh -c 'echo by a member | nc -N -U {path}'"
    with admin.edited(command, text, "systemctl restart ws-server"), admin.option("ws-server", admin.source):
        for _ in range(2):
            admin.type("systemctl restart ws-server")
            hears(admin, as_member("producers", write), "by a member")
        status, output = admin.outcome(as_member("nogroup", write))
        assert status != 0 and "Permission denied" in output, output


def fifo(admin, piece):
    """The line makes a FIFO."""
    admin.file(TMPFILES, piece.text + "\n")
    admin.type("systemd-tmpfiles --create datecast.conf")
    assert admin.machine.run("stat", "--format", "%F %a %U %G", "/run/datecast-lines") == "fifo 660 root producers"


def lines_by_a_fifo(admin, piece):
    """Lines arrive from root and from a member of the group, also by a FIFO that was made anew while the service runs."""
    path = re.search(r"fifo:([^\"]*)", piece.text).group(1)
    setting = "SupplementaryGroups=producers"
    with admin.edited("systemctl edit ws-server", f"[Service]\n{setting}", "systemctl restart ws-server"), admin.option("ws-server", piece.text):
        admin.type("systemctl restart ws-server")
        hears(admin, f"echo by root >{path}", "by root")
        hears(admin, as_member("producers", f"sh -c 'echo by a member >{path}'"), "by a member")
        admin.type(f"rm {path} && systemd-tmpfiles --create datecast.conf")
        hears(admin, f"sleep 1; echo by another >{path}", "by another")


def metrics(admin, piece):
    """The endpoint answers, which did not before; those of the two others, too."""
    for name, port in METRICS.items():
        admin.wake(name)
        assert admin.curl(f"http://127.0.0.1:{port}/healthz") == ""
        admin.type(piece.command.replace("ws-server", name))
        until(f"{name} is healthy", lambda: admin.curl(f"http://127.0.0.1:{port}/healthz") == "ok\n")
        assert "build_info" in admin.curl(f"http://127.0.0.1:{port}/metrics")


PLACES = [
    Place(r"systemctl reload NAME", reload, SECTION),
    Place(r"systemctl restart NAME", restart_with_flags, SECTION),
    Place(r"systemctl edit NAME\.socket", edit_socket, SECTION),
    Place(r"systemctl daemon-reload|systemctl restart NAME\.socket", by_its_row, SECTION),
    Place(r"systemctl edit NAME", edit_service, SECTION),
    Place(r"NAME --check --config /etc/datecast/NAME\.toml", check),
    Place(r"# systemctl edit ws-server\.socket\n\[Socket\]\nListenStream=\n(ListenStream=127\.0\.0\.1:40132\n?)+", listen_on_loopback),
    Place(r"chmod -R a\+rX /srv/www", readable_by_all),
    Place(r"# systemctl edit static-server\n\[Service\]\nSupplementaryGroups=.*", readable_by_group),
    Place(r'source = "unix:/run/ws-server/lines"', lines_by_a_socket),
    Place(r"groupadd .*", group),
    Place(r"d /run/producers .*", folder),
    Place(r"systemd-tmpfiles --create .*", make_folder),
    Place(r'source = "unix:/run/producers/lines"', group_source),
    Place(r"# systemctl edit ws-server\n\[Service\]\nSupplementaryGroups=.*\nReadWritePaths=.*\nUMask=0007", lines_by_a_group),
    Place(r"p /run/datecast-lines .*", fifo),
    Place(r'source = "fifo:/run/datecast-lines"', lines_by_a_fifo),
    Quote(r"SupplementaryGroups=producers", "the step of the FIFO sets it"),
    Place(r"systemctl enable ws-server-metrics\.socket && systemctl restart ws-server", metrics),
]
