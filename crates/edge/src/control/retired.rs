//! Releases that no exchange is given any more. The last one to let go of a release of many zones frees them all,
//! which takes a while: that is to be no core that serves.

use std::sync::Arc;

use parking_lot::Mutex;
use rempart_config::Snapshot;

/// Releases that no exchange is given any more, or may not be: those that still run are kept along.
#[derive(Debug, Default)]
pub(crate) struct Retired(Mutex<Vec<Arc<Snapshot>>>);

impl Retired {
    /// Holds on to these until nobody else does.
    pub(crate) fn hold<'a>(&self, snapshots: impl Iterator<Item = &'a Arc<Snapshot>>) {
        let mut held = self.0.lock();
        for snapshot in snapshots {
            if !held.iter().any(|other| Arc::ptr_eq(other, snapshot)) {
                held.push(Arc::clone(snapshot));
            }
        }
    }

    /// Those that nobody else has: to be dropped where nobody waits.
    pub(crate) fn forgotten(&self) -> Vec<Arc<Snapshot>> {
        self.0.lock().extract_if(.., |snapshot| Arc::strong_count(snapshot) == 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use rempart_base::Now;
    use rempart_config::{Compiler, for_proxy};

    use super::*;

    #[test]
    fn the_last_holder_is_never_somebody_else() {
        let source = for_proxy("127.0.0.1:1", "http://127.0.0.1:2");
        let first = Compiler::new(source).compile(Now::read()).unwrap();
        let (second, retired) = (first.renumbered(2), Retired::default());
        retired.hold([&first, &second].into_iter());
        retired.hold([&first].into_iter());
        assert!(retired.forgotten().is_empty());
        drop(first);
        assert_eq!(retired.forgotten().iter().map(|gone| gone.number).collect::<Vec<_>>(), [1]);
        assert!(retired.forgotten().is_empty());
        drop(second);
        assert_eq!(retired.forgotten().len(), 1);
    }
}
