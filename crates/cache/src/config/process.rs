//! The cache of the process.

use std::ops::RangeInclusive;

use rempart_base::config::{Bounded as _, Context, Decode, Mark, Node, Problem, Shape, Shown, Spanned};

rempart_base::config! {
    /// The cache of this process, which all zones share. A change takes a restart.
    pub struct CacheProcessConfig {
        /// What everything stored may weigh, in bytes: bodies, heads, keys and what holds them together. Without
        /// it, 256 MiB, or a quarter of `budgets.memory_bytes_max` if that is less.
        memory_bytes_max: Option<Spanned<MemoryBytes>> = None;
        /// The largest response that is stored, in bytes. Larger ones pass through.
        object_bytes_max: u64 = 8 << 30, in 1..=1 << 44;
        /// The largest response that is stored in one piece, in bytes, if it has no strong validator. With one, a
        /// response that is larger than a slice is stored in slices.
        whole_bytes_max: u64 = 16 << 20, in 1..=1 << 32;
        /// Bytes of one slice of a large response; ranges are fetched by the slice.
        slice_bytes: u32 = 1 << 20, in 65_536..=16 << 20;
        /// Bytes by which a fetch may be ahead of its fastest reader.
        window_bytes: u64 = 4 << 20, in 65_536..=1 << 30;
        /// Bytes that all fetches under way may hold outside of what is stored.
        fill_bytes_max: u64 = 128 << 20, in 1 << 20..=1 << 40;
        /// Fetches under way that visitors may share; those above go alone.
        fills_max: usize = 65_536, in 1..=1 << 24;
        /// Fetches from one origin that go on for responses that are too large to be stored.
        detached_max: usize = 64, in 1..=65_536;
    }
}

/// The cache of this process, ready to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is the key of that name")]
pub struct CacheSettings {
    pub memory_bytes_max: u64,
    pub object_bytes_max: u64,
    pub whole_bytes_max: u64,
    pub slice_bytes: u32,
    pub window_bytes: u64,
    pub fill_bytes_max: u64,
    pub fills_max: usize,
    pub detached_max: usize,
}

/// What everything stored weighs if nobody says otherwise.
const MEMORY_BYTES: u64 = 256 << 20;

/// Bytes of memory for what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBytes(pub u64);

/// So much as one slice of the smallest size needs beside others, and more than machines have.
const MEMORY_BYTES_BOUNDS: RangeInclusive<u64> = 1 << 20..=1 << 44;

/// A store that holds fewer slices would throw each out for the next.
const SLICES_MIN: u64 = 4;

impl Decode for MemoryBytes {
    fn decode(node: &Node, cx: &mut Context) -> Option<Self> {
        u64::decode_within(node, MEMORY_BYTES_BOUNDS, cx).map(Self)
    }

    fn shape() -> Shape {
        u64::shape_within(MEMORY_BYTES_BOUNDS)
    }

    fn show(&self) -> Shown {
        self.0.show()
    }
}

impl CacheSettings {
    /// Makes the settings of a process that may take so much memory, as far as that was said; what is wrong beyond its
    /// own form is reported.
    pub fn compile(config: &CacheProcessConfig, budget_bytes: Option<u64>, cx: &mut Context) -> Self {
        let written = config.memory_bytes_max.as_ref();
        let share = budget_bytes.map_or(MEMORY_BYTES, |budget| MEMORY_BYTES.min(budget / 4));
        let settings = Self {
            memory_bytes_max: written.map_or(share, |written| written.value.0),
            object_bytes_max: config.object_bytes_max,
            whole_bytes_max: config.whole_bytes_max,
            slice_bytes: config.slice_bytes,
            window_bytes: config.window_bytes,
            fill_bytes_max: config.fill_bytes_max,
            fills_max: config.fills_max,
            detached_max: config.detached_max,
        };
        if let Some(written) = written {
            settings.check(written.mark, budget_bytes, cx);
        }
        settings
    }

    fn check(&self, mark: Mark, budget_bytes: Option<u64>, cx: &mut Context) {
        let mut error = |problem| cx.in_key("memory_bytes_max", |cx| cx.error(mark, problem));
        let bytes = self.memory_bytes_max;
        if bytes / SLICES_MIN < self.slice_bytes.into() {
            let message =
                format!("{bytes} bytes hold fewer than {SLICES_MIN} slices of {}", self.slice_bytes);
            error(Problem::new("cache-too-small", message, "Raise it, or lower `slice_bytes`."));
        }
        if let Some(budget) = budget_bytes.filter(|budget| bytes >= *budget) {
            let message = format!("{bytes} bytes stored do not fit into the {budget} of the whole process");
            error(Problem::new(
                "budget-too-small",
                message,
                "Lower it, or raise `budgets.memory_bytes_max`.",
            ));
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self::compile(&CacheProcessConfig::default(), None, &mut Context::new("".into()))
    }
}
