"""Metrics of services without a network: over an inherited socket, which is off until somebody enables it."""

import re
import subprocess

import hand_over
from clients import LiveClients
from waiting import until
from services import NAMES

PORTS = dict(zip(NAMES, (8432, 8433, 8434)))
LIVE = 90


def checks():
    yield "metrics-by-an-inherited-socket", metrics


def metrics(lab):
    for name, port in PORTS.items():
        lab.wake(name)
        assert scrape(lab, port, "/healthz") is None, f"{name} has an endpoint that nobody enabled"
        before = lab.main_pid(name)
        lab.systemctl("enable", f"{name}-metrics.socket")
        lab.systemctl("restart", f"{name}.service")
        lab.started_anew(name, before)
        until(f"{name} is healthy", lambda: scrape(lab, port, "/healthz") == "ok\n")
    with LiveClients(lab.machine, LIVE):
        # The connections that woke the service may not be gone yet.
        until("all are counted, and nobody else", lambda: total(lab, "connections", 'state="open"') == LIVE)
        hand_over.restart(lab)
        until("all were taken over", lambda: total(lab, "adopted_total") == LIVE)
        assert total(lab, "connections", 'state="open"') == LIVE
        late = total(lab, "lateness_seconds_count")
        until("dates are counted", lambda: total(lab, "lateness_seconds_count") >= late + LIVE)
    for name, port in PORTS.items():
        lab.systemctl("disable", "--now", f"{name}-metrics.socket")
        lab.systemctl("stop", f"{name}.service")
        assert scrape(lab, port, "/healthz") is None, f"{name}'s metrics are off again"
    return f"{LIVE} clients in the metrics before a restart and after it"


def scrape(lab, port, path="/metrics"):
    """The answer of the endpoint; `None` if there is no endpoint."""
    command = lab.machine.enter_network("curl", "-s", "--max-time", "5", f"http://127.0.0.1:{port}{path}")
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def total(lab, name, label=""):
    """The sum of ws-server's samples of this name that have this label."""
    pattern = re.compile(rf"^datecast_ws_{name}(?:\{{(.*)\}})? (\S+)$", re.MULTILINE)
    samples = pattern.findall(scrape(lab, PORTS["ws-server"]) or "")
    return sum(float(value) for labels, value in samples if label in labels)
