//! Reload when a file of the configuration changes.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use inotify::{Inotify, WatchDescriptor, WatchMask};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::Control;
use super::rollout::Meant;

/// Editors and deployments write in several steps; the reload waits until nothing happened for so long.
const QUIET: Duration = Duration::from_millis(50);
/// It waits at most so often.
const QUIET_ROUNDS: usize = 10;
/// How often the files are tried anew while nothing can be watched.
const BLIND: Duration = Duration::from_secs(30);
/// Room for one read of events; what does not fit is read next.
const EVENTS_BYTES: usize = 4096;

/// Watches the folders of all files that were read, and reloads.
pub(super) async fn files(control: Arc<Control>) {
    if let Err(error) = watch(&control).await {
        tracing::warn!(%error, "changes of files go unnoticed: use SIGHUP or rempart ctl reload");
    }
}

async fn watch(control: &Arc<Control>) -> io::Result<()> {
    let mut folders = Folders::new()?;
    loop {
        folders.follow(control.watched());
        tokio::select! {
            changed = folders.changed() => changed?,
            () = control.watched_changed.notified() => continue,
            // No taster has told yet where the files are: the one that was asked has died.
            () = async { drop(timeout(BLIND, pending::<()>()).await) }, if folders.watched.is_empty() => {}
        }
        for _ in 0..QUIET_ROUNDS {
            match timeout(QUIET, folders.changed()).await {
                Ok(changed) => changed?,
                Err(_) => break,
            }
        }
        // Further changes meanwhile wait in the kernel's queue, and are one more wish.
        control.wishes.fulfil(Meant::default(), "a file has changed").await;
    }
}

impl Control {
    /// The folders of all files that the last taster has read.
    fn watched(&self) -> Vec<PathBuf> {
        self.reloads.lock().report.iter().flat_map(|report| report.watched.iter().cloned()).collect()
    }
}

/// The folders that are watched.
struct Folders {
    inotify: AsyncFd<Inotify>,
    watched: HashMap<PathBuf, WatchDescriptor>,
}

impl Folders {
    fn new() -> io::Result<Self> {
        let inotify = Inotify::init()?;
        // SAFETY: the descriptor is the inotify's own from here to the end; `AsyncFd` owns both, and
        // takes it from the reactor before it is closed.
        let inotify = unsafe { AsyncFd::register_with_interest(inotify, Interest::READABLE) }?;
        Ok(Self { inotify, watched: HashMap::new() })
    }

    fn follow(&mut self, folders: Vec<PathBuf>) {
        let mut watches = self.inotify.get_ref().watches();
        let mut before = std::mem::take(&mut self.watched);
        // A file counts when it is complete: closed, or moved into place. What writes all the time and
        // stands beside the configuration, such as a log, is not noticed.
        let mask = WatchMask::CLOSE_WRITE | WatchMask::MOVE | WatchMask::CREATE | WatchMask::DELETE;
        let mut gone = Vec::new();
        for folder in folders {
            let known = before.remove(&folder);
            // Also one that is watched already: it may have been renamed, and another put in its place. For the
            // same folder the kernel gives the same watch.
            match watches.add(&folder, mask) {
                Ok(watch) => {
                    gone.extend(known.filter(|known| *known != watch));
                    self.watched.insert(folder, watch);
                }
                Err(error) => {
                    gone.extend(known);
                    tracing::warn!(%error, folder = %folder.display(), "changes here go unnoticed");
                }
            }
        }
        gone.extend(before.into_values());
        // Two names may mean one folder.
        gone.retain(|watch| !self.watched.values().any(|watched| watched == watch));
        for watch in gone {
            // It may be gone already.
            let _ = watches.remove(watch);
        }
    }

    /// Waits for a change.
    async fn changed(&mut self) -> io::Result<()> {
        let mut room = [0; EVENTS_BYTES];
        loop {
            let mut ready = self.inotify.readable_mut().await?;
            let read = ready.try_io(|inotify| inotify.get_mut().read_events(&mut room).map(Iterator::count));
            match read {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                // Nothing after all.
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_took_the_place_of_another_is_watched() {
        let place = tempfile::tempdir().unwrap();
        let [zones, next, old] = ["zones.d", "next", "old"].map(|name| place.path().join(name));
        [&zones, &next].into_iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut folders = Folders::new().unwrap();
            folders.follow(vec![zones.clone()]);
            std::fs::rename(&zones, &old).unwrap();
            std::fs::rename(&next, &zones).unwrap();
            folders.follow(vec![zones.clone()]);
            // Whatever was noticed until here.
            while timeout(QUIET, folders.changed()).await.is_ok() {}
            std::fs::write(zones.join("a.yaml"), "").unwrap();
            timeout(Duration::from_secs(10), folders.changed()).await.unwrap().unwrap();
            while timeout(QUIET, folders.changed()).await.is_ok() {}
            std::fs::write(old.join("a.yaml"), "").unwrap();
            timeout(QUIET, folders.changed()).await.unwrap_err();
            folders.follow(Vec::new());
            assert!(folders.watched.is_empty());
        });
    }
}
