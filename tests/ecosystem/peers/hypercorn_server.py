"""An echo server of hypercorn, over HTTP/1.1 and HTTP/2: hypercorn_server.py [CERTIFICATE KEY].

Closes at the text "leave". Prints its port. Ends with its standard input.
"""

import asyncio
import socket
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})
    else:
        await receive()
        if scope["path"] != "/chat":
            await send({"type": "websocket.close"})
            return
        # The client offers the version of HTTP that it wants as a subprotocol.
        offered = [name for name in scope["subprotocols"] if name == "http-" + scope["http_version"]]
        await send({"type": "websocket.accept", "subprotocol": next(iter(offered), None)})
        while (event := await receive())["type"] == "websocket.receive":
            if event.get("text") == "leave":
                await send({"type": "websocket.close", "code": 4001, "reason": "as you wish"})
                return
            await send(event | {"type": "websocket.send"})


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.errorlog = None
    if len(sys.argv) > 1:
        config.certfile, config.keyfile = sys.argv[1:]
    print(listener.getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    # It logs the connections that clients end.
    loop.set_exception_handler(lambda *_: None)
    ended = loop.run_in_executor(None, sys.stdin.read)
    await serve(app, config, shutdown_trigger=lambda: ended)


asyncio.run(main())
