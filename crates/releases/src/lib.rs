//! Room 1: releases on disk. A release is one whole file whose every byte is checked when it is read; what
//! is so about releases (which one is in force, which ones are good, bad, pinned) stands twice. A body is
//! opaque here: this room knows nothing of what it keeps.
//!
//! ```text
//! data_dir/audit.log                     who did what, and why; one JSON object a line, only ever appended
//! data_dir/releases/NNNNNNNN.release     one release: header with checksums, body
//!                   candidate            the newest tasted one, which has no number yet
//!                   state.a, state.b     the same state twice, with sequence and checksum
//!                   lock, stage.lock     held while something changes
//! ```

mod audit;
mod disk;
mod hash;
mod release_file;
mod state;
mod store;

pub use audit::{Audit, Who};
pub use hash::ReleaseHash;
pub use release_file::{BODY_BYTES_MAX, Header, read as read_release};
pub use state::{
    BAD_MAX, REFUSED_ZONES_MAX, RefusedZone, SWITCHES_MAX, Switch, WHY_BYTES_MAX, is_sound as is_sound_state,
};
pub use store::{KEPT_NEWEST, Listed, Release, Staged, Standing, Store};
