//! What a peer that means harm can make a server work: CPU time for each octet received.
//!
//! Each is put beside its own honest case in the same rounds: whole messages of 1 KiB, as large
//! reads, and compressed for the inputs that are. The time for an octet is bound to be more where
//! headers are most of the octets; what matters is that it is the same however long it goes on, and
//! who needs how much. All take all of it. Answers to Pings are written, and are in the times.

use std::rc::Rc;

use bytes::Bytes;
use zlib_rs::{Deflate, DeflateFlush};

use super::receive_and_check;
use crate::{
    contest::{self, Contestant, Kind, Report},
    peers::{PEERS, Peer},
    wire::{Pace, Wire},
    workload::{self, BINARY, CONTINUATION, Compression, Content, FIN, Message, PING, Role, Setup},
};

/// What is received, and how.
struct Case {
    title: &'static str,
    setup: Setup,
    pace: Pace,
    frames: Bytes,
    messages: Vec<Message>,
}

type Make = fn() -> Case;

const SERVER: Setup = Setup { role: Role::Server, deflate: None };

pub(super) fn run(report: &mut Report) {
    let makers: [(&str, Make); 10] = [
        ("1-octet reads", one_octet_reads),
        ("header cut at every octet", cut_headers),
        ("1-octet fragments", || fragments("1-octet fragments")),
        ("empty fragments", empty_fragments),
        ("empty messages", empty_messages),
        ("empty Pings", || pings("empty Pings", 0)),
        ("Pings of 125 octets", || pings("Pings of 125 octets", 125)),
        ("64-octet messages, window of 9 bits", small_window),
        ("64-octet messages, no context", no_context),
        ("bomb of 16 MiB", bomb),
    ];
    for (name, make) in makers {
        let title = format!("adversary, {name}");
        if report.wants(&title) {
            compare(report, &title, make());
        }
    }
}

fn honest(setup: Setup) -> Case {
    let messages = workload::messages(Content::Text, 1 << 10, 64);
    let frames = Bytes::from(workload::frames(&messages, setup));
    Case { title: "honest", setup, pace: Pace::Whole, frames, messages }
}

fn one_octet_reads() -> Case {
    let mut case = honest(SERVER);
    case.messages.truncate(8);
    case.frames = workload::frames(&case.messages, SERVER).into();
    Case { title: "1-octet reads", pace: Pace::Each(1), ..case }
}

fn cut_headers() -> Case {
    const HEADER: usize = 8;
    let case = honest(SERVER);
    let len = case.frames.len() / case.messages.len();
    let places: Rc<[usize]> = (0..case.messages.len())
        .flat_map(|message| (0..=HEADER).map(move |octet| message * len + octet))
        .collect();
    Case { title: "header cut", pace: Pace::Until(places), ..case }
}

fn fragments(title: &'static str) -> Case {
    let mut case = honest(SERVER);
    case.messages.truncate(8);
    case.frames = workload::fragments(&case.messages, 1, Role::Server).into();
    Case { title, ..case }
}

fn empty_fragments() -> Case {
    let mut frames = Vec::new();
    workload::frame(BINARY, b"", Role::Server, &mut frames);
    for _ in 0..8000 {
        workload::frame(CONTINUATION, b"", Role::Server, &mut frames);
    }
    workload::frame(FIN | CONTINUATION, b"end", Role::Server, &mut frames);
    plain("empty fragments", frames, vec![Message::binary("end")])
}

fn empty_messages() -> Case {
    let messages = vec![Message::binary(""); 8000];
    plain("empty messages", workload::frames(&messages, SERVER), messages)
}

fn pings(title: &'static str, size: usize) -> Case {
    let mut frames = Vec::new();
    for _ in 0..1000 {
        workload::frame(FIN | PING, &vec![b'!'; size], Role::Server, &mut frames);
    }
    workload::frame(FIN | BINARY, b"end", Role::Server, &mut frames);
    plain(title, frames, vec![Message::binary("end")])
}

fn plain(title: &'static str, frames: Vec<u8>, messages: Vec<Message>) -> Case {
    let frames = frames.into();
    Case { title, setup: SERVER, pace: Pace::Whole, frames, messages }
}

fn small_window() -> Case {
    small_messages("window of 9 bits", Compression { takeover: true, bits: 9, level: 6 })
}

fn no_context() -> Case {
    small_messages("no context", Compression { takeover: false, bits: 15, level: 6 })
}

fn small_messages(title: &'static str, compression: Compression) -> Case {
    let setup = Setup { role: Role::Server, deflate: Some(compression) };
    let messages = workload::messages(Content::Text, 64, 1024);
    let frames = workload::frames(&messages, setup).into();
    Case { title, setup, pace: Pace::Whole, frames, messages }
}

fn bomb() -> Case {
    let setup = Setup::deflate(Role::Server, true);
    let message = Message::binary(vec![0; 16 << 20]);
    let mut deflate = Deflate::new(9, false, 15);
    let mut payload = vec![0; 64 << 10];
    deflate.compress(&message.bytes, &mut payload, DeflateFlush::SyncFlush).expect("valid");
    payload.truncate(deflate.total_out() as usize - 4);
    let mut frames = Vec::new();
    workload::frame(FIN | workload::RSV1 | BINARY, &payload, Role::Server, &mut frames);
    Case { setup, messages: vec![message], ..plain("bomb", frames, Vec::new()) }
}

/// Measures all who take the input, beside their honest cases, and prints the table.
fn compare(report: &mut Report, title: &str, case: Case) {
    let fair = match case.setup.deflate {
        None => honest(SERVER),
        Some(_) => honest(Setup::deflate(Role::Server, true)),
    };
    let mut contestants = Vec::new();
    for peer in &PEERS {
        let pair = [contestant(peer, &fair), contestant(peer, &case)];
        contestants.extend(pair.into_iter().flatten());
    }
    contest::measure(&mut contestants, 1);

    println!("## {title} ({} octets)\n", case.frames.len());
    println!("| | ns per octet | honest | ratio |");
    println!("|---|---:|---:|---:|");
    let mut framewise = None;
    let mut best: Option<(String, f64)> = None;
    for pair in contestants.chunks(2) {
        let time = pair[1].median() / case.frames.len() as f64;
        let honest = pair[0].median() / fair.frames.len() as f64;
        let (name, ratio) = (pair[1].name(), time / honest);
        println!("| {name} | {time:.2} | {honest:.2} | {ratio:.1} |");
        if name == "framewise" {
            framewise = Some(time);
        } else if pair[1].kind() == Kind::Other && best.as_ref().is_none_or(|best| time < best.1) {
            best = Some((name.into(), time));
        }
    }
    println!();
    if let Some(time) = framewise {
        report.remember(&format!("{title}, per octet"), time, best);
    }
}

fn contestant(peer: &Peer, case: &Case) -> Option<Contestant> {
    let wire = Wire::with_pace(case.pace.clone());
    let mut endpoint = (peer.open)(case.setup, wire.clone())?;
    let name = format!("{} at {}", peer.name, case.title);
    receive_and_check(&mut *endpoint, &wire, &case.frames, &case.messages, &name);
    let (frames, count) = (case.frames.clone(), case.messages.len());
    Some(Contestant::new(peer.name, Kind::of(peer.own), move || {
        wire.put(&frames);
        endpoint.drain(count);
    }))
}
