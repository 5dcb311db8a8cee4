//! How an exchange ends: with a page for what failed, its counters and its line in the log.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use rempart_flow::Fault;
use rempart_wire::Visitor;

use super::{Exchange, State};
use crate::answer;
use crate::incidents::{Kind, Place};
use crate::metrics::speaks_against_its_release;
use crate::panics::{self, Panic};
use crate::record;

impl<V: Visitor> Exchange<'_, V> {
    /// The last state, however the others ended. A panic between stages has cost this exchange its answer,
    /// and the connection: how far its protocol had come is not certain any more.
    pub(super) async fn end(&mut self, ran: Result<(), Panic>, is_readable: bool) {
        if let Err(panic) = ran {
            self.panicked("exchange", panic);
            self.visitor.close_after();
            let failed = panics::caught(pin!(self.fail(Fault::Panic))).await;
            if let Err(panic) = failed {
                self.panicked("page", panic);
                self.visitor.abort();
            }
        }
        if let Err(panic) = panics::catch(|| self.record(is_readable)) {
            self.panicked("record", panic);
        }
    }

    #[cold]
    fn panicked(&self, stage: &'static str, panic: Panic) {
        self.snapshot.counters.panics.add(1);
        let zone = self.zone.map_or_else(|| Arc::from(""), |zone| Arc::clone(&zone.name));
        let place = Place { release: self.snapshot.number, zone, stage, rule: "".into() };
        self.core.metrics.incidents.note(Kind::Panic, place, panic.text, self.core.now());
    }

    pub(super) async fn fail(&mut self, fault: Fault) -> State {
        self.record.fault = Some(fault);
        if self.is_answering {
            // Too late for a page: the visitor must see that the answer is not whole.
            self.visitor.abort();
            return State::Record;
        }
        #[cfg(feature = "fault")]
        self.meet("page");
        self.is_answering = true;
        let second = self.core.second.borrow().fixdate;
        let (status, page) =
            answer::fault(self.visitor, fault, self.record.ray, self.snapshot.settings.colo, &second);
        self.record.status = status;
        let mut left = page.as_bytes();
        while !left.is_empty() {
            match poll_fn(|cx| self.visitor.poll_send(cx, left)).await {
                Ok(0) | Err(_) => break,
                Ok(count) => left = left.get(count..).unwrap_or_default(),
            }
        }
        self.visitor.finish(None);
        State::Record
    }

    /// The last state: counters and log.
    fn record(&mut self, is_readable: bool) {
        let ended = self.core.now();
        let moved = self.visitor.moved();
        let took = ended.mono.saturating_duration_since(self.record.started.mono);
        let (status, fault) = (self.record.status, self.record.fault);
        let is_probe = self.visitor.peer().is_inside;
        let is_error = speaks_against_its_release(status, fault, is_probe);
        self.state.counters.exchange(status, is_error, took, (moved.received, moved.sent));
        self.state.counters.cache.exchange(&self.record.cache);
        self.snapshot.counters.end(status, fault, took, is_probe);
        #[cfg(feature = "fault")]
        self.meet("record");
        self.record.ended = ended;
        self.record.moved = moved;
        let facts = record::Facts {
            head: is_readable.then(|| self.visitor.head()),
            peer: self.visitor.peer(),
            zone: self.zone.map(|zone| &*zone.name),
            ray: &self.ray,
            client: &self.client_text,
            colo: self.snapshot.settings.colo,
        };
        if self.snapshot.settings.log.access.to != rempart_config::AccessTo::Off {
            let second = self.core.second.borrow();
            let dropped = self.core.log.line(|out| record::write(out, &self.record, &facts, &second));
            self.core.metrics.log_dropped.add(dropped);
        }
    }
}
