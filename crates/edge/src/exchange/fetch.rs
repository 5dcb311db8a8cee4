//! Getting a connection to an origin, asking it, and passing its answer on.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use rempart_flow::{Fault, Method};
use rempart_origin::plan::OriginPlan;
use rempart_origin::{Connection, Needs};
use rempart_wire::Visitor;

use super::{Exchange, Role, State};
use crate::answer;
use crate::cache::Says;
use crate::forward::{self, Forward};
use crate::relay;
use crate::rules::{self, Failure, Ruled};
use crate::websocket::{self, Key};

impl<'a, V: Visitor> Exchange<'a, V> {
    /// Gets a connection to an origin: the next in turn, and if that cannot be reached, one other.
    pub(super) async fn pass(&mut self) -> State {
        #[cfg(feature = "fault")]
        self.meet("pass");
        let Some(origin) = self.next_origin() else { return State::Fail(Fault::UnknownHost) };
        let origin = &*origin;
        if let Some(connection) = self.core.origins.idle(origin, self.needs(), self.record.started.mono) {
            return State::Fetch(connection);
        }
        match self.open(origin).await {
            Ok(connection) => State::Fetch(connection),
            Err(fault) if self.may_retry_connect(fault) => self.retry(),
            Err(fault) => {
                self.record.origin_label = Some(Arc::clone(origin));
                self.rescue(fault)
            }
        }
    }

    /// Opens a connection. That may take long: answers to earlier requests do not wait for it, and who waits for
    /// this fetch does not wait until its visitor takes them.
    async fn open(&mut self, origin: &Arc<OriginPlan>) -> Result<Connection, Fault> {
        let is_alone = matches!(self.role, Role::Alone);
        let mut opening = pin!(self.core.origins.open(origin, self.needs()));
        poll_fn(|cx| {
            if let (Poll::Ready(Err(fault)), true) = (self.visitor.poll_flush(cx), is_alone) {
                return Poll::Ready(Err(fault));
            }
            opening.as_mut().poll(cx)
        })
        .await
    }

    fn needs(&self) -> Needs {
        let head = self.visitor.head();
        match head.connection.upgrade {
            false => Needs::Exchange,
            true if websocket::is_asked(head) => Needs::WebSocket,
            true => Needs::Upgrade,
        }
    }

    /// The next in turn of the zone's, or of where rules have it go.
    fn next_origin(&self) -> Option<Ruled<'a, OriginPlan>> {
        let zone = self.zone?;
        match self.ruling.as_ref().and_then(|ruling| ruling.route.as_ref()) {
            None => zone.origins.get(self.state.next_turn(zone.origins.len())).map(Ruled::Zone),
            Some(route) => {
                let next = route.get(self.state.next_turn(route.len()));
                next.map(|origin| Ruled::Rule(Arc::clone(origin)))
            }
        }
    }

    /// Not one byte of the request was written; another origin may be reachable.
    fn may_retry_connect(&self, fault: Fault) -> bool {
        let routed = self.ruling.as_ref().and_then(|ruling| ruling.route.as_ref()).map(|route| route.len());
        let others = self.zone.is_some_and(|zone| routed.unwrap_or(zone.origins.len()) > 1);
        others && !self.has_retried && fault.side() == rempart_flow::Side::Origin
    }

    fn retry(&mut self) -> State {
        self.has_retried = true;
        self.upload.rewind();
        self.core.metrics.retries.add(1);
        State::Pass
    }

    pub(super) async fn fetch(&mut self, mut connection: Connection) -> State {
        let head = self.visitor.head();
        let expects_continue = head.expects_continue && !self.upload.has_continued();
        let origin = Arc::clone(connection.plan());
        if head.protocol.is_some() {
            self.key.get_or_insert_with(Key::random);
        }
        let forward = Forward {
            head,
            client: self.client,
            client_text: &self.client_text,
            peer: self.visitor.peer(),
            ray: &self.ray,
            loop_token: &self.core.loop_token,
            zone_name: self.zone.map_or("", |zone| &zone.name),
            fetched: self.fetched(),
            device_type: self.cache_plan().and_then(|plan| forward::device_type(head, &plan)),
            expects_continue,
            added: self.ruling.as_ref().and_then(|ruling| ruling.added.as_deref()),
            key: self.key.as_ref(),
            origin: &origin,
        };
        connection.begin(&forward, head.body);
        let method = head.method;
        // Only what may be sent twice is kept for it.
        let may_be_repeated = method.is_idempotent() || connection.may_refuse();
        let replay_max = if may_be_repeated { self.snapshot.settings.limits.replay_bytes_max } else { 0 };
        self.upload.begin(replay_max, head.body);
        let wait = origin.settings.expect_continue_timeout;
        if method == Method::Post {
            self.begun = Some(self.core.cache.purges.begin());
        }
        relay::abreast(&self.visitor).await;
        let fetched = relay::fetch(
            &mut self.visitor,
            &mut connection,
            &mut self.upload,
            relay::Asked {
                method,
                continue_after: expects_continue.then_some(wait),
                interim_max: origin.settings.interim_max,
            },
        )
        .await;
        self.record.origin(&connection, self.core.now());
        relay::abreast(&self.visitor).await;
        match fetched {
            Ok(()) => match (self.amend(&mut connection), &self.role) {
                (Ok(()), Role::Leader(_)) => State::Settle(connection),
                (Ok(()), Role::Alone) => State::Deliver(connection),
                (Err(fault), _) => self.rescue(fault),
            },
            Err(fault @ (Fault::ClientGone | Fault::ReadTooSlow)) => {
                self.leave_behind(connection);
                State::Fail(fault)
            }
            Err(fault) if self.may_retry_exchange(&connection, fault, method) => {
                drop(connection);
                self.has_retried = true;
                self.upload.rewind();
                self.core.metrics.retries.add(1);
                self.reconnect(&origin).await
            }
            Err(fault) => self.rescue(fault),
        }
    }

    /// Has rules see what the origin has answered, before anybody goes by it.
    fn amend(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        let Some(zone) = self.zone else { return Ok(()) };
        if !rules::amends(self.snapshot, zone) {
            return Ok(());
        }
        let mut ruling = self.ruling.take().unwrap_or_default();
        let amended = rules::amend(&self.state, self.asked(zone), &mut ruling, connection);
        if let Ok(says_how_cached) = amended {
            ruling.follow_answer(says_how_cached, self.core, self.snapshot.number, zone);
        }
        self.ruling = Some(ruling);
        amended.map(|_| ())
    }

    /// A reused connection may have been closed by the origin as the request was on its way. Repeating is
    /// safe only if that does no harm, whatever the origin has seen of it; or if it says that it has done nothing.
    fn may_retry_exchange(&self, connection: &Connection, fault: Fault, method: Method) -> bool {
        !self.has_retried && self.upload.is_replayable() && connection.may_be_repeated(fault, method)
    }

    /// A connection that is certainly new, to the same origin.
    async fn reconnect(&mut self, origin: &Arc<OriginPlan>) -> State {
        match self.core.origins.open(origin, self.needs()).await {
            Ok(connection) => State::Fetch(connection),
            Err(fault) => self.rescue(fault),
        }
    }

    pub(super) async fn deliver(&mut self, connection: Connection) -> State {
        let mut connection = match self.keep_answer_to_post(connection) {
            Ok(state) => return state,
            Err(connection) => connection,
        };
        let kind = {
            let second = self.core.second.borrow();
            let says = Says::only(self.record.cache.status);
            answer::begin(
                &mut self.visitor,
                &mut connection,
                &self.ray,
                &second.fixdate,
                &says,
                self.key.as_ref(),
            )
        };
        let kind = match kind {
            Ok(kind) => kind,
            Err(fault) => return State::Fail(fault),
        };
        self.learn(connection.head());
        self.record.status = match kind {
            answer::Kind::Body => connection.head().status,
            answer::Kind::Tunnel => answer::tunnel_status(self.visitor.head()),
        };
        self.record.content_type(&connection.head().fields);
        match self.edit(Failure::default()) {
            Ok(None) => {}
            Ok(Some(instead)) => {
                // What is left of the origin's answer is of no use to anybody.
                drop(connection);
                self.is_answering = true;
                return self.send_body(&instead).await;
            }
            Err(fault) => return State::Fail(fault),
        }
        self.is_answering = true;
        #[cfg(feature = "fault")]
        self.meet("deliver");
        let delivered = match kind {
            answer::Kind::Body => relay::deliver(&mut self.visitor, &mut connection, &mut self.upload).await,
            answer::Kind::Tunnel => {
                let idle = self.snapshot.settings.limits.tunnel_idle_timeout;
                relay::tunnel(&mut self.visitor, &mut connection, idle).await
            }
        };
        self.record.origin_bytes = connection.received();
        match delivered {
            Ok(()) => {
                self.core.origins.give_back(connection, self.record.answered_at());
                relay::abreast(&self.visitor).await;
                State::Record
            }
            Err(fault) => State::Fail(fault),
        }
    }
}
