//! A fetch without a visitor: what is stale is validated while it is given, and what a visitor has begun goes on
//! when it leaves.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};

use rempart_config::ZonePlan;
use rempart_flow::{BadResponse, BodyLength, Fault, Method, RequestHead};
use rempart_origin::Connection;
use rempart_wire::Peer;
use tokio::task::spawn_local;

use super::forwarded::Fetched;
use super::pump;
use super::settle::{Lead, Settled, settle};
use crate::core::{Core, Pinned};
use crate::forward::{self, Client, Forward};
use crate::incidents::{Kind, Place};
use crate::panics;
use crate::text::{IpText, RayText};
use crate::zone_state::ZoneState;

/// All that a fetch needs of the exchange that has begun it.
pub struct Errand {
    /// Where it runs.
    pub core: Rc<Core>,
    /// Whose it is.
    pub zone: Arc<ZonePlan>,
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
    /// What it is to do.
    pub lead: Lead,
}

impl Errand {
    /// Asks the origin, in a task of its own.
    pub fn send(self) {
        self.run(None);
    }

    /// Waits for the answer to what was asked already, in a task of its own.
    pub fn go_on(self, connection: Box<Connection>) {
        self.run(Some(connection));
    }

    fn run(self, connection: Option<Box<Connection>>) {
        let (core, release, zone) = (Rc::clone(&self.core), self.release.number, Arc::clone(&self.zone.name));
        spawn_local(async move {
            let _guest = core.drain.enter();
            if let Err(panic) = panics::caught(pin!(self.fetch(connection))).await {
                let place = Place { release, zone, stage: "refresh", rule: "".into() };
                core.metrics.incidents.note(Kind::Panic, place, panic.text, core.now());
            }
        });
    }

    async fn fetch(self, connection: Option<Box<Connection>>) {
        let asked = match connection {
            Some(connection) => Ok(connection),
            None => self.ask().await,
        };
        let answered = match asked {
            Ok(mut connection) => {
                let interim_max = connection.plan().settings.interim_max;
                answer(&mut connection, interim_max).await.map(|()| connection)
            }
            Err(fault) => Err(fault),
        };
        let Self { core, zone, head, client, lead, .. } = self;
        let connection = match answered {
            Ok(connection) => connection,
            Err(fault) => return lead.leader.failed(fault),
        };
        let now = core.now();
        let scheme = forward::scheme(&head, &client);
        let mut keys = core.keys.borrow_mut();
        let settled =
            settle(&core.cache, &zone.cache, &mut keys, &head, scheme, lead, connection, now.unix_s());
        drop(keys);
        match settled {
            Settled::Object(connection, ..) => core.origins.give_back(connection, now.mono),
            // Nobody reads for this errand.
            Settled::Shared { pump, reader, .. } => {
                pump::start(&core, pump);
                drop(reader);
            }
            Settled::Alone(..) => {}
        }
    }

    async fn ask(&self) -> Result<Box<Connection>, Fault> {
        let turn = self.state.next_turn(self.zone.origins.len());
        let origin = self.zone.origins.get(turn).ok_or(Fault::UnknownHost)?;
        let mut connection = match self.core.origins.idle(origin, self.core.now().mono) {
            Some(connection) => connection,
            None => self.core.origins.open(origin).await?,
        };
        let plan = Arc::clone(connection.plan());
        let forward = Forward {
            head: &self.head,
            client: self.client,
            client_text: &self.client_text,
            peer: &self.peer,
            ray: &self.ray,
            loop_token: &self.core.loop_token,
            zone_name: &self.zone.name,
            device_type: forward::device_type(&self.head, &self.zone.cache),
            fetched: Some(Fetched {
                validates: self.lead.stale.as_ref().map(|stale| &stale.object.response.head),
            }),
        };
        forward.encode(connection.begin(), &plan);
        connection.end_head(BodyLength::None);
        Ok(connection)
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
