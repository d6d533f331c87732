"""PyPI websockets: RFC 6455."""
import asyncio

import websockets
from report import Reporter, connections, headers, url


async def client(index):
    reporter = Reporter(index)
    async with websockets.connect(url, additional_headers=headers) as socket:
        reporter.open(socket.response.headers.get("X-Connection-Id"))
        try:
            async for message in socket:
                if reporter.text(message if isinstance(message, str) else "BINARY"):
                    break
        except websockets.ConnectionClosed:
            pass
        await socket.close()
        reporter.close(socket.close_code)


async def main():
    await asyncio.gather(*(client(index) for index in range(connections)))


asyncio.run(main())
