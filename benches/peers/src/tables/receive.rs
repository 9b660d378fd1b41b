//! Whole messages, many in a read where they are small: what a server and a client receive.
//!
//! A read is a copy; how much is read at once is the peer's choice.

use bytes::Bytes;

use super::{copying, receivers, size_name};
use crate::{
    contest::Report,
    peers::{PEERS, RECEIVERS},
    wire::Pace,
    workload::{self, Content, Role, Setup},
};

/// Sizes of messages, and how many are in a batch.
pub(super) const SIZES: [(usize, usize); 9] = [
    (5, 4096),
    (16, 4096),
    (64, 2048),
    (128, 1024),
    (1 << 10, 256),
    (16 << 10, 16),
    (64 << 10, 8),
    (1 << 20, 4),
    (64 << 20, 1),
];

pub(super) fn run(report: &mut Report) {
    for content in [Content::Binary, Content::Text, Content::Korean] {
        for role in Role::BOTH {
            for (size, count) in SIZES {
                if content == Content::Korean && size < 1 << 10 {
                    continue;
                }
                let (who, what) = (role.name(), content.name());
                let title = format!("receive, {who}, {what}, {}", size_name(size));
                report.compare(&title, count, "memcpy", || {
                    let setup = Setup::plain(role);
                    let messages = workload::messages(content, size, count);
                    let frames = Bytes::from(workload::frames(&messages, setup));
                    let peers = PEERS.iter().chain(&RECEIVERS);
                    let mut all = receivers(peers, setup, &Pace::Whole, &frames, &messages);
                    all.push(copying(&Pace::Whole, &frames));
                    all
                });
            }
        }
    }
}
