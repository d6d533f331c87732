"""The links between the nodes of a cluster, as proxies in a process of their own: they can be cut, or fall silent.

Its standard input has a command a line: `cut NODE`, `hush NODE`, `join`; each answered by a line when it is done.
"""

import asyncio
import json
import subprocess
import sys

from processes import Process, free_ports


class Links(Process):
    """The proxies of all pairs, seen from the harness."""

    def __init__(self):
        super().__init__("links", [sys.executable, __file__])

    def open(self, nodes):
        """Starts a proxy for each pair of these nodes; the port of each, by both names."""
        pairs = [(one, other) for one in nodes for other in nodes if one is not other]
        ports = dict(zip(((one.name, other.name) for one, other in pairs), free_ports(len(pairs))))
        self.start(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tell(json.dumps([[one.name, other.name, ports[one.name, other.name], other.route] for one, other in pairs]))
        return ports

    def tell(self, command):
        self.popen.stdin.write(command + "\n")
        self.popen.stdin.flush()
        assert self.popen.stdout.readline() == "done\n", f"links: {command}"


class Link:
    """The proxy by which one node reaches another."""

    def __init__(self, ends, port, to):
        self.ends, self.port, self.to = ends, port, to
        self.is_cut, self.flows = False, asyncio.Event()
        self.flows.set()
        self.writers = set()

    async def listen(self):
        # As much as waits in a proxy is lost when it is cut, so little waits.
        await asyncio.start_server(self.accept, "127.0.0.1", self.port)

    async def accept(self, reader, writer):
        if self.is_cut:
            return writer.close()
        try:
            await self.flows.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            return writer.close()
        self.writers |= {writer, far_writer}
        await asyncio.gather(self.pump(reader, far_writer), self.pump(far_reader, writer))
        self.writers -= {writer, far_writer}

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self):
        self.is_cut = True
        for writer in self.writers:
            writer.transport.abort()

    def hush(self):
        self.flows.clear()

    def join(self):
        self.is_cut = False
        self.flows.set()


async def serve():
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    links = [Link({one, other}, port, to) for one, other, port, to in json.loads(await lines.readline())]
    for link in links:
        await link.listen()
    print("done", flush=True)
    while line := (await lines.readline()).decode():
        verb, _, node = line.strip().partition(" ")
        for link in links:
            if verb == "join" or node in link.ends:
                getattr(link, verb)()
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
