//! Small messages that lie in the buffer already: what parsing, unmasking and validating take.
//!
//! Only for those who can be given a buffer, or can be asked for theirs. What is masked is unmasked
//! in place, and so the octets are put there anew for each batch; that is not in the times. It is
//! in the row "(restore)", for those who want to know.

use std::hint::black_box;

use bytes::Bytes;

use super::{receive, size_name};
use crate::{
    contest::{Contestant, Kind, Report, Work},
    peers::{Framewise, FramewiseConfig, NexusWhole},
    wire::Wire,
    workload::{self, Content, Message, Role, Setup},
};

struct OwnWork {
    framewise: Framewise,
    frames: Bytes,
    buffer: Vec<u8>,
}

struct NexusWork {
    nexus: NexusWhole,
    frames: Bytes,
}

pub(super) fn run(report: &mut Report) {
    for content in [Content::Binary, Content::Text] {
        for role in Role::BOTH {
            for (size, count) in receive::SIZES.into_iter().take(4) {
                let (who, what) = (role.name(), content.name());
                let title = format!("receive, whole buffer, {who}, {what}, {}", size_name(size));
                report.compare(&title, count, "restoring it", || {
                    let messages = workload::messages(content, size, count);
                    contestants(role, &messages)
                });
            }
        }
    }
}

fn contestants(role: Role, messages: &[Message]) -> Vec<Contestant> {
    let setup = Setup::plain(role);
    let frames = Bytes::from(workload::frames(messages, setup));
    let framewise = <Framewise>::new(setup, FramewiseConfig::default(), Wire::default());
    let mut own = OwnWork { framewise, frames: frames.clone(), buffer: frames.to_vec() };
    own.framewise.receive_whole(&mut own.buffer, checker(messages));

    let nexus = NexusWhole::new(role, frames.len() + 64);
    let mut other = NexusWork { nexus, frames: frames.clone() };
    other.prepare();
    other.nexus.receive(checker(messages));

    let mut buffer = frames.to_vec();
    let restore = move || black_box(&mut buffer).copy_from_slice(&frames);
    vec![
        Contestant::new("framewise", Kind::Own, own),
        Contestant::new("nexus-web", Kind::Other, other),
        Contestant::new("(restore)", Kind::Floor, restore),
    ]
}

fn checker(messages: &[Message]) -> impl FnMut(&[u8]) {
    let mut expected = messages.iter();
    move |payload| assert!(expected.next().is_some_and(|message| payload == message.bytes))
}

impl Work for OwnWork {
    fn prepares(&self) -> bool {
        true
    }

    fn prepare(&mut self) {
        self.buffer.copy_from_slice(&self.frames);
    }

    fn batch(&mut self) {
        self.framewise.receive_whole(&mut self.buffer, |payload| {
            black_box(payload);
        });
    }
}

impl Work for NexusWork {
    fn prepares(&self) -> bool {
        true
    }

    fn prepare(&mut self) {
        self.nexus.fill(&self.frames);
    }

    fn batch(&mut self) {
        self.nexus.receive(|payload| {
            black_box(payload);
        });
    }
}
