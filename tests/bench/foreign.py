"""Servers that other people wrote, with their best settings for each job. The first one of a job is the best that was measured; all have
their turn in the full form."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

from lab import PEERS, POLICY, PROJECT, TARGET
from servers import Server

PYTHON = PEERS / "uwebsockets/bin/python"
LIGHTTPD = PEERS / "usr/sbin/lighttpd"
STATIC_WEB_SERVER = PEERS / "static-web-server/bin/static-web-server"
ZOO = PROJECT / "tests/.venv/zoo"
PUSHPIN = PEERS / "usr/bin/pushpin"
# Where it takes what it publishes, on the port that its clients have on 127.0.0.1.
PUSHPIN_POSTS = "127.0.0.2"
WEBSOCKETD = ZOO / "usr/bin/websocketd"
NGINX = Path("/usr/sbin/nginx")
CLIENTS = PROJECT / "tests/clients/node_modules/ws"
FETCH = "tests/bench/fetch gets it"


def is_there(*paths):
    """For `missing`: these files are there, or how to get them."""
    def missing(lab):
        absent = [lab.public(path) for path in paths if not os.path.exists(path)]
        return f"no {', '.join(absent)}; {FETCH}" if absent else None
    return missing


def uwebsockets(job):
    return Server("uWebSockets", "peer", lambda lab, port: [PYTHON, lab.here("peers/uwebsockets.py"), port, job], is_there(PYTHON))


def ws(job):
    """npm ws with one interval for all."""
    return Server("npm ws", "peer", lambda lab, port: ["node", lab.here("peers/ws.mjs"), port, job], is_there(CLIENTS))


def tutorial():
    """npm ws as the tutorial has it, with an interval for each connection."""
    program = PROJECT / "tests/clients/tutorial-server.mjs"
    return Server("npm ws, the tutorial", "peer", lambda lab, port: ["node", program, port, 1000, 0], is_there(CLIENTS))


def crate(name, job):
    program = TARGET / "bench/peers/release" / name
    return Server(name, "peer", lambda lab, port: [program, port, job], is_there(program))


def configured(name, program, arguments, text, needs, may_fail=False):
    """A server with a file of configuration: text(lab, port), and arguments(file)."""
    def command(lab, port):
        file = lab.folder / f"{name.replace(' ', '-').replace(',', '')}-{port}.conf"
        file.write_text(text(lab, port))
        return [program, *arguments(lab, file)]
    return Server(name, "peer", command, is_there(*needs), text, may_fail=may_fail)


def nginx(name, inner, needs=(), module="", may_fail=False):
    def text(lab, port):
        user = "user root;\n" if os.getuid() == 0 else ""
        return (f"{module}{user}daemon off; worker_processes 1; pid {lab.folder}/nginx.pid; error_log /dev/null crit;\n"
                f"events {{ worker_connections 19900; multi_accept on; }}\n{inner(lab, port)}\n")
    return configured(name, NGINX, lambda lab, file: ["-p", lab.folder, "-c", file, "-e", "/dev/null"], text, (NGINX, *needs), may_fail)


def module(name):
    """A module of nginx's, unpacked or installed."""
    found = [folder / "usr/lib/nginx/modules" / name for folder in (ZOO, Path("/"))]
    return next((path for path in found if path.exists()), found[0])


def nginx_files(sendfile, deferred):
    def inner(lab, port):
        return (f"http {{ access_log off; sendfile {sendfile}; tcp_nopush off; keepalive_requests 1000000000; open_file_cache max=20000 inactive=60s;\n"
                f"gzip_static on; types {{ text/plain txt; }}\nserver {{ listen 127.0.0.1:{port} backlog=4096{' deferred' * deferred}; root {lab.site}; }} }}")
    return nginx(f"nginx, sendfile {sendfile}", inner)


def nginx_stream(reads):
    """It answers at once, and some of its answers end in a reset; with `ssl_preread` it looks at the request for the beginning of TLS, so that
    it has read it."""
    path = module("ngx_stream_module.so")
    text = POLICY.strip("\0").replace("'", "\\'")
    name, more = ("nginx's stream module, reading", " ssl_preread on;") if reads else ("nginx's stream module", "")
    inner = lambda lab, port: f"stream {{ server {{ listen 127.0.0.1:{port} backlog=4096;{more} return '{text}'; }} }}"  # noqa: E731
    return nginx(name, inner, (path,), f"load_module {path};\n", may_fail=not reads)


def nchan(job):
    """nginx with nchan, a module that publishes what is posted to it."""
    path = module("ngx_nchan_module.so")
    inner = lambda lab, port: (f"http {{ access_log off; keepalive_requests 1000000000; server {{ listen 127.0.0.1:{port} backlog=4096;\n"  # noqa: E731
                               "location = / { nchan_subscriber websocket; nchan_channel_id all; nchan_subscriber_first_message newest; }\n"
                               "location = /publish { nchan_publisher; nchan_channel_id all; nchan_message_buffer_length 10; } } }")
    return dataclasses.replace(nginx("nchan", inner, (path,), f"load_module {path};\n"), publisher=publisher("127.0.0.1", job, "nchan"))


def publisher(host, job, server):
    return lambda lab, port: [sys.executable, lab.here("peers/publish.py"), f"{host}:{port}", job, server]


def pushpin(job):
    """Four processes: condure has the connections, a proxy and a handler are behind it. Its test route, which needs no server behind it, subscribes
    each WebSocket; what is posted to another address is published. Of 10,000 clients a second it cuts off some."""
    def text(lab, port):
        folder = lab.folder / f"pushpin-{port}"
        return (f"[global]\ninclude={PEERS}/usr/lib/pushpin/internal.conf\nrundir={folder}\n"
                f"[runner]\nservices=condure,pushpin-proxy,pushpin-handler\nhttp_port=127.0.0.1:{port}\nlogdir={folder}\nlog_level=0\nclient_maxconn=20000\n"
                f"[proxy]\nroutesfile={folder}/routes\nupdates_check=off\n"
                f"[handler]\npush_in_spec=ipc://{folder}/push\npush_in_sub_specs=ipc://{folder}/sub\npush_in_http_addr={PUSHPIN_POSTS}\npush_in_http_port={port}\n"
                f"command_spec=ipc://{folder}/command\nmessage_rate=1000000\nmessage_hwm=1000000")

    def arguments(lab, file):
        return [f"PATH={PEERS}/usr/bin", "pushpin", f"--config={file}", "--merge-output"]

    server = configured("pushpin, 1,000 clients", "env", arguments, text, (PUSHPIN, PEERS / "usr/bin/condure"))

    def command(lab, port):
        folder = lab.folder / f"pushpin-{port}"
        folder.mkdir(exist_ok=True)
        (folder / "routes").write_text("*,path_beg=/,replace_beg=/ws test\n")
        return server.command(lab, port)

    def missing(lab):
        return server.missing(lab) or starts(PUSHPIN, "--version")

    return dataclasses.replace(server, command=command, missing=missing, publisher=publisher(PUSHPIN_POSTS, job, "pushpin"), most=1_000)


def starts(*command):
    """None, or what the program says that cannot even be started: a library that it needs may not be there."""
    tried = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return (tried.stderr.strip() or f"it ends with {tried.returncode}") if tried.returncode else None


def websocketd():
    """A process for each client, which is why there are few of them."""
    command = lambda lab, port: [WEBSOCKETD, "--address=127.0.0.1", "--loglevel=fatal", f"--port={port}", lab.floor("ticker")]  # noqa: E731
    return Server("websocketd, 100 clients", "peer", command, is_there(WEBSOCKETD), most=100)


def static_web_server():
    command = lambda lab, port: [STATIC_WEB_SERVER, "--host", "127.0.0.1", "--port", port, "--root", lab.site, "--threads-multiplier", 1, "--log-level",  # noqa: E731
                                 "error", "--compression", "false", "--compression-static", "true", "--cache-control-headers", "false", "--security-headers", "false"]
    return Server("static-web-server", "peer", command, is_there(STATIC_WEB_SERVER))


def lighttpd(backend, deferred):
    def text(lab, port):
        return (f'server.document-root = "{lab.site}"\nserver.bind = "127.0.0.1"\nserver.port = {port}\nserver.network-backend = "{backend}"\n'
                f'server.max-keep-alive-requests = 65535\nserver.max-connections = 19000\nserver.max-fds = 20000\nserver.listen-backlog = 4096\n'
                f'mimetype.assign = (".txt" => "text/plain")\n' + 'server.defer-accept = 5\n' * deferred)
    return configured(f"lighttpd, {backend}", LIGHTTPD, lambda lab, file: ["-D", "-f", file, "-m", PEERS / "usr/lib/lighttpd"], text, (LIGHTTPD,))


def policyfile():
    package = PEERS / "node_modules/policyfile"
    return Server("npm policyfile", "peer", lambda lab, port: ["node", lab.here("peers/policyfile.cjs"), package, port], is_there(package), may_fail=True)


def alone():
    """Those that make the dates themselves."""
    return (uwebsockets("dates"), ws("dates"), tutorial(), crate("fastwebsockets", "dates"), crate("tokio-tungstenite", "dates"))


def dates():
    return (*alone(), nchan("dates"), pushpin("dates"), websocketd())


def policies():
    return (nginx_stream(True), nginx_stream(False), policyfile())


def files(deferred=False, large=False):
    """For large files sendfile is quicker, for small ones it is not."""
    small = nginx_files("off", deferred), lighttpd("writev", deferred)
    big = lighttpd("sendfile", deferred), nginx_files("on", deferred)
    return (*((*big, *small) if large else (*small, *big)), static_web_server())


def packed_files():
    """Those that answer with a file that was packed beforehand; lighttpd would pack it itself."""
    return (nginx_files("off", False), nginx_files("on", False), static_web_server())


def handshakes():
    return (uwebsockets("silent"), ws("silent"))


def lines():
    return (uwebsockets("lines"), ws("lines"), nchan("lines"), pushpin("lines"))


def echoes():
    return (crate("fastwebsockets", "echo"), crate("tokio-tungstenite", "echo"), ws("echo"))
