//! From files to a [`Snapshot`].
//!
//! A [`Compiler`] lives as long as its process. It keeps what each file has come to, so that a reload
//! reads only the files that have changed and everything else is shared with the snapshots before.

mod assemble;
mod refused;
mod report;
mod seat;
mod settle;
mod turnover;
mod unit;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rempart_base::config::{Node, Spanned};
use rempart_base::{Diagnostics, Now};
use rempart_features::AccountFeatures;
use rempart_origin::config::UpstreamConfig;
use rempart_origin::plan::Upstream;

use crate::files::Stamp;
use crate::include::{FILES_MAX, Listing, too_many_files};
use crate::inputs::{Input, Inputs};
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::source::Spot;
use crate::table::ZoneTable;
use crate::zone::{self, Bench, Slot, ZoneRecord};

use assemble::report_no_zones;
pub(crate) use assemble::{Assembled, Assembly, Found, Part};
pub use refused::RefusedZone;
pub(crate) use refused::RefusedZones;
pub(crate) use unit::Tools;
use unit::{Main, Making, Unit};

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
    units_settings: Option<Arc<Settings>>,
    tools: Arc<Mutex<Tools>>,
    last: Option<Arc<Snapshot>>,
    refused: RefusedZones,
    found: Diagnostics,
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

/// Compiles a file once, and holds no zone back.
///
/// # Errors
/// There is an error in it: every problem of every file is in the answer, warnings among them.
pub fn load(path: &Path, now: Now) -> Result<Arc<Snapshot>, Diagnostics> {
    let mut compiler = Compiler::new(Source::File(path.into()));
    let snapshot = compiler.compile(now)?;
    if compiler.found.has_errors() { Err(compiler.found) } else { Ok(snapshot) }
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
            units_settings: None,
            tools: Arc::default(),
            last: None,
            refused: RefusedZones::default(),
            found: Diagnostics::default(),
            work: Work::default(),
        }
    }

    /// Compiles as what comes after `base`: a zone that does not compile keeps the version that it has there,
    /// and what is the same is shared with it.
    #[must_use]
    pub fn with_base(mut self, base: Arc<Snapshot>) -> Self {
        self.tools = Arc::clone(&base.tools);
        self.last = Some(base);
        self
    }

    /// These versions of zones are held back as if there were a mistake in them, where the snapshot before has
    /// another version to keep.
    #[must_use]
    pub fn refusing(mut self, zones: impl Iterator<Item = RefusedZone>) -> Self {
        self.refused = zones.collect();
        self
    }

    /// Reads what has changed and makes a snapshot. What has not changed is shared with the one before. A zone
    /// with a mistake is held back: it keeps the version of the snapshot before.
    ///
    /// # Errors
    /// The configuration is refused: something is wrong with what zones share, or no zone can run. Every problem
    /// of every file is in the answer, warnings among them. The snapshot before stays good, and the next call
    /// is compared with it.
    pub fn compile(&mut self, now: Now) -> Result<Arc<Snapshot>, Diagnostics> {
        self.work = Work::default();
        let tools = Arc::clone(&self.tools);
        let mut tools = tools.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Found::default();
        let Some(main) = self.main(&mut tools, now, &mut found) else { return Err(found.all) };
        self.included(&main, &mut tools, now, &mut found);
        let base = self.last.clone();
        let Assembled { mut snapshot, zones_new } =
            self.assembly(&main, base.as_deref(), &mut tools, now, &mut found)?;
        self.work.zones_new = zones_new;
        // The same content is the same release, however often it is compiled.
        snapshot.number = match base.as_deref() {
            Some(last) if last.hash == snapshot.hash => last.number,
            Some(last) => last.number + 1,
            None => 1,
        };
        let snapshot = Arc::new(snapshot);
        self.found = found.all;
        self.last = Some(Arc::clone(&snapshot));
        drop(base);
        tools.sweep();
        Ok(snapshot)
    }

    fn assembly(
        &self,
        main: &Main,
        base: Option<&Snapshot>,
        tools: &mut Tools,
        now: Now,
        found: &mut Found,
    ) -> Result<Assembled, Diagnostics> {
        let units = std::iter::once(&main.unit).chain(self.units.iter().flatten());
        if !main.names_zones && units.clone().all(|unit| unit.written == 0) {
            report_no_zones(&main.unit.file.name, found);
        }
        let mut workshop = Workshop {
            upstream: &main.upstream,
            upstream_plan: &main.settings.upstream,
            account: main.settings.account.as_deref(),
            before: base.map(|base| &base.table),
            tools,
        };
        let assembly = Assembly {
            settings: Arc::clone(&main.settings),
            source: Arc::clone(&main.source),
            parts: units.map(|unit| unit.part()).collect(),
            base,
            refused: &self.refused,
            again: &mut |zone| workshop.again(zone),
            held: Vec::new(),
            tools: Arc::clone(&self.tools),
            now,
        };
        assembly.assemble(found)
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

    fn main(&mut self, tools: &mut Tools, now: Now, found: &mut Found) -> Option<Arc<Main>> {
        if let (Source::File(path), Some(old)) = (&self.source, &self.main)
            && old.unit.is_current(Stamp::at(path).as_ref(), &mut Stamps::default())
        {
            found.of_zones(old.unit.found.clone());
            return Some(Arc::clone(old));
        }
        let folder = self.folder();
        let mut making =
            Making { folder: &folder, now, before: self.last.as_deref().map(|last| &last.table), tools };
        let settings = self.last.as_deref().map(|last| &last.settings);
        let main = match &self.source {
            Source::Text { name, text, .. } => Main::compile(name, text, None, settings, &mut making, found)?,
            Source::File(path) => Main::read(path, settings, &mut making, found)?,
        };
        self.work.files_read += 1;
        self.work.zones_compiled += main.unit.slots.len();
        let main = Arc::new(main);
        let is_like = |before: &Arc<Settings>| before.makes_zones_like(&main.settings);
        if !self.units_settings.as_ref().is_some_and(is_like) {
            self.units.clear();
        }
        self.units_settings = Some(Arc::clone(&main.settings));
        // A file with mistakes is read anew each time, so that they are reported each time.
        if !main.unit.is_broken() {
            self.main = Some(Arc::clone(&main));
        }
        Some(main)
    }

    fn included(&mut self, main: &Main, tools: &mut Tools, now: Now, found: &mut Found) {
        let folder = self.folder();
        let mut before = std::mem::take(&mut self.units).into_iter();
        let mut seen = Seen { stamps: Stamps::default(), paths: HashSet::new(), files: 0 };
        for pattern in &main.include {
            let before = before.next().unwrap_or_default();
            let units = match main.expand(pattern, &folder, found) {
                Some(listing) if seen.files + listing.len() > FILES_MAX => {
                    main.report_include(pattern, too_many_files(), found);
                    Vec::new()
                }
                Some(listing) => {
                    self.units_of(&listing, pattern, before, &mut seen, (main, tools, now), found)
                }
                None => Vec::new(),
            };
            units.iter().for_each(|unit| found.of_zones(unit.found.clone()));
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
        (main, tools, now): (&Main, &mut Tools, Now),
        found: &mut Found,
    ) -> Vec<Arc<Unit>> {
        let mut before = before.into_iter().peekable();
        let mut units = Vec::with_capacity(listing.len());
        listing.for_each(|name, stamp| {
            let stamp = match stamp {
                Ok(stamp) => stamp,
                Err(problem) if !pattern.value.contains(['*', '?']) => {
                    return main.report_include(pattern, problem, found);
                }
                Err(problem) => {
                    units.push(Arc::new(Unit::unreadable(&listing.folder.join(name), name, problem)));
                    return;
                }
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
                None => Arc::new(self.unit(&listing.folder, name, main, tools, now)),
            });
        });
        units
    }

    /// Paths in an included file are relative to its own folder.
    fn unit(&mut self, folder: &Path, name: &OsStr, main: &Main, tools: &mut Tools, now: Now) -> Unit {
        let before = self.last.as_deref().map(|last| &last.table);
        let mut making = Making { folder, now, before, tools };
        let unit = Unit::read(name, main, &mut making);
        self.work.files_read += 1;
        self.work.zones_compiled += unit.slots.len();
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

/// Compiles zones whose inputs are at hand.
pub(crate) struct Workshop<'a> {
    pub(crate) upstream: &'a UpstreamConfig,
    pub(crate) upstream_plan: &'a Arc<Upstream>,
    pub(crate) account: Option<&'a AccountFeatures>,
    /// The zones of the last snapshot.
    pub(crate) before: Option<&'a ZoneTable>,
    pub(crate) tools: &'a mut Tools,
}

impl Workshop<'_> {
    /// Compiles a zone from its node and what it needs.
    pub(crate) fn compile(&mut self, node: &Node, spot: Spot, inputs: &[Input]) -> Slot {
        let mut bench = Bench {
            upstream: self.upstream,
            upstream_plan: self.upstream_plan,
            account: self.account,
            before: self.before,
            trust: &mut self.tools.trust,
            certificates: &mut self.tools.certificates,
            inputs: Inputs::release(inputs),
        };
        zone::compile(node, spot, Diagnostics::default(), &mut bench)
    }

    /// A zone of the last snapshot with the settings of now.
    pub(crate) fn again(&mut self, zone: &ZoneRecord) -> Option<ZoneRecord> {
        let source = &zone.source;
        match self.compile(&source.node()?, source.spot.clone(), &source.inputs) {
            Slot::Good(record) => Some(record),
            Slot::Bad(_) | Slot::Absent(_) => None,
        }
    }
}
