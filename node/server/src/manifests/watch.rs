//! News of the files: the system's events, and a look now and then in case it has none.
//!
//! Watched are folders, never files: an editor that saves by renaming puts another file in the place
//! of the one that a watch would be on, and Kubernetes changes a mounted ConfigMap by renaming a link
//! in its folder. A folder is watched together with the one that it lies in, because it may be a link
//! itself. Events only wake the reader, which compares what the files hold; so an event too many costs
//! a read, and one that never came costs [`LOOK_EVERY`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a change may stay unseen where the system tells nothing: network drives, links to files
/// elsewhere.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A change is read once nothing more has happened for so long: tools write several files in a row.
const QUIET: Duration = Duration::from_millis(100);
/// It is read after this long anyway.
const RESTLESS: Duration = Duration::from_secs(1);

/// A watch on files and folders.
pub(super) struct Watch {
    news: Arc<Notify>,
    /// `None` where the system cannot watch: then there is only the look now and then.
    watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches for changes of these files, and of what is in these folders.
    pub(super) fn start(paths: &[PathBuf]) -> Self {
        let news = Arc::new(Notify::new());
        let tell = Arc::clone(&news);
        let wake = move |event: notify::Result<Event>| {
            // To read a file is an event too. An error means that events were lost.
            if event.map_or(true, |event| !event.kind.is_access()) {
                tell.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(wake).inspect_err(
            |error| tracing::warn!(%error, "manifests are not watched, only looked at"),
        );
        let mut watch = Self { news, watcher: watcher.ok() };
        watch.renew(paths);
        watch
    }

    /// Watches what lies at the paths now.
    pub(super) fn renew(&mut self, paths: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        for folder in paths.iter().flat_map(|path| folders(path)) {
            if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                let folder = folder.display();
                tracing::debug!(%folder, %error, "a folder is not watched, only looked at");
            }
        }
    }

    /// Waits until there may be something new.
    pub(super) async fn news(&self) {
        if timeout(LOOK_EVERY, self.news.notified()).await.is_err() {
            return;
        }
        // Quiet or not, it is read then.
        let _ = timeout(RESTLESS, async {
            while timeout(QUIET, self.news.notified()).await.is_ok() {}
        })
        .await;
    }
}

/// The folders in which a change of a path shows.
fn folders(path: &Path) -> impl Iterator<Item = PathBuf> {
    let itself = path.is_dir().then(|| path.to_owned());
    let parent = path.parent().map(|parent| match parent.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => parent.to_owned(),
    });
    itself.into_iter().chain(parent)
}
