//! Reload when a file of the configuration changes.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rempart_config::AccessTo;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;

use super::{Control, reload};

/// Editors and deployments write in several steps; the reload waits until nothing happened for so long.
const QUIET: Duration = Duration::from_millis(50);
/// It waits at most so often.
const QUIET_ROUNDS: usize = 10;

/// Watches the folders of all files that were read, and reloads.
pub(super) async fn files(control: Arc<Control>) {
    let (told, mut changes) = channel(1);
    let log = access_log(&control);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let matters = event.is_ok_and(|event| {
            let is_change =
                matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_));
            // The log may stand beside the configuration, and it changes all the time.
            is_change && !event.paths.iter().all(|path| Some(path) == log.as_ref())
        });
        if matters {
            // Full means that a reload is due anyway.
            let _ = told.try_send(());
        }
    });
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => {
            return tracing::warn!(%error, "changes of files go unnoticed: use SIGHUP or rempart ctl reload");
        }
    };
    let mut watched = HashSet::new();
    loop {
        let folders = control.compiler.lock().watched().into_iter().collect();
        follow(&mut watcher, &mut watched, folders);
        if !settled(&mut changes).await {
            return;
        }
        reload::reload(&control, "a file has changed").await;
    }
}

fn access_log(control: &Control) -> Option<PathBuf> {
    match &control.current.load().settings.log.access.to {
        AccessTo::File(path) => path.canonicalize().ok(),
        AccessTo::Off | AccessTo::Stdout => None,
    }
}

/// Waits for a change, and then for quiet.
async fn settled(changes: &mut Receiver<()>) -> bool {
    if changes.recv().await.is_none() {
        return false;
    }
    for _ in 0..QUIET_ROUNDS {
        match timeout(QUIET, changes.recv()).await {
            Ok(Some(())) => {}
            Ok(None) => return false,
            Err(_) => break,
        }
    }
    true
}

fn follow(watcher: &mut RecommendedWatcher, watched: &mut HashSet<PathBuf>, folders: HashSet<PathBuf>) {
    for old in watched.difference(&folders) {
        // Gone with its folder, perhaps.
        let _ = watcher.unwatch(old);
    }
    for new in folders.difference(watched) {
        if let Err(error) = watcher.watch(new, RecursiveMode::NonRecursive) {
            tracing::warn!(%error, folder = %new.display(), "changes here go unnoticed");
        }
    }
    *watched = folders;
}
