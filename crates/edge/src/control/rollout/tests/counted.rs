//! What a core counts, and what follows from it.

use super::*;
use crate::metrics::{CoreMetrics, ZoneCounters};

/// One core that counts one zone.
struct Counted {
    workers: Arc<[Handle]>,
    zone: Arc<ZoneCounters>,
}

fn counted(zone: &str) -> Counted {
    let metrics = Arc::new(CoreMetrics::default());
    let zone = metrics.enter(zone.into());
    let (orders, _) = tokio::sync::mpsc::unbounded_channel();
    let workers = Arc::new([Handle { orders, metrics, slot: Box::leak(Box::default()) }]);
    Counted { workers, zone }
}

impl Counted {
    fn answers(&self, status: u16, count: usize) {
        (0..count).for_each(|_| self.zone.exchange(status, status >= 500, Duration::from_millis(1), (0, 0)));
    }

    fn look(&self, rollout: &mut Rollout, now: Instant) -> Verdict {
        rollout.look(&Counting::of(&self.workers), now)
    }

    fn takes(&self, place: &Place, rollout: &mut Rollout, zones: &[String]) {
        place.taste(zones);
        let tasted = rollout.store.candidate().unwrap().unwrap().hash.to_string();
        applied(rollout.consider(&tasted, Meant::default(), &Counting::of(&self.workers), Now::read()));
    }
}

/// Three zones of which these run on another host than at first.
fn changed(ports: [u16; 2]) -> Vec<String> {
    let hosts = zones(2).into_iter().zip(ports);
    let hosts = hosts.map(|(name, port)| format!("{name}, hosts: ['p{port}.{name}']"));
    hosts.chain(["z2.example".to_owned()]).collect()
}

#[test]
fn a_zone_that_the_first_of_two_changes_broke_is_found_though_another_was_edited() {
    let (place, counted) = (place(), counted("z0.example"));
    let mut rollout = place.good(&changed([0, 0]));
    assert_eq!(counted.look(&mut rollout, Now::mono()), Verdict::Bakes);
    counted.answers(200, 20);
    counted.takes(&place, &mut rollout, &changed([1, 0]));
    counted.answers(521, 8);
    counted.takes(&place, &mut rollout, &changed([1, 1]));
    counted.answers(521, 8);
    let Verdict::Worse(worse) = counted.look(&mut rollout, Now::mono()) else { panic!("it is not found") };
    assert_eq!(worse.zone(), Some("z0.example"));
    assert!(worse.to_string().starts_with("16 of 16"), "{worse}");
}

#[test]
fn what_a_zone_did_under_a_release_that_became_good_is_its_past_from_then_on() {
    let (place, counted) = (place(), counted("z0.example"));
    let (mut rollout, begin) = (place.good(&changed([0, 0])), Now::mono());
    counted.look(&mut rollout, begin);
    counted.answers(200, 50);
    counted.takes(&place, &mut rollout, &changed([1, 0]));
    rollout.finish(false).unwrap();
    // A window later its origin breaks, which is nobody's doing.
    counted.look(&mut rollout, begin + Duration::from_secs(60));
    counted.answers(521, 50);
    counted.takes(&place, &mut rollout, &changed([2, 0]));
    counted.answers(521, 50);
    assert_eq!(counted.look(&mut rollout, Now::mono()), Verdict::Bakes);
}
