"""Behind a proxy: the files of docs/proxies/ where they belong, with the units; what is measured of them is tests/tests/proxies'."""

import re
import shutil
from contextlib import ExitStack, contextmanager

import report
from administrator import OTHER_PORT
from waiting import until
from places import Place, Quote
from terminal import Terminal

SETTINGS = "What to set in the daemons"
# The host name of the document; it leads to the machine itself. Without a network nobody signs a certificate for it.
HOST = "example.com"
RESOLVE = [part for port in (80, 443) for part in ("--resolve", f"{HOST}:{port}:127.0.0.1")]
# What stands in the files, and what this machine can do instead: Caddy would get its certificate from the network, and HAProxy
# does not start without two descriptors for each of its clients, of which there may be too few here.
INSTEAD = {"caddy": (f"\n{HOST} {{\n", f"\n{HOST} {{\n    tls internal\n"), "haproxy": ("maxconn 20000", "maxconn 200")}
# The flags of the services that the head of each file names, without the addresses, which stand in the units.
FLAGS = {"ws-server": "--trusted-proxy 127.0.0.1", "static-server": "--ws-url /stream --max-connections-per-ip 0"}
FILES = {"nginx": ("nginx.conf", "/etc/nginx/conf.d/datecast.conf"), "haproxy": ("haproxy.cfg", "/etc/haproxy/haproxy.cfg"),
         "caddy": ("Caddyfile", "/etc/caddy/Caddyfile")}


def needs(name):
    if not shutil.which(name):
        raise report.Skip(f"no {name} (apt install {name})")


@contextmanager
def behind(admin, name):
    """The proxy with its file as it stands in docs/proxies/, in front of both services."""
    needs(name)
    source, path = FILES[name]
    text = (admin.project / "docs/proxies" / source).read_text()
    if name in INSTEAD:
        assert INSTEAD[name][0] in text
        text = text.replace(*INSTEAD[name])
    admin.file(path, text)
    certificate(admin)
    with ExitStack() as stack:
        for daemon, flags in FLAGS.items():
            stack.enter_context(flagged(admin, daemon, flags))
        admin.systemctl("start", name)
        stack.callback(admin.systemctl, "stop", name)
        yield


@contextmanager
def flagged(admin, name, flags):
    """A service that runs with these flags for a while."""
    try:
        with admin.flags(name, flags):
            admin.systemctl("restart", name)
            yield
    finally:
        admin.systemctl("restart", name)


def certificate(admin):
    """One for the host, where the files look for it."""
    admin.type("[ -e /etc/haproxy/example.com.pem ] || { mkdir -p /etc/haproxy && cd /tmp && "
               f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={HOST} "
               f"-keyout /etc/ssl/private/{HOST}.key -out /etc/ssl/certs/{HOST}.pem && "
               f"cat /etc/ssl/certs/{HOST}.pem /etc/ssl/private/{HOST}.key >/etc/haproxy/{HOST}.pem; }}")


def https(admin, path, patience=3):
    return admin.curl("--insecure", *RESOLVE, f"https://{HOST}{path}", patience=patience)


def serves(admin, piece):
    """Page and stream under one host name; plain HTTP leads there."""
    name = next(name for name, (_, path) in FILES.items() if path == piece.text)
    with behind(admin, name):
        page = until("the page", lambda: https(admin, "/"))
        assert "<html" in page and "/stream" in page, page[:500]
        assert re.search(r"\d\d:\d\d:\d\d", https(admin, "/stream", 1.5))
        moved = admin.curl("--include", *RESOLVE, f"http://{HOST}/")
        assert re.match(r"HTTP/1.1 30[18]", moved) and f"https://{HOST}/" in moved, moved


def live(admin, piece):
    """A stream goes on over the reload, on the same connection."""
    name = piece.command.split()[0]
    with behind(admin, name):
        until("the page", lambda: https(admin, "/"))
        curl = ["curl", "--silent", "--insecure", "--no-buffer", *RESOLVE, "--header", "Accept: text/event-stream"]
        with Terminal(admin.machine.enter_network(*curl, f"https://{HOST}/stream")) as stream:
            stream.until(r"data: .*", 10)
            if name == "caddy":  # else it does nothing, as the text says
                file = admin.machine.root / FILES[name][1][1:]
                file.write_text(file.read_text().replace("handle {", "header X-New yes\n    handle {"))
            admin.type(piece.command)
            stream.until(r"(?s)data: .*data: ", 10)


def is_a_target(admin, piece):
    """Of the Makefile; it is run for itself."""
    admin.type(f"make --dry-run {piece.command.split()[-1]}")


def accepted(admin, piece):
    """The daemon of the row takes it as it stands."""
    daemon = piece.context.split("|")[1].strip()
    admin.type(f"{daemon} {piece.command} --check")


def plain_socket(admin, piece):
    """Without units: it makes the socket in a folder that is there, and answers on it."""
    admin.type("mkdir -p /run/datecast")
    with admin.running(f"ws-server {piece.command}", "listening on"):
        assert re.search(r"\d\d:\d\d:\d\d", over_socket(admin, "/run/datecast/ws.sock"))
    admin.machine.remove("/run/datecast")


def over_socket(admin, path, user="root"):
    _, output = admin.outcome(f"runuser -u {user} -- curl -sN --max-time 1.5 --unix-socket {path} http://{HOST}/stream 2>&1 || true")
    return output


def socket_of_a_group(admin, piece):
    """The proxy's group may connect, nobody else; nothing listens on the port any more."""
    unit = "systemctl edit ws-server.socket"
    path, owners = (re.search(rf"{key}=(/?\S+)", piece.text).group(1) for key in ("ListenStream", "SocketGroup"))
    with flagged(admin, "ws-server", "--trusted-proxy unix"), admin.edited(
            unit, piece.text, "systemctl daemon-reload", "systemctl restart ws-server.socket"):
        assert not admin.listening(40132)
        assert re.search(r"\d\d:\d\d:\d\d", over_socket(admin, path, owners))
        assert over_socket(admin, path, "nobody") == ""


def asks_not_to_buffer(admin, piece):
    assert piece.text.lower() in admin.curl("--include", "http://localhost:40132/", patience=0.5).lower()


def stands_in(admin, piece):
    """nginx's file has it."""
    assert piece.text in (admin.project / "docs/proxies/nginx.conf").read_text()


def origin_null(admin, piece):
    """The command refuses it, unless the option of the sentence lets it in."""
    option = re.search(r"`(--allow-origin null)`", piece.context).group(1)
    for options, status in (("", "403"), (option, "200")):
        with admin.running(f"seq 3 | datecast --listen 127.0.0.1:{OTHER_PORT} {options}", f":{OTHER_PORT}/"):
            assert admin.status_of("--header", piece.text, f"http://localhost:{OTHER_PORT}/stream", patience=0.5) == status


def left_out(admin, piece):
    """None of the files has it, outside of comments."""
    for source, _ in FILES.values():
        lines = (admin.project / "docs/proxies" / source).read_text().splitlines()
        assert not [line for line in lines if piece.text in line and not line.strip().startswith("#")]


def nginx_takes(admin, piece):
    """Debian's nginx.conf with it."""
    needs("nginx")
    setting = piece.text.rstrip(";") + ";"
    name = setting.split()[0]

    def with_it(before):
        text = re.sub(rf"{name} (\d+);", setting, before) if name == "worker_connections" else f"{setting}\n{before}"
        assert setting in text
        return text
    with admin.changed("/etc/nginx/nginx.conf", with_it):
        admin.type("nginx -t")


def haproxy_takes(admin, piece):
    needs("haproxy")
    certificate(admin)
    text = (admin.project / "docs/proxies/haproxy.cfg").read_text().replace("global\n", f"global\n    {piece.text}\n", 1)
    admin.file("/root/haproxy.cfg", text)
    admin.type("haproxy -c -f /root/haproxy.cfg")


def caddy_takes(admin, piece):
    needs("caddy")
    admin.file("/root/Caddyfile", f"{{\n    {piece.text}\n}}\n" + (admin.project / "docs/proxies/Caddyfile").read_text())
    admin.type("caddy validate --adapter caddyfile --config /root/Caddyfile")


def reserved(admin, piece):
    """In the file that the text names; the command behind it applies it."""
    path = re.search(r"`(/etc/sysctl\.d/[^`]+)`", (admin.project / "docs/operations.md").read_text()).group(1)
    admin.file(path, piece.text + "\n")


def reserve(admin, piece):
    admin.type(piece.command)
    # Until now it was what the machine had reserved for itself.
    assert admin.machine.run("cat", "/proc/sys/net/ipv4/ip_local_reserved_ports") == "40132"


PLACES = [
    Place(r"/etc/(nginx|haproxy|caddy)/.*", serves, "Behind a proxy"),
    Place(r"make test-proxies", is_a_target),
    Place(r"--listen unix:/run/datecast/ws\.sock --trusted-proxy unix", plain_socket, SETTINGS),
    Place(r"\[Socket\]\nListenStream=\nListenStream=/run/.*\nSocketMode=.*\nSocketGroup=.*", socket_of_a_group, SETTINGS),
    Place(r"--.*", accepted, SETTINGS),
    Place(r"X-Accel-Buffering: no", asks_not_to_buffer),
    Place(r"proxy_set_header Host \$http_host", stands_in),
    Place(r"Origin: null", origin_null),
    Place(r"flush_interval -1", left_out),
    Place(r"nginx -s reload|caddy reload .*", live),
    Place(r"worker_shutdown_timeout .*|worker_connections .*|worker_rlimit_nofile .*", nginx_takes),
    Place(r"hard-stop-after .*", haproxy_takes),
    Place(r"grace_period .*", caddy_takes),
    Place(r"net\.ipv4\.ip_local_reserved_ports = 40132", reserved),
    Place(r"sysctl -p /etc/sysctl\.d/60-datecast\.conf", reserve),
    Quote(r"https://example\.com/ +nginx.*(.|\n)*", "a picture"),
    Quote(r"systemctl edit ws-server\.socket", "the drop-in below it is opened by it", SETTINGS),
    Quote(r"listen … proxy_protocol|mode http", "a name of a setting of the proxy's"),
]
