"""The engine under measurement: nats-servers on loopback, and the stream in them."""

import itertools

import jetstream
import usage
from cluster import Cluster
from processes import Process
from waiting import PATIENCE, until

STREAM = "BENCH"
runs = itertools.count()


class Engine:
    """A cluster of nats-servers, or a single one, with an empty stream; a context manager that ends what it started."""

    def __init__(self, programs, nodes, folder, settings):
        self.programs, self.folder = programs, folder / f"engine-{next(runs)}"
        self.folder.mkdir()
        # The number in the newest line of the stream.
        self.newest = None
        self.cluster = Cluster(programs.nats_server, self.folder, nodes, settings=settings)

    def __enter__(self):
        try:
            self.cluster.start()
            self.create()
            self.cluster.wait_until_whole(STREAM)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.cluster.nodes:
            node.kill()

    def create(self):
        command = [self.programs.bridge, "create", "--server", self.servers, "--stream", STREAM, "--replicas", len(self.cluster.nodes)]
        creation = Process("bench-create", command)
        creation.start()
        assert creation.wait() == 0, creation.said()

    def in_force(self):
        """What `create` has set, as the servers tell it: `replicas: 3, storage: file, at most 1,000,000 messages, …`."""
        config = self.leader().stream(STREAM)["config"]
        most = f"at most {config['max_msgs']:,} messages" if config["max_msgs"] > 0 else "messages without a limit"
        return f"replicas: {config['num_replicas']}, storage: {config['storage']}, {most}, duplicates known for {config['duplicate_window'] // 10**9} s"

    @property
    def servers(self):
        """What `--server` takes."""
        return ",".join(self.cluster.urls)

    def leader(self):
        return until("a leader", lambda: self.cluster.leader(STREAM), patience=PATIENCE)

    def wait_until_whole(self):
        """All nodes run, and have what the leader has."""
        for node in self.cluster.nodes:
            if not node.runs():
                node.start()
        self.cluster.wait_until_whole(STREAM)

    def step_down(self):
        """Asks the leader to let another one lead, as an operator does before he stops it."""
        with jetstream.Connection(self.leader().client) as connection:
            connection.api(f"STREAM.LEADER.STEPDOWN.{STREAM}")

    def kill_leader(self):
        """As a machine that loses its power."""
        self.leader().kill()

    def memory(self):
        """The most bytes that each server ever had in memory."""
        return [usage.memory(node) for node in self.cluster.nodes]

    def cpu(self):
        """Seconds of the processor that all servers have used."""
        return sum(usage.cpu(node) for node in self.cluster.nodes)
