//! What a peer may waste. Each kind of frame that costs us something and brings nobody anything has an
//! allowance: so many at once, so many a second, and more where work was done. Who uses a connection never
//! comes near them; who floods one loses it with ENHANCE_YOUR_CALM (RFC 9113 section 10.5).

use std::time::Instant;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// At once.
    pub burst: u32,
    /// Added each second, up to `burst`.
    pub per_s: u32,
}

impl Allowance {
    const fn new(burst: u32, per_s: u32) -> Self {
        Self { burst, per_s }
    }
}

/// Which allowance a connection has used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Budget {
    /// [`Budgets::peer_resets`].
    PeerResets,
    /// [`Budgets::own_resets`].
    OwnResets,
    /// [`Budgets::refused_streams`].
    RefusedStreams,
    /// [`Budgets::pings`].
    Pings,
    /// [`Budgets::settings`].
    Settings,
    /// [`Budgets::priorities`].
    Priorities,
    /// [`Budgets::empty_frames`].
    EmptyFrames,
    /// [`Budgets::window_updates`].
    WindowUpdates,
    /// [`Budgets::strange_frames`].
    StrangeFrames,
    /// [`Budgets::large_heads`].
    LargeHeads,
    /// [`Budgets::continuations_max`].
    Continuations,
    /// [`crate::Config::block_bytes_max`]; and heads that are a few bytes that stand for very many.
    HeaderBlock,
    /// [`Budgets::control_bytes_max`].
    Untaken,
}

impl Budget {
    /// Every one, for whoever counts them.
    pub const ALL: [Self; 13] = [
        Self::PeerResets,
        Self::OwnResets,
        Self::RefusedStreams,
        Self::Pings,
        Self::Settings,
        Self::Priorities,
        Self::EmptyFrames,
        Self::WindowUpdates,
        Self::StrangeFrames,
        Self::LargeHeads,
        Self::Continuations,
        Self::HeaderBlock,
        Self::Untaken,
    ];

    /// For logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PeerResets => "peer_resets",
            Self::OwnResets => "own_resets",
            Self::RefusedStreams => "refused_streams",
            Self::Pings => "pings",
            Self::Settings => "settings",
            Self::Priorities => "priorities",
            Self::EmptyFrames => "empty_frames",
            Self::WindowUpdates => "window_updates",
            Self::StrangeFrames => "strange_frames",
            Self::LargeHeads => "large_heads",
            Self::Continuations => "continuations",
            Self::HeaderBlock => "header_block",
            Self::Untaken => "untaken",
        }
    }
}

/// The allowances of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Streams that the peer resets before they were answered ("rapid reset"): each may have cost an exchange. A
    /// page that is left cancels all of its images, a hundred at once. Each answer that was whole adds one.
    pub peer_resets: Allowance,
    /// Streams that we have to reset for what the peer sent on them ("MadeYouReset"): each may have cost an
    /// exchange too. Nobody does so on purpose. Each answer that was whole adds one.
    pub own_resets: Allowance,
    /// Streams above `streams_max`: a head read for nothing. Before a client knows the bound it may well
    /// overshoot, by hundreds.
    pub refused_streams: Allowance,
    /// PING. Keepalive sends one in seconds; who measures the path with them (gRPC) sends about one for each
    /// batch of data, so each DATA frame, either way, adds one.
    pub pings: Allowance,
    /// SETTINGS and GOAWAY: one each in the life of most connections; a window that grows by them grows in steps.
    pub settings: Allowance,
    /// PRIORITY and PRIORITY_UPDATE: a browser reorders what it waits for when the page is scrolled. Each
    /// request adds some.
    pub priorities: Allowance,
    /// DATA and CONTINUATION without content that end nothing. Each DATA frame with content adds one.
    pub empty_frames: Allowance,
    /// WINDOW_UPDATE. One or two for what was received are right, even if that was little, and some clients begin
    /// each stream with one; so each answer adds some, and each DATA frame that we send, unless the window itself
    /// made it small.
    pub window_updates: Allowance,
    /// Frames of unknown kinds, and frames for streams that have ended.
    pub strange_frames: Allowance,
    /// Requests whose head or target is larger than it may be: each is answered. Who has too many cookies is told so once or
    /// twice, and then for every image.
    pub large_heads: Allowance,
    /// CONTINUATION frames of one header block. Nobody splits a head but for the size of frames.
    pub continuations_max: u32,
    /// Bytes of control frames (acknowledgements, resets, window updates) that wait because the peer does not
    /// read.
    pub control_bytes_max: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            peer_resets: Allowance::new(200, 20),
            own_resets: Allowance::new(100, 5),
            refused_streams: Allowance::new(1000, 20),
            pings: Allowance::new(100, 10),
            settings: Allowance::new(50, 1),
            priorities: Allowance::new(500, 50),
            empty_frames: Allowance::new(100, 10),
            window_updates: Allowance::new(1000, 100),
            strange_frames: Allowance::new(500, 50),
            large_heads: Allowance::new(50, 5),
            continuations_max: 32,
            control_bytes_max: 16 * 1024,
        }
    }
}

/// What is left of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buckets {
    pub(crate) peer_resets: Bucket,
    pub(crate) own_resets: Bucket,
    pub(crate) refused_streams: Bucket,
    pub(crate) pings: Bucket,
    pub(crate) settings: Bucket,
    pub(crate) priorities: Bucket,
    pub(crate) empty_frames: Bucket,
    pub(crate) window_updates: Bucket,
    pub(crate) strange_frames: Bucket,
    pub(crate) large_heads: Bucket,
}

/// PRIORITY_UPDATEs that each request may bring.
const PRIORITIES_A_REQUEST: u32 = 8;
/// WINDOW_UPDATEs that each answer and each DATA frame of ours may bring.
const WINDOW_UPDATES_A_FRAME: u32 = 4;

impl Buckets {
    pub(crate) fn new(budgets: &Budgets, now: Instant) -> Self {
        let of = |allowance| Bucket::new(allowance, now);
        Self {
            peer_resets: of(budgets.peer_resets),
            own_resets: of(budgets.own_resets),
            refused_streams: of(budgets.refused_streams),
            pings: of(budgets.pings),
            settings: of(budgets.settings),
            priorities: of(budgets.priorities),
            empty_frames: of(budgets.empty_frames),
            window_updates: of(budgets.window_updates),
            strange_frames: of(budgets.strange_frames),
            large_heads: of(budgets.large_heads),
        }
    }

    /// An answer was whole.
    #[inline]
    pub(crate) fn answered(&mut self, budgets: &Budgets) {
        self.peer_resets.give(budgets.peer_resets, 1);
        self.own_resets.give(budgets.own_resets, 1);
        // Its reset may cross the end of the answer (RFC 9113 section 5.1).
        self.strange_frames.give(budgets.strange_frames, 1);
        self.priorities.give(budgets.priorities, PRIORITIES_A_REQUEST);
        self.window_updates.give(budgets.window_updates, WINDOW_UPDATES_A_FRAME);
    }

    /// A DATA frame came, with content.
    #[inline]
    pub(crate) fn received(&mut self, budgets: &Budgets) {
        self.pings.give(budgets.pings, 1);
        self.empty_frames.give(budgets.empty_frames, 1);
    }

    /// A DATA frame went, as large as its content.
    #[inline]
    pub(crate) fn sent(&mut self, budgets: &Budgets) {
        self.pings.give(budgets.pings, 1);
        self.window_updates.give(budgets.window_updates, WINDOW_UPDATES_A_FRAME);
    }
}

/// What is left of one allowance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    left: u32,
    since: Instant,
}

impl Bucket {
    pub(crate) const fn new(allowance: Allowance, now: Instant) -> Self {
        Self { left: allowance.burst, since: now }
    }

    /// Takes one. `false` if nothing is left. The clock counts only once the burst is used up, so that who has
    /// some left pays one subtraction.
    #[inline]
    pub(crate) fn take(&mut self, allowance: Allowance, now: Instant) -> bool {
        if self.left == 0 {
            self.refill(allowance, now);
        }
        let had = self.left > 0;
        self.left = self.left.saturating_sub(1);
        had
    }

    /// Adds some, up to the burst.
    #[inline]
    pub(crate) fn give(&mut self, allowance: Allowance, count: u32) {
        self.left = self.left.saturating_add(count).min(allowance.burst);
    }

    #[cold]
    fn refill(&mut self, allowance: Allowance, now: Instant) {
        let ms = now.saturating_duration_since(self.since).as_millis();
        let earned = ms.saturating_mul(u128::from(allowance.per_s)) / 1000;
        if earned > 0 {
            self.left = u32::try_from(earned).unwrap_or(u32::MAX).min(allowance.burst);
            self.since = now;
        }
    }
}
