"""Every command of the README in order, on one fresh system, and what each of them must do."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import markdown
import report
import roots
from clients import PORTS
from machine import Machine
from waiting import until
from places import Place, Quote, faults, steps
from services import NAMES
from terminal import Terminal

README = Path("README.md")


def pieces():
    return markdown.typed(README.read_text())


def commands():
    """What the README shows to be run, in order, each with its place."""
    return steps(pieces(), PLACES)


def downloads():
    """The commands that need Debian's mirrors."""
    found = [piece.command for piece, _ in commands()]
    return [command for command in found if re.match(r"(sudo apt update && )?sudo apt install [^.]", command)]


def count():
    """How many checks there are for one system, with its boot and the last look."""
    return len(commands()) + 2


def unplaced():
    return list(faults(str(README), pieces(), PLACES))


def run(release, mount_point):
    """Runs the checks of one system and writes the counts down."""
    report.kind = "fresh"
    totals = roots.folder(release) / "totals.json"
    totals.unlink(missing_ok=True)
    fresh = Fresh(release, mount_point)
    done = 0
    if report.check(f"{release.name}-boots", fresh.boot):
        for piece, place in commands():
            done += 1
            name = f"{release.name}-{done}: {piece.command.splitlines()[0]}"
            if piece.command == "make test" and (reason := why_not_make_test(release)):
                report.not_run_one(name, reason)
                continue
            # What follows a command that failed says nothing.
            skipped = report.totals["skipped"]
            if not report.check(name, place.body if place else untested, fresh, piece.command) and report.totals["skipped"] == skipped:
                break
        else:
            done += 1
            report.check(f"{release.name}-nothing-is-left", nothing_is_left, fresh)
    if left := count() - 1 - done:
        report.not_run_one(release.name, "the check before them failed", left)
    report.save(totals)
    return 0


def build_ahead(release, mount_point):
    """Compiles there what the README's commands will compile: its crates from elsewhere stay, and those of the clone, a new one each time, do not."""
    fresh = Fresh(release, mount_point)
    fresh.boot()
    fresh.run("cargo build --release --locked --workspace --bins", 1800)


def why_not_make_test(release):
    """Why `make test`, which takes minutes, is left out there, or None."""
    if roots.is_this_machine(release):
        return f"minutes long, and this machine is a {release.name} itself: `make test` on it"
    if os.environ.get("CI"):
        return f"`.ci/run` has an hour, and has run it on this machine; on {release.name}: `make test-fresh` without CI in the environment"
    return None


class Fresh:
    """The booted system, and what runs in its terminals."""

    def __init__(self, release, mount_point):
        target = roots.folder(release) / "target"
        target.mkdir(exist_ok=True)
        self.project = Path(f"/home/{roots.USER}/datecast")
        self.machine = Machine(mount_point, report.OUT / f"fresh-{release.name}-console.log", roots.root(release),
                               [f"--bind={target}:{self.project}/target"])
        self.out = roots.folder(release)
        self.terminals = {}

    def boot(self):
        self.machine.boot()
        home = self.machine.root / self.project.relative_to("/").parent
        # Into a mounted folder there is no clone.
        git = ["git", "clone", "--quiet", "--no-hardlinks", ".", home / "clone"]
        subprocess.run(git, check=True, capture_output=True, text=True)
        # `make test` builds the bridge to NATS, too, a workspace of its own.
        for manifest in ("Cargo.toml", "datecast-nats/Cargo.toml"):
            subprocess.run(["cargo", "fetch", "--locked", "--quiet", "--manifest-path", manifest], check=True, capture_output=True, text=True)
        cargo = Path(subprocess.run(["sh", "-c", 'echo "${CARGO_HOME:-$HOME/.cargo}"'], capture_output=True, text=True).stdout.strip())
        shutil.copytree(cargo / "registry", home / ".cargo/registry", symlinks=True)
        self.machine.run("sh", "-c", f"cd {self.project.parent} && cp -a clone/. datecast && rm -r clone && chown -R {roots.USER}: . ")

    def line(self, command):
        """The command line that runs a command as a person there would."""
        return self.machine.enter("runuser", "-u", roots.USER, "--", "bash", "-c", f"cd {self.project} && {self.environment()}{command}")

    def environment(self):
        """A login's, and how cargo builds where our caller has said so (`CARGO_PROFILE_RELEASE_LTO=off`, to save minutes)."""
        ours = {name: value for name, value in os.environ.items() if name.startswith("CARGO_PROFILE_")}
        # `cargo install` would ask the index for news, and there is no network in there.
        login = {"HOME": self.project.parent, "CARGO_NET_OFFLINE": "true"}
        return "".join(f"export {name}={value}; " for name, value in {**login, **ours}.items())

    def run(self, command, patience):
        """Runs a command to its end, which must be a good one; its output."""
        done = subprocess.run(self.line(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=patience)
        assert done.returncode == 0, f"{done.returncode}: {done.stdout[-3000:]}"
        return done.stdout

    def open(self, command, sign, patience=60):
        """Runs a command in a terminal of its own, until it has printed this; the text that matches."""
        self.terminals[command] = terminal = Terminal(self.line(command))
        return terminal.until(sign, patience)

    def close_all(self):
        """Ctrl-C in every terminal, the last one first."""
        for command in reversed(list(self.terminals)):
            self.terminals.pop(command).interrupt(patience=20)

    def curl(self, *arguments):
        """What a client of this machine's gets in there."""
        command = ["curl", "--silent", "--max-time", "3", *arguments]
        return subprocess.run(self.machine.enter_network(*command), capture_output=True, text=True).stdout

    def listening(self):
        """The TCP ports that are open in there, on whatever address."""
        text = self.machine.run("cat", "/proc/net/tcp", "/proc/net/tcp6")
        return {int(fields[1].split(":")[1], 16) for fields in map(str.split, text.splitlines()) if fields[3] == "0A"}

    def answers(self):
        """Page, stream and policy answer on their ports."""
        until("the page", lambda: "<html" in self.curl(f"http://localhost:{PORTS['static-server']}/"))
        until("a date", lambda: re.search(r"\d\d:\d\d:\d\d", self.curl("-N", f"http://localhost:{PORTS['ws-server']}/")))


def untested(_, command):
    raise AssertionError(f"README.md has a new command, and tests/fresh/walk.py no place for it: {command}")


def runs(fresh, command):
    fresh.run(command, 900)


def runs_after_all(fresh, command):
    """No program that is replaced or removed runs meanwhile."""
    fresh.close_all()
    fresh.run(command, 900)


def front(fresh, command):
    """The command prints its URL first, on the port that it was told or on the next free one; page and lines are there."""
    begin = time.monotonic()
    url = re.search(r"http://\S+:\d+/", fresh.open(command, r"http://\S+:\d+/\S*")).group()
    wanted = re.search(r"--listen '?\S+:(\d+)", command)
    assert wanted is None or f":{wanted.group(1)}/" in url, url
    page, stream = url.replace("[::]", "localhost"), until("a line", lambda: fresh.curl("--no-buffer", f"{url}stream").strip())
    assert "<html" in fresh.curl(page), page
    return f"{url} after {time.monotonic() - begin:.1f} s; {stream.splitlines()[-1].strip()}"


def script(fresh, command):
    """A browser's script, run by node in the network of the system: it prints two lines of the stream."""
    node = shutil.which("node")
    if not node:
        raise report.Skip("no node (apt install nodejs)")
    has_websocket = [flag for flag in ([], ["--experimental-websocket"])
                     if subprocess.run([node, *flag, "-e", "WebSocket"], capture_output=True).returncode == 0]
    if not has_websocket:
        raise report.Skip("this node has no WebSocket of its own: 20.10 or newer")
    with Terminal(fresh.machine.enter_network(node, *has_websocket[0], "-e", command)) as console:
        console.until(r"(?s)\d+ +\d+.*\n.*\d+ +\d+.*\n", 20)


def page_of_your_own(fresh, command):
    """A site whose page holds these lines: it and the file that they include are served. What browsers do with it, tests/browser sees."""
    fresh.run(f"mkdir -p ~/site && cat > ~/site/index.html <<'END'\n{command}\nEND", 10)
    url = re.search(r"http://\S+:\d+/", fresh.open("datecast --root ~/site", r"http://\S+:\d+/\S*")).group()
    assert fresh.curl(url).strip() == command.strip()
    assert "function datecast(" in fresh.curl(f"{url}datecast.js")
    return url


def installed_by_cargo(fresh, command):
    fresh.run(command, 900)
    assert "datecast" in fresh.run("~/.cargo/bin/datecast --version", 10)


def tells(fresh, command):
    """What is built, as the sections behind the purge name the command, too."""
    assert "Usage: " in fresh.run(f"PATH=target/release:$PATH; {command.replace(' …', ' --help')}", 10)


def is_an_option(fresh, command):
    """Of the command, or of a daemon that it is, too."""
    option = command.split()[0]
    assert any(f"{option} " in fresh.run(f"target/release/datecast {program} --help", 10) for program in ("", *NAMES)), option


def template(fresh, command):
    fresh.run(f"target/release/datecast --template '{command}' --check", 10)


def resumes(fresh, command):
    """With the id of a message that was got before: what comes after it."""
    fresh.open("(seq 20; sleep 60) | target/release/datecast", r"http://localhost:8080/")
    events = until("the last line", lambda: re.search(r"(?s)id: (\w+_18)\n.*data: 20\n", fresh.curl(
        "--no-buffer", "--header", "Accept: text/event-stream", "http://localhost:8080/stream")))
    answer = fresh.open(command.replace("=ID", f"={events.group(1)}"), r"(?s)data: .*data: 20\n")
    assert re.findall(r"data: (\d+)", answer) == ["19", "20"], answer
    fresh.close_all()


def make_run(fresh, command):
    """Ctrl-C in the other terminals first, as the README says."""
    fresh.close_all()
    begin = time.monotonic()
    fresh.open(command, r"Open http://localhost:8080/", patience=900)
    fresh.answers()
    return f"{time.monotonic() - begin:.0f} s to the page"


def make_test(fresh, command):
    """The daemons of `make run` run on beside it."""
    output = fresh.run(command, 1200)
    (report.OUT / f"fresh-{fresh.out.name}-make-test.log").write_text(output)
    last = output.splitlines()[-1]
    assert re.fullmatch(r"\d+ passed, 0 failed, \d+ skipped", last), output[-2000:]
    assert "make test-all" in output, "it does not say what it left out"
    return last


def stays(sign):
    """A command that prints this, and runs on."""
    def check(fresh, command):
        return fresh.open(command, sign).strip()
    return check


def package(fresh, command):
    """The three sockets listen, and nothing else does; all files are there; the daemons answer."""
    fresh.close_all()
    assert fresh.listening() == set(), "Ctrl-C stopped all"
    fresh.run(command, 600)
    assert fresh.listening() == set(PORTS.values()), fresh.listening()
    for name in NAMES:
        assert fresh.machine.run("systemctl", "is-enabled", f"{name}.socket") == "enabled"
        assert "Usage: " in fresh.run(f"{name} --help", 10)
    assert "Usage: " in fresh.run("datecast --help", 10)
    gone = fresh.run("dpkg -L datecast | while read -r file; do [ -e \"$file\" ] || echo \"$file\"; done", 60)
    # dpkg leaves documents out where a minimal system says so (/etc/dpkg/dpkg.cfg.d).
    assert gone == "", gone
    fresh.answers()


def restart(fresh, command):
    """A client of the stream stays connected: it gets dates before and after on one connection."""
    curl = ["curl", "--silent", "--no-buffer", f"http://localhost:{PORTS['ws-server']}/"]
    main_pid = ["systemctl", "show", "--value", "--property", "MainPID", "ws-server"]
    date = r"(?s)\d\d:\d\d:\d\d.*\n.*\d\d:\d\d:\d\d"
    with Terminal(fresh.machine.enter_network(*curl)) as stream:
        stream.until(date, 10)
        before = fresh.machine.run(*main_pid)
        fresh.run(command, 60)
        assert fresh.machine.run(*main_pid) not in ("0", before)
        stream.until(date, 10)
        assert stream.is_running()


def purge(fresh, command):
    fresh.run(command, 120)
    assert fresh.listening() == set(), fresh.listening()


def nothing_is_left(fresh):
    """After the purge no file of the package is there, no unit, and nothing in dpkg's lists."""
    names = " -o ".join(f"-name '*{name}*'" for name in ("datecast", *NAMES))
    places = "/etc /usr /lib /run /var/lib/dpkg/info /var/lib/systemd"
    left = fresh.machine.run("sh", "-c", f"find {places} -xdev \\( {names} \\) -not -path '/run/systemd/*' -not -path '/run/log/*'")
    assert left == "", left
    assert "datecast" not in fresh.machine.run("dpkg-query", "--show")
    assert fresh.machine.query("systemctl", "list-units", "--all", "--no-legend", *(f"{name}*" for name in NAMES)) == ""


PLACES = [
    Place(r"(sudo apt update && )?sudo apt install [a-z].*", runs),
    Place(r"cargo (build|install) [^|]*&& sudo install .*|sudo (install|rm) .*", runs_after_all),
    Place(r"cargo install .*", installed_by_cargo),
    Place(r"([^|]* \| )?datecast|[^|]* \| datecast --listen .*|datecast -- .*", front),
    Place(r"make test", make_test),
    Place(r"curl -N http://\S+", stays(r"\d+ +\d+ +\d+ .*\n")),
    Place(r"const stream = new WebSocket(.|\n)*", script),
    Place(r"<script src=(.|\n)*", page_of_your_own),
    Place(r"datecast (ws-server …|--help)", tells),
    Place(r"--[a-z-]+ [A-Z]+", is_an_option),
    Place(r'\{"n":.*', template),
    Place(r"curl -N -H '.*' '.*=ID'", resumes),
    Place(r"make run", make_run),
    Place(r"make deb && .*", package),
    Place(r"sudo systemctl restart ws-server", restart),
    Place(r"sudo apt purge datecast", purge),
    Quote(r"ssh -L .*", "it needs another machine; the page finds its stream beside itself, which tests/browser looks at"),
    Quote(r"make (deb|test)-nats", "it compiles a hundred crates more; tests/systemd installs the package, and `make test-all` runs the tests"),
    Quote(r"Accept: text/event-stream|17 disconnected", "what goes over the wire"),
]
