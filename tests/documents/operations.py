"""docs/operations.md and the examples of the manual pages: every place, and the run over all of them on a machine of its own."""

from pathlib import Path

import configure
import deploy
import examples
import install
import many
import markdown
import places
import prepare
import proxy
import report
import restart
import streams
import watch
from administrator import Administrator
from machine import Machine

DOCUMENT = report.DOCUMENT
PLACES = [*install.PLACES, *configure.PLACES, *streams.PLACES, *many.PLACES, *restart.PLACES, *deploy.PLACES, *proxy.PLACES, *watch.PLACES, *watch.QUOTES]


def faults():
    return [*places.faults(str(DOCUMENT), markdown.typed(DOCUMENT.read_text()), PLACES),
            *places.faults("the manual pages", examples.pieces(), examples.PLACES)]


def steps():
    """Name, piece and place of all, in the order of the document, and then the manual's."""
    for kind, pieces, known in (("document", markdown.typed(DOCUMENT.read_text()), PLACES), ("manual", examples.pieces(), examples.PLACES)):
        for piece, place in places.steps(pieces, known):
            first, *more = piece.command.splitlines()
            yield f"{kind}-{piece.line}: {first}{' ...' if more else ''}", piece, place


def count():
    """How many checks there are, with the boot."""
    return 1 + len(list(steps()))


def run(mount_point, wanted):
    """Each piece in order, as it stands in the document. NAMEs as for the other checks: `document-12:` is what stands in line 12."""
    admin = Administrator(Machine(mount_point, report.OUT / "document-console.log", options=hidden_project()))
    left = [step for step in steps() if not wanted or (step[0].startswith(tuple(wanted)) and step[1].section != "Install")]
    if not left:
        return
    if not report.check("document-boots", admin.prepare):
        report.not_run_one("document", "the machine did not boot", len(left))
        return
    if wanted:
        admin.type(f"sudo apt install {prepare.PACKAGE}", patience=120)
    while left:
        name, piece, place = left.pop(0)
        # What follows an installation that failed says nothing.
        if not report.check(name, place.body if place else unplaced, admin, piece) and piece.section == "Install":
            report.not_run_one("document", "the installation failed", len(left))
            break
        admin.keep_journal("document")


def hidden_project():
    """The option that shows the project again, where the machine has a new folder over it."""
    project = Path.cwd()
    is_hidden = any(project.is_relative_to(folder) for folder in ("/tmp", "/run", "/dev/shm"))
    return [f"--bind={project}"] if is_hidden else []


def unplaced(_, piece):
    raise AssertionError(f"no test knows how to run this (tests/documents): {piece.text}")
