//! Answers that the edge gives by itself, and the last word of rules on the head of every answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rempart_config::ZonePlan;
use rempart_flow::{BodyLength, Fault, Known, Method};
use rempart_wire::Visitor;

use super::{Exchange, State};
use crate::answer;
use crate::guard;
use crate::rules::events::{Event, cut};
use crate::rules::{Answering, Asked, Body, Failure, Reply, Ruling};

impl<'a, V: Visitor> Exchange<'a, V> {
    /// Answers as a rule says.
    pub(super) async fn reply(&mut self, reply: Reply) -> State {
        if reply.is_closed {
            self.is_answering = true;
            self.record.status = NO_ANSWER;
            self.visitor.close_after();
            self.visitor.abort();
            return State::Record;
        }
        self.write_reply(&reply);
        match self.edit(Failure::of(&reply)) {
            Ok(instead) => {
                self.is_answering = true;
                self.send_body(&instead.unwrap_or(reply.body)).await
            }
            Err(fault) => State::Fail(fault),
        }
    }

    /// Writes the head of such an answer.
    fn write_reply(&mut self, reply: &Reply) {
        self.record.status = reply.status;
        self.visitor.begin(reply.status);
        for (name, value) in &reply.fields {
            self.visitor.field(name.as_bytes(), value);
            if Known::from_name(name.as_bytes()) == Known::ContentType {
                self.record.content_type_is(value);
            }
        }
        let date = self.core.second.borrow().fixdate;
        self.visitor.field(b"Date", &date);
        answer::own_fields(&mut self.visitor, &self.ray);
        let is_head = self.visitor.head().method == Method::Head;
        if is_head {
            self.visitor.field(b"Content-Length", itoa::Buffer::new().format(reply.body.bytes()).as_bytes());
        }
        self.visitor.end(if is_head { BodyLength::None } else { BodyLength::Exact(reply.body.bytes()) });
    }

    /// Sends the body of an answer that is this edge's own, if its request may have one.
    pub(super) async fn send_body(&mut self, body: &Body) -> State {
        if self.visitor.head().method != Method::Head {
            'body: for piece in body.pieces() {
                let mut left = &**piece;
                while !left.is_empty() {
                    match poll_fn(|cx| self.visitor.poll_send(cx, left)).await {
                        Ok(0) | Err(_) => break 'body,
                        Ok(count) => left = left.get(count..).unwrap_or_default(),
                    }
                }
            }
        }
        self.visitor.finish(None);
        State::Record
    }

    /// Gives a head that was held back to the rules of answers, and then to the visitor. Where rules have another body
    /// for it, that comes back.
    pub(super) fn edit(&mut self, failure: Failure) -> Result<Option<Body>, Fault> {
        let (Some(draft), Some(zone)) = (self.visitor.take_held(), self.zone) else { return Ok(None) };
        if draft.status == 0 {
            // What was written was nothing for rules.
            return Ok(None);
        }
        let mut ruling = self.ruling.take().unwrap_or_default();
        let mut answering = Answering::new(self.asked(zone), &mut ruling, *draft, failure);
        let stages = self.state.stages(self.snapshot, zone).1;
        let answered = guard::answer(&self.state, stages, &mut answering);
        let Answering { draft, instead, .. } = answering;
        self.ruling = Some(ruling);
        answered?;
        self.record.status = draft.status;
        self.record.content_type(&draft.fields);
        self.visitor.release(&draft);
        Ok(instead)
    }

    /// What rules of answers may know of the exchange.
    pub(super) fn asked(&self, zone: &'a Arc<ZonePlan>) -> Asked<'_, 'a> {
        let now = self.core.now().mono;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let whole = now.saturating_duration_since(self.record.started.mono);
        let origin = self.record.answered_at().saturating_duration_since(self.record.started.mono);
        Asked {
            core: self.core,
            snapshot: self.snapshot,
            release: &self.snapshot.counters,
            zone,
            own: self.visitor.own_head(),
            head: self.visitor.head(),
            peer: self.visitor.peer(),
            client: self.client,
            ray: &self.ray,
            started: self.record.started,
            held: self.held(),
            timings_ms: (millis(origin), millis(whole.saturating_sub(origin))),
        }
    }

    /// Counts what has matched, and hands on what is an event.
    #[cold]
    pub(super) fn tell(&self, ruling: &Ruling<'a>) {
        self.state.counters.matched(&ruling.matched);
        let (Some(zone), head) = (self.zone, self.visitor.own_head()) else { return };
        if self.snapshot.settings.log.security_events_max == 0 {
            return;
        }
        let all = ruling.matched.all();
        for (at, found) in all.iter().enumerate() {
            self.core.events.push(Event {
                at: self.record.started,
                ray: self.record.ray,
                zone: Arc::clone(&zone.name),
                release: self.snapshot.number,
                rule_id: found.id.into(),
                rule: found.name.into(),
                description: found.description.into(),
                ruleset: found.ruleset.into(),
                matched: found.seen.clone(),
                action: found.action,
                source: found.source,
                match_index: u32::try_from(all.len() - at - 1).unwrap_or(u32::MAX),
                client: self.client.ip,
                method: cut(head.bytes(head.method_text)),
                host: cut(head.bytes(head.host)),
                path: cut(head.bytes(head.path)),
                query: cut(head.query.map_or(&[], |query| head.bytes(query))),
                user_agent: cut(head.fields.first(Known::UserAgent).unwrap_or_default()),
                referer: cut(head.fields.first(Known::Referer).unwrap_or_default()),
                protocol: head.version.as_str(),
                scheme: head.scheme.as_str(),
                status: self.record.status,
                origin_status: self.record.origin_status(),
            });
        }
    }
}

/// The log's status of a request that gets no answer.
const NO_ANSWER: u16 = 499;
