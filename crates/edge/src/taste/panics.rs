//! Panics of a taster. A guard turns one into an answer, which is right in an edge and not enough here: what
//! panics must not be published at all.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;

use crate::page::Slot;

static LAST: Mutex<Option<String>> = Mutex::new(None);
static SLOT: Mutex<Option<&'static Slot>> = Mutex::new(None);

/// From now on every panic of this process is noted: for a process that only tastes.
pub fn watch_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let mark = SLOT.lock().and_then(Slot::read);
        let during = mark.map(|mark| format!(" in the stage {}{}", mark.stage, rule(&mark.rule)));
        let what = info.payload_as_str().unwrap_or("without a message");
        let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
        let text = format!("a panic{} ({what}{})", during.unwrap_or_default(), place.unwrap_or_default());
        LAST.lock().get_or_insert(text);
        before(info);
    }));
}

/// In which slot the stage stands that runs.
pub(super) fn watch_slot(slot: &'static Slot) {
    *SLOT.lock() = Some(slot);
}

/// The first panic since the last call.
pub(super) fn noted() -> Option<String> {
    LAST.lock().take()
}

/// Runs what may panic.
///
/// # Errors
/// It did: what and where.
pub fn contained<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| noted().unwrap_or_else(|| "a panic".into()))
}

/// A rule behind a stage's name, if there is one.
pub(super) fn rule(rule: &str) -> String {
    if rule.is_empty() { String::new() } else { format!(", rule {rule}") }
}
