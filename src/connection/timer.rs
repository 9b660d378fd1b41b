//! Timers as data: deadlines that the driver waits for.

use super::State;
use crate::{
    config::{Config, if_on},
    time::Instant,
};

/// A deadline that has passed and ended the connection, or began to.
///
/// ```
/// use core::time::Duration;
/// use framewise::{Config, Connection, State, Timeout, time::Instant};
///
/// let config = Config::default()
///     .ping_interval(Duration::from_secs(20))
///     .pong_timeout(Duration::from_secs(10));
/// let mut connection = Connection::server(config);
///
/// let now = Instant::ORIGIN;
/// assert_eq!(connection.handle_timeout(now), None); // the time runs from now on
/// let deadline = connection.poll_timeout(now).expect("the peer may fall silent");
/// assert_eq!(connection.handle_timeout(deadline), None); // sends a Ping
/// assert_eq!(connection.output().chunk(), b"\x89\x00");
///
/// let deadline = connection.poll_timeout(deadline).expect("the Pong may be missing");
/// assert_eq!(connection.handle_timeout(deadline), Some(Timeout::Pong));
/// assert_eq!(connection.state(), State::Failed);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Timeout {
    /// The peer did not close within [`Config::close_timeout`], or took output for longer than
    /// [`Config::close_limit`]: the connection is closed now.
    Close,
    /// No message went either way for [`Config::idle_timeout`]: the closing handshake begins.
    Idle,
    /// A message took longer than [`Config::message_timeout`]: the connection has failed.
    Message,
    /// No sign of life within [`Config::pong_timeout`] of a Ping: the connection has failed. While
    /// output is pending, only its progress counts as life.
    Pong,
}

/// When things happened. A connection reads no clock, so events are marked, and get their time when the
/// driver next tells the time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    last_life: Option<Instant>,
    last_message: Option<Instant>,
    message_began: Option<Instant>,
    // While open: when a Ping was sent that no sign of life has followed. While closing: when the peer
    // last took output that was pending. One field for both saves 8 bytes in every connection.
    asked: Option<Instant>,
    closing: Option<Instant>,
}

/// What happened since the driver last told the time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Activity {
    /// The peer showed a sign of life: bytes arrived, or it took pending ones.
    pub(crate) life: bool,
    /// A message was sent or received, or a part of one.
    pub(crate) message: bool,
    /// A message began to arrive, and has not ended.
    pub(crate) began: bool,
    /// A message is arriving.
    pub(crate) unfinished: bool,
}

/// What the transport did with output that it did not take at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Some of it is still pending.
    pub(crate) pending: bool,
    /// The transport took some of it.
    pub(crate) taken: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// Stop waiting for the end.
    Close,
    /// Begin the closing handshake.
    Idle,
    /// Fail the connection: a message took too long.
    Message,
    /// Send a Ping.
    Ping,
    /// Fail the connection: the peer is gone.
    Pong,
}

impl Timers {
    /// Returns whether a timer has begun since the time was last told. It has no deadline before the driver
    /// tells the time.
    pub(crate) fn waits_for_time(&self, config: &Config, state: State, unfinished: bool) -> bool {
        match state {
            State::Open => {
                let silence = if_on(config.ping_interval).or_else(|| if_on(config.idle_timeout));
                let message = if_on(config.message_timeout).filter(|_| unfinished);
                silence.is_some() && self.last_life.is_none()
                    || message.is_some() && self.message_began.is_none()
            }
            State::CloseSent | State::CloseReceived | State::Closing | State::Failed => {
                config.close_timeout.is_some() && self.closing.is_none()
            }
            State::Closed => false,
        }
    }

    /// Gives what happened since the last call the time `now`.
    pub(crate) fn note(
        &mut self,
        now: Instant,
        activity: Activity,
        progress: Progress,
        state: State,
    ) {
        if activity.life || self.last_life.is_none() {
            self.last_life = Some(now);
            if state == State::Open {
                self.asked = None;
            }
        }
        if activity.message || self.last_message.is_none() {
            self.last_message = Some(now);
        }
        if !activity.unfinished {
            self.message_began = None;
        } else if activity.began || self.message_began.is_none() {
            self.message_began = Some(now);
        }
        if state != State::Open && self.closing.is_none() {
            self.closing = Some(now);
            self.asked = None;
        } else if state != State::Open
            && progress.taken
            && (progress.pending || self.asked.is_some())
        {
            // Output that leaves at once shows nothing of the peer.
            self.asked = Some(now);
        }
    }

    /// Returns the next deadline and what is to be done then.
    pub(crate) fn next(&self, config: &Config, state: State) -> Option<(Instant, Due)> {
        let after = |since: Option<Instant>, duration, due| Some((since? + duration?, due));
        match state {
            State::Open => {
                let life = match self.asked {
                    None => after(self.last_life, if_on(config.ping_interval), Due::Ping),
                    asked => after(asked, if_on(config.pong_timeout), Due::Pong),
                };
                // Few connections have more timers than this one.
                let mut next = life;
                if config.idle_timeout.is_some() {
                    let idle = after(self.last_message, if_on(config.idle_timeout), Due::Idle);
                    next = earlier(next, idle);
                }
                if self.message_began.is_some() {
                    let timeout = if_on(config.message_timeout);
                    next = earlier(next, after(self.message_began, timeout, Due::Message));
                }
                next
            }
            State::CloseSent | State::CloseReceived | State::Closing | State::Failed => {
                let idle = after(self.asked.or(self.closing), config.close_timeout, Due::Close)?;
                let whole = after(self.closing, config.close_limit, Due::Close);
                Some(
                    whole
                        .filter(|(limit, _)| *limit < idle.0 && self.asked.is_some())
                        .unwrap_or(idle),
                )
            }
            State::Closed => None,
        }
    }

    /// Returns what is due at `now`, if anything.
    pub(crate) fn take_due(&mut self, now: Instant, config: &Config, state: State) -> Option<Due> {
        let (_, due) = self.next(config, state).filter(|&(deadline, _)| deadline <= now)?;
        if due == Due::Ping {
            self.asked = Some(now);
        }
        Some(due)
    }
}

/// Returns the earlier deadline, `first` where they are equal.
fn earlier(first: Option<(Instant, Due)>, other: Option<(Instant, Due)>) -> Option<(Instant, Due)> {
    match (first, other) {
        (Some(first), Some(other)) => Some(if other.0 < first.0 { other } else { first }),
        (first, other) => first.or(other),
    }
}

impl Due {
    /// Returns the deadline that has passed, if it means the end.
    pub(crate) const fn timeout(self) -> Option<Timeout> {
        Some(match self {
            Self::Close => Timeout::Close,
            Self::Idle => Timeout::Idle,
            Self::Message => Timeout::Message,
            Self::Ping => return None,
            Self::Pong => Timeout::Pong,
        })
    }
}
