"""A real page in Chromium, served by static-server, across a restart of ws-server."""

import subprocess
import tempfile

import hand_over
import prepare
import report
from program import Program
from report import Skip

PAGE = "http://127.0.0.1:8080/"


def checks():
    yield "chromium-stays-connected", stays_connected
    yield "control-chromium-without-hand-over", reconnects


class Page(Program):
    """Chromium with the page, in the container's network."""

    def __init__(self, machine):
        # Its profile is in the machine's folder, and disappears with it.
        folder = tempfile.mkdtemp(dir=machine.folder)
        node = machine.enter_network("env", f"TMPDIR={folder}", f"HOME={folder}", "node", "across-restart.mjs", PAGE)
        super().__init__(node, cwd=prepare.BROWSER)
        assert self.next() == {"ready": True}

    def end(self):
        """It closes its browser, which would go on and connect again, before it ends; after a TERM, too."""
        for hurry in (lambda: None, self.process.terminate):
            hurry()
            try:
                self.process.wait(timeout=10)
                return
            except subprocess.TimeoutExpired:
                pass
        super().end()


def across(lab, action):
    """What the page went through while the action ran."""
    if not prepare.browser_is_there():
        raise Skip("no Chromium, node or puppeteer, and no way to install them")
    lab.wake("static-server")
    hand_over.fresh(lab)
    with Page(lab.machine) as page:
        action()
        page.send("go on")
        return page.next()


def consecutive(numbers):
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def stays_connected(lab):
    """One socket, opened once and never closed; never another state than open; each number once."""
    def restarts():
        hand_over.restart(lab)
        lab.systemctl("restart", "static-server.service")
        hand_over.restart(lab)
    seen = across(lab, restarts)
    assert seen["opened"] == 1 and seen["closed"] == 0, seen
    assert seen["phases"][-1] == "open" and seen["phases"].count("open") == 1 and "waiting" not in seen["phases"], seen
    assert consecutive(seen["numbers"]), seen
    report.figure("a page in Chromium over two restarts of ws-server and one of static-server", f"one socket, {len(seen['numbers'])} numbers without a gap")
    return f"two restarts, one socket, numbers {seen['numbers'][0]} to {seen['numbers'][-1]}"


def reconnects(lab):
    """The control: without the hand-over the page says that it lost the connection, and connects again."""
    with lab.drop_in("ws-server.service", hand_over.OFF, restart=["ws-server.service"]):
        seen = across(lab, lambda: hand_over.restart(lab))
    assert seen["opened"] == 2 and seen["closed"] == 1 and "waiting" in seen["phases"], seen
    return f"phases {' '.join(seen['phases'])}"
