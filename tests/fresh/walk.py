"""Every command of the README in order, on one fresh system, and what each of them must do."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import report
import roots
from machine import Machine, until
from terminal import Terminal

README = Path("README.md")
PORTS = {"stream": 40132, "page": 8080, "policy": 843}


def commands():
    """The lines of the README's blocks of commands (four spaces; other text is fenced), without their comments."""
    lines = [line[4:] for line in README.read_text().splitlines() if re.match(r" {4}\S", line)]
    return [re.sub(r"\s+#.*", "", line) for line in lines]


def downloads():
    """The commands that need Debian's mirrors."""
    return [command for command in commands() if re.match(r"(sudo apt update && )?sudo apt install [^.]", command)]


def count():
    """How many checks there are for one system, with its boot and the last look."""
    return len(commands()) + 2


def run(release, mount_point):
    """Runs the checks of one system and writes the counts down."""
    report.kind = "fresh"
    totals = roots.folder(release) / "totals.json"
    totals.unlink(missing_ok=True)
    fresh = Fresh(release, mount_point)
    done = 0
    if report.check(f"{release.name}-boots", fresh.boot):
        for command in commands():
            done += 1
            if command == "make test" and roots.is_this_machine(release):
                report.not_run_one(f"{release.name}-{done}: {command}", f"minutes long, and this machine is a {release.name} itself: `make test` on it")
                continue
            body = next((body for pattern, body in STEPS if re.fullmatch(pattern, command)), untested)
            # What follows a command that failed says nothing.
            if not report.check(f"{release.name}-{done}: {command}", body, fresh, command):
                break
        else:
            done += 1
            report.check(f"{release.name}-nothing-is-left", nothing_is_left, fresh)
    if left := count() - 1 - done:
        report.not_run_one(release.name, "the check before them failed", left)
    report.save(totals)
    return 0


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
        subprocess.run(["cargo", "fetch", "--locked", "--quiet"], check=True, capture_output=True, text=True)
        cargo = Path(subprocess.run(["sh", "-c", 'echo "${CARGO_HOME:-$HOME/.cargo}"'], capture_output=True, text=True).stdout.strip())
        shutil.copytree(cargo / "registry", home / ".cargo/registry", symlinks=True)
        self.machine.run("sh", "-c", f"cd {self.project.parent} && cp -a clone/. datecast && rm -r clone && chown -R {roots.USER}: . ")

    def line(self, command):
        """The command line that runs a command as a person there would."""
        return self.machine.enter("runuser", "-u", roots.USER, "--", "bash", "-c", f"cd {self.project} && {self.environment()}{command}")

    def environment(self):
        """A login's, and how cargo builds where our caller has said so (`CARGO_PROFILE_RELEASE_LTO=off`, to save minutes)."""
        ours = {name: value for name, value in os.environ.items() if name.startswith("CARGO_PROFILE_")}
        return "".join(f"export {name}={value}; " for name, value in {"HOME": self.project.parent, **ours}.items())

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
        until("the page", lambda: "<html" in self.curl(f"http://localhost:{PORTS['page']}/"))
        until("a date", lambda: re.search(r"\d\d:\d\d:\d\d", self.curl("-N", f"http://localhost:{PORTS['stream']}/")))


def untested(_, command):
    raise AssertionError(f"README.md has a new command, and tests/fresh/walk.py no test of it: {command}")


def installs(fresh, command):
    fresh.run(command, 300)


def make_run(fresh, command):
    begin = report.time.monotonic()
    fresh.open(command, r"Open http://localhost:8080/", patience=900)
    fresh.answers()
    return f"{report.time.monotonic() - begin:.0f} s to the page"


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


def second_page(fresh, command):
    fresh.open(command, r"listening on")
    assert "ws://localhost:40133/" in fresh.curl("http://localhost:8081/")


def package(fresh, command):
    """The three sockets listen, and nothing else does; all files are there; the daemons answer."""
    fresh.close_all()
    assert fresh.listening() == set(), "Ctrl-C stopped all"
    fresh.run(command, 600)
    assert fresh.listening() == set(PORTS.values()), fresh.listening()
    for name in ("ws-server", "policy-server", "static-server"):
        assert fresh.machine.run("systemctl", "is-enabled", f"{name}.socket") == "enabled"
        assert "Usage: " in fresh.run(f"{name} --help", 10)
    assert "Usage: " in fresh.run("datecast --help", 10)
    gone = fresh.run("dpkg -L datecast | while read -r file; do [ -e \"$file\" ] || echo \"$file\"; done", 60)
    # dpkg leaves documents out where a minimal system says so (/etc/dpkg/dpkg.cfg.d).
    assert gone == "", gone
    fresh.answers()


def restart(fresh, command):
    """A client of the stream stays connected: it gets dates before and after on one connection."""
    stream = Terminal(fresh.machine.enter_network("curl", "--silent", "--no-buffer", f"http://localhost:{PORTS['stream']}/"))
    date = r"(?s)\d\d:\d\d:\d\d.*\n.*\d\d:\d\d:\d\d"
    stream.until(date, 10)
    before = fresh.machine.run("systemctl", "show", "--value", "--property", "MainPID", "ws-server")
    fresh.run(command, 60)
    assert fresh.machine.run("systemctl", "show", "--value", "--property", "MainPID", "ws-server") not in ("0", before)
    stream.until(date, 10)
    assert stream.is_running()
    stream.kill()


def purge(fresh, command):
    fresh.run(command, 120)
    assert fresh.listening() == set(), fresh.listening()


def nothing_is_left(fresh):
    """After the purge no file of the package is there, no unit, and nothing in dpkg's lists."""
    names = " -o ".join(f"-name '*{name}*'" for name in ("datecast", "ws-server", "policy-server", "static-server"))
    places = "/etc /usr /lib /run /var/lib/dpkg/info /var/lib/systemd"
    left = fresh.machine.run("sh", "-c", f"find {places} -xdev \\( {names} \\) -not -path '/run/systemd/*' -not -path '/run/log/*'")
    assert left == "", left
    assert "datecast" not in fresh.machine.run("dpkg-query", "--show")
    assert fresh.machine.query("systemctl", "list-units", "--all", "--no-legend", "ws-server*", "policy-server*", "static-server*") == ""


STEPS = [
    (r"(sudo apt update && )?sudo apt install [a-z].*", installs),
    (r"make run", make_run),
    (r"make test", make_test),
    (r"vmstat 1 \| .*", stays(r"listening on \S+:40133")),
    (r"curl -N .*", stays(r"\d+ +\d+ +\d+ .*\n")),
    (r"target/release/static-server .*", second_page),
    (r"make deb && .*", package),
    (r"sudo systemctl restart ws-server", restart),
    (r"sudo apt purge datecast", purge),
]
