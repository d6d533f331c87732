"""Streams by name, each with a command that feeds it: `ws-server@NAME`, `datecast-feed@NAME`."""

import re
import subprocess
from contextlib import contextmanager

import hand_over
import privileges
import report
from clients import LiveClients
from waiting import until

# The second has a name as systemd escapes `a-b`, which is a pattern to `systemctl list-jobs` and to `EnvironmentFile=`, and no user's name.
PORTS = {"vmstat": 40141, r"a\x2db": 40142}
FIRST, SECOND = PORTS
# What else may stand in a name.
OTHER_NAMES = ["a-b", "v1.2", "x@y", "A_b:c", "a-name-of-a-stream-that-is-longer-than-any-that-a-user-may-have"]
LIVE = 504
# The numbers are the command's own: what is lost on the way to ws-server is missing, too.
CONFIGURATION = """source = 'unix:/run/ws-server@{name}/lines'
template = "{{line}} from a command"
workers = 2
max-connections-per-ip = 0
"""
COMMAND = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"
# For a command that begins again at 1: the numbers are the stream's own.
NUMBERED = CONFIGURATION.replace("{{line}} from", "{{seq}} {{line}} from")
# Of a service that runs any command of an administrator's.
EXPOSURE = 2.0


def checks():
    yield "named-streams-across-restarts", across_restarts
    yield "control-named-stop-without-its-unit", stop_without_its_unit
    yield "named-streams-and-the-plain-one", plain_one_stops
    yield "named-reload", reload_of_one
    yield "named-feeder-is-killed", feeder_is_killed
    yield "named-command-is-killed", command_is_killed
    yield "named-feeder-without-a-command", without_a_command
    yield "named-metrics", metrics
    yield "named-stop-of-the-socket", socket_stops
    yield "named-names", names
    yield "named-privileges", is_unprivileged
    yield "named-feeder-sees-the-machine", sees_the_machine


def stream(name):
    return f"ws-server@{name}"


def feeder(name):
    return f"datecast-feed@{name}"


def environment(name):
    """The file of the command: where systemd looks by itself, unless the name has a backslash, which would be part of a pattern there."""
    return f"/etc/datecast/feed@{name}.env".replace("\\", "-")


@contextmanager
def named(lab, *which, configuration=CONFIGURATION, command=COMMAND, port=True):
    """These streams for a while: configured, enabled, fed, each with a port of its own for the load generator."""
    for name in which:
        lab.machine.write(f"/etc/datecast/{stream(name)}.toml", configuration.format(name=name))
        lab.machine.write(environment(name), f"COMMAND={command}\n")
        if "\\" in name:
            lab.machine.write(f"/etc/systemd/system/{feeder(name)}.service.d/command.conf", f"[Service]\nEnvironmentFile={environment(name)}\n")
        if port:
            lab.machine.write(f"/etc/systemd/system/{stream(name)}.socket.d/port.conf", f"[Socket]\nListenStream=127.0.0.1:{PORTS[name]}\n")
    lab.systemctl("daemon-reload")
    try:
        for name in which:
            lab.systemctl("enable", "--now", f"{stream(name)}.socket", f"{feeder(name)}.service")
            until(f"{name} is fed", lambda: lab.main_pid(stream(name)) and read(lab, name))
        yield
    finally:
        lab.machine.query("systemctl", "disable", "--now", *(unit for name in which for unit in (
            f"{feeder(name)}.service", f"{stream(name)}.socket", f"ws-server-metrics@{name}.socket")))
        lab.machine.query("systemctl", "stop", *(f"{stream(name)}.service" for name in which))
        for name in which:
            for path in (f"/etc/datecast/{stream(name)}.toml", environment(name)):
                lab.machine.remove(path)
            for unit in (f"{stream(name)}.socket", f"{feeder(name)}.service"):
                lab.machine.remove(f"/etc/systemd/system/{unit}.d")
        lab.systemctl("daemon-reload")


def folder(name):
    return f"/run/{stream(name)}"


def read(lab, name, path="/", seconds=0.5, socket="stream.sock"):
    """What a client of the Unix socket gets until then."""
    return lab.machine.query("curl", "--silent", "--no-buffer", "--max-time", seconds, "--unix-socket", f"{folder(name)}/{socket}", f"http://localhost{path}")


def commands(lab, name):
    """The pids of what the feeder runs: all processes of its unit but itself."""
    listed = lab.machine.query("systemctl", "show", "--value", "--property", "ControlGroup", f"{feeder(name)}.service")
    pids = lab.machine.query("sh", "-c", 'find /sys/fs/cgroup*"$1" -name cgroup.procs -exec cat {} + | sort -nu', "sh", listed)
    return {int(pid) for pid in pids.split()} - {lab.main_pid(feeder(name))}


def shell(lab, name):
    """The pid of the command: the shell, and not what it starts."""
    def one():
        found = [pid for pid in commands(lab, name) if "-c" in lab.machine.query("cat", f"/proc/{pid}/cmdline").split("\0")]
        return found[0] if len(found) == 1 else None
    return until(f"{name} has a command", one)


def journal(lab, unit, since=None):
    return lab.machine.query("journalctl", "--no-pager", "-b", "-o", "cat", "-u", unit, *(["--since", since] if since else []))


def restart(lab, name):
    before = lab.main_pid(stream(name))
    lab.systemctl("restart", f"{stream(name)}.service")
    lab.started_anew(stream(name), before)


def across_restarts(lab):
    """Every client gets each line once, and neither feeder nor command notices; the other stream has the same process all the while."""
    with named(lab, *PORTS), LiveClients(lab.machine, LIVE, PORTS[FIRST]) as first, LiveClients(lab.machine, LIVE, PORTS[SECOND]) as second:
        before = {name: (lab.main_pid(feeder(name)), shell(lab, name)) for name in PORTS}
        for clients in (first, second):
            hand_over.each_hears(clients, 5)
            clients.ask("mark")
        for name, other in ((FIRST, SECOND), (SECOND, FIRST), (FIRST, SECOND)):
            pid = lab.main_pid(stream(other))
            restart(lab, name)
            assert lab.main_pid(stream(other)) == pid, "the other one is another process"
            for clients in (first, second):
                hand_over.wait_for_messages(clients, 25)
        for clients in (first, second):
            hand_over.nobody_noticed(clients.report(), LIVE)
        for name in PORTS:
            assert (lab.main_pid(feeder(name)), shell(lab, name)) == before[name], f"{name} has another feeder or command"
            assert lab.show(f"{feeder(name)}.service", "NRestarts") == "0"
        lines = first.report()["messages"] // LIVE
    report.figure(f"three restarts of two named streams (`systemctl restart ws-server@vmstat`) with feeders and {LIVE} clients each",
                  "0 lines lost, 0 doubled, the same feeders and commands")
    return f"{lines} lines to each of {LIVE} clients of either stream, 0 lost, 0 doubled"


def stop_without_its_unit(lab):
    """The control: the stop command of a copy of the plain unit asks for the plain unit's job, and takes the restart for a stop."""
    unit = f"{stream(FIRST)}.service"
    with named(lab, FIRST, configuration=NUMBERED), lab.drop_in(unit, "[Service]\nExecStop=\nExecStop=+/usr/lib/datecast/stop $MAINPID ws-server.service\n", [unit]), \
            LiveClients(lab.machine, LIVE, PORTS[FIRST]) as clients:
        hand_over.wait_for_messages(clients, 1)
        restart(lab, FIRST)
        until("everybody is closed", lambda: clients.report()["open"] == 0)
        ended = clients.report()["ended"]
    assert ended.get("1001", 0) == LIVE // 3, ended
    return str(ended)


def plain_one_stops(lab):
    """A stop of the plain units, which removes /run/ws-server, touches no named stream, and a stop of a named one does not touch the plain one."""
    with named(lab, *PORTS), LiveClients(lab.machine, 90, PORTS[FIRST]) as clients:
        pids = [lab.main_pid(unit) for name in PORTS for unit in (stream(name), feeder(name))]
        hand_over.each_hears(clients, 5)
        clients.ask("mark")
        lab.wake(hand_over.NAME)
        lab.systemctl("stop", "ws-server.socket", "ws-server.service")
        try:
            # The link to it stays (a user that systemd makes up has its folders in /run/private).
            assert lab.machine.query("ls", "/run/ws-server/") == ""
            assert lab.machine.query("ls", "-d", "/run/private/ws-server") == ""
            hand_over.wait_for_messages(clients, 25)
            hand_over.nobody_noticed(clients.report(), 90)
            assert pids == [lab.main_pid(unit) for name in PORTS for unit in (stream(name), feeder(name))]
        finally:
            lab.systemctl("start", "ws-server.socket")
        plain = lab.wake(hand_over.NAME)
        lab.systemctl("stop", f"{stream(SECOND)}.socket", f"{stream(SECOND)}.service")
        assert lab.main_pid(hand_over.NAME) == plain
        hand_over.wait_for_messages(clients, 25)
        hand_over.nobody_noticed(clients.report(), 90)


def reload_of_one(lab):
    """The new template is in force in the one, in the same process, and in no other; with a wrong file the command fails."""
    with named(lab, *PORTS):
        pid = lab.main_pid(stream(SECOND))
        path = f"/etc/datecast/{stream(SECOND)}.toml"
        lab.machine.write(path, CONFIGURATION.format(name=SECOND).replace("from a command", "anew"))
        lab.systemctl("reload", f"{stream(SECOND)}.service")
        until("the new template is in force", lambda: "anew" in read(lab, SECOND))
        assert "anew" not in read(lab, FIRST)
        lab.machine.write(path, 'workers = "many"\n')
        answer = lab.machine.query("sh", "-c", 'systemctl reload "$1"; echo status $?', "sh", f"{stream(SECOND)}.service")
        assert answer.splitlines()[-1] == "status 1", answer
        assert "anew" in read(lab, SECOND) and lab.main_pid(stream(SECOND)) == pid
        until("the status says why", lambda: "workers" in lab.show(f"{stream(SECOND)}.service", "StatusText"))


def feeder_is_killed(lab):
    """Its command goes with it; both are back, and the journal says what became of it. The stream's clients stay."""
    unit = f"{feeder(FIRST)}.service"
    with named(lab, FIRST, configuration=NUMBERED), LiveClients(lab.machine, 90, PORTS[FIRST]) as clients:
        before, command = lab.main_pid(feeder(FIRST)), shell(lab, FIRST)
        lab.kill(feeder(FIRST), "KILL")
        after = lab.started_anew(feeder(FIRST), before)
        assert lab.machine.query("ls", "-d", f"/proc/{command}") == "", "its command runs on"
        assert "status=9/KILL" in journal(lab, unit), journal(lab, unit)
        assert shell(lab, FIRST) != command
        count = clients.report()["messages"]
        until("lines come again", lambda: clients.report()["messages"] > count + 90)
        assert clients.report()["open"] == 90
        assert lab.main_pid(stream(FIRST))
    return f"pid {before} to {after}"


def command_is_killed(lab):
    """The same feeder starts it again, after a longer pause each time; each end is in the journal."""
    unit = f"{feeder(FIRST)}.service"
    with named(lab, FIRST):
        pid = lab.main_pid(feeder(FIRST))
        since = lab.machine.run("date", "+%F %T.%N")
        for _ in range(3):
            command = shell(lab, FIRST)
            assert command > 1
            lab.machine.run("kill", "-9", command)
            until("another command", lambda: (commands(lab, FIRST) and shell(lab, FIRST)) not in (set(), command))
        text = journal(lab, unit, since)
        assert len(re.findall("(?i)kill", text)) >= 3, text
        pauses = [float(each) for each in re.findall(r"in (\d+(?:\.\d+)?) ?s", text)]
        assert pauses == sorted(pauses) and len(set(pauses)) > 1, text
        assert lab.main_pid(feeder(FIRST)) == pid and lab.show(unit, "NRestarts") == "0"
    return f"pauses of {pauses} s"


def without_a_command(lab):
    """It fails, names file and variable, and starts by itself once they are there."""
    unit, path = f"{feeder('later')}.service", "/etc/datecast/feed@later.env"
    configured, escaped = "/etc/datecast/ws-server@later.toml", "datecast-feed@a\\x2db.service"
    try:
        for text in (None, "COMMAND=\n"):
            since = lab.machine.run("date", "+%F %T.%N")
            if text is not None:
                lab.machine.write(path, text)
            lab.machine.query("systemctl", "start", unit)
            until("the journal says why", lambda: re.search(rf"COMMAND=.*{path}", journal(lab, unit, since)))
        assert "backslash" not in journal(lab, unit, since)
        lab.machine.write("/etc/datecast/feed@a\\x2db.env", "COMMAND=vmstat 1\n")
        lab.machine.query("systemctl", "start", escaped)
        until("the journal says why it does not help", lambda: re.search("COMMAND=.*backslash", journal(lab, escaped, since)))
        lab.machine.write(configured, CONFIGURATION.format(name="later"))
        lab.machine.write(path, "COMMAND=vmstat 1\n")
        until("it starts by itself", lambda: lab.is_active(unit))
        until("it feeds the stream", lambda: re.search(r"\d+ +\d+ +\d+", read(lab, "later")))
    finally:
        lab.systemctl("stop", escaped, "ws-server-lines@a\\x2db.socket", unit, "ws-server@later.socket", "ws-server-lines@later.socket", "ws-server@later.service")
        for file in (path, configured, "/etc/datecast/feed@a\\x2db.env"):
            lab.machine.remove(file)


def metrics(lab):
    """Off until enabled; then at a socket beside the stream's."""
    with named(lab, FIRST):
        assert read(lab, FIRST, "/healthz", socket="metrics.sock") == ""
        lab.systemctl("enable", f"ws-server-metrics@{FIRST}.socket")
        restart(lab, FIRST)
        until("it is healthy", lambda: read(lab, FIRST, "/healthz", socket="metrics.sock") == "ok")
        assert 'datecast_ws_source{state="running"} 1' in read(lab, FIRST, "/metrics", socket="metrics.sock")


def socket_stops(lab):
    """The stream's socket takes the others and the service along; a feeder that comes back brings none of them back."""
    with named(lab, FIRST):
        lab.systemctl("stop", f"{stream(FIRST)}.socket")
        until("it has ended", lambda: lab.main_pid(stream(FIRST)) == 0)
        assert lab.machine.query("ls", folder(FIRST)) == ""
        pid = lab.main_pid(feeder(FIRST))
        assert pid and lab.is_active(f"{feeder(FIRST)}.service")
        assert not lab.is_active(f"{stream(FIRST)}.service")
        # The feeder has waited for it. However often this happens, it is no failure.
        for _ in range(8):
            lab.systemctl("start", f"{stream(FIRST)}.socket")
            lab.systemctl("stop", f"{stream(FIRST)}.socket")
        lab.systemctl("start", f"{stream(FIRST)}.socket")
        until("lines come again", lambda: "from a command" in read(lab, FIRST))
        assert lab.main_pid(feeder(FIRST)) == pid


def names(lab):
    """Whatever may stand in the name of a unit, it is fed, and a restart is one."""
    for name in OTHER_NAMES:
        with named(lab, name, port=False):
            client = subprocess.Popen(lab.machine.enter("curl", "--silent", "--no-buffer", "--unix-socket", f"{folder(name)}/stream.sock", "http://localhost/"),
                                      stdout=subprocess.PIPE, text=True)
            try:
                lines = iter(lambda: int(client.stdout.readline().split()[0]), None)
                first = next(lines)
                restart(lab, name)
                got = [next(lines) for _ in range(60)]
                assert got == list(range(first + 1, first + 61)), (name, first, got)
            finally:
                client.kill()
                client.wait()
    return ", ".join(OTHER_NAMES)


def is_unprivileged(lab):
    """As the plain one; the feeder has no more than a network and the sight of the machine's processes."""
    with named(lab, FIRST, port=False):
        found = privileges.privileges(lab, lab.main_pid(stream(FIRST)))
        assert not found, found
        found = privileges.privileges(lab, lab.main_pid(feeder(FIRST)))
        assert found == ["the net namespace of all", "the user namespace of all"], found
        for unit, most in ((stream(FIRST), privileges.EXPOSURE), (feeder(FIRST), EXPOSURE)):
            privileges.exposed(lab, unit, most)
        # Who may write to the lines, and who may read the tokens.
        assert lab.machine.run("stat", "--format", "%A %U %G", f"{folder(FIRST)}/lines") == "srw-rw---- root datecast-feed"
        denied = lab.machine.query("sh", "-c", f"echo x | runuser -u nobody -- nc -N -U {folder(FIRST)}/lines 2>&1")
        assert "Permission denied" in denied, denied


SIGHT = ("tty && vmstat 1 2 | tail -n 1 && ps -e | wc -l && id -Gn && tail -n 1 /var/log/lab.log && journalctl -q -n 1 -o cat && "
         "echo seen; sleep 1000")
WIDER = "[Service]\nSupplementaryGroups=adm systemd-journal\n"


def sees_the_machine(lab):
    """An ordinary command runs as in a terminal; with the groups of a drop-in it reads logs and the journal."""
    unit = f"{feeder(FIRST)}.service"
    lab.machine.run("sh", "-c", "echo of the group >/var/log/lab.log; chgrp adm /var/log/lab.log; chmod 640 /var/log/lab.log")
    configuration = CONFIGURATION.replace("{{line}} from a command", "{{line}}")
    with named(lab, FIRST, configuration=configuration, command=SIGHT, port=False):
        until("the log is denied", lambda: "Permission denied" in read(lab, FIRST))
        with lab.drop_in(unit, WIDER, [unit]):
            text = until("all is seen", lambda: re.search(r"(?s)/dev/pts/\d+.*of the group.*seen", read(lab, FIRST))).group()
    processes = int(re.search(r"(?m)^(\d+)$", text).group(1))
    assert processes > 10, text
    assert "datecast-feed" in text and "systemd-journal" in text, text
