//! A fetch without a visitor: what is stale is validated while it is given, and what a visitor has begun goes on
//! when it leaves.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};

use rempart_cache::CachePlan;
use rempart_cache::decide::{self, Wants};
use rempart_cache::fill::Joined;
use rempart_config::ZonePlan;
use rempart_features::rulesets::Skips;
use rempart_flow::{BadResponse, BodyLength, Fault, Method, RequestHead, Side};
use rempart_origin::plan::OriginPlan;
use rempart_origin::{Connection, Needs};
use rempart_wire::Peer;
use tokio::task::spawn_local;

use super::forwarded::Fetched;
use super::missing::{Instead, Missing};
use super::pump;
use super::settle::{Lead, Settled, settle};
use crate::core::{Core, Pinned};
use crate::forward::{self, Client, Forward};
use crate::incidents::{Kind, Place};
use crate::panics;
use crate::rules::fields::SeenUri;
use crate::rules::{self, Added, Asked, Route, Ruling};
use crate::text::{IpText, RayText};
use crate::zone_state::{LeftBehind, ZoneState};

/// All that a fetch needs of the exchange that has begun it.
pub struct Errand {
    /// Where it runs.
    pub core: Rc<Core>,
    /// Whose it is.
    pub zone: Arc<ZonePlan>,
    /// How it is cached.
    pub cache: Arc<CachePlan>,
    /// What rules add that only the edge may say.
    pub added: Option<Box<Added>>,
    /// The request as it came, if rules have rewritten it.
    pub own: Option<Box<RequestHead>>,
    /// What rules have seen of its URL, if not what the request has.
    pub uri: Option<SeenUri>,
    /// What rules have left out.
    pub skips: Skips<'static>,
    /// Where rules have it go instead of to the zone's origins.
    pub route: Option<Route>,
    /// The zone's state on this core.
    pub state: Rc<ZoneState>,
    /// The release that it is pinned to.
    pub release: Rc<Pinned>,
    /// The request.
    pub head: RequestHead,
    /// Who asked.
    pub peer: Peer,
    /// Its address.
    pub client: Client,
    /// The same as text.
    pub client_text: IpText,
    /// The exchange's id.
    pub ray: RayText,
    /// What it is to bring.
    pub duty: Duty,
}

impl Errand {
    /// Asks the origin, in a task of its own.
    pub fn send(self) {
        self.run(None);
    }

    /// Waits for the answer to what was asked already, in a task of its own.
    pub fn go_on(self, connection: Connection, left_behind: LeftBehind) {
        self.run(Some((connection, left_behind)));
    }

    fn run(self, asked: Option<(Connection, LeftBehind)>) {
        let (core, release, zone) = (Rc::clone(&self.core), self.release.number, Arc::clone(&self.zone.name));
        spawn_local(async move {
            let _guest = core.drain.enter();
            if let Err(panic) = panics::caught(pin!(self.fetch(asked))).await {
                let place = Place { release, zone, stage: "refresh", rule: "".into() };
                core.metrics.incidents.note(Kind::Panic, place, panic.text, core.now());
            }
        });
    }

    async fn fetch(self, asked: Option<(Connection, LeftBehind)>) {
        let answered = match asked {
            Some((mut connection, _left_behind)) => {
                let interim_max = connection.plan().settings.interim_max;
                let answered = answer(&mut connection, interim_max).await;
                answered.and_then(|()| self.amend(&mut connection)).map(|says| Answer(connection, says))
            }
            None => self.asked().await,
        };
        let Self { core, mut cache, head, client, duty, .. } = self;
        let connection = match answered {
            Ok(Answer(connection, says_how_cached)) => {
                if says_how_cached {
                    cache = Arc::new(cache.following_answer());
                }
                connection
            }
            Err(fault) => return duty.failed(fault),
        };
        let asker = Asker { core: &core, cache: &cache, head: &head, client };
        match duty {
            Duty::All(lead) => asker.all(*lead, connection),
            Duty::Missing(missing) => asker.missing(missing, connection),
        }
    }

    /// Asks, and waits for the head of the answer.
    ///
    /// # Errors
    /// The origin's.
    pub async fn asked(&self) -> Result<Answer, Fault> {
        let origins = self.route.as_deref().unwrap_or(&self.zone.origins);
        let count = origins.len();
        let next = || origins.get(self.state.next_turn(count)).ok_or(Fault::UnknownHost);
        match self.ask(next()?).await {
            // Not one byte was answered, and another may be reachable.
            Err((fault, IsAsked::No)) if count > 1 && fault.side() == Side::Origin => {
                self.ask(next()?).await.map_err(|(fault, _)| fault)
            }
            asked => asked.map_err(|(fault, _)| fault),
        }
    }

    async fn ask(&self, origin: &Arc<OriginPlan>) -> Result<Answer, (Fault, IsAsked)> {
        let at_once = self.core.origins.idle(origin, Needs::Exchange, self.core.now().mono);
        let mut connection = match at_once {
            Some(connection) => connection,
            None => self.open(origin).await?,
        };
        match self.exchange(&mut connection).await {
            Ok(says_how_cached) => return Ok(Answer(connection, says_how_cached)),
            // It may have been closed as the request was on its way. What is fetched for the cache is harmless.
            Err(fault) if connection.may_be_repeated(fault, Method::Get) => drop(connection),
            Err(fault) => return Err((fault, IsAsked::Yes)),
        }
        let mut connection = self.open(origin).await?;
        let exchanged = self.exchange(&mut connection).await;
        exchanged.map(|says| Answer(connection, says)).map_err(|fault| (fault, IsAsked::Yes))
    }

    async fn open(&self, origin: &Arc<OriginPlan>) -> Result<Connection, (Fault, IsAsked)> {
        self.core.origins.open(origin, Needs::Exchange).await.map_err(|fault| (fault, IsAsked::No))
    }

    async fn exchange(&self, connection: &mut Connection) -> Result<bool, Fault> {
        let plan = Arc::clone(connection.plan());
        let forward = Forward {
            head: &self.head,
            client: self.client,
            client_text: &self.client_text,
            peer: &self.peer,
            ray: &self.ray,
            loop_token: &self.core.loop_token,
            zone_name: &self.zone.name,
            device_type: forward::device_type(&self.head, &self.cache),
            expects_continue: self.head.expects_continue,
            added: self.added.as_deref(),
            fetched: Some(self.duty.fetched()),
            key: None,
            origin: &plan,
        };
        connection.begin(&forward, BodyLength::None);
        answer(connection, plan.settings.interim_max).await?;
        self.amend(connection)
    }

    /// Has rules see what the origin has answered, before it is stored. Answers as they do.
    fn amend(&self, connection: &mut Connection) -> Result<bool, Fault> {
        if !rules::amends(&self.release, &self.zone) {
            return Ok(false);
        }
        let asked = Asked {
            core: &self.core,
            snapshot: &self.release,
            release: &self.release.counters,
            zone: &self.zone,
            own: self.own.as_deref().unwrap_or(&self.head),
            head: &self.head,
            peer: &self.peer,
            client: self.client,
            ray: &self.ray,
            started: self.core.now(),
            held: None,
            timings_ms: (0, 0),
        };
        let mut ruling = Ruling::default();
        (ruling.uri, ruling.skips) = (self.uri.clone(), self.skips.clone());
        rules::amend(&self.state, asked, &mut ruling, connection)
    }
}

/// An answer whose head is there, and whether rules have said what it says about caching.
pub struct Answer(pub Connection, pub bool);

/// Whether an origin that failed has had the request.
enum IsAsked {
    No,
    Yes,
}

/// What an errand is to bring.
pub enum Duty {
    /// A response.
    All(Box<Lead>),
    /// Slices of one that is stored.
    Missing(Missing),
}

impl Duty {
    /// What is asked of the origin instead of what the visitor asked.
    fn fetched(&self) -> Fetched<'_> {
        match self {
            Self::All(lead) => lead.fetched(),
            Self::Missing(missing) => Fetched {
                validates: None,
                span: Some(missing.span()),
                is_same_as: Some(&missing.object.response.head),
            },
        }
    }

    fn failed(self, fault: Fault) {
        match self {
            Self::All(lead) => lead.leader.failed(fault),
            Self::Missing(missing) => {
                if let Some(leader) = missing.leader {
                    leader.failed(fault);
                }
            }
        }
    }
}

/// For whom an answer has come.
struct Asker<'a> {
    core: &'a Rc<Core>,
    cache: &'a CachePlan,
    head: &'a RequestHead,
    client: Client,
}

impl Asker<'_> {
    fn all(&self, lead: Lead, connection: Connection) {
        let Self { core, cache, head, client } = *self;
        let now = core.now();
        let scheme = forward::scheme(head, &client);
        let mut keys = core.keys.borrow_mut();
        let settled = settle(&core.cache, cache, &mut keys, head, scheme, lead, connection, now.unix_s());
        drop(keys);
        match settled {
            Settled::Object(connection, ..) => core.origins.give_back(connection, now.mono),
            // Nobody reads for this errand.
            Settled::Shared { pump, reader, .. } => {
                pump::start(core, *pump);
                drop(reader);
            }
            Settled::Alone(..) | Settled::Again(_) => {}
        }
    }

    fn missing(&self, mut missing: Missing, connection: Connection) {
        let Self { core, cache, .. } = *self;
        let tier = &*core.cache;
        match missing.check(connection.head(), cache, core.now().unix_s()) {
            Ok(part) => {
                if let Ok((pump, reader)) = missing.share(connection, part) {
                    pump::start(core, pump);
                    drop(reader);
                }
            }
            Err(instead) => {
                let fault = match instead {
                    Instead::Another => {
                        missing.forget(tier);
                        Fault::OriginBodyTruncated
                    }
                    Instead::Nothing(fault) => fault,
                };
                if let Some(leader) = missing.leader.take() {
                    leader.failed(fault);
                }
                if instead == Instead::Another {
                    self.replace(missing, connection);
                }
            }
        }
    }

    /// Stores a whole answer in the place of what it has shown to be outdated.
    fn replace(&self, missing: Missing, connection: Connection) {
        let Self { core, cache, head, client } = *self;
        let Wants::Lookup(lookup) = decide::wants(head, cache) else { return };
        if connection.head().status != 200 {
            return;
        }
        let scheme = forward::scheme(head, &client);
        let primary = core.keys.borrow_mut().primary(head, scheme, cache).to_key();
        let Joined::Leader(leader) = core.cache.fills.join(missing.object.response.key.as_ref()) else {
            return;
        };
        let asked_unix_s = core.now().unix_s();
        let (stale, span) = (None, None);
        let variant = Some(missing.object.response.key.clone());
        let Missing { begun, .. } = missing;
        self.all(Lead { leader, lookup, begun, primary, variant, stale, asked_unix_s, span }, connection);
    }
}

/// Waits for the final head.
async fn answer(connection: &mut Connection, interim_max: usize) -> Result<(), Fault> {
    let mut interims = 0;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(Err(fault)) = connection.poll_flush(cx) {
                return Poll::Ready(Err(fault));
            }
            ready!(connection.poll_head(cx, Method::Get))?;
            if !connection.head().is_interim() {
                return Poll::Ready(Ok(()));
            }
            interims += 1;
            if interims > interim_max {
                return Poll::Ready(Err(Fault::BadResponse(BadResponse::InterimFlood)));
            }
        }
    })
    .await
}
