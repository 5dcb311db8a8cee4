//! Giving a visitor what is stored, or what comes for several.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rempart_cache::fill::Reader;
use rempart_cache::{Body, CacheStatus, Object};
use rempart_flow::Fault;
use rempart_wire::Visitor;

use super::begin::Part;
use super::lookup::Found;
use super::{Exchange, State};
use crate::cache::{Lacks, Source};

/// An answer whose head is written.
pub(super) struct Giving {
    pub(super) source: Source,
    /// What stands between parts of the body, to be sent before the part.
    text: Bytes,
    /// Where the visitor is in the body.
    pub(super) at: u64,
    /// Where its part ends; `None` is the end of the body, wherever that is.
    pub(super) end: Option<u64>,
    /// The parts that follow.
    later: VecDeque<Segment>,
}

/// A part of an answer: a text, and then the bytes of the body from the first up to the second.
pub(super) type Segment = (Bytes, u64, u64);

/// How far giving has come.
enum Given {
    All,
    /// What comes next is not stored, and nobody brings it.
    Lacks,
}

impl Giving {
    fn new(source: Source, part: Part) -> Self {
        let (at, end, later) = match part {
            Part::None => (0, Some(0), VecDeque::new()),
            Part::All => (0, None, VecDeque::new()),
            Part::Range(first, end) => (first, Some(end), VecDeque::new()),
            Part::Several(segments) => (0, Some(0), segments),
        };
        Self { source, text: Bytes::new(), at, end, later }
    }
}

impl<V: Visitor> Exchange<'_, V> {
    /// Writes an answer from an object that may be used as it is. What the visitor takes at once of a whole body
    /// needs no hold on the object.
    pub(super) fn give_at_once(&mut self, object: &Arc<Object>, cx: &mut Context<'_>) -> Found {
        let Some(Body::Whole(pieces, bytes)) = object.bodies.origin() else {
            return Found::Sliced(Arc::clone(object));
        };
        let part = self.begin(object, CacheStatus::Hit);
        let mut place = match part {
            Part::None => {
                self.visitor.finish(None);
                return Found::Given;
            }
            Part::All => (0, *bytes),
            Part::Range(first, end) => (first, end),
            Part::Several(_) => (0, 0),
        };
        let is_several = matches!(part, Part::Several(_));
        match self.poll_pieces(pieces, &mut place, cx) {
            Poll::Ready(Ok(())) if !is_several => {
                self.visitor.finish(None);
                return Found::Given;
            }
            // What is wrong shows again when the rest is sent.
            Poll::Ready(_) | Poll::Pending => {}
        }
        let part = if is_several { part } else { Part::Range(place.0, place.1) };
        Found::Giving(Giving::new(Source::new(Arc::clone(object), None), part))
    }

    /// Begins an answer from an object that is stored.
    pub(super) fn give_stored(&mut self, object: &Arc<Object>, status: CacheStatus) -> State {
        self.give_from(Arc::clone(object), None, status)
    }

    /// Begins an answer from an object, whose body a reader may still be waiting for.
    pub(super) fn give_from(
        &mut self,
        object: Arc<Object>,
        reader: Option<Reader>,
        status: CacheStatus,
    ) -> State {
        let source = Source::new(object, reader);
        if let Some(Body::Sliced { .. }) = source.object.bodies.origin() {
            return State::GiveSliced(Box::new(source), status);
        }
        self.give_of(source, status)
    }

    /// Writes the head of an answer, whose body is to follow.
    pub(super) fn give_of(&mut self, source: Source, status: CacheStatus) -> State {
        let object = Arc::clone(&source.object);
        match self.begin(&object, status) {
            Part::None => {
                self.visitor.finish(None);
                State::Record
            }
            part @ (Part::All | Part::Range(..) | Part::Several(_)) => State::Give(Giving::new(source, part)),
        }
    }

    /// Sends the body.
    pub(super) async fn give(&mut self, mut giving: Giving) -> State {
        self.upload.abandon();
        loop {
            let given = poll_fn(|cx| {
                let given = self.poll_give(&mut giving, cx);
                // Who waits for what is still to come may leave meanwhile.
                if given.is_pending() && giving.source.is_following() && self.visitor.poll_gone(cx).is_ready()
                {
                    return Poll::Ready(Err(Fault::ClientGone));
                }
                given
            })
            .await;
            match given {
                Ok(Given::All) => {
                    self.visitor.finish(None);
                    return State::Record;
                }
                Ok(Given::Lacks) => {
                    let end = giving.end.unwrap_or(u64::MAX);
                    if let Err(refused) = self.refill(&mut giving.source, giving.at, end).await {
                        return State::Fail(refused.fault());
                    }
                }
                Err(fault) => return State::Fail(fault),
            }
        }
    }

    fn poll_give(&mut self, giving: &mut Giving, cx: &mut Context<'_>) -> Poll<Result<Given, Fault>> {
        loop {
            while !giving.text.is_empty() {
                let count = ready!(self.visitor.poll_send(cx, &giving.text))?;
                let _ = giving.text.split_to(count.min(giving.text.len()));
            }
            match ready!(self.poll_part(giving, cx))? {
                Given::All => {}
                Given::Lacks => return Poll::Ready(Ok(Given::Lacks)),
            }
            let Some((text, first, end)) = giving.later.pop_front() else {
                return Poll::Ready(Ok(Given::All));
            };
            (giving.text, giving.at, giving.end) = (text, first, Some(end));
        }
    }

    /// Sends one part of the body.
    fn poll_part(&mut self, giving: &mut Giving, cx: &mut Context<'_>) -> Poll<Result<Given, Fault>> {
        if let (Some(Body::Whole(pieces, bytes)), false) =
            (giving.source.object.bodies.origin(), giving.source.is_following())
        {
            let mut place = (giving.at, giving.end.unwrap_or(*bytes));
            let given = self.poll_pieces(pieces, &mut place, cx);
            giving.at = place.0;
            return given.map_ok(|()| Given::All);
        }
        let core = self.core;
        while giving.end != Some(giving.at) {
            let (piece, was_stored) = match giving.source.poll(&core.cache, cx, giving.at) {
                Poll::Ready(Ok(piece)) => piece,
                Poll::Ready(Err(Lacks::End)) if giving.end.is_none() => break,
                Poll::Ready(Err(Lacks::Fetch)) => return Poll::Ready(Ok(Given::Lacks)),
                Poll::Ready(Err(Lacks::End | Lacks::Failed)) => {
                    return Poll::Ready(Err(Fault::OriginBodyTruncated));
                }
                Poll::Pending => {
                    // What has come goes on before more is waited for.
                    ready!(self.visitor.poll_flush(cx))?;
                    return Poll::Pending;
                }
            };
            let piece = upto(&piece, giving.end.map_or(u64::MAX, |end| end.saturating_sub(giving.at)));
            let count = ready!(self.visitor.poll_send(cx, piece))? as u64;
            giving.at += count;
            if was_stored {
                self.record.cache.bytes_saved += count;
            }
        }
        Poll::Ready(Ok(Given::All))
    }

    /// Sends from a body that is here, as far as the visitor takes it: `place` is where it is and where it ends.
    fn poll_pieces(
        &mut self,
        pieces: &[Bytes],
        place: &mut (u64, u64),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        let (at, end) = place;
        let mut begins = 0;
        for piece in pieces {
            let ends = begins + piece.len() as u64;
            while *at < ends.min(*end) {
                let skip = usize::try_from(*at - begins).unwrap_or(usize::MAX);
                let rest = upto(piece.get(skip..).unwrap_or_default(), *end - *at);
                let count = ready!(self.visitor.poll_send(cx, rest))?;
                *at += count as u64;
                self.record.cache.bytes_saved += count as u64;
            }
            begins = ends;
        }
        Poll::Ready(Ok(()))
    }
}

fn upto(piece: &[u8], bytes: u64) -> &[u8] {
    piece.get(..usize::try_from(bytes).unwrap_or(usize::MAX)).unwrap_or(piece)
}
