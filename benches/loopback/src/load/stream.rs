//! Messages as fast as they are echoed, on some connections at once.
//!
//! On each connection a burst is written at once, and the next one when all of its answers have
//! come: so a server finds all messages of a burst in one read, and a write per message costs it as
//! many system calls as there are messages in it. What this leaves out: messages that come one by
//! one, or cut where a network cuts them.
//!
//! What comes back is compared with what was sent in the warm-up and after the measurement; during
//! the measurement its length is.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    Effort, Sample,
    client::{self, Burst},
};
use crate::{
    Failure,
    process::{Cores, Target},
};

/// How many connections, messages and octets.
pub(super) struct Shape {
    pub(super) connections: usize,
    pub(super) in_flight: u8,
    pub(super) size: usize,
}

impl Shape {
    pub(super) fn measure(
        &self,
        target: &Target,
        cores: &Cores,
        effort: &Effort,
    ) -> Result<Sample, Failure> {
        let server = target.start(cores)?;
        let mut generator = Generator {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            burst: Burst::new(target, self.size, self.in_flight),
            buf: vec![0; BUFFER_SIZE],
        };
        for index in 0..self.connections {
            let stream = client::connect(target, server.address())?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            generator.poll.registry().register(&mut stream, Token(index), interest)?;
            generator.clients.push(Client { stream, sent: 0, received: 0 });
        }
        generator.run(effort.warm_up, true)?;
        let (start, before) = (Instant::now(), server.cpu()?);
        let count = generator.run(effort.duration, false)?;
        let (cpu, elapsed) = (server.cpu()? - before, start.elapsed());
        generator.run(Duration::ZERO, true)?;
        Ok(Sample { count, elapsed, cpu, percentiles: None })
    }
}

struct Generator {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    burst: Burst,
    buf: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    // Octets of the burst that are written, and of its answers that have come.
    sent: usize,
    received: usize,
}

impl Generator {
    /// Sends bursts for some time, at least one on each connection, and returns how many messages
    /// came back: all that were sent.
    fn run(&mut self, duration: Duration, check: bool) -> Result<u64, Failure> {
        let start = Instant::now();
        let mut running = self.clients.len();
        for client in &mut self.clients {
            client.begin(&self.burst)?;
        }
        let mut bursts = 0;
        while running > 0 {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            if self.events.is_empty() {
                return Err(io::Error::from(ErrorKind::TimedOut).into());
            }
            let over = start.elapsed() >= duration;
            for event in &self.events {
                let client = &mut self.clients[event.token().0];
                client.send(&self.burst)?;
                if event.is_readable() && client.receive(&self.burst, &mut self.buf, check)? {
                    bursts += 1;
                    if over {
                        running -= 1;
                    } else {
                        client.begin(&self.burst)?;
                    }
                }
            }
        }
        Ok(bursts * self.burst.messages)
    }
}

impl Client {
    fn begin(&mut self, burst: &Burst) -> io::Result<()> {
        (self.sent, self.received) = (0, 0);
        self.send(burst)
    }

    /// Writes what is left of the burst, as far as the socket takes it.
    fn send(&mut self, burst: &Burst) -> io::Result<()> {
        while self.sent < burst.request.len() {
            match self.stream.write(&burst.request[self.sent..]) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what there is; returns whether the burst has come back.
    fn receive(&mut self, burst: &Burst, buf: &mut [u8], check: bool) -> Result<bool, Failure> {
        loop {
            let len = match self.stream.read(buf) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            let expected = burst.reply.get(self.received..self.received + len);
            if expected.is_none() || check && expected != Some(&buf[..len]) {
                return Err("not what was sent".into());
            }
            self.received += len;
            // After a read that does not fill the buffer there is an event when there is more.
            if self.received == burst.reply.len() || len < buf.len() {
                return Ok(self.received == burst.reply.len());
            }
        }
    }
}

const BUFFER_SIZE: usize = 256 << 10;

/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(10);
