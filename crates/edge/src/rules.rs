//! Rules in an exchange: what they see of it ([`fields`]), which run when ([`crate::pipeline`]), and what becomes of
//! what they decide ([`Ruling`]).

mod acting;
mod added;
mod amend;
mod answering;
mod apply;
mod config;
mod draft;
pub mod events;
pub mod fields;
mod guided;
pub mod headers;
mod logged;
mod matched;
mod pages;
mod phase;
mod plans;
pub(crate) mod products;
mod redirect;
mod reply;
pub mod rewrite;
mod ruled;
mod ruling;
mod secrets;
pub(crate) mod stages;
pub mod trace;
mod which;

pub use added::{Added, ForwardedFor};
pub(crate) use answering::amend;
pub use answering::{Answering, Asked, Failure};
pub use config::Config;
pub use draft::Draft;
pub use guided::Guided;
pub use matched::{ACTIONS, Match, Matched};
pub use plans::Plans;
pub use reply::{Body, Reply};
pub use ruled::{Route, Ruled};
pub use ruling::Ruling;
pub use which::{amends, answer_stages, answers_want_body, request_stages, reroutes};
