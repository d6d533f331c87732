"""A reload applies a right configuration; with a wrong one it fails, says why, and the service goes on with the old one."""

from waiting import until
from services import NAMES


def checks():
    for name in NAMES:
        yield f"reload-{name}", reload, name


def reload(lab, name):
    """The exit status of `systemctl reload`, the status text and the journal."""
    pid = lab.wake(name)
    before = (lab.machine.root / f"etc/datecast/{name}.toml").read_text()
    lab.systemctl("reload", name)
    try:
        lab.configure(before + 'linger = "soon"\n', name)
        answer = lab.machine.query("sh", "-c", f"systemctl reload {name}; echo status $?")
        assert answer.splitlines()[-1] == "status 1", answer
        status = until("the status says why", lambda: failure(lab, name))
        assert "`linger`" in status, status
        journal = lab.machine.query("journalctl", "-b", "-u", name, "-p", "err", "-o", "cat")
        assert "the old one stays in force" in journal and "`linger`" in journal, journal
        assert lab.main_pid(name) == pid and lab.is_active(f"{name}.service")
        lab.wake(name)
    finally:
        lab.configure(before, name)
    lab.systemctl("reload", name)
    until("the status is as usual", lambda: not failure(lab, name))
    assert lab.main_pid(name) == pid
    return status


def failure(lab, name):
    text = lab.show(f"{name}.service", "StatusText")
    return text if text.startswith("the reload failed") else None
