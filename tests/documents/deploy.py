"""Files; deploy a site."""

import re

from administrator import ROOT
from waiting import until
from places import Place
from services import NAMES

URL = "http://localhost:8080"


def journal(admin, piece):
    """The log of the service, and nothing is kept on disk."""
    admin.wake("ws-server")
    assert "listening on" in admin.type(f"{piece.command} --no-pager")


def paths(admin, piece):
    """Each path of the table is there, whatever its braces and NAMEs stand for."""
    for name in NAMES if "NAME" in piece.text else [""]:
        admin.type(f"ls -d {piece.text.replace('NAME', name)}")


def release(admin, number):
    folder = f"/srv/releases/{number}"
    admin.file(f"{folder}/index.html", f"<html>release {number}</html>\n")
    admin.file(f"{folder}/assets/app-{number}.js", f"// {number}\n")


def turn(admin, piece):
    """From one moment to the next every client gets the new release, while it asks all the time."""
    number = int(re.search(r"releases/(\d+)", piece.text).group(1))
    for each in (number - 1, number):
        release(admin, each)
    admin.type(piece.command.replace(str(number), str(number - 1)))
    with admin.option("static-server", f'root = "{ROOT}"'):
        admin.systemctl("restart", "static-server")
        assert f"release {number - 1}" in admin.curl(f"{URL}/")
        ask = f"for i in $(seq 150); do curl -s {URL}/; sleep 0.01; done"
        asked = admin.type(f"({ask}) & sleep 0.3; {piece.command}; wait")
        # The old one, then the new one, and nothing else.
        assert re.fullmatch(rf"(<html>release {number - 1}</html>\n)+(<html>release {number}</html>\n)+", asked), asked[-500:]
        assert admin.status_of(f"{URL}/assets/app-{number}.js") == "200"


def immutable(admin, piece):
    """Of `ROOT`, which a link leads to by now: a year for what the pattern names, a question each time for all else."""
    flags = f"[Service]\nExecStart=\nExecStart=/usr/bin/static-server --root {ROOT} {piece.text}"
    with admin.edited("systemctl edit static-server", flags, "systemctl restart static-server"):
        assert "immutable" in admin.curl("--include", f"{URL}/assets/app-42.js")
        assert "immutable" not in admin.curl("--include", f"{URL}/")
        assert "304" == admin.status_of("--header", f"If-None-Match: {etag(admin, '/')}", f"{URL}/")


def etag(admin, path):
    found = re.search(r"(?i)^etag: (.*?)\r?$", admin.curl("--include", URL + path), re.MULTILINE)
    return found and found.group(1)


def keeps_the_time(admin, piece):
    """A large file that was copied so has the same `ETag`, and one that was copied without has another."""
    folder = f"{ROOT}/assets"
    admin.type(f"head -c 100000 /dev/zero >{folder}/large; touch -d '2020-01-02 03:04:05' {folder}/large")
    admin.type(f"{piece.command} {folder}/large {folder}/same")
    admin.type(f"cp {folder}/large {folder}/other && touch -d '2020-01-02 03:04:06' {folder}/other")
    with admin.option("static-server", f'root = "{ROOT}"'):
        admin.systemctl("restart", "static-server")
        first = until("an ETag", lambda: etag(admin, "/assets/large"))
        assert etag(admin, "/assets/same") == first != etag(admin, "/assets/other")
    admin.machine.remove(f"{folder}/same")


def always_sent(admin, piece):
    """A header field of every answer."""
    for path in ("/", "/nothing"):
        assert piece.text.lower() in admin.curl("--include", URL + path).lower()


PLACES = [
    Place(r"journalctl -u ws-server", journal),
    Place(r"/\S+", paths, "Files"),
    Place(r"ln -s releases/42 /srv/next && mv -T /srv/next /srv/www", turn),
    Place(r"--immutable '/assets/\*'", immutable, "Deploy a site"),
    Place(r"rsync -t|cp -p", keeps_the_time),
    Place(r"X-Content-Type-Options: nosniff", always_sent),
]
