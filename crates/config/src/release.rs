//! A snapshot's sources as bytes: what a release is made of.
//!
//! ```text
//! format | settings: file, folder, place, text | files: name, whether a list | contents
//!        | held back: zone, file, line, version, diagnostics | zones: kind, name, place, inputs, text
//! ```
//!
//! A text is a node of the tree (`node_bytes`); contents are certificates, keys and secrets, each once; a zone's
//! inputs name them. The same content has the same bytes.

mod encode;
mod load;
mod outline;
mod read;

pub use load::load_release;
pub use outline::Outline;

/// The first byte. A program that changes what stands behind it counts it up, and can still read what its
/// predecessor wrote.
const FORMAT: u8 = 2;
/// Without the files that the settings name.
const FORMAT_BEFORE: u8 = 1;

/// Bytes of a release. The error text calls it `release_bytes_max`.
pub const RELEASE_BYTES_MAX: usize = 1 << 30;

/// How a zone stands in a release: its own text, or what stands for one that has no version.
const ZONE: u8 = 0;
const PLACEHOLDER: u8 = 1;

/// How an input is named.
const FILE: u8 = 0;
const ENV: u8 = 1;
const AUTHORITIES: u8 = 2;

/// How bad a diagnostic is.
const ERROR: u8 = 0;
const WARNING: u8 = 1;
