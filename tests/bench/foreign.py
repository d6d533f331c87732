"""Servers that other people wrote, with their best settings for each job. The first one of a job is the best that was measured; all have
their turn in the full form."""

import dataclasses
import os
from pathlib import Path

from lab import PEERS, POLICY, PROJECT, TARGET
from servers import Server

PYTHON = PEERS / "uwebsockets/bin/python"
LIGHTTPD = PEERS / "usr/sbin/lighttpd"
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


def crate(name):
    program = TARGET / "bench/peers/release" / name
    return Server(name, "peer", lambda lab, port: [program, port], is_there(program))


def configured(name, program, arguments, text, needs, may_fail=False):
    """A server with a file of configuration: text(lab, port), and arguments(file)."""
    def command(lab, port):
        file = lab.folder / f"{name.replace(' ', '-').replace(',', '')}-{port}.conf"
        file.write_text(text(lab, port))
        return [program, *arguments(lab, file)]
    return Server(name, "peer", command, is_there(*needs), text, may_fail)


def nginx(name, inner, needs=(), module="", may_fail=False):
    def text(lab, port):
        user = "user root;\n" if os.getuid() == 0 else ""
        return (f"{module}{user}daemon off; worker_processes 1; pid {lab.folder}/nginx.pid; error_log /dev/null crit;\n"
                f"events {{ worker_connections 19000; multi_accept on; }}\n{inner(lab, port)}\n")
    return configured(name, NGINX, lambda lab, file: ["-p", lab.folder, "-c", file, "-e", "/dev/null"], text, (NGINX, *needs), may_fail)


def nginx_files(sendfile, deferred):
    def inner(lab, port):
        return (f"http {{ access_log off; sendfile {sendfile}; tcp_nopush off; keepalive_requests 1000000000; open_file_cache max=1000 inactive=60s;\n"
                f"types {{ text/plain txt; }}\nserver {{ listen 127.0.0.1:{port} backlog=4096{' deferred' * deferred}; root {lab.site}; }} }}")
    return nginx(f"nginx, sendfile {sendfile}", inner)


def nginx_stream():
    """It never reads the request, and some of its answers end in a reset."""
    found = [folder / "usr/lib/nginx/modules/ngx_stream_module.so" for folder in (PROJECT / "tests/.venv/zoo", Path("/"))]
    path = next((path for path in found if path.exists()), found[0])
    text = POLICY.strip("\0").replace("'", "\\'")
    inner = lambda lab, port: f"stream {{ server {{ listen 127.0.0.1:{port} backlog=4096; return '{text}'; }} }}"  # noqa: E731
    server = nginx("nginx's stream module", inner, (path,), f"load_module {path};\n", may_fail=True)
    return dataclasses.replace(server, reads=False)


def lighttpd(backend, deferred):
    def text(lab, port):
        return (f'server.document-root = "{lab.site}"\nserver.bind = "127.0.0.1"\nserver.port = {port}\nserver.network-backend = "{backend}"\n'
                f'server.max-keep-alive-requests = 65535\nserver.max-connections = 19000\nserver.max-fds = 20000\nserver.listen-backlog = 4096\n'
                f'mimetype.assign = (".txt" => "text/plain")\n' + 'server.defer-accept = 5\n' * deferred)
    return configured(f"lighttpd, {backend}", LIGHTTPD, lambda lab, file: ["-D", "-f", file, "-m", PEERS / "usr/lib/lighttpd"], text, (LIGHTTPD,))


def policyfile():
    package = PEERS / "node_modules/policyfile"
    return Server("npm policyfile", "peer", lambda lab, port: ["node", lab.here("peers/policyfile.cjs"), package, port], is_there(package), may_fail=True)


def dates():
    return (uwebsockets("dates"), ws("dates"), tutorial(), crate("fastwebsockets"), crate("tokio-tungstenite"))


def policies():
    return (nginx_stream(), policyfile())


def files(deferred=False, large=False):
    """For large files sendfile is quicker, for small ones it is not."""
    small = nginx_files("off", deferred), lighttpd("writev", deferred)
    big = lighttpd("sendfile", deferred), nginx_files("on", deferred)
    return (*big, *small) if large else (*small, *big)


def handshakes():
    return (uwebsockets("silent"), ws("silent"))


def lines():
    return (uwebsockets("lines"), ws("lines"))


def echoes():
    return (ws("echo"),)
