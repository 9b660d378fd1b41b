//! A page over https that opens a WebSocket to the server that it came from.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use framewise::Message;

use framewise_ecosystem::Authority;

use crate::{
    bindings::{Binding, Seen, Server},
    folder::Folder,
    programs::{Program, installed},
};

const PAGE: &str = r#"<!doctype html>
<title>Echo</title>
<script>
const socket = new WebSocket(`wss://${location.host}/chat`);
socket.binaryType = "arraybuffer";
socket.onopen = () => socket.send(new Uint8Array(100000).fill(7));
socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) {
        const same = data.byteLength === 100000 && new Uint8Array(data).every((byte) => byte === 7);
        socket.send(`${location.protocol} ${same} ${socket.extensions}`);
    } else {
        socket.close(1000, "done");
    }
};
</script>
"#;

#[test]
fn a_page_over_https_talks_to_its_own_server() {
    let identity = Authority::new("other").issue(&["localhost"]);
    for binding in Binding::ALL {
        let Some(mut command) = installed("chromium") else { return };
        let (server, profile) =
            (Server::start(binding, Some(identity.server()), PAGE), Folder::new());
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--ignore-certificate-errors",
            &format!("--user-data-dir={}", profile.path().display()),
            &format!("https://localhost:{}/", server.port),
        ]);
        let _browser = Program::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let (began, mut seen) = (Instant::now(), Vec::new());
        let done = |seen: &[Seen]| {
            let said = |seen: &Seen| matches!(seen, Seen::Message(Message::Text(text)) if text == "https: true permessage-deflate");
            seen.iter().any(said) && seen.iter().any(|seen| matches!(seen, Seen::Ended(Some(_))))
        };
        while !done(&seen) {
            assert!(began.elapsed() < Duration::from_secs(60), "{binding:?}: {seen:?}");
            thread::sleep(Duration::from_millis(20));
            seen.extend(server.take_seen());
        }
    }
}
