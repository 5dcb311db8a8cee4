//! What the rules of a phase have said is done, once all of them have been asked.

use std::time::Duration;

use rempart_config::ZonePlan;
use rempart_flow::authority::Authority;
use rempart_flow::{Fault, RequestHead};
use rempart_origin::plan as origin;

use super::acting::{Change, HeaderChange, RouteChange};
use super::fields::SeenUri;
use super::headers::HeaderEdit;
use super::rewrite;
use super::ruling::Ruling;
use crate::core::Core;
use crate::forward;

/// What the changes of a request are made with.
pub(super) struct Applying<'e, 'p> {
    pub(super) core: &'e Core,
    pub(super) release: u64,
    pub(super) zone: &'p ZonePlan,
    /// The request as it came.
    pub(super) own: &'e RequestHead,
}

impl<'p> Applying<'_, 'p> {
    /// Changes the request and what is decided about it.
    ///
    /// # Errors
    /// What a rule has made of it is no request that can go on.
    pub(super) fn to(&self, ruling: &mut Ruling<'p>, changes: Vec<Change<'p>>) -> Result<(), Fault> {
        let mut route: Option<Routing> = None;
        let (mut path, mut query) = (None, None);
        let rules_before = ruling.cache_rules.len();
        for change in changes {
            match change {
                Change::Path(new) => path = Some(new),
                Change::Query(new) => query = Some(new),
                Change::Header(name, change) => {
                    let (name, edit) = (name.as_bytes(), change.as_edit());
                    rewrite::field(ruling.head(self.own), name, edit);
                    if forward::is_for_edge_to_say(name) {
                        ruling.added().edit(name, edit);
                    }
                }
                Change::Route(change) => route.get_or_insert_default().lay(change),
                Change::Config(config) => ruling.config.lay(config),
                Change::Cache(rule) => ruling.cache_rules.push(rule),
                Change::Compression(algorithms) => ruling.compression = Some(algorithms),
                // They are about an answer.
                Change::Tags(..) | Change::CacheControl(_) | Change::Log(_) => {}
            }
        }
        if path.is_some() || query.is_some() {
            self.uri(ruling, path.as_deref(), query.as_deref())?;
        }
        if ruling.cache_rules.len() > rules_before {
            let mut plans = self.core.plans.borrow_mut();
            ruling.cache = Some(plans.cache(self.release, self.zone, &ruling.cache_rules));
        }
        let mut way = route.map_or_else(|| ruling.way.clone(), Routing::whole);
        let patience = ruling.cache_rules.iter().rev().find_map(|rule| rule.read_timeout_s);
        way.response_timeout = patience.map(|seconds| Duration::from_secs(seconds.into()));
        if way != ruling.way {
            ruling.route = self.core.plans.borrow_mut().route(self.release, self.zone, way.clone());
            ruling.way = way;
        }
        Ok(())
    }

    /// Rewrites the URL, for the origin and for later rules.
    fn uri(&self, ruling: &mut Ruling<'p>, path: Option<&[u8]>, query: Option<&[u8]>) -> Result<(), Fault> {
        let head = ruling.head(self.own);
        rewrite::uri(head, path, query)?;
        let made = |span| Box::from(head.bytes(span));
        let (new_path, new_query) = (made(head.path), head.query.map(made));
        if let Some(SeenUri { path: seen_path, query: seen_query }) = &mut ruling.uri {
            if path.is_some() {
                *seen_path = new_path;
            }
            if query.is_some() {
                *seen_query = new_query;
            }
        }
        Ok(())
    }
}

/// What rules have said of the way to the origin: of several, the last one counts that says something of a part.
#[derive(Default)]
struct Routing {
    to: origin::Route,
    /// The host that TLS asks for if nobody says otherwise: of a `Host` that a rule itself names. What a visitor has
    /// written must not choose among connections, of which each name has its own.
    name: Option<Box<str>>,
}

impl Routing {
    fn lay(&mut self, change: RouteChange<'_>) {
        let RouteChange { host_header, is_fixed, rule } = change;
        let named = host_header.as_deref().and_then(Authority::parse);
        if let Some(authority) = named {
            let host = String::from_utf8_lossy(authority.host);
            self.name = is_fixed.then(|| host.trim_matches(['[', ']']).into());
            self.to.host_header = host_header;
        }
        let to = &mut self.to;
        to.server_name = rule.sni.clone().or_else(|| to.server_name.take());
        to.host = rule.host.clone().or_else(|| to.host.take());
        to.port = rule.port.or(to.port);
    }

    fn whole(self) -> origin::Route {
        let Self { to, name } = self;
        origin::Route { server_name: to.server_name.or(name), ..to }
    }
}

impl HeaderChange {
    /// As it is done.
    pub(super) const fn as_edit(&self) -> HeaderEdit<'_> {
        match self {
            Self::Set(value) => HeaderEdit::Set(value),
            Self::Add(value) => HeaderEdit::Add(value),
            Self::Remove => HeaderEdit::Remove,
        }
    }
}
