//! What boots where the operator's files cannot be used.

use rempart_base::Now;
use rempart_edge::taste::report::{Needs, Outcome, Report};
use rempart_releases::Store;

/// Reports the first release that can be loaded, in the order in which an edge tries them.
pub(super) fn report(store: &Store) -> Report {
    for (release, body) in store.boots() {
        match rempart_config::load_release(&body, None, Now::read()) {
            Ok(snapshot) => {
                return Report {
                    hash: Some(release.hash.to_string()),
                    release: Some(release.number),
                    zones: snapshot.zones().len(),
                    settings: Some(Needs::from(&*snapshot.settings)),
                    ..Report::new(Outcome::Good)
                };
            }
            Err(diagnostics) => tracing::error!(release = release.number, "cannot be loaded\n{diagnostics}"),
        }
    }
    super::refused("no stored release can be loaded".into())
}
