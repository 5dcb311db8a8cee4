//! Keys that make the program fail on purpose, and that they exist in no other build.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod site;

use site::Site;

const LOADER: &str = "fault_loader: {does: panic, at: taster}\n";
const ZONES: &str = "zones:\n  - name: a.example\n    origins: [\"http://127.0.0.1:1\"]\n    test_stages: {stale: panic, open: loop, closed: abort, burn_us: 250}\n  - {name: b.example, origins: [\"http://127.0.0.1:2\"]}\n";

#[cfg(not(feature = "fault"))]
#[test]
fn without_the_feature_its_keys_are_unknown() {
    let site = Site::new(&format!("{LOADER}zones: [{{name: a.example, origins: [\"http://a\"]}}]\n"));
    assert!(site.refuse(None).contains("unknown key `fault_loader`"));
    site.main(ZONES);
    let snapshot = site.compile(None);
    assert_eq!(site::held(&snapshot), [site::one("a.example", false, "unknown-key")]);
    assert!(!rempart_config::reference().contains("fault_loader"));
    assert!(!rempart_config::schema().to_string().contains("test_stages"));
}

#[cfg(feature = "fault")]
mod with_the_feature {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use rempart_config::fault::{Process, StageFault, this_is};
    use rempart_config::load_release;

    use super::site::{later, plan};
    use super::*;

    // One test: which process this is holds for all of them.
    #[test]
    fn what_is_configured_fails_where_it_is_meant_to_and_nowhere_else() {
        let site = Site::new(&format!("{LOADER}{ZONES}"));
        let as_nobody = site.compile(None);
        assert!(as_nobody.held.is_empty(), "{:?}", as_nobody.held);
        assert_eq!(
            plan(&as_nobody, "a.example").test,
            Default::default(),
            "nobody has said which process this is"
        );
        this_is(Process::Edge);
        let snapshot = site.compile(None);
        let test = plan(&snapshot, "a.example").test;
        assert_eq!(
            (test.stale, test.open, test.closed, test.burn),
            (StageFault::Panic, StageFault::Loop, StageFault::Abort, Duration::from_micros(250))
        );
        assert_eq!(plan(&snapshot, "b.example").test, Default::default());
        assert_eq!(snapshot.hash, as_nobody.hash, "a release has one hash in every process");
        let body = snapshot.encode();
        let loaded = load_release(&body, Some(&snapshot), later()).unwrap();
        assert_eq!(plan(&loaded, "a.example").test, test);
        site.main(&ZONES.replace("panic", "none"));
        let changed = site.compile(Some(&snapshot));
        assert_eq!(plan(&changed, "a.example").test.stale, StageFault::None, "it is a change");
        let panics =
            || catch_unwind(AssertUnwindSafe(|| load_release(&body, None, later()).unwrap())).is_err();
        assert!(!panics(), "it is meant for the taster");
        this_is(Process::Taster);
        assert!(panics());
        this_is(Process::Other);
        assert!(!panics());
    }
}
