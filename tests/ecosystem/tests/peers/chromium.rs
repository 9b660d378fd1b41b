//! A page over https that opens a WebSocket to the server that it came from.

use std::{
    thread,
    time::{Duration, Instant},
};

use framewise::Message;

use framewise_ecosystem::Authority;

use crate::{
    bindings::{Binding, Seen, Server},
    folder::Folder,
    programs::browse,
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
        let (server, profile) =
            (Server::start(binding, Some(identity.server()), PAGE), Folder::new());
        let Some(_browser) = browse(&format!("https://localhost:{}/", server.port), &profile)
        else {
            return;
        };
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
