//! What the benches share: how long they measure, the octets of frames, and how a machine is driven.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, measurement::WallTime};
use framewise::{
    Config, Connection, Input, Role,
    frame::{FrameHeader, Opcode},
    mask,
};

/// The key of all masked frames.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// From here on an iteration takes so long that ten samples have to do.
const LARGE: usize = 16 << 20;

/// Short times: there are many rows, and their ratios are what matters.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(150))
        .measurement_time(Duration::from_millis(500))
}

/// Sets what the next rows of a group measure: `count` messages of `size` octets at a time.
pub(crate) fn of_messages(group: &mut BenchmarkGroup<'_, WallTime>, count: usize, size: usize) {
    let (elements, bytes) = (count as u64, (count * size) as u64);
    group.throughput(Throughput::ElementsAndBytes { elements, bytes });
    if size >= LARGE {
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
    }
}

/// Limits that let 64 MiB pass.
pub(crate) fn config() -> Arc<Config> {
    let mut config = Config::default();
    config.max_message_size = 256 << 20;
    config.max_output = 256 << 20;
    Arc::new(config)
}

/// Makes the end of a connection that has this role.
pub(crate) fn connection(role: Role) -> Connection {
    match role {
        Role::Client => Connection::client(config(), [7; 32]),
        Role::Server => Connection::server(config()),
    }
}

/// The octets of a message, in fragments of `fragment` octets when it is longer, as an endpoint in
/// `receiver` receives it.
pub(crate) fn message(receiver: Role, opcode: Opcode, payload: &[u8], fragment: usize) -> Vec<u8> {
    let masking_key = (receiver == Role::Server).then_some(KEY);
    let count = payload.len().div_ceil(fragment);
    let mut octets = Vec::with_capacity(payload.len() + count * FrameHeader::MAX_LEN);
    for (index, part) in payload.chunks(fragment).enumerate() {
        let header = FrameHeader {
            opcode: if index == 0 { opcode } else { Opcode::Continuation },
            fin: index + 1 == count,
            rsv1: false,
            masking_key,
            payload_len: part.len() as u64,
        };
        octets.extend_from_slice(header.encode(&mut [0; FrameHeader::MAX_LEN]));
        let start = octets.len();
        octets.extend_from_slice(part);
        if let Some(key) = masking_key {
            mask::apply(&mut octets[start..], key);
        }
    }
    octets
}

/// Has a machine receive octets in reads of `read` octets; returns the number of its events.
pub(crate) fn receive(connection: &mut Connection, octets: &mut [u8], read: usize) -> usize {
    let mut count = 0;
    for read in octets.chunks_mut(read) {
        let mut input = Input::new(read);
        while let Some(event) = connection.receive(&mut input).expect("valid") {
            black_box(event);
            count += 1;
        }
    }
    count
}

/// Takes what is to be written, without a copy.
pub(crate) fn drain(connection: &mut Connection) {
    let output = connection.output();
    output.chunks().for_each(|chunk| {
        black_box(chunk);
    });
    let len = output.len();
    output.advance(len);
}
