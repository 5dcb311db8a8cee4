//! Waiting for a connection that others wait for too: who comes while one is being opened waits for what it turns out
//! to be, and then shares it or opens another.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use rempart_base::Now;
use rempart_flow::Fault;
use tokio::time::timeout_at;

use super::{At, Needs, OVERLOADED, Origins};
use crate::connect::{self, Spoken};
use crate::connection::Connection;
use crate::counts::SingleWriter;
use crate::http1::Http1;
use crate::http2::{Session, Speaks, Turn};
use crate::lease::Lease;
use crate::plan::{Offer, OriginPlan};

impl Origins {
    /// A stream of an HTTP/2 connection, old or new; or an HTTP/1 connection, if that is what the origin speaks.
    pub(super) async fn open_shared(&self, plan: &Arc<OriginPlan>, at: &At) -> Result<Connection, Fault> {
        let terms = &plan.settings;
        // As many as would wait for HTTP/1 connections or open them.
        let waiting_max = terms.pending_max.saturating_add(terms.connections_max);
        let _waiting = at.sessions.enter(waiting_max).ok_or(OVERLOADED)?;
        let since = at.sessions.failures();
        let until = Now::mono() + terms.connect_timeout + terms.tls_timeout;
        let mut has_tried = false;
        loop {
            match at.sessions.turn(plan, &at.counts, &at.shared, since, has_tried) {
                Turn::Go(exchange) => {
                    self.counters.reused.add(1);
                    at.counts.count_asked();
                    return Ok(Connection::http2(exchange));
                }
                Turn::Http1 => return self.open_alone(plan, at, Needs::Exchange).await,
                Turn::Failed(fault) => return Err(fault),
                Turn::Open => {
                    if let Ok(lease) = at.shared.lease(terms.connections_max) {
                        match self.open_for_all(plan, at, lease).await {
                            // Others are open, and a stream of them may come free.
                            Err(_) if !at.sessions.is_empty() => has_tried = true,
                            opened => return opened,
                        }
                        continue;
                    }
                    let waited = timeout_at(until.into(), self.changed_or_leased(plan, at)).await;
                    if let Some(lease) = waited.unwrap_or(Err(OVERLOADED))? {
                        return self.open_for_all(plan, at, lease).await;
                    }
                }
                Turn::Wait => {
                    timeout_at(until.into(), at.sessions.changed()).await.map_err(|_| OVERLOADED)?
                }
            }
        }
    }

    /// Waits until a connection may be opened, or there may be a stream. A lease if one was got by waiting.
    async fn changed_or_leased(&self, plan: &OriginPlan, at: &At) -> Result<Option<Lease>, Fault> {
        let terms = &plan.settings;
        let _waiting = at.sessions.wait_for_lease();
        let mut leased = pin!(at.shared.wait(terms.pending_max, terms.connections_max));
        let mut changed = pin!(at.sessions.changed());
        poll_fn(|cx| {
            if let Poll::Ready(lease) = leased.as_mut().poll(cx) {
                return Poll::Ready(lease.map_err(|_| OVERLOADED));
            }
            changed.as_mut().poll(cx).map(|()| Ok(None))
        })
        .await
    }

    /// Opens a connection that others wait for.
    async fn open_for_all(&self, plan: &Arc<OriginPlan>, at: &At, lease: Lease) -> Result<Connection, Fault> {
        let _opening = at.sessions.open();
        let opened = self.dial(plan, at, lease, at.sessions.offer(plan.offer)).await;
        if let Err(fault) = &opened {
            at.sessions.failed(*fault);
        }
        opened
    }

    /// Opens a connection.
    pub(super) async fn dial(
        &self,
        plan: &Arc<OriginPlan>,
        at: &At,
        lease: Lease,
        offer: Offer,
    ) -> Result<Connection, Fault> {
        at.counts.count_asked();
        let (stream, facts, spoken) = match connect::open(plan, offer, &self.dialer).await {
            Ok(opened) => opened,
            Err(fault) => {
                self.counters.failed.add(1);
                at.counts.count_failed();
                return Err(fault);
            }
        };
        self.counters.opened.add(1);
        match spoken {
            Spoken::Http1 => {
                if offer != Offer::Http1 {
                    at.sessions.speaks(Speaks::Http1);
                }
                let (plan, counts, now) = (Arc::clone(plan), Arc::clone(&at.counts), Now::mono());
                Ok(Connection::http1(Box::new(Http1::new(stream, plan, lease, counts, facts, now))))
            }
            Spoken::Http2 => {
                self.counters.opened_http2.add(1);
                let session = Session::start(stream, facts, plan, lease, &at.sessions);
                at.sessions.speaks(Speaks::Http2);
                let exchange = session.exchange(plan, &at.counts).ok_or(Fault::OriginRefused)?;
                Ok(Connection::http2(exchange))
            }
        }
    }
}
