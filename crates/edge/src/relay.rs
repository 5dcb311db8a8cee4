//! Moving bytes between a visitor and an origin. One task drives both directions, so nothing is shared and
//! nothing is spawned; each direction stops when the other side of it cannot take more, which is how
//! pressure travels from visitor to origin and back.

mod hold;

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use rempart_base::Now;
use rempart_flow::{BadResponse, BodyLength, Fault, Method};
use rempart_io::Deadline;
use rempart_origin::Connection;
use rempart_wire::{Moved, Visitor};

use crate::answer;

use self::hold::{Charge, Hold};
pub use self::hold::{Held, Terms};

/// The request's body on its way to the origin, and the prefix of it that is kept: held for rules before it goes, and to
/// send it again.
#[derive(Debug)]
pub struct Upload {
    prefix: Vec<u8>,
    /// What of the prefix was held before anybody was asked.
    hold: Option<Hold>,
    charge: Option<Charge>,
    prefix_max: usize,
    /// How much of the prefix the present connection has got.
    sent: usize,
    /// Whether the prefix is all that was taken from the visitor.
    is_whole: bool,
    has_begun: bool,
    /// Whether what is held stays when it cannot be sent again.
    keeps_held: bool,
    stage: Stage,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The body is not at its end.
    Moving,
    /// It is, but bytes of it may still wait for the origin to take them.
    Flushing,
    /// There is nothing left to do.
    Done,
}

impl Default for Upload {
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            hold: None,
            charge: None,
            prefix_max: 0,
            sent: 0,
            is_whole: true,
            has_begun: false,
            keeps_held: false,
            stage: Stage::Done,
        }
    }
}

impl Upload {
    /// Begins, for the first time or again after [`Upload::rewind`].
    pub fn begin(&mut self, prefix_max: usize, body: BodyLength) {
        if !self.has_begun {
            self.prefix_max = prefix_max;
            self.has_begun = true;
        }
        self.stage = if body.is_empty() { Stage::Flushing } else { Stage::Moving };
    }

    /// Whether everything that was taken can be sent again.
    #[must_use]
    pub const fn is_replayable(&self) -> bool {
        self.is_whole
    }

    /// Whether the origin has all of it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Back to the first byte.
    pub const fn rewind(&mut self) {
        self.sent = 0;
    }

    /// Moves what can be moved. `Ready` once the body is complete and handed to the network.
    fn poll<V: Visitor>(
        &mut self,
        visitor: &mut V,
        to: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        while self.stage == Stage::Moving {
            let kept = self.prefix.get(self.sent..).unwrap_or_default();
            if !kept.is_empty() {
                let Poll::Ready(count) = to.poll_send(cx, kept) else { return Poll::Pending };
                self.sent += count?;
                continue;
            }
            match visitor.poll_body(cx) {
                Poll::Ready(Ok(true)) => {
                    let Poll::Ready(count) = to.poll_send(cx, visitor.body()) else { return Poll::Pending };
                    let count = count?;
                    self.keep(visitor.body().get(..count).unwrap_or_default());
                    visitor.take_body(count);
                }
                Poll::Ready(Ok(false)) => {
                    to.finish(visitor.request_trailers());
                    self.stage = Stage::Flushing;
                }
                Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
                Poll::Pending => {
                    // What has come goes on before more is waited for.
                    if let Poll::Ready(Err(fault)) = to.poll_flush(cx) {
                        return Poll::Ready(Err(fault));
                    }
                    return Poll::Pending;
                }
            }
        }
        let flushed = to.poll_flush(cx);
        if flushed.is_ready() {
            self.stage = Stage::Done;
        }
        flushed
    }

    fn keep(&mut self, piece: &[u8]) {
        if !self.is_whole {
            return;
        }
        if self.prefix.len() + piece.len() > self.prefix_max {
            self.overflow();
            return;
        }
        self.prefix.extend_from_slice(piece);
        self.sent = self.prefix.len();
    }
}

/// What was asked of the origin.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The method: it decides whether an answer has a body.
    pub method: Method,
    /// The visitor waits for `100 Continue`; if the origin says nothing for so long, the edge says it.
    pub continue_after: Option<Duration>,
    /// Interim answers that are passed on before it is a flood.
    pub interim_max: usize,
}

/// Steps aside, once, so that the other exchanges of the visitor's connection come as far as this one, and what follows
/// is done for all of them in a row: the code for a whole exchange is more than a core's first cache holds.
pub async fn abreast<V: Visitor>(visitor: &V) {
    let mut goes_on = !visitor.has_company();
    poll_fn(|cx| {
        if std::mem::replace(&mut goes_on, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Sends the request and waits for the final head of the answer. Interim answers are passed on.
///
/// # Errors
/// Either side failed.
pub async fn fetch<V: Visitor>(
    visitor: &mut V,
    connection: &mut Connection,
    upload: &mut Upload,
    asked: Asked,
) -> Result<(), Fault> {
    let mut interims = 0;
    let mut patience = Deadline::default();
    if let Some(wait) = asked.continue_after {
        patience.set(Now::mono() + wait);
    }
    let mut waits_for_continue = asked.continue_after.is_some();
    poll_fn(|cx| {
        loop {
            let uploaded = upload.poll(visitor, connection, cx);
            if let Poll::Ready(Err(fault)) = uploaded {
                return Poll::Ready(Err(fault));
            }
            match connection.poll_head(cx, asked.method) {
                Poll::Ready(Ok(())) if connection.head().is_interim() => {
                    interims += 1;
                    if interims > asked.interim_max {
                        return Poll::Ready(Err(Fault::BadResponse(BadResponse::InterimFlood)));
                    }
                    // Who has it already, or does not wait for it, gets none (RFC 9110 section 10.1.1).
                    if connection.head().status != 100 || waits_for_continue {
                        answer::interim(visitor, connection.head());
                    }
                    waits_for_continue &= connection.head().status != 100;
                }
                Poll::Ready(done) => return Poll::Ready(done),
                Poll::Pending => {
                    if waits_for_continue && patience.poll_passed(cx).is_ready() {
                        waits_for_continue = false;
                        visitor.begin(100);
                        visitor.end_interim();
                    }
                    // Interim answers, and answers to earlier requests on this connection.
                    if let Poll::Ready(Err(fault)) = visitor.poll_flush(cx) {
                        return Poll::Ready(Err(fault));
                    }
                    // An origin need not work for a visitor who left.
                    return visitor.poll_gone(cx).map(|()| Err(Fault::ClientGone));
                }
            }
        }
    })
    .await
}

/// Passes the answer's body on, and what is left of the request's.
///
/// # Errors
/// Either side failed.
pub async fn deliver<V: Visitor>(
    visitor: &mut V,
    connection: &mut Connection,
    upload: &mut Upload,
) -> Result<(), Fault> {
    upload.release();
    poll_fn(|cx| {
        if upload.stage != Stage::Done {
            // The answer is under way: if the rest of the upload fails, the origin's word still counts.
            if let Poll::Ready(Err(_)) = upload.poll(visitor, connection, cx) {
                upload.stage = Stage::Done;
            }
            if upload.stage == Stage::Done {
                upload.release();
            }
        }
        let download = poll_download(visitor, connection, cx);
        // An origin that streams for hours must not do so for a visitor who left.
        if download.is_pending() && visitor.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Fault::ClientGone));
        }
        download
    })
    .await
}

fn poll_download<V: Visitor>(
    visitor: &mut V,
    connection: &mut Connection,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Fault>> {
    loop {
        match connection.poll_body(cx) {
            Poll::Ready(Ok(true)) => {
                let Poll::Ready(count) = visitor.poll_send(cx, &connection.body()) else {
                    return Poll::Pending;
                };
                connection.take_body(count?);
            }
            Poll::Ready(Ok(false)) => {
                visitor.finish(connection.trailers());
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
            Poll::Pending => {
                if let Poll::Ready(Err(fault)) = visitor.poll_flush(cx) {
                    return Poll::Ready(Err(fault));
                }
                return Poll::Pending;
            }
        }
    }
}

/// Passes bytes both ways until one side is done, or neither says anything for `idle`.
///
/// # Errors
/// Either side failed. Silence is no failure: the tunnel just ends.
pub async fn tunnel<V: Visitor>(
    visitor: &mut V,
    connection: &mut Connection,
    idle: Duration,
) -> Result<(), Fault> {
    let mut upload = Upload { stage: Stage::Moving, ..Upload::default() };
    let mut silence = Deadline::default();
    let mut moved = Moved::default();
    poll_fn(|cx| {
        let down = poll_download(visitor, connection, cx);
        if down.is_ready() {
            return down;
        }
        if upload.stage != Stage::Done
            && let Poll::Ready(uploaded) = upload.poll(visitor, connection, cx)
        {
            if let Err(fault) = uploaded {
                return Poll::Ready(Err(fault));
            }
            // The visitor is done. The origin may have more to say.
            let _ = connection.poll_shutdown(cx);
        }
        let now = visitor.moved();
        if now != moved {
            moved = now;
            silence.set(Now::mono() + idle);
        }
        silence.poll_passed(cx).map(Ok)
    })
    .await
}
