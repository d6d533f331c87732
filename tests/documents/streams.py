"""Named streams, publishing by HTTP, tokens, and all of it behind one nginx."""

import json
import re
from contextlib import contextmanager

import proxy
from administrator import body_of
from waiting import until
from places import Place, Quote
from terminal import Terminal

NAMED = "Named streams"
HTTP = "Publish by HTTP"
TOKENS = "Tokens"
NGINX = "Two streams and the page behind one nginx"
STOP = "Stop a stream, remove it"
STREAM, FEEDER = "ws-server@vmstat", "datecast-feed@vmstat"
ENVIRONMENT = "/etc/datecast/feed@vmstat.env"
# A line of `vmstat`.
ROW = r"\d+ +\d+ +\d+ +\d+"
SOCKET = "/run/ws-server@{}/stream.sock"


def over(admin, name, *arguments, path="/", seconds=1):
    """What a client of the stream's Unix socket gets until then."""
    return admin.outcome(" ".join(["curl -sN --max-time", str(seconds), "--unix-socket", SOCKET.format(name), *arguments, f"'http://localhost{path}'"]))[1]


def from_a_command(admin, piece):
    """Each line as it stands; the last one shows what the command writes, and all of it starts at the next boot."""
    *lines, status, show = [line.command for line in piece.lines()]
    assert len(lines) + 2 == 5, "five lines are promised"
    for line in lines:
        admin.type(line)
    until("both run", lambda: admin.outcome(status)[1].count("active (running)") == 2)
    with admin.running(show, ROW):
        pass
    for unit in (f"{STREAM}.socket", f"{FEEDER}.service"):
        assert admin.machine.run("systemctl", "is-enabled", unit) == "enabled"


def paths(admin, piece):
    admin.type(f"ls -d {piece.text.replace('NAME', 'vmstat')}")


def flags(admin, piece):
    """They count, on top of the file."""
    path = piece.text.replace("NAME", "vmstat")
    admin.file(path, 'FLAGS="--log-level debug"\n')
    try:
        admin.type(f"systemctl restart {STREAM}")
        assert "--log-level debug" in admin.machine.run("sh", "-c", f"tr '\\0' ' ' </proc/{admin.main_pid(STREAM)}/cmdline")
    finally:
        admin.machine.remove(path)
        admin.systemctl("restart", STREAM)


def metrics(admin, piece):
    admin.type(piece.command)


def scrape(admin, piece):
    """They are there, which the command before has made."""
    assert "datecast_ws_build_info" in until("metrics", lambda: admin.outcome(piece.command)[1])


def reload(admin, piece):
    """In the same process."""
    pid = admin.main_pid(STREAM)
    with admin.added(STREAM, 'template = "reloaded {line}"'):
        admin.type(piece.command)
        until("the new template is in force", lambda: "reloaded" in over(admin, "vmstat"))
    admin.type(piece.command)
    assert admin.main_pid(STREAM) == pid


def its_journal(admin, piece):
    assert admin.type(f"{piece.command} --no-pager").strip()


def restart(admin, piece):
    """Another process, which the feeder and its command do not notice, nor the client."""
    before, feeder = admin.main_pid(STREAM), admin.main_pid(FEEDER)
    with Terminal(admin.line(f"curl -sN --unix-socket {SOCKET.format('vmstat')} http://localhost/")) as client:
        client.until(ROW, 10)
        admin.type(piece.command)
        admin.started_anew(STREAM, before)
        client.until(f"(?s){ROW}.*{ROW}", 10)
    assert admin.main_pid(FEEDER) == feeder


@contextmanager
def command(admin, text):
    """Another command for a while; what the file says counts after a restart of the feeder."""
    with admin.changed(ENVIRONMENT, lambda _: f"{text}\n"):
        admin.systemctl("restart", FEEDER)
        yield
    admin.systemctl("restart", FEEDER)


def restart_of_the_feeder(admin, piece):
    """The command is another one; the stream is the same process."""
    before, pid = admin.main_pid(STREAM), admin.main_pid(FEEDER)
    with admin.changed(ENVIRONMENT, lambda _: "COMMAND=echo 'a  \"b\"' | tr a-z A-Z; printf '%s\\\\n' $((6*7)); sleep 1000\n"):
        admin.type(piece.command)
        admin.started_anew(FEEDER, pid)
        until("the lines of the new one", lambda: re.search(r'A  "B"\s+42', over(admin, "vmstat")))
    admin.type(piece.command)
    assert admin.main_pid(STREAM) == before


def is_kept(admin, piece):
    """The drop-in below gives it the right."""
    admin.wanted_commands = [*getattr(admin, "wanted_commands", []), piece.text]


def wider(admin, piece):
    """Without the drop-in neither command may read, with it both do."""
    unit, text = body_of(piece)
    admin.machine.run("sh", "-c", "touch /var/log/syslog; chgrp adm /var/log/syslog; chmod 640 /var/log/syslog")
    for line in admin.wanted_commands:
        writes = "logger -t lab 'a word of mine'; echo 'a word of mine' >>/var/log/syslog"
        # From now on: a line of the other command may be in the history.
        mark = admin.main_pid(FEEDER)
        # By itself it shows the lines of this boot, of which a container has a number of its own, which the service cannot see.
        with command(admin, line.replace("journalctl -f", "journalctl -f --merge")):
            admin.type(writes)
            assert mark and "a word of mine" not in over(admin, "vmstat", path="/?since=0")
            with admin.edited(unit, text, f"systemctl restart {FEEDER}"):
                until(f"{line} reads", lambda: admin.type(writes) == "" and "a word of mine" in over(admin, "vmstat"))
        # What it wrote is not to stand in the history for the next one.
        admin.systemctl("stop", STREAM)


def quote_first(admin, piece):
    """The command has the quotes of its line; without the word before them it has not."""
    path = re.search('"(.*)"', piece.text).group(1)
    admin.file(path, "#!/bin/sh\necho of the path\n")
    admin.machine.run("chmod", "755", path)
    for line, sign in ((piece.text.split(maxsplit=1)[1], "not found"), (piece.text, "of the path")):
        with command(admin, f"COMMAND={line}; sleep 1000"):
            until(f"{line}: {sign}", lambda: sign in over(admin, "vmstat", path="/?since=0"))
    admin.machine.remove(path)
    admin.systemctl("stop", STREAM)


# What each setting lets a command see: without it the check fails.
WIDENING = {
    "ProtectHome=read-only": ("ls -d /home/seen && echo shown", "shown"),
    "ReadWritePaths=/srv/app": ("touch /srv/app/x && echo touched", "touched"),
    "PrivateDevices=no": ("ls -d /dev/net && echo shown", "shown"),
    "User=app": ("whoami", r"^app\s*$"),
}
TOGETHER = {"User=app": "DynamicUser=no"}


def widened(admin, piece):
    """By a drop-in, and not without it."""
    admin.type("mkdir -p /home/seen /srv/app; chmod 777 /srv/app; id app >/dev/null 2>&1 || useradd --system app")
    line, sign = WIDENING[piece.text]
    with command(admin, f"COMMAND={line}; sleep 1000"):
        assert not re.search(sign, over(admin, "vmstat", path="/?since=0"), re.MULTILINE)
        setting = "\n".join(filter(None, ["[Service]", TOGETHER.get(piece.text), piece.text]))
        with admin.edited(f"systemctl edit {FEEDER}", setting, f"systemctl restart {FEEDER}"):
            until(f"the command sees more by {piece.text}", lambda: re.search(sign, over(admin, "vmstat"), re.MULTILINE))
    admin.systemctl("stop", STREAM)


def taken(admin, piece):
    """systemd takes it; there is no such device here."""
    with admin.edited(f"systemctl edit {FEEDER}", f"[Service]\nPrivateDevices=no\n{piece.text}", f"systemctl restart {FEEDER}"):
        until("it feeds", lambda: re.search(ROW, over(admin, "vmstat")))
        assert piece.text.split("=")[1] in admin.show(FEEDER, "DeviceAllow")


def port(admin, piece):
    """The stream is there, and still in /run."""
    unit, text = body_of(piece)
    number = int(re.search(r":(\d+)$", text).group(1))
    with admin.edited(unit, text, "systemctl restart ws-server@vmstat.socket"):
        assert len(admin.listening(number)) == 1
        assert re.search(ROW, admin.curl(f"http://localhost:{number}/", patience=2))
        assert re.search(ROW, over(admin, "vmstat", seconds=2))
    assert not admin.listening(number)


def by_the_drop_in(admin, piece):
    """The drop-in above is applied by it."""


def for_a_group(admin, piece):
    """Others are refused, the group and root are not."""
    shown = "[Socket]\nSocketGroup=www-data\nSocketMode=0660"
    assert piece.text in shown.splitlines()
    with admin.edited("systemctl edit ws-server@vmstat.socket", shown, "systemctl restart ws-server@vmstat.socket"):
        for user, served in (("nobody", False), ("www-data", True), ("root", True)):
            output = admin.outcome(f"runuser -u {user} -- curl -sN --max-time 2 --unix-socket {SOCKET.format('vmstat')} http://localhost/")[1]
            assert bool(re.search(ROW, output)) == served, (user, output)


def member(admin, piece):
    """A user who could not write before."""
    admin.type("id app >/dev/null 2>&1 || useradd --system app")
    write = "runuser -u app -- sh -c 'echo by a member | nc -N -U /run/ws-server@vmstat/lines'"
    assert admin.outcome(write)[0] != 0
    admin.type(piece.command)
    admin.type(write)
    until("the line", lambda: "by a member" in over(admin, "vmstat"))


def by_hand(admin, piece):
    """Its lines come beside those of the feeder."""
    with command(admin, "COMMAND=sleep 1000"):
        admin.systemctl("stop", STREAM)
        with Terminal(admin.line(piece.command)):
            until("a line", lambda: re.search(rf"{ROW}|a line", over(admin, "vmstat")))


def http_stream(admin, piece):
    """The stream answers."""
    admin.type(piece.command)


def answer_to(admin, command):
    """What the stream answered, among what curl says of its progress."""
    output = admin.type(command)
    found = re.search(r'(?m)\{"first":.*\}$', output)
    assert found, output
    return json.loads(found.group())


def published(admin, piece):
    """The answer has the keys that the text shows; the lines are in the stream."""
    got = answer_to(admin, piece.command)
    shown = json.loads(re.search(r'`(\{"first":.*?\})`', (admin.project / "docs/operations.md").read_text()).group(1))
    assert list(got) == list(shown) and re.fullmatch(r"\w+_\d+", got["first"]), got
    assert got["lines"] == (7 if "vmstat" in piece.command else 1), got
    assert re.search(ROW if "vmstat" in piece.command else "a line", over(admin, "app"))


def once(admin, piece):
    """The same again gets the same answer, and the line is there once."""
    first = answer_to(admin, piece.command)
    before = over(admin, "app", path="/?since=0").count("a line")
    assert answer_to(admin, piece.command) == first and first["lines"] == 1
    assert over(admin, "app", path="/?since=0").count("a line") == before
    other = piece.command.replace("a line", "another")
    assert admin.outcome(f"{other} -s -o /dev/null -w '%{{http_code}}'")[1] == "422"
    assert admin.outcome(f"{piece.command.replace(chr(34), '')} -s -o /dev/null -w '%{{http_code}}'")[1] == "400"


def shape(admin, piece):
    """`published` compares it with what comes."""
    json.loads(piece.text)


def line_ends(admin, piece):
    """`-d` takes them out of the file; this does not."""
    admin.file("/root/file", "one of file\ntwo of file\n")
    for option, lines in (("-d", 1), ("--data-binary", 2)):
        said = piece.command.replace("--data-binary", option)
        answer = admin.type(f"{said} -s --unix-socket {SOCKET.format('app')} http://localhost/", folder="/root")
        assert json.loads(answer)["lines"] == lines, answer


def not_decoded(admin, piece):
    """415, and the sentence that says what to use."""
    answer = admin.type(f"{piece.command} x=y -si --unix-socket {SOCKET.format('app')} http://localhost/")
    assert " 415 " in answer and "--data-binary" in answer, answer


def retried(admin, piece):
    """Over a stop of the stream each line once."""
    key = "-H 'Idempotency-Key: \"over a stop\"'"
    writes = f"(echo before; sleep 2; echo after) >/root/lines; {piece.command} -s {key} -T /root/lines --unix-socket {SOCKET.format('app')} http://localhost/"
    admin.type("systemctl restart ws-server@app & " + writes)
    assert over(admin, "app", path="/?since=0").count("before\nafter") == 1


def token(admin, file, name):
    return admin.type(f"awk '/^{name} / {{ print $2 }}' /etc/datecast/{file}.tokens").strip()


def made(admin, piece):
    """The file is as the text says."""
    admin.type(piece.command)
    path = re.search(r"/etc/datecast/\S+\.tokens", piece.command).group()
    assert admin.type(f"stat --format '%A %U %G' {path}").strip() == "-rw-r----- root datecast"
    assert re.fullmatch(r"\w+ [0-9a-f]{32}\n", admin.type(f"cat {path}"))


def typed(admin, piece):
    admin.type(piece.command)


def reads_with_a_token(admin, piece):
    """And not without."""
    until("it wants a token", lambda: " 401 " in over(admin, "vmstat", "-i"))
    with admin.running(piece.command, ROW):
        pass


def publishes_with_a_token(admin, piece):
    assert answer_to(admin, piece.command)["lines"] == 1
    without = re.sub(r'-H ".*?\)" ', "", piece.command)
    assert "Bearer" not in without
    assert admin.outcome(f"{without} -s -o /dev/null -w '%{{http_code}}'")[1] == "401"


def revoked(admin, piece):
    """A client of it is closed, a client of another one is not."""
    admin.type(f"echo \"carol $(openssl rand -hex 16)\" >>/etc/datecast/vmstat.tokens && systemctl reload {STREAM}")
    read = f"curl -sN --unix-socket {SOCKET.format('vmstat')} http://localhost/?token="
    with Terminal(admin.line(read + token(admin, "vmstat", "alice"))) as alice, Terminal(admin.line(read + token(admin, "vmstat", "carol"))) as carol:
        alice.until(ROW, 10)
        carol.until(ROW, 10)
        # Whose token let them in is known to the next process, too.
        admin.systemctl("restart", STREAM)
        for line in piece.lines():
            admin.type(line.command)
        until("alice is closed", lambda: not alice.read(0.1))
        carol.until(f"(?s){ROW}.*{ROW}", 10)
    bob = token(admin, "vmstat", "bob")
    assert re.search(ROW, over(admin, "vmstat", path=f"/?token={bob}", seconds=2))


def each_place(admin, piece):
    """The three places of the table, and none."""
    bob = token(admin, "vmstat", "bob")
    for arguments, path, status in (([f"-H 'Authorization: Bearer {bob}'"], "/", "200"), ([], f"/?token={bob}", "200"),
                                    ([f"-H 'Cookie: datecast_token={bob}'", "-H 'Sec-Fetch-Site: same-origin'"], "/", "200"), ([], "/", "401")):
        answer = over(admin, "vmstat", "-i", *arguments, path=path)
        assert f" {status} " in answer.splitlines()[0], (arguments, answer)
    assert "www-authenticate: bearer" in answer.lower(), answer


def behind_nginx(admin, piece):
    """The lines as they stand, in front of both streams and the page."""
    proxy.needs("nginx")
    proxy.certificate(admin)
    admin.systemctl("start", "nginx")
    for line in piece.lines():
        admin.type(line.command)
    page = until("the page", lambda: proxy.https(admin, "/vmstat/"))
    assert "<html" in page, page[:500]
    assert "<html" in proxy.https(admin, "/app/")
    assert admin.status_of("--insecure", *proxy.RESOLVE, f"https://{proxy.HOST}/vmstat/stream") == "401"
    # Neither nginx nor static-server repeats a token.
    for url in (f"https://{proxy.HOST}/vmstat?token=a-secret", f"https://{proxy.HOST}/vmstat/none?token=a-secret", f"http://{proxy.HOST}/vmstat/?token=a-secret"):
        assert "a-secret" not in admin.curl("--insecure", "--include", *proxy.RESOLVE, url), url
    bob = token(admin, "vmstat", "bob")
    assert re.search(ROW, proxy.https(admin, f"/vmstat/stream?token={bob}"))


def through_nginx(admin, command):
    return command.replace("TOKEN", token(admin, "app", "app")).replace("curl ", "curl --insecure --silent " + " ".join(proxy.RESOLVE) + " ")


def publishes_from_afar(admin, piece):
    """Through nginx; and neither of its logs has a token of those who read and published."""
    proxy.needs("nginx")
    assert answer_to(admin, through_nginx(admin, piece.command))["lines"] == 1
    assert "a line" in over(admin, "app")
    logs = admin.type("cat /var/log/nginx/access.log /var/log/nginx/error.log; journalctl --no-pager")
    assert "/vmstat/stream HTTP" in logs and "/app/stream HTTP" in logs
    for file, name in (("vmstat", "bob"), ("app", "app")):
        assert token(admin, file, name) not in logs, "a token stands in a log"


def pipe_from_afar(admin, piece):
    """Each line as it is written."""
    proxy.needs("nginx")
    admin.file("/root/x", "")
    with Terminal(admin.line(through_nginx(admin, piece.command), folder="/root")):
        for number in range(3):
            until("the line arrives", lambda: admin.type(f"echo line {number} of x >>/root/x") == "" and f"line {number} of x" in over(admin, "app"))
    admin.systemctl("stop", "nginx")
    admin.machine.remove("/etc/nginx/conf.d/datecast.conf")


def stopped(admin, piece):
    """Nothing of it runs, now and at the next boot, and no file of it is left."""
    for line in piece.lines():
        admin.type(line.command)
    until("all has ended", lambda: admin.main_pid(STREAM) == admin.main_pid(FEEDER) == 0)
    for unit in (f"{STREAM}.socket", "ws-server-lines@vmstat.socket", "ws-server-metrics@vmstat.socket", f"{STREAM}.service", f"{FEEDER}.service"):
        assert not admin.is_active(unit), unit
    assert admin.machine.query("sh", "-c", "ls /etc/datecast/*vmstat*; ls /run/ws-server@vmstat") == ""
    # Of the streams that this document has made.
    admin.machine.query("systemctl", "disable", "--now", "ws-server@app.socket", "ws-server-metrics@vmstat.socket")
    admin.machine.query("sh", "-c", "rm -rf /etc/datecast/*app*; sed -i 's/^FLAGS=.*/FLAGS=\"\"/' /etc/default/static-server")
    admin.systemctl("restart", "static-server")


def checked(admin, piece):
    """It finds the file right, and for a stream by HTTP only because of the address."""
    assert "is right" in admin.type(piece.command), piece.command
    admin.file("/root/http.toml", 'source = "http"\n')
    by_http = piece.command.replace("/etc/datecast/ws-server@vmstat.toml", "/root/http.toml")
    assert "is right" in admin.type(by_http), by_http
    status, said = admin.outcome(by_http.split(" --listen")[0])
    assert status == 78 and "--publish-token-file" in said, said
    admin.machine.remove("/root/http.toml")


PLACES = [
    Place(r"echo 'COMMAND=(.|\n)*", from_a_command, NAMED),
    Place(r"/(run|etc)/.*@NAME[./].*", paths, NAMED),
    Place(r"/etc/default/ws-server@NAME", flags, NAMED),
    Place(r"systemctl enable ws-server-metrics@vmstat\.socket && .*", metrics),
    Place(r"curl --unix-socket /run/ws-server@vmstat/metrics\.sock .*", scrape),
    Place(r"systemctl reload ws-server@vmstat", reload, NAMED),
    Place(r"ws-server --check .*@vmstat\.toml --listen .*", checked, NAMED),
    Place(r"journalctl -u (ws-server|datecast-feed)@vmstat", its_journal),
    Place(r"systemctl restart ws-server@vmstat", restart, NAMED),
    Place(r"systemctl restart datecast-feed@vmstat", restart_of_the_feeder),
    Place(r"COMMAND=.*", is_kept, NAMED),
    Place(r'env ".*"', quote_first, NAMED),
    Place(r"# systemctl edit datecast-feed@vmstat\n(.|\n)*", wider),
    Place("|".join(map(re.escape, WIDENING)), widened, NAMED),
    Place(r"DeviceAllow=.*", taken, NAMED),
    Place(r"# systemctl edit ws-server@vmstat\.socket\n\[Socket\]\nListenStream=.*", port),
    Place(r"systemctl restart ws-server@vmstat\.socket", by_the_drop_in, NAMED),
    Place(r"SocketGroup=www-data|SocketMode=0660", for_a_group, NAMED),
    Place(r"usermod -aG datecast-feed app", member),
    Place(r"datecast feed --to unix:/run/ws-server@vmstat/lines -- vmstat 1|echo a line \| nc -N -U .*", by_hand, NAMED),
    Place(r"echo 'source = \"http\"' >.*|systemctl enable --now ws-server@app\.socket", http_stream, HTTP),
    Place(r"curl -d 'a line' --unix-socket .*|vmstat 1 5 \| curl -T - .*", published, HTTP),
    Place(r"curl -H 'Idempotency-Key: .*", once, HTTP),
    Place(r'\{"first":.*', shape, HTTP),
    Place(r"curl --data-binary @file", line_ends),
    Place(r"curl -F", not_decoded),
    Place(r"curl --retry .*", retried),
    Place(r"echo \"\w+ \$\(openssl .* \| install .*", made, TOKENS),
    Place(r"curl -N -H \"Authorization: .*", reads_with_a_token, TOKENS),
    Place(r"curl -H \"Authorization: .*", publishes_with_a_token, TOKENS),
    Place(r"sed -i '/\^alice /d' .*\n(.|\n)*", revoked),
    Place(r"echo '(publish-)?token-file = .*|systemctl restart ws-server@\w+", typed, TOKENS),
    Place(r"Authorization: Bearer …", each_place),
    Place(r"cp /usr/share/doc/datecast/proxies/nginx-streams\.conf (.|\n)*", behind_nginx),
    Place(r"curl -d 'a line' -H .* https://.*", publishes_from_afar, NGINX),
    Place(r"tail -f x \| curl -T - .*", pipe_from_afar, NGINX),
    Place(r"systemctl disable --now (.|\n)*", stopped, STOP),
    Quote(r"/etc/datecast/\*\S*", "what only an administrator writes, and the steps of this chapter have removed", "Files"),
    Quote(r"DynamicUser=no", "the step of `User=` sets it", NAMED),
    Quote(r"datecast feed", "the step of its whole command runs it", NAMED),
    Quote(r'source = "http"', "the command below it writes it", f"{HTTP}|{TOKENS}"),
    Quote(r"SocketGroup=www-data", "as the step above it does", NGINX),
    Quote(r"curl -d|--data-binary @file|-T file", "the steps around it use it", HTTP),
    Quote(r"new (WebSocket|EventSource)\(…\)", "of the page's script", TOKENS),
]
