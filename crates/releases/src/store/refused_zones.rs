//! Versions of zones that were rolled back by themselves: whoever compiles the operator's files next holds them back.

use std::io::{Error, ErrorKind, Result};

use super::Store;
use crate::state::{NAME_BYTES_MAX, RefusedZone};

impl Store {
    /// Remembers that this version of a zone must not run again; the oldest of
    /// [`crate::REFUSED_ZONES_MAX`] is forgotten for it. `why` is shown to people (at most
    /// [`crate::WHY_BYTES_MAX`]).
    ///
    /// # Errors
    /// The name is longer than 255 bytes, or the disk refuses.
    pub fn refuse_zone(&mut self, zone: &str, plan_hash: u64, why: &str) -> Result<()> {
        if zone.len() > NAME_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidInput, "a name has at most 255 bytes"));
        }
        self.change(|_, state| {
            state.refuse_zone(zone, plan_hash, why);
            Ok(())
        })
    }

    /// The versions of zones that must not run again, oldest first.
    pub fn refused_zones(&self) -> impl Iterator<Item = &RefusedZone> {
        self.state.refused_zones.iter()
    }

    /// Forgets all of them: a person insists.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn forgive_zones(&mut self) -> Result<()> {
        self.change(|_, state| {
            state.refused_zones.clear();
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{REFUSED_ZONES_MAX, ReleaseHash, WHY_BYTES_MAX};

    fn refused(store: &Store) -> Vec<(String, u64)> {
        store.refused_zones().map(|refused| (refused.zone.clone(), refused.plan_hash)).collect()
    }

    #[test]
    fn they_are_on_disk_until_they_are_forgiven() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path(), 2).unwrap();
        store.refuse_zone("a.example", u64::MAX, &"ä".repeat(WHY_BYTES_MAX)).unwrap();
        store.refuse_zone("b.example", 2, "errors").unwrap();
        store.refuse_zone("a.example", 2, "errors").unwrap();
        store.refuse_zone("b.example", 2, "more errors").unwrap();
        assert!(store.refuse_zone(&"z".repeat(NAME_BYTES_MAX + 1), 1, "errors").is_err());
        let mut other = Store::open(folder.path(), 2).unwrap();
        let all = [("a.example", u64::MAX), ("a.example", 2), ("b.example", 2)];
        assert_eq!(refused(&other), all.map(|(zone, hash)| (zone.to_owned(), hash)));
        let why: Vec<&str> = other.refused_zones().map(|refused| refused.why.as_str()).collect();
        assert_eq!((why[0].len(), why[2]), (WHY_BYTES_MAX, "more errors"));
        other.forgive_zones().unwrap();
        store.refresh();
        assert_eq!(refused(&store), []);
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path(), 2).unwrap();
        // Straight into the state: as many changes would be twice as many writes.
        store
            .change(|_, state| {
                (1..REFUSED_ZONES_MAX as u64).for_each(|hash| state.refuse_zone("a.example", hash, "errors"));
                Ok(())
            })
            .unwrap();
        store.refuse_zone("b.example", 1, "errors").unwrap();
        assert_eq!((store.refused_zones().count(), refused(&store)[0].1), (REFUSED_ZONES_MAX, 1));
        store.refuse_zone("b.example", 2, "errors").unwrap();
        assert_eq!((store.refused_zones().count(), refused(&store)[0].1), (REFUSED_ZONES_MAX, 2));
    }

    #[test]
    fn a_state_from_before_there_were_any_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), 2).unwrap());
        let json = r#"{"sequence":7,"next":3,"current":2,"ring":[],"bad":[],"switched_off":[],"spared":[]}"#;
        let hash = ReleaseHash::of(json.as_bytes());
        let text = format!("rempart-state 1 {} {hash}\n{json}\n", json.len());
        std::fs::write(folder.path().join("state.a"), text).unwrap();
        let mut store = Store::open(folder.path(), 2).unwrap();
        assert_eq!((store.current(), refused(&store)), (Some(2), vec![]));
        store.refuse_zone("a.example", 1, "errors").unwrap();
        assert_eq!((store.current(), store.refused_zones().count()), (Some(2), 1));
    }
}
