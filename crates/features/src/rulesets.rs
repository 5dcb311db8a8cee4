//! Rulesets: rules in phases, as Cloudflare's API has them.

pub mod compile;
pub mod config;
pub(crate) mod ids;
pub mod plan;
pub mod walk;

pub use plan::{Action, PhasePlan, RulePlan, Rulesets};
pub use walk::{Asked, Effects, Next, Position, Progress, Skips, walk};
