"""A restart and a kill while new connections come: none is refused."""

from services import NAMES
import report

PLAIN = """[Service]
ExecStart=/usr/bin/{name} --listen 127.0.0.1:40199
Restart=always
RestartSec=100ms
"""
PLAIN_PORT = 40199


def checks():
    for name in NAMES:
        yield f"restart-under-load-{name}", restart_under_load, name
        yield f"kill-under-load-{name}", kill_under_load, name
        yield f"control-without-socket-{name}", without_socket, name


def restart_under_load(lab, name):
    """Every connection is answered: by the old process if it had accepted it, else by the new one."""
    before = lab.wake(name)
    result = lab.under_load(name, lambda: lab.systemctl("restart", f"{name}.service"))
    after = lab.started_anew(name, before)
    assert list(result["outcomes"]) == ["answered"], result
    report.figure(f"`systemctl restart {name}` under {result['knocks'] / result['seconds']:.0f} new connections a second",
                  f"0 of {result['knocks']} refused, the longest waited {result['wait_ms']['max']:.0f} ms")
    return f"{result['knocks']} answered, pid {before} to {after}, longest wait {result['wait_ms']['max']} ms"


def kill_under_load(lab, name):
    """No connection is refused; those that the killed process was serving are cut off, which no service manager can avoid."""
    before = lab.wake(name)
    def kill():
        lab.kill(name, "KILL")
        lab.started_anew(name, before)
    result = lab.under_load(name, kill)
    outcomes = dict(result["outcomes"])
    answered, knocks = outcomes.pop("answered"), result["knocks"]
    assert "refused" not in outcomes and "no answer in time" not in outcomes, result
    assert sum(outcomes.values()) <= 50, result
    report.figure(f"`kill -9` of {name} under {knocks / result['seconds']:.0f} new connections a second",
                  f"0 of {knocks} refused, {sum(outcomes.values())} cut off in the middle")
    return f"{answered} of {knocks} answered, {outcomes or 'nobody'} cut off"


def without_socket(lab, name):
    """The control: a service that opens its port itself, restarted and killed under the same load."""
    lab.machine.write("/etc/systemd/system/plain.service", PLAIN.format(name=name))
    lab.systemctl("daemon-reload")
    lab.systemctl("start", "plain.service")
    try:
        def restart_and_kill():
            lab.systemctl("restart", "plain.service")
            before = lab.kill("plain", "KILL")
            lab.started_anew("plain", before)
        outcomes = lab.under_load(name, restart_and_kill, port=PLAIN_PORT)["outcomes"]
        assert outcomes.get("refused", 0) > 0, outcomes
        return f"{outcomes['refused']} refused"
    finally:
        lab.systemctl("stop", "plain.service")
