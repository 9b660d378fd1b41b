//! What two machines of our own do to one another, over a link that cuts, and over one that damages.

use core::time::Duration;

use arbitrary::Arbitrary;

use super::{output::Lent, simulation::Simulation};

/// Something that one of two machines does, or that happens to it.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Operation {
    /// Queues a Close.
    Close {
        /// Whether it is the client.
        client: bool,
        /// The code, or none.
        code: u16,
        /// The length of the reason.
        len: u8,
    },
    /// Has what it receives delivered in chunks or in messages.
    Deliver {
        /// Whether it is the client.
        client: bool,
        /// Whether in chunks.
        chunks: bool,
    },
    /// The stream from it ends.
    End {
        /// Whether it is the client.
        client: bool,
    },
    /// Queues a fragment.
    Fragment {
        /// Whether it is the client.
        client: bool,
        /// The payload.
        lent: Lent,
        /// Whether it is the last.
        fin: bool,
    },
    /// Queues a Ping.
    Ping {
        /// Whether it is the client.
        client: bool,
        /// The length of the payload.
        len: u8,
    },
    /// Queues a Pong.
    Pong {
        /// Whether it is the client.
        client: bool,
        /// The length of the payload.
        len: u8,
    },
    /// Reads.
    Read {
        /// Whether it is the client.
        client: bool,
        /// How many octets at most.
        len: u16,
    },
    /// Queues a message.
    Send {
        /// Whether it is the client.
        client: bool,
        /// The payload.
        lent: Lent,
    },
    /// Both write and read all.
    Settle,
    /// Is taken apart, or put together.
    Split {
        /// Whether it is the client.
        client: bool,
    },
    /// Time passes.
    Wait {
        /// How much.
        seconds: u8,
    },
    /// Time passes until something is due.
    WaitFor {
        /// Whether for the client.
        client: bool,
    },
    /// Writes.
    Write {
        /// Whether it is the client.
        client: bool,
        /// How many octets at most.
        len: u16,
    },
}

/// Something that happens, or that the link does.
#[derive(Arbitrary, Clone, Debug)]
pub enum Hostile {
    /// What happens over any link.
    Operation(Operation),
    /// Changes an octet.
    Change {
        /// Whether it came from the client.
        client: bool,
        /// Which one.
        place: u16,
        /// How.
        bits: u8,
    },
    /// Loses octets.
    Lose {
        /// Whether they came from the client.
        client: bool,
        /// The first one.
        place: u16,
        /// How many.
        len: u8,
    },
    /// Puts octets in.
    Insert {
        /// Whether they seem to come from the client.
        client: bool,
        /// In front of which one.
        place: u16,
        /// The octets.
        octets: Vec<u8>,
    },
    /// Says the beginning again.
    Repeat {
        /// Whether it came from the client.
        client: bool,
        /// How many octets.
        len: u8,
    },
}

/// How many operations are done: the rest would only take time.
const MAX_OPERATIONS: usize = 200;

/// Two machines of our own do as they like, over a link that cuts.
pub fn pair(operations: &[Operation]) {
    let mut simulation = Simulation::new();
    for (number, operation) in operations.iter().take(MAX_OPERATIONS).enumerate() {
        operate(&mut simulation, number, *operation);
    }
    simulation.finish();
}

/// Two machines of our own do as they like, over a link that damages what it carries.
pub fn hostile(operations: &[Hostile]) {
    let mut simulation = Simulation::new();
    for (number, operation) in operations.iter().take(MAX_OPERATIONS).enumerate() {
        match operation {
            Hostile::Operation(operation) => operate(&mut simulation, number, *operation),
            Hostile::Change { client, place, bits } => {
                if let Some(octets) = damage(&mut simulation, *client) {
                    let place = usize::from(*place) % octets.len();
                    octets[place] ^= bits;
                }
            }
            Hostile::Lose { client, place, len } => {
                if let Some(octets) = damage(&mut simulation, *client) {
                    let place = usize::from(*place) % octets.len();
                    octets.drain(place..octets.len().min(place + usize::from(*len)));
                }
            }
            Hostile::Insert { client, place, octets: more } => {
                if let Some(octets) = damage(&mut simulation, *client) {
                    let place = usize::from(*place) % octets.len();
                    octets.splice(place..place, more.iter().copied());
                }
            }
            Hostile::Repeat { client, len } => {
                if let Some(octets) = damage(&mut simulation, *client) {
                    octets.extend_from_within(..octets.len().min(usize::from(*len)));
                }
            }
        }
    }
    simulation.finish();
}

/// Returns the octets that are on their way from an end, if there are any, to be damaged.
fn damage(simulation: &mut Simulation, client: bool) -> Option<&mut Vec<u8>> {
    let side = simulation.side(client);
    if side.wire.is_empty() {
        return None;
    }
    side.damaged = true;
    Some(&mut side.wire)
}

fn operate(simulation: &mut Simulation, number: usize, operation: Operation) {
    match operation {
        Operation::Close { client, code, len } => simulation.side(client).close(code, len),
        Operation::Deliver { client, chunks } => simulation.side(client).deliver_in_chunks(chunks),
        Operation::End { client } => simulation.side(client).shut_down(),
        Operation::Fragment { client, lent, fin } => {
            simulation.side(client).fragment(number, lent, fin);
        }
        Operation::Ping { client, len } => simulation.side(client).ping(len),
        Operation::Pong { client, len } => simulation.side(client).pong(len),
        Operation::Read { client, len } => simulation.read(client, len.into()),
        Operation::Send { client, lent } => simulation.side(client).send(number, lent),
        Operation::Settle => simulation.settle(),
        Operation::Split { client } => simulation.side(client).split(),
        Operation::Wait { seconds } => simulation.wait(Duration::from_secs(seconds.into())),
        Operation::WaitFor { client } => simulation.wait_for(client),
        Operation::Write { client, len } => simulation.side(client).write(len.into()),
    }
}
