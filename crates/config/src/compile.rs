//! From files to a [`Snapshot`].
//!
//! A [`Compiler`] lives as long as its process. It keeps what each file has come to, so that a reload
//! reads only the files that have changed and everything else is shared with the snapshots before.

mod assemble;
mod unit;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rempart_base::config::Spanned;
use rempart_base::{Diagnostics, Now};
use rempart_origin::plan::Upstream;

use crate::files::Stamp;
use crate::include::{FILES_MAX, Listing, too_many_files};
use crate::snapshot::Snapshot;

use assemble::assemble;
use unit::{Main, Making, Tools, Unit};

/// Where a configuration comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file; what it names is relative to its folder.
    File(PathBuf),
    /// A text that stands in no file.
    Text {
        /// What diagnostics call it.
        name: String,
        /// The text.
        text: String,
        /// What it names is relative to this folder.
        folder: PathBuf,
    },
}

/// Compiles one configuration, again and again.
#[derive(Debug)]
pub struct Compiler {
    source: Source,
    main: Option<Arc<Main>>,
    /// The units of each `include`, in the order of their names.
    units: Vec<Vec<Arc<Unit>>>,
    /// What the units were compiled with.
    units_upstream: Option<Arc<Upstream>>,
    tools: Tools,
    last: Option<Arc<Snapshot>>,
    number: u64,
    work: Work,
}

/// What the last compilation had to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Configuration files that were read.
    pub files_read: usize,
    /// Zones that were compiled from their text.
    pub zones_compiled: usize,
    /// Zones whose plan is not the one of the snapshot before.
    pub zones_new: usize,
}

/// Compiles a file once.
///
/// # Errors
/// It is refused: every problem of every file is in the answer, warnings among them.
pub fn load(path: &Path, now: Now) -> Result<Arc<Snapshot>, Diagnostics> {
    Compiler::new(Source::File(path.into())).compile(now)
}

/// The configuration of `rempart proxy`: one listener, one origin, every host.
#[must_use]
pub fn for_proxy(from: &str, to: &str) -> Source {
    // A JSON string is a double-quoted YAML scalar.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text = format!(
        "listen: {{http: [{}]}}\nzones:\n  - name: localhost\n    hosts: [\"*\"]\n    origins: [{}]\n",
        quoted(from),
        quoted(to),
    );
    Source::Text { name: "--from, --to".into(), text, folder: PathBuf::new() }
}

impl Compiler {
    /// A compiler that has compiled nothing yet.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            main: None,
            units: Vec::new(),
            units_upstream: None,
            tools: Tools::default(),
            last: None,
            number: 0,
            work: Work::default(),
        }
    }

    /// Compiles as what comes after `base`: a zone that does not compile keeps the version that it has there,
    /// and what is the same is shared with it.
    #[must_use]
    pub fn with_base(mut self, base: Arc<Snapshot>) -> Self {
        self.number = base.number;
        self.last = Some(base);
        self
    }

    /// Reads what has changed and makes a snapshot. What has not changed is shared with the one before.
    ///
    /// # Errors
    /// The configuration is refused: every problem of every file is in the answer, warnings among them.
    /// The snapshot before stays good, and the next call is compared with it.
    pub fn compile(&mut self, now: Now) -> Result<Arc<Snapshot>, Diagnostics> {
        self.work = Work::default();
        let mut found = Diagnostics::default();
        let Some(main) = self.main(now, &mut found) else { return Err(found) };
        self.included(&main, now, &mut found);
        let parts = assemble(&main, &self.units, self.last.as_deref(), now, &mut found);
        if found.has_errors() {
            return Err(found);
        }
        self.work.zones_new = parts.zones_new;
        let mut snapshot = parts.snapshot(self.number + 1, &main, found);
        // The same content is the same release, however often it is compiled.
        match self.last.as_deref().filter(|last| last.hash == snapshot.hash) {
            Some(last) => snapshot.number = last.number,
            None => self.number += 1,
        }
        let snapshot = Arc::new(snapshot);
        self.last = Some(Arc::clone(&snapshot));
        self.tools.sweep();
        Ok(snapshot)
    }

    /// What the last compilation had to do.
    #[must_use]
    pub const fn work(&self) -> Work {
        self.work
    }

    /// The folders of the files that the last compilation has read, and the files behind the zones in
    /// them: whoever watches these folders learns of every change.
    #[must_use]
    pub fn watched(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = Vec::new();
        let mut add = |path: &Path| {
            let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if folders.last().is_none_or(|last| last != folder) {
                folders.push(folder.into());
            }
        };
        if let Source::File(path) = &self.source {
            add(path);
        }
        let included = self.main.iter().flat_map(|main| &main.include);
        included.for_each(|pattern| add(&self.folder().join(&pattern.value)));
        let units = self.main.iter().map(|main| &main.unit).chain(self.units.iter().flatten());
        units.flat_map(|unit| &unit.inputs).for_each(|(path, _)| add(path));
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    fn folder(&self) -> PathBuf {
        match &self.source {
            Source::File(path) => path.parent().unwrap_or(Path::new("")).into(),
            Source::Text { folder, .. } => folder.clone(),
        }
    }

    fn main(&mut self, now: Now, found: &mut Diagnostics) -> Option<Arc<Main>> {
        let old = self.main.clone();
        if let (Source::File(path), Some(old)) = (&self.source, &old)
            && old.unit.is_current(Stamp::at(path).as_ref(), &mut Stamps::default())
        {
            collect(found, old.unit.found.clone());
            return Some(Arc::clone(old));
        }
        let folder = self.folder();
        let mut making = Making {
            folder: &folder,
            now,
            before: self.last.as_deref().map(|last| &last.table),
            tools: &mut self.tools,
        };
        let main = match &self.source {
            Source::Text { name, text, .. } => {
                Main::compile(name, text, None, old.as_deref(), &mut making, found)?
            }
            Source::File(path) => Main::read(path, old.as_deref(), &mut making, found)?,
        };
        self.work.files_read += 1;
        self.work.zones_compiled += main.unit.zones.len();
        let main = Arc::new(main);
        if self.units_upstream.as_ref() != Some(&main.settings.upstream) {
            self.units.clear();
            self.units_upstream = Some(Arc::clone(&main.settings.upstream));
        }
        // A file with mistakes is read anew each time, so that they are reported each time.
        if !main.unit.is_broken {
            self.main = Some(Arc::clone(&main));
        }
        Some(main)
    }

    fn included(&mut self, main: &Main, now: Now, found: &mut Diagnostics) {
        let folder = self.folder();
        let mut before = std::mem::take(&mut self.units).into_iter();
        let mut seen = Seen { stamps: Stamps::default(), paths: HashSet::new(), files: 0 };
        for pattern in &main.include {
            let before = before.next().unwrap_or_default();
            let units = match main.expand(pattern, &folder, found) {
                Some(listing) if seen.files + listing.len() > FILES_MAX => {
                    main.report_include(pattern.mark, too_many_files(), found);
                    Vec::new()
                }
                Some(listing) => self.units_of(&listing, pattern, before, &mut seen, (main, now), found),
                None => Vec::new(),
            };
            units.iter().for_each(|unit| collect(found, unit.found.clone()));
            seen.files += units.len();
            self.units.push(units);
        }
    }

    /// The units of the listed files; those of before where they are current. Both are in the order of
    /// their names, so one walk along both finds the pairs.
    fn units_of(
        &mut self,
        listing: &Listing,
        pattern: &Spanned<String>,
        before: Vec<Arc<Unit>>,
        seen: &mut Seen,
        (main, now): (&Main, Now),
        found: &mut Diagnostics,
    ) -> Vec<Arc<Unit>> {
        let mut before = before.into_iter().peekable();
        let mut units = Vec::with_capacity(listing.len());
        listing.for_each(|name, stamp| {
            let stamp = match stamp {
                Ok(stamp) => stamp,
                Err(problem) => return main.report_include(pattern.mark, problem, found),
            };
            let is_main = main.unit.stamp.is_some_and(|main| main.is_same_file(&stamp));
            // A file that two patterns mean is read once.
            let is_known = main.include.len() > 1 && !seen.paths.insert(listing.folder.join(name));
            if is_main || is_known {
                return;
            }
            while before.next_if(|unit| unit.name.as_os_str() < name).is_some() {}
            let unit = before.next_if(|unit| unit.name == name);
            units.push(match unit.filter(|unit| unit.is_current(Some(&stamp), &mut seen.stamps)) {
                Some(unit) => unit,
                None => Arc::new(self.unit(&listing.folder, name, main, now)),
            });
        });
        units
    }

    /// Paths in an included file are relative to its own folder.
    fn unit(&mut self, folder: &Path, name: &OsStr, main: &Main, now: Now) -> Unit {
        let before = self.last.as_deref().map(|last| &last.table);
        let mut making = Making { folder, now, before, tools: &mut self.tools };
        let unit = Unit::read(name, main, &mut making);
        self.work.files_read += 1;
        self.work.zones_compiled += unit.zones.len();
        unit
    }
}

/// What one compilation has come across.
struct Seen {
    stamps: Stamps,
    /// Included files, where several patterns could mean the same one.
    paths: HashSet<PathBuf>,
    files: usize,
}

/// Stamps that have been looked up in this compilation, so that a certificate that a thousand zones share is
/// looked up once.
#[derive(Debug, Default)]
struct Stamps(HashMap<PathBuf, Option<Stamp>>);

impl Stamps {
    fn at(&mut self, path: &Path) -> Option<Stamp> {
        if let Some(stamp) = self.0.get(path) {
            return *stamp;
        }
        let stamp = Stamp::at(path);
        self.0.insert(path.into(), stamp);
        stamp
    }
}

/// Adds what one file has to say, up to a bound on the whole.
fn collect(found: &mut Diagnostics, more: Diagnostics) {
    for diagnostic in more.0 {
        found.push_bounded(diagnostic);
    }
}
