"""Sizing, metrics, health, logs, and what to do when something is wrong."""

import json
import re

from administrator import OTHER_PORT, each_name
from clients import PORTS
from configure import METRICS
from waiting import until
from places import Place, Quote
from services import NAMES

# What the document writes in capitals for a reader to replace.
ADDRESS = "127.0.0.1:18432"
TROUBLE = "What to do when ..."


def metrics_option(admin, piece):
    """A loopback address serves them; any other ends the daemon with the code that the text says."""
    with admin.running(f"ws-server --listen 127.0.0.1:{OTHER_PORT} {piece.command.replace('ADDRESS', ADDRESS)}", "listening on"):
        until("metrics", lambda: "datecast_ws_build_info" in admin.curl(f"http://{ADDRESS}/metrics"))
    status, _ = admin.outcome(f"ws-server --listen 127.0.0.1:{OTHER_PORT} --metrics 192.0.2.1:8432")
    assert status == 78, status


def scraped(admin, piece):
    """Each target answers, as another daemon."""
    targets = re.findall(r'"(127\.0\.0\.1:\d+)"', piece.text)
    assert targets == [f"127.0.0.1:{port}" for port in METRICS.values()]
    for name in NAMES:
        admin.systemctl("enable", f"{name}-metrics.socket")
        admin.systemctl("restart", name)
    prefixes = {until(f"metrics of {target}", lambda: re.search(r"datecast_(\w+)_build_info", admin.curl(f"http://{target}/metrics"))).group(1)
                for target in targets}
    assert prefixes == {"ws", "policy", "static"}, prefixes


def accepted(admin, piece):
    """The daemons that know the option take it."""
    option = piece.command.split()[0]
    knowing = [name for name in NAMES if f"{option} " in admin.type(f"{name} --help")]
    assert knowing, f"no daemon has {option}"
    beside = {"--numbers": "--source - "}.get(option, "")
    for name in knowing:
        admin.type(f"{name} {beside}{piece.command} --check </dev/null")


def line_of_json(admin, piece):
    """The same keys, the same words; another time and another port."""
    shown = json.loads(piece.text)
    text = admin.outcome(f"timeout 1 ws-server --log-format json --listen '[::]:{OTHER_PORT}'")[1]
    line = next(json.loads(line) for line in text.splitlines() if "listening" in line)
    assert list(line) == list(shown), line
    assert (line["level"], line["message"].replace(str(OTHER_PORT), str(PORTS["ws-server"]))) == (shown["level"], shown["message"]), line
    assert re.sub(r"\d", "0", line["time"]) == re.sub(r"\d", "0", shown["time"]), line


def wrong_configuration(admin, piece):
    """While systemd tries again and again, the command shows a line that names option and value; corrected, it starts by itself."""
    for name, command in each_name(piece.command):
        with admin.added(name, 'linger = "soon"'):
            admin.outcome(f"systemctl restart {name}")
            seen = set()

            def restarts():
                seen.update(re.findall(r"Active: (\S+ \(\S+\))", admin.outcome(f"systemctl status {name}")[1]))
                line = admin.type(f"{command} --no-pager")
                assert "`linger`" in line and "soon" in line, line
                return "activating (auto-restart)" in seen
            until("activating (auto-restart)", restarts)
        until("it starts by itself", lambda: admin.is_active(name) and admin.main_pid(name), patience=3)


def raise_limits(admin, piece):
    """The two limits of the row."""
    keys = re.findall(r"`(\w+=)`", piece.context)
    with admin.edited(piece.command, "[Service]\n" + "\n".join(f"{key}100" for key in keys), "systemctl restart ws-server"):
        for key in keys:
            assert admin.show("ws-server.service", key.rstrip("=")) == "100", key


PLACES = [
    Place(r"--metrics ADDRESS", metrics_option),
    Place(r"scrape_configs:(.|\n)*", scraped),
    Place(r'\{"time":.*', line_of_json),
    Place(r"journalctl -u NAME -n 12", wrong_configuration),
    Place(r"systemctl edit ws-server", raise_limits, TROUBLE),
    Place(r"--[a-z0-9-]+ \S+", accepted),
]
QUOTES = [
    Quote(r"/\S*", "a path that is only named"),
    Quote(r"event: gap|event: source|curl -i", "how a client sees it: the steps of the gap and of the source's end look at it"),
    Quote(r"activating \(auto-restart\)|watchdog timeout", "what systemd says"),
    Quote(r"systemctl stop|kill -9", "what was measured", "What was measured"),
    Quote(r"(RECORD=1 )?make test-systemd", "this very run"),
]
