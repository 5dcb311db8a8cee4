//! Names of origins and their addresses, resolved again when their TTL is over. An address that worked
//! outlives the name server: while resolving fails, the last addresses are used.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use rempart_base::Now;
use rempart_flow::Fault;
use tokio::time::timeout;

use crate::plan::Upstream as Terms;

/// While a name server fails it is asked again at most this often; until then the old addresses hold.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Names that one core remembers. They come from the configuration, not from visitors.
const NAMES_MAX: usize = 65_536;

/// The addresses of names, as one core knows them.
#[derive(Default)]
pub struct Addresses {
    known: RefCell<HashMap<Box<str>, Known>>,
    resolver: OnceCell<Option<TokioResolver>>,
}

struct Known {
    addresses: Rc<[IpAddr]>,
    good_until: Instant,
}

impl Addresses {
    /// The addresses of a name, at least one.
    ///
    /// # Errors
    /// [`Fault::OriginDns`]: it has none, and never had.
    pub async fn of(&self, name: &str, port: u16, terms: &Terms) -> Result<Vec<SocketAddr>, Fault> {
        let with_port = |list: &[IpAddr]| list.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        let now = Now::mono();
        let old = self.known.borrow().get(name).map(|known| (Rc::clone(&known.addresses), known.good_until));
        if let Some((addresses, good_until)) = &old
            && *good_until > now
        {
            return Ok(with_port(addresses));
        }
        match (self.ask(name, terms).await, old) {
            (Some((addresses, ttl)), _) => {
                let list = with_port(&addresses);
                self.remember(name, addresses.into(), now + ttl.clamp(terms.dns_ttl_min, terms.dns_ttl_max));
                Ok(list)
            }
            (None, Some((addresses, _))) => {
                tracing::warn!(name, "resolving failed; the last addresses stay in use");
                let list = with_port(&addresses);
                self.remember(name, addresses, now + RETRY_AFTER);
                Ok(list)
            }
            (None, None) => Err(Fault::OriginDns),
        }
    }

    fn remember(&self, name: &str, addresses: Rc<[IpAddr]>, good_until: Instant) {
        let mut known = self.known.borrow_mut();
        if known.len() >= NAMES_MAX && !known.contains_key(name) {
            known.clear();
        }
        known.insert(name.into(), Known { addresses, good_until });
    }

    async fn ask(&self, name: &str, terms: &Terms) -> Option<(Vec<IpAddr>, Duration)> {
        let resolver = self.resolver.get_or_init(system_resolver).as_ref()?;
        // A final dot keeps the search list of this machine out of it.
        let absolute = if name.contains('.') { format!("{name}.") } else { name.to_owned() };
        let answer = timeout(terms.dns_timeout, resolver.lookup_ip(absolute)).await.ok()?.ok()?;
        let addresses: Vec<IpAddr> = answer.iter().collect();
        let ttl = answer.valid_until().saturating_duration_since(Now::mono());
        (!addresses.is_empty()).then_some((addresses, ttl))
    }
}

fn system_resolver() -> Option<TokioResolver> {
    let build = || {
        let mut builder = TokioResolver::builder_tokio()?;
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // What is remembered, and for how long, is decided above.
        options.cache_size = 0;
        builder.build()
    };
    build()
        .inspect_err(|error| tracing::error!(%error, "this machine's resolver configuration is not usable"))
        .ok()
}
