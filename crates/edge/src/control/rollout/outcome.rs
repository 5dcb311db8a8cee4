//! What became of a change.

use std::fmt;
use std::io;
use std::sync::Arc;

use rempart_base::Diagnostics;
use rempart_config::{Difference, Snapshot, diagnostic_json};
use rempart_releases::ReleaseHash;
use serde_json::{Value, json};

use super::short;

/// What became of a change.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Exchanges that begin now run on this, or a share of them does.
    Applied { snapshot: Arc<Snapshot>, difference: Difference },
    /// The content is what runs already.
    Unchanged(Arc<Snapshot>),
    /// What ran goes on.
    Refused(Refusal),
}

/// Why a change was not made. What ran goes on.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// The operator's files are wrong.
    Diagnostics(Diagnostics),
    /// The operator's files are wrong, as the taster says.
    Told(Vec<Value>),
    /// The release does harm, as the taster says.
    Tasted(String),
    /// The taster died of it, or something else kept it from its work.
    TasterEnded(String),
    /// This content was rolled back before.
    RolledBack { hash: ReleaseHash, why: String },
    /// Too many zones would go; their number confirms it, and another one that was given does not.
    Shrinks { removed: usize, of: usize, percent_max: usize, names: Vec<String>, confirmed: Option<usize> },
    /// A person has pinned a release.
    Pinned(u64),
    /// There is no such release.
    Unknown(u64),
    /// That content is in force.
    InForce(u64),
    /// There is no good release to go back to.
    NothingBefore,
    /// The taster left nothing to take.
    NoCandidate,
    /// What was named does not exist.
    NoSuch(String),
    /// The store does not work.
    Store(String),
}

impl Refusal {
    /// The store does not work.
    #[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
    pub(crate) fn store(error: io::Error) -> Self {
        Self::Store(error.to_string())
    }

    /// One word for programs.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Diagnostics(_) | Self::Told(_) => "refused",
            Self::Tasted(_) => "tasted",
            Self::TasterEnded(_) => "taster-ended",
            Self::RolledBack { .. } => "rolled-back-before",
            Self::Shrinks { .. } => "pending",
            Self::Pinned(_) => "pinned",
            Self::Unknown(_) => "unknown-release",
            Self::InForce(_) => "in-force",
            Self::NothingBefore => "nothing-before",
            Self::NoCandidate => "no-candidate",
            Self::NoSuch(_) => "no-such",
            Self::Store(_) => "store",
        }
    }

    /// The operator's mistakes, if it is about them.
    pub(crate) fn diagnostics(&self) -> Vec<Value> {
        match self {
            Self::Diagnostics(diagnostics) => diagnostics.0.iter().map(diagnostic_json).collect(),
            Self::Told(diagnostics) => diagnostics.clone(),
            Self::Tasted(_)
            | Self::TasterEnded(_)
            | Self::RolledBack { .. }
            | Self::Shrinks { .. }
            | Self::Pinned(_)
            | Self::Unknown(_)
            | Self::InForce(_)
            | Self::NothingBefore
            | Self::NoCandidate
            | Self::NoSuch(_)
            | Self::Store(_) => Vec::new(),
        }
    }

    /// As an answer on the control socket.
    pub(crate) fn json(&self) -> Value {
        json!({
            "ok": false,
            "error": self.to_string(),
            "kind": self.kind(),
            "diagnostics": self.diagnostics(),
            "pending": self.pending(),
        })
    }

    /// What a person has to confirm, if that is all that is missing.
    fn pending(&self) -> Option<Value> {
        let Self::Shrinks { removed, of, names, .. } = self else { return None };
        Some(json!({"removed": removed, "of": of, "names": names}))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Diagnostics(_) | Self::Told(_) => {
                f.write_str("the configuration is refused; what ran goes on")
            }
            Self::Tasted(why) => {
                write!(f, "the release was tried out of visitors' sight and is refused: {why}")
            }
            Self::TasterEnded(how) => {
                write!(
                    f,
                    "the release was tried out of visitors' sight and broke the process that tried it ({how}); it is refused, what ran goes on"
                )
            }
            Self::RolledBack { hash, why } => write!(
                f,
                "this content (hash {}) was rolled back: {why}; change it, or insist with `rempart ctl reload --force`",
                short(hash)
            ),
            Self::Shrinks { removed, of, percent_max, names, confirmed } => {
                let percent = removed * 100 / (*of).max(1);
                if let Some(confirmed) = confirmed {
                    write!(f, "{confirmed} was confirmed, which is not the number of zones that would go: ")?;
                }
                write!(
                    f,
                    "would remove {removed} of {of} zones ({percent} %), more than release.shrink_percent_max, {percent_max} %: {}{}; \
                     if that is meant: `rempart ctl reload --confirm {removed}`",
                    names.join(", "),
                    if names.len() < *removed { ", …" } else { "" }
                )
            }
            Self::Pinned(number) => write!(f, "release {number} is pinned; `rempart ctl unpin` ends that"),
            Self::Unknown(number) => {
                write!(f, "there is no release {number}; `rempart ctl releases` lists them")
            }
            Self::InForce(number) => write!(f, "its content is in force already, as release {number}"),
            Self::NothingBefore => f.write_str("there is no other release that finished its bake"),
            Self::NoCandidate => f.write_str("the taster left no release; see its messages in the log"),
            Self::NoSuch(what) => f.write_str(what),
            Self::Store(error) => write!(f, "the release store does not work: {error}"),
        }
    }
}
