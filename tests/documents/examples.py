"""The EXAMPLES of the manual pages, on the machine where docs/operations.md has been run."""

import re
from contextlib import contextmanager
from pathlib import Path

import manual
import many
from waiting import until
from places import Place, Quote
from services import SERVICES, SOCKETS
from terminal import Terminal

FOLDERS = ("systemd/manual/src/pages", "datecast-nats/manual/src/pages")
PAGES = [page for folder in FOLDERS for page in sorted(Path(folder).glob("*.man"))]
DATE = r"\d\d:\d\d:\d\d"


@contextmanager
def ports_are_free(admin):
    """The package's sockets do not listen meanwhile."""
    admin.systemctl("stop", *SOCKETS, *SERVICES)
    try:
        yield
    finally:
        # They are stopped and started more often than systemd lets pass.
        admin.systemctl("reset-failed", *SOCKETS)
        admin.systemctl("start", *SOCKETS)


def policy(admin, piece):
    """The document grants what the flag says."""
    with ports_are_free(admin), admin.running(piece.text, "listening on"):
        assert 'domain="*.example.org" to-ports="40132"' in ask_for_policy(admin, ASK)


ASK = r"printf '<policy-file-request/>\0' | nc localhost 843"


def ask_for_policy(admin, command):
    return admin.type(f"timeout 10 sh -c {quote(command)}")


def quote(command):
    return "'" + command.replace("'", "'\\''") + "'"


def flash(admin, piece):
    """Of the package's service."""
    assert "<cross-domain-policy>" in ask_for_policy(admin, piece.text)


def page_elsewhere(admin, piece):
    """The page names the URL."""
    with ports_are_free(admin), admin.running(piece.text, "listening on"):
        assert "wss://example.org/stream" in admin.curl("http://localhost:8080/")


def application(admin, piece):
    """Paths without a file get the index, and each answer has the header field."""
    admin.file("/srv/app/index.html", "<html>an application</html>\n")
    with ports_are_free(admin), admin.running(piece.text, "listening on"):
        answer = admin.curl("--include", "http://localhost:8080/some/view")
        assert "an application" in answer and "cross-origin-opener-policy: same-origin" in answer.lower(), answer
    admin.machine.remove("/srv/app")


def date(admin, piece):
    with ports_are_free(admin), admin.running(piece.text.replace("curl", "sleep 1; curl"), DATE):
        pass


def load(admin, piece):
    with ports_are_free(admin), admin.running(piece.text, "listening on"):
        until("a line", lambda: re.search(r"\d+ +\d+ +\d+", admin.curl("http://localhost:40132/", patience=1.5)))


def one_site(admin, piece):
    """Pages of that site connect, others do not."""
    with ports_are_free(admin), admin.running(piece.text, "listening on"):
        for origin, status in (("https://example.org", "200"), ("https://example.com", "403")):
            assert admin.status_of("--header", f"Origin: {origin}", "http://localhost:40132/", patience=0.5) == status


def check_and_reload(admin, piece):
    admin.wake("ws-server")
    admin.type(piece.text)


def front(admin, piece):
    """It prints a URL, which has the page, and beside it the lines."""
    with ports_are_free(admin):
        admin.type("mkdir -p /var/log && echo a line of the log >>/var/log/syslog")
        with admin.running(piece.text, r"http://\S+:\d+/"):
            assert "<html" in admin.curl("http://localhost:8080/")
            until("a line", lambda: admin.curl("http://localhost:8080/stream", patience=1.5).strip())


FED = "/tmp/lines"


def fed(admin, piece):
    """Both lines of the example, each in a terminal; the lines come to a client of the server, which was there first."""
    server, feeder = [line.text for line in piece.lines()]
    with ports_are_free(admin), admin.running(server, "listening on"), admin.running(feeder, "connected"):
        until("a line", lambda: re.search(r"\d+ +\d+ +\d+", admin.curl("http://localhost:40132/", patience=1.5)))
    admin.machine.remove(FED)


def end_of_a_pipeline(admin, piece):
    """With the same server."""
    with ports_are_free(admin), admin.running(f"ws-server --source unix:{FED}", "listening on"), admin.running(piece.text, "connected"):
        until("a line", lambda: re.search(r"\d+ +\d+ +\d+", admin.curl("http://localhost:40132/", patience=1.5)))
    admin.machine.remove(FED)


def script_ends(admin, piece):
    """With the input; `make` in the folder of some project."""
    admin.file("/root/some/Makefile", "all:\n\t@echo built\n")
    with ports_are_free(admin):
        output = admin.type(piece.text, folder="/root/some")
    assert re.search(r"http://\S+:\d+/", output), output


@contextmanager
def nats(admin):
    """A nats-server with an empty store, which has the names of three; what it stores is gone afterwards."""
    many.needed(admin)
    hosts = "127.0.0.1 n1 n2 n3\n"
    with admin.changed("/etc/hosts", lambda before: before + hosts), admin.running("nats-server -js -sd /var/lib/nats", "Server is ready"):
        yield
    admin.machine.query("rm", "-rf", "/var/lib/nats")


@contextmanager
def stream_of_nats(admin):
    """With the stream of the examples."""
    with nats(admin):
        admin.type("datecast-nats create --stream VMSTAT")
        yield


def whole_bridge(admin, piece):
    """Each line in a terminal of its own: what the producer writes comes to a client of the server."""
    server, create, *_ = lines = [line.command for line in piece.lines()]
    with ports_are_free(admin), nats(admin):
        assert server == "nats-server -js -sd /var/lib/nats"
        admin.type(create)
        passes(admin, *lines[2:])


def passes(admin, server, bridge, producer):
    with admin.running(server, "listening on"), admin.running(bridge, "follow"), Terminal(admin.line(producer)):
        until("a line", lambda: re.search(r"\d+ +\d+ +\d+", admin.curl("http://localhost:40132/", patience=1.5)))
    admin.machine.remove(FED)


def of_any_server(admin, piece):
    """The first of the names that answers."""
    server, bridge = piece.text.split("\n", 1)
    with ports_are_free(admin), stream_of_nats(admin):
        passes(admin, server, bridge, "vmstat 1 | datecast-nats publish --stream VMSTAT")


def created(admin, piece):
    """Also a second time."""
    with nats(admin):
        for _ in range(2):
            admin.type(piece.command)


def publishes(admin, piece):
    """It goes on until it is stopped."""
    with stream_of_nats(admin), Terminal(admin.line(piece.command)) as terminal:
        terminal.read(2.5)
        assert terminal.is_running(), terminal.text


def publishes_a_file(admin, piece):
    """An id for each line, dense and in order."""
    with stream_of_nats(admin):
        found = many.ids_in(admin.type(piece.command))
        count = int(admin.type("grep -c '' /etc/services"))
    numbers = [int(each.rpartition("_")[2]) for each in found]
    # The example before may have left lines in the stream.
    assert numbers and numbers == list(range(numbers[0], numbers[0] + count)), found[:5]


PLACES = [
    Place(r"nats-server -js (.|\n)*", whole_bridge),
    Place(r"ws-server --source unix:/tmp/lines --numbers given\n(.|\n)*", of_any_server),
    Place(r"datecast-nats create --stream VMSTAT", created),
    Place(r"vmstat 1 \| datecast-nats publish --stream VMSTAT", publishes),
    Place(r"datecast-nats publish .*</etc/services", publishes_a_file),
    Quote(r"datecast-nats create --stream VMSTAT --replicas 3", "docs/operations.md does so with three servers"),
    Place(r"policy-server --allow \*\.example\.org:40132", policy),
    Place(r"printf .*<policy-file-request/>.* nc localhost 843", flash),
    Place(r"static-server --ws-url .*", page_elsewhere),
    Place(r"static-server --root /srv/app (.|\n)*", application),
    Place(r"ws-server &\ncurl -N .*", date),
    Place(r"vmstat 1 \| ws-server --source -", load),
    Place(r"ws-server --listen 127\.0\.0\.1:40132 --trusted-proxy (.|\n)*", one_site),
    Place(r"ws-server --check (.|\n)*&&\n +systemctl reload ws-server", check_and_reload),
    Place(r"vmstat 1 \| datecast|datecast --respawn -- .*|tail -F .* \| datecast --listen \[::\]:8080", front),
    Place(r"ws-server --source unix:/tmp/lines\ndatecast feed .*", fed),
    Place(r"vmstat 1 \| datecast feed --to .*", end_of_a_pipeline),
    Place(r"make 2>&1 \| datecast --at-eof exit", script_ends),
]


def pieces():
    return [piece for page in PAGES for piece in manual.examples(page.read_text())]
