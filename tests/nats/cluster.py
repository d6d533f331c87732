"""Three nats-servers with JetStream on loopback, which can be killed, stopped, emptied and cut off from each other."""

import http.client
import json
import shutil

from processes import Process, free_ports
from waiting import until

CONFIGURATION = """server_name: {name}
listen: 127.0.0.1:{client}
http: 127.0.0.1:{monitor}
jetstream {{ store_dir: "{store}", max_mem: 64M, max_file: 4G, {settings} }}
"""
# A server without routes needs none.
ROUTES = "cluster {{ name: proof, listen: 127.0.0.1:{route}, no_advertise: true, routes: [{routes}] }}\n"
# What we recommend.
ALWAYS = "sync_interval: always"


class Node(Process):
    """One nats-server."""

    def __init__(self, name, server, folder, ports):
        self.client, self.monitor, self.route = ports
        self.store, self.file = folder / f"{name}.store", folder / f"{name}.conf"
        super().__init__(name, [server, "-c", self.file])

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.client}"

    def configure(self, routes, settings):
        text = CONFIGURATION + ROUTES if routes else CONFIGURATION
        self.file.write_text(text.format(name=self.name, client=self.client, monitor=self.monitor, route=self.route, settings=settings,
                                         store=self.store, routes=", ".join(f"nats://127.0.0.1:{port}" for port in routes)))

    def empty(self):
        """Removes what it has stored, as a new disk would; it must not run."""
        shutil.rmtree(self.store, ignore_errors=True)

    def ask(self, path):
        """What its monitoring port says, or None."""
        if not self.runs() or self.is_paused:
            return None
        connection = http.client.HTTPConnection("127.0.0.1", self.monitor, timeout=2)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_healthy(self):
        return (self.ask("/healthz") or {}).get("status") == "ok"

    def stream(self, name):
        """What it knows of this stream: configuration, state, leader and replicas; empty where it knows nothing."""
        for account in (self.ask("/jsz?accounts=true&streams=true&config=true") or {}).get("account_details") or []:
            for stream in account.get("stream_detail") or []:
                if stream["name"] == name:
                    return stream
        return {}


class Cluster:
    """All of them; with `links`, they reach each other through proxies."""

    def __init__(self, server, folder, size=3, links=None, settings=ALWAYS):
        ports = free_ports(3 * size)
        self.nodes = [Node(f"n{n + 1}", server, folder, ports[3 * n:3 * n + 3]) for n in range(size)]
        self.links = links
        proxies = links.open(self.nodes) if links else {}
        for node in self.nodes:
            node.configure([proxies.get((node.name, other.name), other.route) for other in self.nodes if other is not node], settings)

    @property
    def urls(self):
        return [node.url for node in self.nodes]

    def start(self):
        for node in self.nodes:
            node.start()
        until("each node has JetStream", lambda: all(node.is_healthy() for node in self.nodes))

    def divide(self, how, nodes):
        """Cuts (or hushes) all links of these nodes; gives what joins them again."""
        for node in nodes:
            self.links.tell(f"{how} {node.name}")
        return lambda: self.links.tell("join")

    def leader(self, stream, votes=None):
        """The node that leads this stream, as most say (or as many as that), itself among them."""
        said = [node.stream(stream).get("cluster", {}).get("leader") for node in self.nodes]
        return next((node for node, own in zip(self.nodes, said)
                     if own == node.name and said.count(own) >= (votes or len(self.nodes) // 2 + 1)), None)

    def is_whole(self, stream):
        """All nodes run, agree on a leader, and have what it has."""
        leader = self.leader(stream, votes=len(self.nodes))
        if leader is None or not all(node.is_healthy() for node in self.nodes):
            return False
        replicas = leader.stream(stream).get("cluster", {}).get("replicas") or []
        return len(replicas) == len(self.nodes) - 1 and all(
            replica.get("current") and not replica.get("offline") and not replica.get("lag") for replica in replicas)

    def wait_until_whole(self, stream):
        until(lambda: f"the cluster is whole: {[node.ask('/healthz') for node in self.nodes]}", lambda: self.is_whole(stream), pause=0.1)
