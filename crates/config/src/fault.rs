//! Failing on purpose: keys that exist only in builds with the feature `fault`, so that what must survive a
//! failure can be watched surviving it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rempart_base::Now;

rempart_base::config! {
    /// What happens at the end of loading a release.
    pub struct FaultLoader {
        required {
            /// What happens: `panic`, `abort`, `oom` (memory is taken without end) or `hang`.
            does: LoaderFault;
        }
        /// Where it happens: in the `taster`, in the `edge`, or in `both`.
        at: FaultAt = FaultAt::Both;
        /// So long after the end of loading.
        after_ms: u32 = 0, in 0..=600_000;
    }
}

rempart_base::config! {
    /// Stages that fail, one of each policy.
    pub struct TestStagesConfig {
        /// What the stage whose policy is *stale* does.
        stale: StageFault = StageFault::None;
        /// What the stage whose policy is *open* does.
        open: StageFault = StageFault::None;
        /// What the stage whose policy is *closed* does.
        closed: StageFault = StageFault::None;
        /// How long a stage computes, in microseconds.
        burn_us: u32 = 0, in 0..=60_000_000;
        /// Whether a stage looks at the body: it says in the program's log what it saw.
        hold_body: bool = false;
        /// Where they fail: `edge` is for what no taster meets.
        at: FaultAt = FaultAt::Both;
    }
}

/// What happens at the end of loading a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoaderFault {
    /// A panic.
    Panic,
    /// The process ends at once.
    Abort,
    /// Memory is taken without end.
    Oom,
    /// Loading does not end.
    Hang,
}

/// Where a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultAt {
    /// In the taster alone.
    Taster,
    /// In the edge alone.
    Edge,
    /// In both.
    Both,
}

/// What a test stage does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StageFault {
    /// Nothing.
    #[default]
    None,
    /// It panics.
    Panic,
    /// It does not return.
    Loop,
    /// The process ends at once.
    Abort,
    /// It takes memory without end.
    Oom,
}

rempart_base::config_words!(LoaderFault {
    LoaderFault::Panic = "panic",
    LoaderFault::Abort = "abort",
    LoaderFault::Oom = "oom",
    LoaderFault::Hang = "hang",
});

rempart_base::config_words!(FaultAt {
    FaultAt::Taster = "taster",
    FaultAt::Edge = "edge",
    FaultAt::Both = "both",
});

rempart_base::config_words!(StageFault {
    StageFault::None = "none",
    StageFault::Panic = "panic",
    StageFault::Loop = "loop",
    StageFault::Abort = "abort",
    StageFault::Oom = "oom",
});

/// The fault of the loader, ready to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Loader {
    does: LoaderFault,
    at: FaultAt,
    after: Duration,
}

/// The test stages of a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TestStages {
    /// Of the stage whose policy is *stale*.
    pub stale: StageFault,
    /// Of the stage whose policy is *open*.
    pub open: StageFault,
    /// Of the stage whose policy is *closed*.
    pub closed: StageFault,
    /// How long a stage computes.
    pub burn: Duration,
    /// Whether a stage looks at the body.
    pub hold_body: bool,
}

/// Which process this is, for [`FaultAt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Nothing fails here.
    Other,
    /// The taster.
    Taster,
    /// The edge.
    Edge,
}

static PROCESS: AtomicU8 = AtomicU8::new(Process::Other as u8);

/// Says which process this is. Until then nothing that was configured fails.
pub fn this_is(process: Process) {
    PROCESS.store(process as u8, Ordering::Relaxed);
}

impl From<&FaultLoader> for Loader {
    fn from(config: &FaultLoader) -> Self {
        Self { does: config.does, at: config.at, after: Duration::from_millis(config.after_ms.into()) }
    }
}

impl From<&TestStagesConfig> for TestStages {
    fn from(config: &TestStagesConfig) -> Self {
        let TestStagesConfig { stale, open, closed, burn_us, hold_body, at } = *config;
        if !at.is_here() {
            return Self::default();
        }
        Self { stale, open, closed, burn: Duration::from_micros(burn_us.into()), hold_body }
    }
}

impl TestStagesConfig {
    /// Everything that is written, to tell it from another.
    pub(crate) const fn written(&self) -> impl std::hash::Hash + use<> {
        let Self { stale, open, closed, burn_us, hold_body, at } = *self;
        (stale, open, closed, burn_us, hold_body, at)
    }
}

impl Loader {
    /// Happens, if this is the process for it.
    pub(crate) fn happen(self) {
        if !self.at.is_here() {
            return;
        }
        if self.after.is_zero() {
            return self.does.happen();
        }
        std::thread::spawn(move || {
            wait(self.after);
            self.does.happen();
        });
    }
}

impl FaultAt {
    fn is_here(self) -> bool {
        let process = PROCESS.load(Ordering::Relaxed);
        match self {
            Self::Taster => process == Process::Taster as u8,
            Self::Edge => process == Process::Edge as u8,
            Self::Both => process != Process::Other as u8,
        }
    }
}

impl LoaderFault {
    #[expect(clippy::panic, reason = "this is what was asked for")]
    fn happen(self) {
        match self {
            Self::Panic => panic!("the configuration asks for this panic"),
            Self::Abort => std::process::abort(),
            Self::Oom => take_memory(),
            Self::Hang => loop {
                std::thread::park();
            },
        }
    }
}

/// Takes memory, and touches it so that it is really taken, until the process is ended for it.
pub fn take_memory() -> ! {
    const PIECE_BYTES: usize = 16 << 20;
    let mut taken = Vec::new();
    loop {
        taken.push(std::hint::black_box(vec![1_u8; PIECE_BYTES]));
    }
}

fn wait(time: Duration) {
    let end = Now::mono() + time;
    loop {
        let left = end.saturating_duration_since(Now::mono());
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}
