//! How an exchange ends: with a page for what failed, its counters and its line in the log.

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
use crate::rules::Failure;

impl<V: Visitor> Exchange<'_, V> {
    /// The last state, however the others ended. A panic between stages has cost this exchange its answer,
    /// and the connection: how far its protocol had come is not certain any more.
    pub(super) async fn end(&mut self, ran: Result<(), Panic>, is_readable: bool) {
        if let Err(panic) = ran {
            self.panicked("exchange", panic);
            self.visitor.close_after();
            // Rules have had their say, and may be what has failed.
            self.visitor.take_held();
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
        // First: the page may panic.
        self.record.fault = Some(fault);
        if self.is_answering {
            // Too late for a page: the visitor must see that the answer is not whole.
            self.visitor.abort();
            return State::Record;
        }
        #[cfg(feature = "fault")]
        self.meet("page");
        let page = self.write_page(fault);
        let page = match self.edit(Failure::of_fault(self.record.status)) {
            Ok(None) => page.into(),
            Ok(Some(instead)) => instead,
            Err(fault) => self.write_page(fault).into(),
        };
        self.is_answering = true;
        self.send_body(&page).await
    }

    /// Writes the head of a fault's page, and returns the page.
    pub(super) fn write_page(&mut self, fault: Fault) -> String {
        self.record.fault = Some(fault);
        let second = self.core.second.borrow().fixdate;
        let colo = self.snapshot.settings.colo;
        let (status, page) = answer::fault(&mut self.visitor, fault, self.record.ray, colo, &second);
        self.record.status = status;
        page
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
        if let Some(ruling) = &self.ruling {
            self.tell(ruling);
        }
        self.snapshot.counters.end(status, fault, took, is_probe);
        #[cfg(feature = "fault")]
        self.meet("record");
        self.record.ended = ended;
        self.record.moved = moved;
        let facts = record::Facts {
            head: is_readable.then(|| self.visitor.own_head()),
            peer: self.visitor.peer(),
            zone: self.zone.map(|zone| &*zone.name),
            release: self.snapshot.number,
            ray: &self.ray,
            client: &self.client_text,
            colo: self.snapshot.settings.colo,
            ruling: self.ruling.as_deref(),
        };
        if self.snapshot.settings.log.access.to != rempart_config::AccessTo::Off {
            let second = self.core.second.borrow();
            let dropped = self.core.log.line(|out| record::write(out, &self.record, &facts, &second));
            self.core.metrics.log_dropped.add(dropped);
        }
    }
}
