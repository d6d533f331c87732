"""What goes wrong, drawn from a seed, and how it is mended.

A fault is a text: what, and what happens to it. `PROCESSES` says what can be meant; killed and stopped are any of them, emptied, hushed and
cut are nodes, and restarted is a server, with a hand-over.
"""

import random
import time

from waiting import until

# What `make test-nats` has, in an order from the seed.
NEEDED = ["leader killed"] * 6 + ["server-a killed", "server-b killed", "bridge-a killed", "bridge-b killed", "nodes killed"]
# What `make soak-nats` draws from. No node loses its disk while another one is down: then nobody has what both had.
ALL = NEEDED + [
    "follower killed", "two-nodes killed", "leader stopped", "follower stopped", "nodes stopped", "leader emptied", "follower emptied",
    "leader hushed", "leader cut", "follower hushed", "follower cut", "nodes hushed", "nodes cut", "server-a stopped", "server-b stopped",
    "server-a restarted", "server-b restarted", "bridge-a stopped", "bridge-b stopped", "machine-a killed", "machine-b killed",
    "servers killed", "bridges killed", "leader-and-servers killed", "leader-and-bridges killed", "publisher killed"]


def plan(seed, kinds, longest=3):
    """Pairs of a fault and the seconds for which it lasts at least, in an order of chance."""
    chance = random.Random(seed)
    return [(kind, chance.uniform(0.1, longest)) for kind in chance.sample(kinds, len(kinds))]


class Faults:
    """Does to a cluster, its machines and publishers what a plan says."""

    def __init__(self, cluster, stream, machines, publishers, chance):
        self.cluster, self.stream, self.machines, self.publishers, self.chance = cluster, stream, machines, publishers, chance

    def inflict(self, fault, seconds):
        """Does it, waits for so long, mends it, and waits until all is as before."""
        what, _, how = fault.partition(" ")
        leader = until("the stream has a leader", lambda: self.cluster.leader(self.stream))
        mend = getattr(self, how)(self.meant(what, leader))
        if what.startswith("leader"):
            until("another leader", lambda: self.cluster.leader(self.stream) not in (None, leader))
        time.sleep(seconds)
        mend()
        self.cluster.wait_until_whole(self.stream)
        for machine in self.machines:
            machine.wait_until_healthy()

    def meant(self, what, leader):
        """The processes that this names."""
        nodes, a, b = self.cluster.nodes, *self.machines
        return {
            "leader": [leader], "follower": [self.chance.choice([node for node in nodes if node is not leader])],
            "two-nodes": self.chance.sample(nodes, 2), "nodes": nodes,
            "server-a": [a.server], "server-b": [b.server], "servers": [a.server, b.server],
            "bridge-a": [a.bridge], "bridge-b": [b.bridge], "bridges": [a.bridge, b.bridge],
            "machine-a": [a.server, a.bridge], "machine-b": [b.server, b.bridge],
            "leader-and-servers": [leader, a.server, b.server], "leader-and-bridges": [leader, a.bridge, b.bridge],
            "publisher": [self.chance.choice(self.publishers)],
        }[what]

    # Each does something and gives what mends it.

    def killed(self, processes):
        for process in processes:
            process.kill()
        return lambda: [process.start() for process in processes]

    def stopped(self, processes):
        for process in processes:
            process.pause()
        return lambda: [process.resume() for process in processes]

    def emptied(self, nodes):
        mend = self.killed(nodes)
        for node in nodes:
            node.empty()
        return mend

    def hushed(self, nodes):
        """Their links carry nothing any more, and nobody is told."""
        return self.cluster.divide("hush", nodes)

    def cut(self, nodes):
        """Their links are reset, and refused."""
        return self.cluster.divide("cut", nodes)

    def restarted(self, servers):
        for server in servers:
            server.restart()
        return lambda: None
