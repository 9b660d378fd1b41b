// An echo server of Node's ws over TLS: server.mjs CERTIFICATE KEY [CLIENT_CA].
// Prints its port. Ends with its standard input.
import fs from "node:fs";
import https from "node:https";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(`${process.cwd()}/`)("ws");
const [cert, key, ca] = process.argv.slice(2).map((path) => fs.readFileSync(path));
const server = https.createServer({ cert, key, ca, requestCert: !!ca, rejectUnauthorized: !!ca });
new WebSocketServer({ server }).on("connection", (socket) => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
    socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit());
