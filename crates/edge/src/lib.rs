//! Room 5: runs exchanges. [`launch::run`] starts one [`worker`] a core and the [`control`] thread; a
//! worker's connections bring requests, each of which is one [`exchange`] that passes the stages of the
//! [`pipeline`].

pub mod access_log;
pub mod answer;
pub mod budgets;
pub mod cache;
pub mod certificates;
pub mod control;
pub mod core;
pub mod exchange;
#[cfg(feature = "fault")]
pub mod fault;
pub mod faults;
pub mod forward;
pub mod guard;
pub mod incidents;
mod installation;
pub mod json;
pub mod launch;
pub mod line;
pub mod metrics;
pub mod page;
pub mod panics;
pub mod pipeline;
mod private_file;
pub mod purging;
pub mod record;
pub mod relay;
pub mod rules;
pub mod running;
pub mod samples;
pub mod security_events;
pub mod taste;
#[cfg(feature = "fault")]
mod test_stages;
pub mod text;
pub mod websocket;
pub mod worker;
pub mod zone_state;

pub use launch::{Boot, BoundListener, Launch, StartError, run};
