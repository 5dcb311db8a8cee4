//! One exchange: a request, what is decided about it, and its answer.
//!
//! The states are listed in [`State`], in the order in which an exchange passes them; each is one function
//! that returns the next.

mod begin;
mod give;
mod join;
mod learn;
mod lookup;
mod refill;

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use rempart_cache::decide::Lookup;
use rempart_cache::purge::Begun;
use rempart_cache::{CacheStatus, Object};
use rempart_config::{Snapshot, ZonePlan};
use rempart_flow::{Fault, Fields, Method, RequestHead};
use rempart_origin::plan::OriginPlan;
use rempart_origin::{Connection, Needs};
use rempart_wire::{Peer, Visitor};

use crate::answer;
use crate::budgets::UnderWay;
use crate::cache::{Lead, Says, Source};
use crate::core::{Core, Pinned};
use crate::forward::{self, Client, Forward};
use crate::guard;
use crate::incidents::{Kind, Place};
use crate::metrics::speaks_against_its_release;
use crate::page::Slot;
use crate::panics::{self, Panic};
use crate::record::{self, Record};
use crate::relay::{self, Upload};
use crate::text::{IpText, RayText};
use crate::zone_state::ZoneState;

use self::give::Giving;
use self::lookup::Miss;

/// Where an exchange stands.
enum State {
    /// The head was read: the stages of the pipeline decide.
    Screen,
    /// A stage failed whose policy is to answer with what is stored, if that may be given stale.
    Stale(Fault),
    /// The store is asked.
    Lookup,
    /// An object answers, stored or still coming: send its body.
    Give(Giving),
    /// The same, of an object in slices of which the first that is wanted may be missing.
    GiveSliced(Box<Source>, CacheStatus),
    /// Nothing that is stored answers: fetch it for all who wait, or wait for who does.
    Join(Box<Miss>),
    /// The origin is to be asked.
    Pass,
    /// A connection is there: send the request, wait for the head of the answer.
    Fetch(Connection),
    /// The head of the answer to a fetch for all is there: decide what becomes of it.
    Settle(Connection),
    /// The head of the answer is there: pass it and its body on.
    Deliver(Connection),
    /// The exchange has failed.
    Fail(Fault),
    /// The answer is complete, or as complete as it gets.
    Record,
}

/// What the stages of the pipeline see and write.
pub struct Screening<'exchange, 'snapshot> {
    /// The request.
    pub head: &'exchange RequestHead,
    /// Who sent it, over what connection.
    pub peer: &'exchange Peer,
    /// The configuration that this exchange is pinned to.
    pub snapshot: &'snapshot Snapshot,
    /// This installation's token in `CDN-Loop`.
    pub loop_token: &'exchange [u8],
    /// The zone, once it is known.
    pub zone: Option<&'snapshot Arc<ZonePlan>>,
    /// Whether the zone has its share of exchanges under way already, while the process is short of something.
    pub is_over_share: bool,
    /// Where the core says what it is about to run.
    pub slot: &'static Slot,
    /// Whether the stage that refused it has failed, and what is stored may answer.
    pub may_be_stale: bool,
    /// The rule that runs, for whoever has to tell what failed.
    pub rule: &'snapshot str,
    /// How long `test-burn` has computed.
    #[cfg(feature = "fault")]
    pub burnt: std::time::Duration,
}

impl<'exchange, 'snapshot> Screening<'exchange, 'snapshot> {
    /// Of a request that no stage has seen.
    #[must_use]
    pub fn new(
        head: &'exchange RequestHead,
        peer: &'exchange Peer,
        snapshot: &'snapshot Snapshot,
        core: &'exchange Core,
    ) -> Self {
        Self {
            head,
            peer,
            snapshot,
            loop_token: &core.loop_token,
            zone: None,
            is_over_share: false,
            may_be_stale: false,
            slot: core.slot,
            rule: "",
            #[cfg(feature = "fault")]
            burnt: std::time::Duration::ZERO,
        }
    }

    /// To be called before a rule runs: should it fail, or never come back, it has a name.
    pub fn rule(&mut self, text: &'snapshot str) {
        self.rule = text;
        self.slot.rule(text);
    }
}

/// Whom an exchange asks an origin for.
#[derive(Default)]
enum Role {
    /// For its own visitor.
    #[default]
    Alone,
    /// For all who wait, and the store.
    Leader(Box<Lead>),
}

/// One exchange, pinned to one snapshot from beginning to end.
pub struct Exchange<'a, V> {
    core: &'a Rc<Core>,
    snapshot: &'a Rc<Pinned>,
    visitor: &'a mut V,
    ray: RayText,
    client: Client,
    client_text: IpText,
    zone: Option<&'a Arc<ZonePlan>>,
    state: Rc<ZoneState>,
    under_way: Option<UnderWay>,
    upload: Upload,
    role: Role,
    /// What is stored of what is asked for by HEAD.
    seen: Option<(Arc<Object>, Lookup)>,
    /// Fields of the origin's answer that are this visitor's alone: they are not stored.
    own: Fields,
    /// Since when purges count against an answer to POST that GET may be given.
    begun: Option<Begun>,
    /// How often it has looked at what is stored.
    rounds: u8,
    has_retried: bool,
    is_answering: bool,
    record: Record,
}

impl<'a, V: Visitor> Exchange<'a, V> {
    /// An exchange that begins now.
    pub fn new(core: &'a Rc<Core>, snapshot: &'a Rc<Pinned>, visitor: &'a mut V) -> Self {
        let ray = core.ray();
        snapshot.counters.begin();
        let client = Client::of(visitor.head(), visitor.peer(), snapshot);
        Self {
            ray: RayText::new(ray, snapshot.settings.colo),
            client,
            client_text: IpText::new(client.ip),
            zone: None,
            state: core.zone(None),
            under_way: None,
            upload: Upload::default(),
            role: Role::Alone,
            seen: None,
            own: Fields::default(),
            begun: None,
            rounds: 0,
            has_retried: false,
            is_answering: false,
            record: Record::new(ray, core.now()),
            core,
            snapshot,
            visitor,
        }
    }

    /// Runs a request to its end. By reference: an exchange is large, and each move copies it.
    pub async fn run(&mut self) {
        let ran = panics::caught(pin!(self.walk(State::Screen))).await;
        self.end(ran, true).await;
    }

    /// Answers a request that the protocol refused. Without a readable head the log shows only who and why.
    pub async fn refuse(&mut self, fault: Fault, is_readable: bool) {
        if is_readable {
            let host = self.visitor.head().bytes(self.visitor.head().host);
            self.zone = self.snapshot.zone_for_host(host);
            self.state = self.core.zone(self.zone.map(|zone| &zone.name));
        }
        let ran = panics::caught(pin!(self.walk(State::Fail(fault)))).await;
        self.end(ran, is_readable).await;
    }

    /// Walks from state to state, to the last but one.
    async fn walk(&mut self, mut state: State) {
        loop {
            state = match state {
                State::Screen => self.screen().await,
                State::Stale(fault) => self.stale(fault),
                State::Lookup => self.lookup().await,
                State::Give(giving) => self.give(giving).await,
                State::GiveSliced(source, status) => self.give_sliced(*source, status).await,
                State::Join(miss) => self.join(*miss).await,
                State::Pass => self.pass().await,
                State::Fetch(connection) => self.fetch(connection).await,
                State::Settle(connection) => self.settle(connection),
                State::Deliver(connection) => self.deliver(connection).await,
                State::Fail(fault) => self.fail(fault).await,
                State::Record => return,
            };
        }
    }

    /// The last state, however the others ended. A panic between stages has cost this exchange its answer,
    /// and the connection: how far its protocol had come is not certain any more.
    async fn end(&mut self, ran: Result<(), Panic>, is_readable: bool) {
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

    /// Fails, if it was ordered to do so here.
    #[cfg(feature = "fault")]
    fn meet(&self, place: &str) {
        self.core.faults.meet(place, self.zone.map_or("", |zone| &zone.name), |_| {});
    }

    async fn screen(&mut self) -> State {
        let mut screening =
            Screening::new(self.visitor.head(), self.visitor.peer(), self.snapshot, self.core);
        let (state, verdict) = guard::screen(self.core, self.snapshot, &mut screening).await;
        let may_be_stale = screening.may_be_stale;
        self.zone = screening.zone;
        self.state = state;
        match verdict {
            Ok(()) => {
                self.under_way = Some(UnderWay::enter(&self.state));
                State::Lookup
            }
            Err(fault) if may_be_stale => State::Stale(fault),
            Err(fault) => State::Fail(fault),
        }
    }

    /// Gets a connection to an origin: the next in turn, and if that cannot be reached, one other.
    async fn pass(&mut self) -> State {
        #[cfg(feature = "fault")]
        self.meet("pass");
        let Some(origin) = self.next_origin() else { return State::Fail(Fault::UnknownHost) };
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
        if self.visitor.head().connection.upgrade { Needs::Upgrade } else { Needs::Exchange }
    }

    fn next_origin(&self) -> Option<&'a Arc<OriginPlan>> {
        let zone = self.zone?;
        zone.origins.get(self.state.next_turn(zone.origins.len()))
    }

    /// Not one byte of the request was written; another origin may be reachable.
    fn may_retry_connect(&self, fault: Fault) -> bool {
        let others = self.zone.is_some_and(|zone| zone.origins.len() > 1);
        others && !self.has_retried && fault.side() == rempart_flow::Side::Origin
    }

    fn retry(&mut self) -> State {
        self.has_retried = true;
        self.upload.rewind();
        self.core.metrics.retries.add(1);
        State::Pass
    }

    async fn fetch(&mut self, mut connection: Connection) -> State {
        let head = self.visitor.head();
        let origin = Arc::clone(connection.plan());
        let forward = Forward {
            head,
            client: self.client,
            client_text: &self.client_text,
            peer: self.visitor.peer(),
            ray: &self.ray,
            loop_token: &self.core.loop_token,
            zone_name: self.zone.map_or("", |zone| &zone.name),
            fetched: self.fetched(),
            device_type: self.zone.and_then(|zone| forward::device_type(head, &zone.cache)),
            origin: &origin,
        };
        connection.begin(&forward, head.body);
        let (method, expects) = (head.method, head.expects_continue);
        // Only what may be sent twice is kept for it.
        let may_be_repeated = method.is_idempotent() || connection.may_refuse();
        let replay_max = if may_be_repeated { self.snapshot.settings.limits.replay_bytes_max } else { 0 };
        self.upload.begin(replay_max, head.body);
        let wait = origin.settings.expect_continue_timeout;
        if method == Method::Post {
            self.begun = Some(self.core.cache.purges.begin());
        }
        let fetched = relay::fetch(
            self.visitor,
            &mut connection,
            &mut self.upload,
            relay::Asked {
                method,
                continue_after: expects.then_some(wait),
                interim_max: origin.settings.interim_max,
            },
        )
        .await;
        self.record.origin(&connection, self.core.now());
        match fetched {
            Ok(()) => match self.role {
                Role::Leader(_) => State::Settle(connection),
                Role::Alone => State::Deliver(connection),
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

    async fn deliver(&mut self, connection: Connection) -> State {
        let mut connection = match self.keep_answer_to_post(connection) {
            Ok(state) => return state,
            Err(connection) => connection,
        };
        let kind = {
            let second = self.core.second.borrow();
            let says = Says::only(self.record.cache.status);
            answer::begin(self.visitor, &mut connection, &self.ray, &second.fixdate, &says)
        };
        let kind = match kind {
            Ok(kind) => kind,
            Err(fault) => return State::Fail(fault),
        };
        self.learn(connection.head());
        self.is_answering = true;
        self.record.status = connection.head().status;
        self.record.content_type(&connection.head().fields);
        #[cfg(feature = "fault")]
        self.meet("deliver");
        let delivered = match kind {
            answer::Kind::Body => relay::deliver(self.visitor, &mut connection, &mut self.upload).await,
            answer::Kind::Tunnel => {
                let idle = self.snapshot.settings.limits.tunnel_idle_timeout;
                relay::tunnel(self.visitor, &mut connection, idle).await
            }
        };
        self.record.origin_bytes = connection.received();
        match delivered {
            Ok(()) => {
                self.core.origins.give_back(connection, self.record.answered_at());
                State::Record
            }
            Err(fault) => State::Fail(fault),
        }
    }

    async fn fail(&mut self, fault: Fault) -> State {
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
