//! Room 3, toward origins: resolving, pools, connecting, TLS and the exchange with an origin.

pub mod plan;

pub use plan::{Endpoint, OriginPlan, TlsPlan, Upstream};
