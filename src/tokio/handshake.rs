//! The opening handshake over a stream of tokio's.

use alloc::{boxed::Box, sync::Arc};
use core::{
    any::Any,
    future::poll_fn,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    WebSocket,
    io::{Alarm, Clock, Write, poll_read},
};
use crate::{
    Config, Output,
    adapter::{self, Error, Handshake, Inbox},
    handshake::{
        Acceptance, ClientHandshake, ClientRequest, HandshakeError, Rejection, Response,
        ServerHandshake, Upgrade,
    },
};

/// A valid request to open a connection that awaits the decision.
///
/// ```no_run
/// use framewise::{Config, handshake::{Acceptance, OriginPolicy, Rejection}, tokio as websocket};
///
/// # async fn serve(stream: tokio::net::TcpStream) -> Result<(), framewise::Error> {
/// let incoming = websocket::accept(stream, Config::default()).await?;
/// if incoming.upgrade().check_origin(&OriginPolicy::same_origin()).is_err() {
///     return incoming.reject(Rejection::forbidden()).await;
/// }
/// let mut websocket = incoming.accept(Acceptance::new()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Incoming<S> {
    stream: S,
    upgrade: Upgrade,
    config: Arc<Config>,
    inbox: Inbox,
    clock: Clock,
}

/// Reads a client's opening handshake from `stream`, at most for
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout).
///
/// A request that is not valid, or late, is answered and the stream closed, which takes up to
/// [`Config::close_timeout`](crate::Config::close_timeout) more. Small writes are sent at once
/// (`TCP_NODELAY`) if it is a [`TcpStream`].
///
/// # Errors
///
/// [`Error::Handshake`] when the request is not valid or does not come in time, [`Error::Io`] when
/// the stream fails.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    mut stream: S,
    config: impl Into<Arc<Config>>,
) -> Result<Incoming<S>, Error> {
    let config = config.into();
    // Boxed, like all that is over with the handshake: a task is as large as the largest future that
    // it ever waits for, for as long as it lives.
    Box::pin(async move {
        set_nodelay(&stream)?;
        let (mut inbox, clock) = (Inbox::default(), Clock::start());
        let mut handshake = ServerHandshake::new(Arc::clone(&config));
        match shake(&mut stream, &mut inbox, clock, &mut handshake).await {
            Ok(upgrade) => Ok(Incoming { stream, upgrade, config, inbox, clock }),
            Err(error) => {
                if let Error::Handshake(error) = &error {
                    refuse(&mut stream, adapter::refusal(error), &config).await;
                }
                Err(error)
            }
        }
    })
    .await
}

impl<S: AsyncRead + AsyncWrite + Unpin> Incoming<S> {
    /// Returns the request.
    pub fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    /// Accepts the request and sends the 101.
    ///
    /// # Errors
    ///
    /// [`Error::Accept`] for a subprotocol that was not offered, and the client gets a 500;
    /// [`Error::Io`] when the stream fails.
    pub async fn accept(mut self, acceptance: Acceptance) -> Result<WebSocket<S>, Error> {
        Box::pin(async move {
            match self.upgrade.accept(acceptance) {
                Ok(connection) => {
                    let mut websocket =
                        WebSocket::with_inbox(self.stream, connection, self.inbox, self.clock);
                    websocket.flush().await?;
                    Ok(websocket)
                }
                Err(error) => {
                    if let Ok(rejection) = Rejection::new(500) {
                        let output = adapter::response(rejection);
                        refuse(&mut self.stream, output, &self.config).await;
                    }
                    Err(error.into())
                }
            }
        })
        .await
    }

    /// Rejects the request, sends the response and closes the stream. The response tells the time
    /// (`Date`), unless a field for it is there.
    ///
    /// # Errors
    ///
    /// None today: a client that does not take the response does without it.
    pub async fn reject(mut self, rejection: Rejection) -> Result<(), Error> {
        Box::pin(async move {
            refuse(&mut self.stream, adapter::response(rejection), &self.config).await;
            Ok(())
        })
        .await
    }
}

/// Sends `request` over `stream` and waits for the response, at most for
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout).
///
/// `seed` has to be unpredictable and used once only; see
/// [`Connection::client`](crate::Connection::client). The caller ensures at most one pending
/// handshake per address where RFC 6455 §4.1 matters, for instance with a
/// [`ConnectGate`](crate::client::ConnectGate). Where a proxy resolves names, each name counts as an
/// address, and the caller should limit the number of pending handshakes.
///
/// A stream on which no connection was opened is shut down, at most for
/// [`Config::close_timeout`](crate::Config::close_timeout), and dropped.
///
/// # Errors
///
/// [`Error::Handshake`] when the server does not open the connection, [`Error::Io`] when the stream
/// fails.
pub async fn client<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    mut stream: S,
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
    seed: [u8; 32],
) -> Result<(WebSocket<S>, Response), Error> {
    let config = config.into();
    Box::pin(async move {
        set_nodelay(&stream)?;
        let (mut inbox, clock) = (Inbox::default(), Clock::start());
        let mut handshake = ClientHandshake::new(request, Arc::clone(&config), seed);
        match shake(&mut stream, &mut inbox, clock, &mut handshake).await {
            Ok(established) => {
                let websocket = WebSocket::with_inbox(stream, established.connection, inbox, clock);
                Ok((websocket, established.response))
            }
            Err(error) => {
                if matches!(error, Error::Handshake(_)) {
                    // A TLS stream says here that it ends (RFC 9112 §9.8).
                    within(config.close_timeout, stream.shutdown()).await;
                }
                Err(error)
            }
        }
    })
    .await
}

/// Drives a handshake to its end.
async fn shake<S: AsyncRead + AsyncWrite + Unpin, H: Handshake>(
    stream: &mut S,
    inbox: &mut Inbox,
    clock: Clock,
    handshake: &mut H,
) -> Result<H::Done, Error> {
    let (mut write, mut alarm) = (Write::default(), Alarm::default());
    poll_fn(|cx| {
        loop {
            poll_deadline(handshake, &mut alarm, clock, cx)?;
            ready!(write.poll(stream, handshake.output(), cx))?;
            if ready!(poll_read(stream, inbox, cx))? == 0 {
                return Poll::Ready(Err(handshake.receive_eof().into()));
            }
            if let Some(done) = inbox.shake(handshake)? {
                return Poll::Ready(Ok(done));
            }
        }
    })
    .await
}

fn poll_deadline<H: Handshake>(
    handshake: &mut H,
    alarm: &mut Alarm,
    clock: Clock,
    cx: &mut Context<'_>,
) -> Result<(), HandshakeError> {
    let deadline = handshake.poll_timeout(clock.now());
    if alarm.poll(deadline, clock, cx).is_ready() {
        handshake.handle_timeout(clock.now())?;
    }
    Ok(())
}

/// Sends a response that refuses, ends the direction to the peer and reads on until its end, so
/// that the response is not lost to a reset (RFC 9112 §9.6).
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut output: Output,
    config: &Config,
) {
    let (mut inbox, mut write) = (Inbox::default(), Write::default());
    let linger = async {
        poll_fn(|cx| write.poll(stream, &mut output, cx)).await?;
        stream.shutdown().await?;
        while poll_fn(|cx| poll_read(stream, &mut inbox, cx)).await? != 0 {
            inbox.filled(0);
        }
        std::io::Result::Ok(())
    };
    within(config.close_timeout, linger).await;
}

/// Ends a stream. A peer that takes nothing, or does not end, is left alone.
async fn within(patience: Option<Duration>, ending: impl Future<Output = std::io::Result<()>>) {
    let _ = match patience {
        Some(patience) => timeout(patience, ending).await.unwrap_or(Ok(())),
        None => ending.await,
    };
}

fn set_nodelay<S: 'static>(stream: &S) -> std::io::Result<()> {
    let stream: &dyn Any = stream;
    match stream.downcast_ref::<TcpStream>() {
        Some(stream) => stream.set_nodelay(true),
        None => Ok(()),
    }
}
