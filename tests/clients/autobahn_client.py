"""PyPI autobahn 0.8.15, on Python 2.7: draft 76 (VERSION=76), hybi-08 (8) and RFC 6455 (13)."""
import os

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
from report import Reporter, connections, url
from twisted.internet import reactor

# The library counts drafts, not Sec-WebSocket-Version.
DRAFT = {"76": 0, "8": 10, "13": 18}[os.environ.get("VERSION", "13")]
still_open = set(range(connections))


class Client(WebSocketClientProtocol):
    def onConnect(self, response):
        self.connection_id = response.headers.get("x-connection-id")

    def onOpen(self):
        self.factory.reporter.open(self.connection_id)

    def onMessage(self, payload, is_binary):
        if self.factory.reporter.text("BINARY" if is_binary else payload):
            self.sendClose()

    def onClose(self, was_clean, code, reason):
        self.factory.reporter.close(code)
        still_open.discard(self.factory.reporter.index)
        if not still_open:
            reactor.stop()


for index in range(connections):
    # The server of 2010, and ours, names the protocol `*` in draft 76; autobahn takes only what it asked for.
    factory = WebSocketClientFactory(url, protocols=["*"] if DRAFT == 0 else [])
    factory.protocol = Client
    factory.reporter = Reporter(index)
    factory.setProtocolOptions(version=DRAFT, allowHixie76=True)
    connectWS(factory)
reactor.run()
