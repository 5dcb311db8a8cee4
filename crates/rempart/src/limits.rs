//! What the kernel gives to this process: descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Allows as many open descriptors as the hard limit does; children inherit it.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open descriptors stays at {:?}", limit.current);
    }
}
