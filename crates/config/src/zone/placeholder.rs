//! What stands for a zone that has never had a version that can run: its hosts get an answer that says so.

use std::sync::Arc;

use rempart_base::config::{FromText as _, Key, Node, Scalar, Value};
use rempart_base::content_hash;
use rempart_cache::CachePlan;

use crate::source::{Spot, ZoneSource, text_of};

use super::{HostPattern, ZonePlan, ZoneRecord};

/// The placeholder for these hosts; that of before if it is the same. `None`: it would have no host.
pub(crate) fn record(
    name: &Arc<str>,
    hosts: Vec<HostPattern>,
    spot: &Spot,
    before: Option<&Arc<ZonePlan>>,
) -> Option<ZoneRecord> {
    let text = text_of(&node(name, &hosts, spot)).ok().filter(|_| !hosts.is_empty())?;
    let plan = ZonePlan {
        name: Arc::clone(name),
        hash: content_hash(&("held back", name, &hosts)),
        hosts: hosts.into(),
        is_held_back: true,
        origins: Box::default(),
        certificates: Box::default(),
        cache: Arc::new(CachePlan::of(name)),
        features: None,
        #[cfg(feature = "fault")]
        test: crate::fault::TestStages::default(),
    };
    let plan = match before {
        Some(before) if before.hash == plan.hash => Arc::clone(before),
        Some(_) | None => Arc::new(plan),
    };
    let source = ZoneSource { spot: spot.clone(), text, inputs: Box::default(), warnings: Box::default() };
    Some(ZoneRecord { plan, source: Arc::new(source) })
}

/// As it would be written.
fn node(name: &Arc<str>, hosts: &[HostPattern], spot: &Spot) -> Node {
    let node = |value: Value| Node { mark: spot.mark, value };
    let text = |text: Arc<str>| node(Value::Scalar(Scalar { text, plain: false }));
    let key = |text: &str| Key { text: text.into(), mark: spot.mark };
    let hosts = hosts.iter().map(|host| text(host.to_text().into())).collect();
    node(Value::Map(Arc::new([
        (key("name"), text(Arc::clone(name))),
        (key("hosts"), node(Value::List(hosts))),
    ])))
}
