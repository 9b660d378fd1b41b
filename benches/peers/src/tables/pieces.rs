//! Messages that come in several reads, or in several frames.

use bytes::Bytes;

use super::{copying, receivers, size_name};
use crate::{
    contest::Report,
    peers::{PEERS, RECEIVERS},
    wire::Pace,
    workload::{self, Content, Role, Setup},
};

/// What a TCP segment carries over Ethernet.
const SEGMENT: usize = 1460;

pub(super) fn run(report: &mut Report) {
    for content in [Content::Binary, Content::Text] {
        for size in [64 << 10, 1 << 20] {
            let title =
                format!("pieces, {}, {}, {SEGMENT}-octet reads", content.name(), size_name(size));
            pieces(report, &title, content, (size, 4), size, Pace::Each(SEGMENT));
        }
        for fragment in [64, 1 << 10] {
            let size = size_name(fragment);
            let title = format!("pieces, {}, 1 MiB in fragments of {size}", content.name());
            pieces(report, &title, content, (1 << 20, 1), fragment, Pace::Whole);
        }
    }
    pieces(
        report,
        "pieces, text, 64 octets, 1-octet reads",
        Content::Text,
        (64, 16),
        64,
        Pace::Each(1),
    );
}

fn pieces(
    report: &mut Report,
    title: &str,
    content: Content,
    (size, count): (usize, usize),
    fragment: usize,
    pace: Pace,
) {
    report.compare(title, count, "memcpy", || {
        let setup = Setup::plain(Role::Server);
        let messages = workload::messages(content, size, count);
        let frames = Bytes::from(workload::fragments(&messages, fragment, setup.role));
        let mut all = receivers(PEERS.iter().chain(&RECEIVERS), setup, &pace, &frames, &messages);
        all.push(copying(&pace, &frames));
        all
    });
}
