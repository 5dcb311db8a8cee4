//! One exchange: a request, what is decided about it, and its answer.
//!
//! The states are listed in [`State`], in the order in which an exchange passes them; each is one function
//! that returns the next.

mod begin;
mod end;
mod fetch;
mod give;
mod hold;
mod join;
mod learn;
mod lookup;
mod refill;
mod reply;
mod screen;
mod screening;

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use rempart_cache::decide::Lookup;
use rempart_cache::purge::Begun;
use rempart_cache::{CacheStatus, Object};
use rempart_config::ZonePlan;
use rempart_flow::{Fault, Fields};
use rempart_origin::Connection;
use rempart_wire::Visitor;

use crate::budgets::UnderWay;
use crate::cache::{Lead, Source};
use crate::core::{Core, Pinned};
use crate::forward::Client;
use crate::panics;
use crate::record::Record;
use crate::relay::Upload;
use crate::rules::{Guided, Reply, Ruling};
use crate::text::{IpText, RayText};
use crate::websocket::Key;
use crate::zone_state::ZoneState;

use self::give::Giving;
use self::lookup::Miss;
pub use self::screening::Screening;

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
    /// The edge answers by itself.
    Reply(Box<Reply>),
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
    visitor: Guided<'a, V>,
    ray: RayText,
    client: Client,
    client_text: IpText,
    zone: Option<&'a Arc<ZonePlan>>,
    /// What rules have decided; `None` where none has run.
    ruling: Option<Box<Ruling<'a>>>,
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
    /// With which a WebSocket is asked for whose visitor has no key.
    key: Option<Key>,
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
            ruling: None,
            state: core.zone(None),
            under_way: None,
            upload: Upload::default(),
            role: Role::Alone,
            seen: None,
            own: Fields::default(),
            begun: None,
            key: None,
            rounds: 0,
            has_retried: false,
            is_answering: false,
            record: Record::new(ray, core.now()),
            core,
            snapshot,
            visitor: Guided::new(visitor),
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
                #[cfg(feature = "fault")]
                State::Lookup if self.is_to_be_held() => self.hold_for_test().await,
                State::Lookup => self.lookup().await,
                State::Give(giving) => self.give(giving).await,
                State::GiveSliced(source, status) => self.give_sliced(*source, status).await,
                State::Join(miss) => self.join(*miss).await,
                State::Reply(reply) => self.reply(*reply).await,
                State::Pass => self.pass().await,
                State::Fetch(connection) => self.fetch(connection).await,
                State::Settle(connection) => self.settle(connection).await,
                State::Deliver(connection) => self.deliver(connection).await,
                State::Fail(fault) => self.fail(fault).await,
                State::Record => return,
            };
        }
    }

    /// Fails, if it was ordered to do so here.
    #[cfg(feature = "fault")]
    fn meet(&self, place: &str) {
        self.core.faults.meet(place, self.zone.map_or("", |zone| &zone.name), |_| {});
    }
}
