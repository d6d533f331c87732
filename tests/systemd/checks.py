"""All checks in their order, on one machine: from the installation to the purge."""

import bridge
import browser
import crashes
import hand_over
import metrics
import named
import package
import privileges
import publishing
import reloads
import report
import restarts
import skew
import work
from machine import Machine
from services import Services


def run(mount_point, wanted):
    """Runs the checks whose names begin with one of these (all, if there are none)."""
    machine = Machine(mount_point, report.OUT / "systemd-console.log")
    if not report.check("systemd-boots", machine.boot):
        return
    lab = Services(machine)
    if report.check("package-installs", package.installs, lab):
        for name, body, *arguments in every_check():
            if not wanted or name.startswith(tuple(wanted)):
                passed = report.check(name, body, lab, *arguments)
                if machine.is_gone:
                    break
                if not passed:
                    lab.recover()
                lab.keep_journal("systemd")


def count():
    """How many checks there are, with the boot and the installation."""
    return 2 + sum(1 for _ in every_check())


def every_check():
    """Name, function, and its arguments besides the services."""
    yield from package.activation_checks()
    yield from privileges.checks()
    yield from reloads.checks()
    yield from restarts.checks()
    yield from crashes.checks()
    yield from hand_over.checks()
    yield from work.checks()
    yield from publishing.checks()
    yield from metrics.checks()
    yield from named.checks()
    yield from bridge.checks()
    yield from browser.checks()
    yield from skew.checks()
    yield from package.removal_checks()
