//! What the kernel gives to this process: descriptors and memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Allows as many open descriptors as the hard limit does; children inherit it.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open descriptors stays at {:?}", limit.current);
    }
}

/// Gives memory back that is free but kept. After tens of thousands of zones were compiled only to learn
/// the settings, that is most of it.
pub(crate) fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
