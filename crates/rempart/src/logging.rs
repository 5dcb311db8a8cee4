//! What the program says about itself: text on standard error.

use tracing_subscriber::EnvFilter;

/// Begins to log. `RUST_LOG` wins over the configured level.
pub(crate) fn begin(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Else a reader of our log that goes away would make the next line panic.
    log.log_internal_errors(false).init();
}
