//! Programs of others that visit an echo server: Node's ws, Python's websockets, Chromium.
//!
//! The server has [`PAGE`] at `/` and its WebSocket at `/chat`. It tells the version of HTTP of each WebSocket, its
//! texts, and `closed` with the code of a Close.

use framewise_ecosystem::http::until;
use tokio::{sync::mpsc::UnboundedReceiver, task::spawn_blocking};

use crate::{
    folder::Folder,
    programs::{browse, run, script},
};

/// A page that has a binary message and a text echoed.
pub(crate) const PAGE: &str = r#"<!doctype html>
<title>Echo</title>
<script>
const uri = `${location.protocol.replace("http", "ws")}//${location.host}/chat`;
const socket = new WebSocket(uri, ["other", "echo"]);
socket.binaryType = "arraybuffer";
socket.onopen = () => socket.send(new Uint8Array(1000000).fill(7));
socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) {
        const same = data.byteLength === 1000000 && new Uint8Array(data).every((byte) => byte === 7);
        socket.send(`${same} ${socket.protocol} ${socket.extensions}`);
    } else {
        socket.close(4000, "done");
    }
};
</script>
"#;

/// Has clients in Node and Python talk to a server with a certificate of `ca`.
pub(crate) async fn scripts_talk(uri: &str, ca: &str, told: &mut UnboundedReceiver<String>) {
    for name in ["client.mjs", "client.py"] {
        let Some(mut command) = script(name) else { continue };
        command.args([uri, ca]);
        let ran = spawn_blocking(move || run(&mut command, b"")).await.unwrap();
        let (succeeded, output, errors) = ran;
        assert!(succeeded, "{name}, {uri}: {errors}");
        assert_eq!(output.trim(), "1000", "{name}, {uri}");
        let lines = until(told, "closed 1000").await;
        assert_eq!(lines[..2], ["HTTP/1.1", "Hello"], "{name}, {uri}");
    }
}

/// Has Chromium open the page, whose WebSocket comes over a version of HTTP. Returns whether it is installed.
pub(crate) async fn a_page_talks(
    uri: &str,
    version: &str,
    told: &mut UnboundedReceiver<String>,
) -> bool {
    let profile = Folder::new();
    let Some(_browser) = browse(uri, &profile) else { return false };
    let lines = until(told, "closed 4000").await;
    assert_eq!(lines, [version, "true echo permessage-deflate", "closed 4000"], "{uri}");
    true
}
