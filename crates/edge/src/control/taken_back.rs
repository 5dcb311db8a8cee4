//! What a release that was taken back has left in the cache: responses that its settings let in, such as private pages,
//! or that they keep for too long. Zones whose caching it changed are purged, here and now: each edge has its own.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rempart_base::Now;
use rempart_cache::plan::ZoneId;
use rempart_config::{Snapshot, ZonePlan};

use super::Control;

/// By then no core begins anything with the release that was taken back.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Zones to be purged once more, and when.
#[derive(Debug, Default)]
pub(super) struct TakenBack(Mutex<Vec<(Instant, Vec<ZoneId>)>>);

impl Control {
    /// To be called after another release is in force in the place of `from`, which was taken back.
    pub(super) fn purge_taken_back(&self, from: &Snapshot, to: &Snapshot) {
        let zones = changed(from, to);
        if zones.is_empty() {
            return;
        }
        let (count, release) = (zones.len(), from.number);
        tracing::warn!(release, count, "zones whose caching this release had changed are purged");
        self.cache.purges.flush(&zones);
        self.taken_back.0.lock().push((Now::mono() + AGAIN_AFTER, zones));
    }

    /// Exchanges may have begun with it until every core had heard of the other.
    pub(super) fn purge_taken_back_again(&self) {
        let now = Now::mono();
        for (_, zones) in self.taken_back.0.lock().extract_if(.., |(at, _)| *at <= now) {
            self.cache.purges.flush(&zones);
        }
    }
}

/// Zones of both that cache otherwise in one than in the other.
fn changed(from: &Snapshot, to: &Snapshot) -> Vec<ZoneId> {
    let differs = |zone: &ZonePlan| to.zone_named(&zone.name).is_some_and(|other| other.cache != zone.cache);
    from.zones().filter(|zone| differs(zone)).map(|zone| zone.cache.zone_id).collect()
}

#[cfg(test)]
mod tests {
    use rempart_base::Now;
    use rempart_config::{Compiler, Source};

    use super::*;

    #[test]
    fn only_zones_that_cache_otherwise_are_purged() {
        let snapshot = |caching: &str| {
            let text = format!(
                "listen: {{http: [\":80\"]}}\nzones:\n  - {{name: a.example, origins: [\"http://127.0.0.1:1\"]}}\n  \
                 - {{name: b.example, origins: [\"http://127.0.0.1:1\"]{caching}}}\n"
            );
            let source = Source::Text { name: "test".into(), text, folder: "/".into() };
            Compiler::new(source).compile(Now::read()).unwrap()
        };
        let (plain, cookies) = (snapshot(""), snapshot(", cache: {store_set_cookie: on}"));
        assert_eq!(changed(&cookies, &plain), [ZoneId::of("b.example")]);
        assert_eq!(changed(&plain, &snapshot("")), []);
        assert_eq!(changed(&plain, &snapshot(", hosts: [c.example]")), []);
    }
}
