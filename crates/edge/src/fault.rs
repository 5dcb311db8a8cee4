//! Failing by order: what must survive a failure can be watched surviving it. Only in builds with the
//! feature `fault`.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rempart_config::fault::{StageFault, take_memory};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::pipeline;

/// Places outside of stages at which a fault can be made, beside the names of the stages.
pub const PLACES: [&str; 6] = ["pass", "deliver", "page", "record", "tick", "worker"];
/// The rule that events name for a fault that was made by order.
pub const RULE: &str = "made by order";
/// Orders that a core keeps.
const ORDERS_MAX: usize = 64;
/// How much more memory a fault may take before there is none, so that what fails is this process, and not
/// the machine that it runs on.
const TAKEN_BYTES_MAX: u64 = 1 << 30;

/// No page of memory is smaller.
const PAGE_BYTES: u64 = 4096;

/// An order to fail.
#[derive(Clone, Debug)]
pub struct Injection {
    zone: Arc<str>,
    place: &'static str,
    does: StageFault,
    /// How often still, on all cores together.
    left: Arc<AtomicU32>,
}

impl Injection {
    /// Has a stage, or one of [`PLACES`], fail for the zone of this name: so many times, on whichever core.
    /// An empty name is any zone, and none: `tick` and `worker` are no zone's, and `zone` runs before there is
    /// one. Orders do not outlive the process.
    ///
    /// # Errors
    /// There is no such place, or no such way to fail; the text says what there is.
    pub fn new(zone: &str, place: &str, does: &str, times: u32) -> Result<Self, String> {
        let stages = pipeline::StageId::all().map(|id| id.name());
        let mut places = stages.chain(PLACES);
        let Some(place) = places.find(|known| *known == place) else {
            return Err(format!("no stage {place:?}; beside the stages there are {}", PLACES.join(", ")));
        };
        let does = match does {
            "panic" => StageFault::Panic,
            "loop" => StageFault::Loop,
            "abort" => StageFault::Abort,
            "oom" => StageFault::Oom,
            other => return Err(format!("no fault {other:?}; known: panic, loop, abort, oom")),
        };
        Ok(Self { zone: zone.into(), place, does, left: Arc::new(AtomicU32::new(times)) })
    }
}

/// One core's orders to fail.
#[derive(Debug, Default)]
pub struct Injected(RefCell<Vec<Injection>>);

impl Injected {
    /// Takes an order; the oldest one makes room for it.
    pub fn take(&self, injection: Injection) {
        let mut orders = self.0.borrow_mut();
        if orders.len() == ORDERS_MAX {
            orders.remove(0);
        }
        orders.push(injection);
    }

    /// Fails, if this place is to fail. `name` is told the rule before.
    pub fn meet(&self, place: &str, zone: &str, name: impl FnOnce(&'static str)) {
        if self.0.borrow().is_empty() {
            return;
        }
        let is_meant =
            |order: &&Injection| order.place == place && (order.zone.is_empty() || *order.zone == *zone);
        let does = self.0.borrow().iter().filter(is_meant).find_map(Injection::use_up);
        if let Some(does) = does {
            name(RULE);
            happen(does);
        }
    }
}

impl Injection {
    fn use_up(&self) -> Option<StageFault> {
        let one_less = |left: u32| left.checked_sub(1);
        let used = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        used.ok().map(|_| self.does)
    }
}

/// Fails.
#[expect(clippy::panic, reason = "this is what was asked for")]
pub fn happen(does: StageFault) {
    match does {
        StageFault::None => {}
        StageFault::Panic => panic!("this panic was asked for"),
        StageFault::Loop => loop {
            std::hint::spin_loop();
        },
        StageFault::Abort => std::process::abort(),
        StageFault::Oom => {
            let limit = taken_bytes().saturating_add(TAKEN_BYTES_MAX);
            let maximum = getrlimit(Resource::As).maximum;
            // Without it the kernel ends somebody, most likely us.
            let _ = setrlimit(Resource::As, Rlimit { current: Some(limit), maximum });
            take_memory();
        }
    }
}

/// The address space of this process.
fn taken_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = pages.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * PAGE_BYTES
}
