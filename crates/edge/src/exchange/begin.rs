//! The head of an answer from an object: what the visitor's conditions and ranges make of it.

use std::collections::VecDeque;
use std::mem::take;

use bytes::Bytes;
use rempart_cache::decide::{self, Condition};
use rempart_cache::multipart::{self, Multipart};
use rempart_cache::object::Response;
use rempart_cache::range::{self, Ranges};
use rempart_cache::{Body, CacheStatus, Object};
use rempart_flow::{BodyLength, Known, Method};
use rempart_wire::{Prepared, Visitor};

use super::Exchange;
use super::give::Segment;
use crate::answer;
use crate::cache::{OfLone, Says, of_lone};
use crate::rules::{self, Failure};

/// Which part of a body an answer has.
pub(super) enum Part {
    None,
    All,
    Range(u64, u64),
    Several(VecDeque<Segment>),
}

impl<V: Visitor> Exchange<'_, V> {
    /// The first part of the body that the answer will have, if it has any.
    pub(super) fn wanted(&self, object: &Object) -> Option<(u64, u64)> {
        let response = &*object.response;
        let request = self.visitor.head();
        let bytes = object.bodies.origin().map(Body::len).or(response.length)?;
        let has_body = request.method != Method::Head
            && decide::condition(request, &response.head) == Condition::Met
            && bytes > 0;
        if !has_body {
            return None;
        }
        match self.ranges_of(object, bytes) {
            Ranges::All => Some((0, bytes)),
            Ranges::Unsatisfiable => None,
            Ranges::Parts(parts) => parts.first().copied(),
        }
    }

    /// The ranges that are asked for and may be given.
    fn ranges(&self, response: &Response, bytes: u64) -> Ranges {
        let request = self.visitor.head();
        if response.head.status != 200 {
            return Ranges::All;
        }
        let Some(range) = request.fields.first(Known::Range) else { return Ranges::All };
        match range::parse(range) {
            Some(asked) if decide::if_range(request, &response.head) => range::resolve(&asked, bytes),
            Some(_) | None => Ranges::All,
        }
    }

    /// The same, of an object: what is still coming is read once, from its beginning to its end.
    fn ranges_of(&self, object: &Object, bytes: u64) -> Ranges {
        let is_in_order =
            |parts: &[(u64, u64)]| parts.windows(2).all(|two| matches!(two, [one, next] if one.1 <= next.0));
        match self.ranges(&object.response, bytes) {
            Ranges::Parts(parts) if object.bodies.origin().is_none() && !is_in_order(&parts) => Ranges::All,
            ranges @ (Ranges::All | Ranges::Parts(_) | Ranges::Unsatisfiable) => ranges,
        }
    }

    /// Writes the head, and has rules see it.
    pub(super) fn begin(&mut self, object: &Object, status: CacheStatus) -> Part {
        let part = self.write_head(object, status);
        if self.visitor.holds() { self.edited(part) } else { part }
    }

    /// What follows a head that rules have seen.
    fn edited(&mut self, part: Part) -> Part {
        let body: rules::Body = match self.edit(Failure::default()) {
            Ok(None) => return part,
            Ok(Some(instead)) => instead,
            Err(fault) => self.write_page(fault).into(),
        };
        // It is this edge's own, and nobody's object.
        if self.visitor.head().method == Method::Head {
            Part::None
        } else {
            Part::Several(body.pieces().iter().map(|piece| (piece.clone(), 0, 0)).collect())
        }
    }

    /// Writes the head: what the visitor's conditions and ranges make of it.
    fn write_head(&mut self, object: &Object, status: CacheStatus) -> Part {
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
        if let (Some(bytes), false) = (bytes, is_head) {
            if response.head.status == 206 {
                return self.begin_lone(response, bytes);
            }
            if let Some(part) = self.begin_range(object, bytes) {
                return part;
            }
        }
        self.record.status = response.head.status;
        self.begin_whole(response);
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

    /// Writes the head of an answer from a part that belongs to no whole.
    fn begin_lone(&mut self, response: &Response, bytes: u64) -> Part {
        if let Some(OfLone::FromTo(from, to, first, total)) =
            of_lone(self.visitor.head(), &response.head, bytes)
        {
            self.begin_fields(response, 206, |known| known != Known::ContentRange);
            self.visitor.field(b"Content-Range", &multipart::content_range(from, to, Some(total)));
            self.visitor.end(BodyLength::Exact(to - from));
            return Part::Range(from - first, to - first);
        }
        self.record.status = response.head.status;
        self.begin_whole(response);
        self.own_fields(response);
        self.visitor.end(BodyLength::Exact(bytes));
        Part::All
    }

    /// Writes the head of a part of the body, if one is asked for.
    fn begin_range(&mut self, object: &Object, bytes: u64) -> Option<Part> {
        let response = &*object.response;
        match self.ranges_of(object, bytes) {
            Ranges::All => None,
            Ranges::Unsatisfiable => {
                self.begin_fields(response, 416, |known| {
                    !matches!(
                        known,
                        Known::ContentType | Known::ContentEncoding | Known::ETag | Known::LastModified
                    )
                });
                self.visitor.field(b"Content-Range", format!("bytes */{bytes}").as_bytes());
                self.visitor.end(BodyLength::Exact(0));
                Some(Part::None)
            }
            Ranges::Parts(parts) => match *parts.as_slice() {
                [(first, end)] => {
                    self.begin_fields(response, 206, |_| true);
                    let value = multipart::content_range(first, end, Some(bytes));
                    self.visitor.field(b"Content-Range", &value);
                    self.visitor.end(BodyLength::Exact(end - first));
                    Some(Part::Range(first, end))
                }
                _ => Some(self.begin_several(response, &parts, bytes)),
            },
        }
    }

    /// Writes the head of several parts of the body (RFC 9110 section 15.3.7.2).
    fn begin_several(&mut self, response: &Response, parts: &[(u64, u64)], bytes: u64) -> Part {
        let content_type = response.head.fields.first(Known::ContentType);
        let multipart = Multipart::new(self.ray.as_bytes(), content_type, bytes);
        self.begin_fields(response, 206, |known| known != Known::ContentType);
        self.visitor.field(b"Content-Type", &multipart.content_type());
        self.visitor.end(BodyLength::Exact(multipart.bytes(parts)));
        let heads = parts.iter().enumerate().map(|(number, (first, end))| {
            (Bytes::from(multipart.head(number == 0, *first, *end)), *first, *end)
        });
        Part::Several(heads.chain([(Bytes::from(multipart.tail()), 0, 0)]).collect())
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

    /// Begins a head with all that is stored of it: in one piece, unless rules are to see its fields.
    fn begin_whole(&mut self, response: &Response) {
        if self.visitor.holds() {
            self.visitor.begin(response.head.status);
            self.visitor.fields(&response.head.fields, |_| true);
        } else {
            self.visitor.begin_prepared(prepared(response));
        }
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
            CacheStatus::Bypass | CacheStatus::Dynamic => {
                says.facts.fwd_status = Some(response.head.status);
            }
            CacheStatus::None | CacheStatus::Hit | CacheStatus::Stale | CacheStatus::Updating => {
                is_first_hand = false;
                says.facts.ttl_s = Some(decide::ttl_s(&response.freshness, now));
            }
        }
        let is_stored = !matches!(status, CacheStatus::Bypass | CacheStatus::Dynamic);
        // It would say that this answer was not made or confirmed for this request (RFC 9111 section 5.1).
        if is_stored && (!is_first_hand || age > 0) {
            self.visitor.field(b"Age", itoa::Buffer::new().format(age).as_bytes());
        }
        if !self.own.is_empty() {
            let own = take(&mut self.own);
            self.visitor.fields(&own, |_| true);
        }
        answer::own_fields(&mut self.visitor, &self.ray);
        says.write(&mut self.visitor);
    }
}

fn prepared(response: &Response) -> Prepared<'_> {
    let head = &response.head;
    Prepared { http1: &head.http1, http2: &head.http2, priority: head.priority }
}
