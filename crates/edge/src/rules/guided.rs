//! A visitor as rules have it: its request as they have rewritten it, and the head of its answer held back until
//! they have seen it. An exchange without rules passes through here with a branch a call.

use std::task::{Context, Poll};

use rempart_flow::{BodyLength, Fault, Field, Fields, RequestHead};
use rempart_wire::{Moved, Peer, Prepared, Visitor};

use super::draft::Draft;

/// A visitor whose request and answer rules may change.
pub struct Guided<'a, V> {
    visitor: &'a mut V,
    /// The request as rules have rewritten it.
    rewritten: Option<Box<RequestHead>>,
    /// Where the final head of the answer is written while rules are to see it first.
    draft: Option<Box<Draft>>,
    /// Whether the head that is being written is that one.
    is_drafting: bool,
}

impl<'a, V: Visitor> Guided<'a, V> {
    /// One whom no rule concerns so far.
    pub const fn new(visitor: &'a mut V) -> Self {
        Self { visitor, rewritten: None, draft: None, is_drafting: false }
    }

    /// The request as the visitor sent it.
    pub fn own_head(&self) -> &RequestHead {
        self.visitor.head()
    }

    /// Whether rules have rewritten it.
    pub const fn is_rewritten(&self) -> bool {
        self.rewritten.is_some()
    }

    /// From now on this is the request.
    pub fn rewrite(&mut self, head: Box<RequestHead>) {
        self.rewritten = Some(head);
    }

    /// From now on the final head of the answer is held back.
    pub fn hold(&mut self) {
        self.draft = Some(Box::default());
    }

    /// Whether it is.
    pub const fn holds(&self) -> bool {
        self.draft.is_some()
    }

    /// The head that was held back, once it is whole. What is written from now on goes to the visitor.
    pub fn take_held(&mut self) -> Option<Box<Draft>> {
        self.is_drafting = false;
        self.draft.take()
    }

    /// Writes a head that was held back.
    pub fn release(&mut self, draft: &Draft) {
        self.visitor.begin(draft.status);
        self.visitor.fields(&draft.fields, |_| true);
        self.visitor.end(draft.body);
    }
}

impl<V: Visitor> Visitor for Guided<'_, V> {
    #[inline]
    fn head(&self) -> &RequestHead {
        match &self.rewritten {
            None => self.visitor.head(),
            Some(head) => head,
        }
    }

    fn peer(&self) -> &Peer {
        self.visitor.peer()
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        self.visitor.poll_body(cx)
    }

    fn body(&self) -> &[u8] {
        self.visitor.body()
    }

    fn take_body(&mut self, count: usize) {
        self.visitor.take_body(count);
    }

    fn is_body_done(&self) -> bool {
        self.visitor.is_body_done()
    }

    fn request_trailers(&self) -> Option<&Fields> {
        self.visitor.request_trailers()
    }

    /// An interim head is no rule's business.
    fn begin(&mut self, status: u16) {
        match &mut self.draft {
            Some(draft) if status >= 200 => {
                self.is_drafting = true;
                draft.begin(status);
            }
            Some(_) | None => {
                self.is_drafting = false;
                self.visitor.begin(status);
            }
        }
    }

    /// What is prepared cannot be held back: whoever holds a head back writes its fields one by one.
    fn begin_prepared(&mut self, prepared: Prepared<'_>) {
        self.is_drafting = false;
        self.visitor.begin_prepared(prepared);
    }

    #[inline]
    fn field(&mut self, name: &[u8], value: &[u8]) {
        match &mut self.draft {
            Some(draft) if self.is_drafting => draft.fields.append(name, value),
            Some(_) | None => self.visitor.field(name, value),
        }
    }

    #[inline]
    fn field_with(&mut self, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        match &mut self.draft {
            Some(draft) if self.is_drafting => {
                let mut value = Vec::new();
                write(&mut value);
                draft.fields.append(name, &value);
            }
            Some(_) | None => self.visitor.field_with(name, write),
        }
    }

    #[inline]
    fn fields(&mut self, fields: &Fields, mut keep: impl FnMut(&Field) -> bool) {
        match &mut self.draft {
            Some(draft) if self.is_drafting => {
                for field in fields.list().iter().filter(|field| keep(field)) {
                    draft.add(fields.bytes(field.name), fields.bytes(field.value), field);
                }
            }
            Some(_) | None => self.visitor.fields(fields, keep),
        }
    }

    #[inline]
    fn end(&mut self, body: BodyLength) {
        match &mut self.draft {
            Some(draft) if self.is_drafting => draft.body = body,
            Some(_) | None => self.visitor.end(body),
        }
    }

    fn end_interim(&mut self) {
        self.visitor.end_interim();
    }

    fn end_upgrade(&mut self, protocol: &[u8]) {
        self.visitor.end_upgrade(protocol);
    }

    #[inline]
    fn poll_send(&mut self, cx: &mut Context<'_>, piece: &[u8]) -> Poll<Result<usize, Fault>> {
        self.visitor.poll_send(cx, piece)
    }

    fn finish(&mut self, trailers: Option<&Fields>) {
        self.visitor.finish(trailers);
    }

    #[inline]
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.visitor.poll_flush(cx)
    }

    fn close_after(&mut self) {
        self.visitor.close_after();
    }

    fn abort(&mut self) {
        self.visitor.abort();
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.visitor.poll_gone(cx)
    }

    fn moved(&self) -> Moved {
        self.visitor.moved()
    }

    fn has_company(&self) -> bool {
        self.visitor.has_company()
    }
}
