"""A client of Python's websockets, also over TLS: client.py URI CA [CERTIFICATE KEY].

Checks that three messages come back, closes the connection and prints the close code.
"""

import asyncio
import ssl
import sys

from websockets.asyncio.client import connect


async def main():
    uri, ca, *identity = sys.argv[1:]
    context = ssl.create_default_context(cafile=ca)
    if identity:
        context.load_cert_chain(*identity)
    tls = context if uri.startswith("wss:") else None
    async with connect(uri, ssl=tls, proxy=None, max_size=None) as connection:
        for message in ["Hello", "\N{SNOWMAN}" * 1000, bytes(range(256)) * 4096]:
            await connection.send(message)
            assert await connection.recv() == message
    print(connection.close_code)


asyncio.run(main())
