//! For how long what is stored may be used, as far as the settings say it.

/// For how long the edge may use what it stores.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EdgeTtl {
    /// What holds for statuses that are not listed.
    pub mode: EdgeMode,
    /// Statuses for which the operator says it, whatever the origin says. The first that fits holds.
    pub by_status: Box<[StatusTtl]>,
}

/// Where the edge's lifetime comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EdgeMode {
    /// From the origin; if it says nothing, what is cached by default ([`EdgeTtl::by_default`]).
    #[default]
    RespectOrigin,
    /// From here, in seconds, whatever the origin says.
    OverrideOrigin(u32),
    /// From the origin; if it says nothing, nothing is stored.
    BypassByDefault,
}

/// For how long responses with such a status may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusTtl {
    /// The first status.
    pub from: u16,
    /// The last.
    pub to: u16,
    /// For how long.
    pub ttl: Ttl,
}

/// For how long something may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// So many seconds; never 0.
    For(u32),
    /// Stored, and validated before each use.
    NoCache,
    /// Not stored.
    NoStore,
}

/// For how long browsers may use what they store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BrowserTtl {
    /// As the origin says.
    #[default]
    RespectOrigin,
    /// So many seconds.
    OverrideOrigin(u32),
    /// Not without asking: `Cache-Control: no-cache`.
    Bypass,
}

impl EdgeTtl {
    /// What the operator says about this status, whatever the origin says.
    #[must_use]
    pub fn overriding(&self, status: u16) -> Option<Ttl> {
        let own = self.by_status.iter().find(|own| (own.from..=own.to).contains(&status));
        own.map(|own| own.ttl).or(match self.mode {
            EdgeMode::OverrideOrigin(0) => Some(Ttl::NoCache),
            EdgeMode::OverrideOrigin(ttl_s) => Some(Ttl::For(ttl_s)),
            EdgeMode::RespectOrigin | EdgeMode::BypassByDefault => None,
        })
    }

    /// Seconds for which a response with this status is used if nobody says anything and the path is one that is
    /// cached by default. Cloudflare's table; `None`: it is not stored.
    #[must_use]
    pub const fn by_default(&self, status: u16) -> Option<u32> {
        if matches!(self.mode, EdgeMode::BypassByDefault) {
            return None;
        }
        match status {
            200 | 206 | 301 => Some(7200),
            302 | 303 => Some(1200),
            404 | 410 => Some(180),
            _ => None,
        }
    }
}
