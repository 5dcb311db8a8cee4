//! Fetches under way: one for a key, whoever waits for it. It publishes bytes as they come; readers follow,
//! from whatever core. What is here may lock: it is the way of a miss. No lock is held while somebody is woken.

mod bounds;
mod gather;
mod leader;
mod pieces;
mod reader;
mod registry;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

pub use bounds::{Bounds, Coming, Counts, Manner};
pub use leader::Leader;
pub use reader::{Gone, Outcome, Reader};
pub use registry::{Fills, Joined};
pub use writer::{Finished, Room, Writer};

use crate::decide::Vary;
use crate::key::KeyRef;
use crate::object::Object;

/// What a fill has said of its response: which it is, and under which key it stands.
#[derive(Debug)]
pub struct Published {
    /// By what the response varies.
    pub vary: Vary,
    /// The response. Its body may still be coming.
    pub object: Arc<Object>,
}

impl Published {
    /// Under what the object is stored: a follower whose own key is another (build it with `vary`) is to join
    /// again under its own.
    #[must_use]
    pub fn key(&self) -> KeyRef<'_> {
        self.object.response.key.as_ref()
    }
}
