// A client of Node's ws, also over TLS: client.mjs URI CA [CERTIFICATE KEY].
// Checks that three messages come back, closes the connection and prints the close code.
import assert from "node:assert";
import fs from "node:fs";
import { createRequire } from "node:module";

const { WebSocket } = createRequire(`${process.cwd()}/`)("ws");
const [uri, ...files] = process.argv.slice(2);
const [ca, cert, key] = files.map((path) => fs.readFileSync(path));
const messages = ["Hello", "\u2603".repeat(1000), Buffer.alloc(1 << 20, 7)];
const socket = new WebSocket(uri, { ca, cert, key });
socket.on("open", () => messages.forEach((message) => socket.send(message)));
socket.on("message", (data, binary) => {
    const message = messages.shift();
    assert.strictEqual(binary, typeof message !== "string");
    assert.ok(Buffer.from(message).equals(data));
    if (messages.length === 0) {
        socket.close(1000);
    }
});
socket.on("close", (code) => console.log(code));
socket.on("error", (error) => {
    console.error(String(error));
    process.exit(1);
});
