//! Giving a visitor what is stored, or what comes for several.

use std::future::poll_fn;
use std::mem::take;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rempart_cache::decide::{self, Condition};
use rempart_cache::fill::{Gone, Reader};
use rempart_cache::object::Response;
use rempart_cache::range::{self, Ranges};
use rempart_cache::{Body, CacheStatus, Object};
use rempart_flow::{BodyLength, Fault, Known, Method};
use rempart_wire::Visitor;

use super::lookup::Found;
use super::{Exchange, State};
use crate::answer;
use crate::cache::Says;

/// An answer whose head is written.
pub(super) struct Giving {
    object: Arc<Object>,
    /// The fetch that brings the body, if it is not stored.
    reader: Option<Reader>,
    /// Where the visitor is in the body.
    at: u64,
    /// Where its part ends; `None` is the end of the body, wherever that is.
    end: Option<u64>,
}

/// Which part of a body an answer has.
#[derive(Clone, Copy)]
enum Part {
    None,
    All,
    Range(u64, u64),
}

impl<V: Visitor> Exchange<'_, V> {
    /// Writes an answer from an object that may be used as it is. What the visitor takes at once of a whole body
    /// needs no hold on the object.
    pub(super) fn give_at_once(&mut self, object: &Arc<Object>, cx: &mut Context<'_>) -> Found {
        let (at, end) = match self.begin(object, CacheStatus::Hit) {
            Part::None => {
                self.visitor.finish(None);
                return Found::Given;
            }
            Part::All => (0, None),
            Part::Range(first, end) => (first, Some(end)),
        };
        let mut giving = (at, end);
        if let Some(Body::Whole(pieces, bytes)) = object.bodies.origin() {
            giving.1 = Some(end.unwrap_or(*bytes));
            match self.poll_pieces(pieces, &mut giving, cx) {
                Poll::Ready(Ok(())) => {
                    self.visitor.finish(None);
                    return Found::Given;
                }
                // What is wrong shows again when the rest is sent.
                Poll::Ready(Err(_)) | Poll::Pending => {}
            }
        }
        Found::Giving(Giving { object: Arc::clone(object), reader: None, at: giving.0, end: giving.1 })
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
        let (at, end) = match self.begin(&object, status) {
            Part::None => {
                self.visitor.finish(None);
                return State::Record;
            }
            Part::All => (0, None),
            Part::Range(first, end) => (first, Some(end)),
        };
        State::Give(Giving { object, reader, at, end })
    }

    /// Writes the head: what the visitor's conditions and ranges make of it.
    fn begin(&mut self, object: &Object, status: CacheStatus) -> Part {
        let response = &*object.response;
        self.is_answering = true;
        self.record.cache.status = status;
        self.record.content_type(&response.head.fields);
        let bytes = object.bodies.origin().map(Body::len).or(response.length);
        let request = self.visitor.head();
        let is_head = request.method == Method::Head;
        match decide::condition(request, &response.head) {
            Condition::Met => {}
            Condition::NotModified => return self.begin_without_body(response, 304),
            Condition::Failed => return self.begin_without_body(response, 412),
        }
        if let (200, Some(bytes), false) = (response.head.status, bytes, is_head)
            && let Some(part) = self.begin_range(response, bytes)
        {
            return part;
        }
        self.record.status = response.head.status;
        self.visitor.begin_prepared(response.head.status, &response.head.http1, &response.head.fields);
        self.own_fields(response);
        if is_head {
            if let Some(bytes) = bytes {
                self.visitor.field(b"Content-Length", itoa::Buffer::new().format(bytes).as_bytes());
            }
            self.visitor.end(BodyLength::None);
            return Part::None;
        }
        self.visitor.end(match bytes {
            Some(_) if matches!(response.head.status, 204 | 304) => BodyLength::None,
            Some(bytes) => BodyLength::Exact(bytes),
            None => BodyLength::Chunked,
        });
        Part::All
    }

    /// Writes the head of a part of the body, if one is asked for.
    fn begin_range(&mut self, response: &Response, bytes: u64) -> Option<Part> {
        let request = self.visitor.head();
        let asked = range::parse(request.fields.first(Known::Range)?)?;
        if !decide::if_range(request, &response.head) {
            return None;
        }
        let (first, end) = match range::resolve(&asked, bytes) {
            Ranges::All => return None,
            Ranges::Unsatisfiable => {
                self.begin_fields(response, 416, |known| {
                    !matches!(
                        known,
                        Known::ContentType | Known::ContentEncoding | Known::ETag | Known::LastModified
                    )
                });
                self.visitor.field(b"Content-Range", format!("bytes */{bytes}").as_bytes());
                self.visitor.end(BodyLength::Exact(0));
                return Some(Part::None);
            }
            Ranges::Parts(parts) => match *parts.as_slice() {
                [one] => one,
                // Anything else may be answered with all of it (RFC 9110 section 14.2).
                _ => return None,
            },
        };
        self.begin_fields(response, 206, |_| true);
        let value = format!("bytes {first}-{}/{bytes}", end - 1);
        self.visitor.field(b"Content-Range", value.as_bytes());
        self.visitor.end(BodyLength::Exact(end - first));
        Some(Part::Range(first, end))
    }

    /// Writes the head of a 304 (RFC 9110 section 15.4.5) or a 412.
    fn begin_without_body(&mut self, response: &Response, status: u16) -> Part {
        self.begin_fields(response, status, |known| {
            matches!(
                known,
                Known::CacheControl
                    | Known::ContentLocation
                    | Known::Date
                    | Known::ETag
                    | Known::Expires
                    | Known::LastModified
                    | Known::Vary
            )
        });
        self.visitor.end(if status == 304 { BodyLength::None } else { BodyLength::Exact(0) });
        Part::None
    }

    fn begin_fields(&mut self, response: &Response, status: u16, keep: impl Fn(Known) -> bool) {
        self.record.status = status;
        self.visitor.begin(status);
        self.visitor.fields(&response.head.fields, |field| keep(field.known));
        self.own_fields(response);
    }

    /// What the edge says of every answer from an object.
    fn own_fields(&mut self, response: &Response) {
        let now = self.record.started.unix_s();
        let age = decide::age_s(&response.freshness, now);
        let status = self.record.cache.status;
        let mut says = Says::only(status);
        says.facts.collapsed = self.record.cache.waited.is_some();
        let mut is_first_hand = true;
        match status {
            CacheStatus::Miss | CacheStatus::Expired => {
                says.facts.stored = true;
                says.facts.fwd_status = Some(response.head.status);
            }
            CacheStatus::Revalidated => {
                says.facts.stored = true;
                says.facts.fwd_status = Some(304);
            }
            CacheStatus::None
            | CacheStatus::Hit
            | CacheStatus::Stale
            | CacheStatus::Updating
            | CacheStatus::Bypass
            | CacheStatus::Dynamic => {
                is_first_hand = false;
                says.facts.ttl_s = Some(decide::ttl_s(&response.freshness, now));
            }
        }
        // It would say that this answer was not made or confirmed for this request (RFC 9111 section 5.1).
        if !is_first_hand || age > 0 {
            self.visitor.field(b"Age", itoa::Buffer::new().format(age).as_bytes());
        }
        if !self.own.is_empty() {
            let own = take(&mut self.own);
            self.visitor.fields(&own, |_| true);
        }
        answer::own_fields(self.visitor, &self.ray);
        says.write(self.visitor);
    }

    /// Sends the body.
    pub(super) async fn give(&mut self, mut giving: Giving) -> State {
        let given = poll_fn(|cx| {
            let given = self.poll_give(&mut giving, cx);
            // Who waits for what is still to come may leave meanwhile.
            if given.is_pending() && giving.reader.is_some() && self.visitor.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(Fault::ClientGone));
            }
            given
        })
        .await;
        match given {
            Ok(()) => {
                self.visitor.finish(None);
                State::Record
            }
            Err(fault) => State::Fail(fault),
        }
    }

    fn poll_give(&mut self, giving: &mut Giving, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let mut place = (giving.at, giving.end);
        if giving.reader.is_none()
            && let Some(Body::Whole(pieces, bytes)) = giving.object.bodies.origin()
        {
            place.1 = Some(place.1.unwrap_or(*bytes));
            let given = self.poll_pieces(pieces, &mut place, cx);
            giving.at = place.0;
            return given;
        }
        let Some(reader) = &mut giving.reader else { return Poll::Ready(Err(Fault::OriginBodyTruncated)) };
        loop {
            if giving.end == Some(giving.at) {
                return Poll::Ready(Ok(()));
            }
            let piece = match reader.poll_bytes(cx, giving.at) {
                Poll::Ready(Ok(piece)) => piece,
                Poll::Ready(Err(Gone::End)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(Gone::Behind | Gone::Failed)) => {
                    return Poll::Ready(Err(Fault::OriginBodyTruncated));
                }
                Poll::Pending => {
                    // What has come goes on before more is waited for.
                    ready!(self.visitor.poll_flush(cx))?;
                    return Poll::Pending;
                }
            };
            let left = giving.end.map_or(u64::MAX, |end| end - giving.at);
            let piece = upto(&piece, left);
            let count = ready!(self.visitor.poll_send(cx, piece))?;
            giving.at += count as u64;
        }
    }

    /// Sends from a body that is here, as far as the visitor takes it: `place` is where it is and where it ends.
    fn poll_pieces(
        &mut self,
        pieces: &[Bytes],
        place: &mut (u64, Option<u64>),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        let (at, end) = place;
        let end = end.unwrap_or(u64::MAX);
        let mut begins = 0;
        for piece in pieces {
            let ends = begins + piece.len() as u64;
            while *at < ends.min(end) {
                let skip = usize::try_from(*at - begins).unwrap_or(usize::MAX);
                let rest = upto(piece.get(skip..).unwrap_or_default(), end - *at);
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
