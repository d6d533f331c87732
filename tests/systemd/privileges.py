"""The privileges of a running service: next to none."""

from services import NAMES

# systemd.exec(5): the range that DynamicUser= takes its users from.
DYNAMIC_USERS = range(61184, 65520)
EXPOSURE = 0.5


def checks():
    for name in NAMES:
        yield f"unprivileged-{name}", is_unprivileged, name
        yield f"exposure-booted-{name}", exposure, name
    yield "control-a-plain-service-is-privileged", plain_service_is_privileged


def privileges(lab, pid):
    """Every privilege that a process has, as sentences."""
    text = lab.machine.run("cat", f"/proc/{pid}/status")
    status = dict(line.split(":", 1) for line in text.splitlines())
    found = []
    for kind in ("Uid", "Gid"):
        if any(int(number) not in DYNAMIC_USERS for number in status[kind].split()):
            found.append(f"{kind} {status[kind].split()}")
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if int(status[kind], 16) != 0:
            found.append(f"{kind} {status[kind].strip()}")
    if status["NoNewPrivs"].strip() != "1":
        found.append("it may gain privileges")
    if status["Seccomp"].strip() != "2":
        found.append("no filter of system calls")
    for space in ("net", "mnt", "user"):
        if lab.machine.run("readlink", f"/proc/{pid}/ns/{space}") == lab.machine.run("readlink", f"/proc/1/ns/{space}"):
            found.append(f"the {space} namespace of all")
    return found


def is_unprivileged(lab, name):
    pid = lab.wake(name)
    found = privileges(lab, pid)
    assert not found, found
    return "own user, no capability, no new privileges, seccomp, no network"


def exposure(lab, name):
    return exposed(lab, name, EXPOSURE)


def exposed(lab, name, most):
    """The exposure by systemd's own measure, which may be this at most."""
    text = lab.machine.query("systemd-analyze", "security", "--no-pager", f"{name}.service").splitlines()[-1]
    level = float(next(word for word in text.split() if word.replace(".", "").isdigit()))
    assert level <= most, text
    return str(level)


def plain_service_is_privileged(lab):
    """The control: in a service that drops no privilege, the check finds each of them."""
    lab.machine.run("systemd-run", "--unit=plain", "/usr/bin/ws-server", "--listen", "127.0.0.1:40199")
    try:
        found = privileges(lab, lab.main_pid("plain"))
        assert len(found) >= 8, found
        return f"{len(found)} found"
    finally:
        lab.systemctl("stop", "plain.service")
