//! Room 3.5: what an operator decides about requests. Rulesets in Cloudflare's shape and the walk through them,
//! lists, access rules, managed transforms, the form of URLs. Nothing here reads a clock or touches a socket: a
//! request comes in as values, and what becomes of it is said to whoever asked (`edge`).

pub mod access;
pub mod assets;
pub mod content;
pub mod hotlink;
pub mod lists;
pub mod managed_transforms;
pub mod normalization;
pub mod rulesets;
pub mod words;
mod zone;

pub use zone::{AccountConfig, AccountFeatures, ZONE_KEYS, ZoneFeatures, ZoneWritten};
