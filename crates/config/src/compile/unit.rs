//! What one file has come to.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rempart_base::config::{Context, Decode as _, Deferred, Node, Problem, Spanned, Value};
use rempart_base::{Diagnostic, Diagnostics, Now};
use rempart_origin::config::UpstreamConfig;
use rempart_origin::plan::Trust;

use crate::certificate::Certificates;
use crate::files::{Stamp, read_config};
use crate::include::{self, Listing};
use crate::inputs::{Inputs, Pantry};
use crate::settings::{Settings, SettingsSource};
use crate::source::{SourceFile, Spot};
use crate::table::ZoneTable;
use crate::tree::{Config, IncludedFile, ZoneConfig};
use crate::yaml;
use crate::zone::{self, BadZone, Bench, Slot};

use super::{Found, Part, Stamps};

/// What lives on between compilations beside the units.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    pub(crate) trust: Trust,
    pub(crate) certificates: Certificates,
    pantry: Pantry,
}

/// What a file is compiled with.
pub(super) struct Making<'a> {
    /// What its paths are relative to.
    pub(super) folder: &'a Path,
    pub(super) now: Now,
    /// The zones of the last snapshot.
    pub(super) before: Option<&'a ZoneTable>,
    pub(super) tools: &'a mut Tools,
}

/// The zones of one file.
#[derive(Debug)]
pub(super) struct Unit {
    /// The file's name in its folder; empty for the main file.
    pub(super) name: OsString,
    pub(super) file: Arc<SourceFile>,
    /// Of the file when it was read; `None` for what stands in no file.
    pub(super) stamp: Option<Stamp>,
    /// The other files behind its zones.
    pub(super) inputs: Box<[(PathBuf, Stamp)]>,
    pub(super) slots: Box<[Slot]>,
    /// How many zones were written, right or wrong.
    pub(super) written: usize,
    /// What is wrong with the file as a whole. Of the main file nothing: that refuses everything.
    pub(super) broken: Diagnostics,
    /// Everything that was found in it, in the order of the file.
    pub(super) found: Diagnostics,
    /// Whether the stamps tell a later change.
    is_settled: bool,
}

/// The main file.
#[derive(Debug)]
pub(super) struct Main {
    pub(super) settings: Arc<Settings>,
    pub(super) source: Arc<SettingsSource>,
    pub(super) upstream: UpstreamConfig,
    pub(super) include: Vec<Spanned<String>>,
    /// Whether it has the key `zones`.
    pub(super) names_zones: bool,
    pub(super) unit: Arc<Unit>,
}

impl Tools {
    pub(crate) fn sweep(&mut self) {
        self.trust.sweep();
        self.certificates.sweep();
        self.pantry.sweep();
    }
}

impl Unit {
    /// Whether reading it again would come to the same.
    pub(super) fn is_current(&self, stamp: Option<&Stamp>, stamps: &mut Stamps) -> bool {
        self.is_settled
            && !self.is_broken()
            && self.stamp.as_ref() == stamp
            && self.inputs.iter().all(|(path, stamp)| stamps.at(path).as_ref() == Some(stamp))
    }

    /// Whether something is wrong with it. Such a file is read anew each time, so that it is said each time.
    pub(super) fn is_broken(&self) -> bool {
        self.found.has_errors()
    }

    /// Its zones, to be put together with those of others.
    pub(super) fn part(&self) -> Part<'_> {
        Part { file: &self.file.name, slots: &self.slots, broken: &self.broken }
    }

    /// Reads an included file.
    pub(super) fn read(name: &OsStr, main: &Main, making: &mut Making<'_>) -> Self {
        let path = making.folder.join(name);
        let shown: Arc<str> = path.display().to_string().into();
        let mut cx = Context::new(Arc::clone(&shown));
        let (root, stamp) = match read_config(&path) {
            Ok((text, stamp)) => (yaml::read(&text, &mut cx), Some(stamp)),
            Err((mark, problem)) => {
                cx.error(mark, problem);
                (None, None)
            }
        };
        // A file with `zones` is a list of zones; any other is one zone.
        let is_list = root.as_ref().is_some_and(|root| root.key("zones").is_some());
        let file = Arc::new(SourceFile { name: shown, is_list });
        let now = making.now;
        let mut bench = making.bench(&main.upstream, &main.settings);
        let (slots, broken) = included(root.as_ref(), &file, cx.finish(), &mut bench);
        // A list that is empty by mistake is no absence of zones.
        let written = root.as_ref().filter(|_| is_list).map_or(1, written).max(broken.has_errors().into());
        let unit = Self::new(file, stamp, slots, broken, (bench.inputs, now));
        Self { name: name.into(), written, ..unit }
    }

    /// A file that is listed and cannot even be looked at.
    pub(super) fn unreadable(path: &Path, name: &OsStr, problem: Problem) -> Self {
        let file = Arc::new(SourceFile { name: path.display().to_string().into(), is_list: false });
        let mut cx = Context::new(Arc::clone(&file.name));
        cx.error(rempart_base::config::Mark::START, problem);
        let broken = cx.finish();
        Self {
            name: name.into(),
            file,
            stamp: None,
            inputs: Box::default(),
            slots: Box::default(),
            written: 1,
            found: broken.clone(),
            broken,
            is_settled: false,
        }
    }

    fn new(
        file: Arc<SourceFile>,
        stamp: Option<Stamp>,
        slots: Vec<Slot>,
        broken: Diagnostics,
        (inputs, now): (Inputs<'_>, Now),
    ) -> Self {
        let found = in_order(&slots, &broken);
        Self {
            name: OsString::new(),
            file,
            stamp,
            is_settled: inputs.is_settled() && stamp.is_some_and(|stamp| !stamp.is_fresh(now)),
            inputs: inputs.into_read(),
            written: slots.len(),
            slots: slots.into_iter().map(|slot| spoilt(slot, &broken)).collect(),
            broken,
            found,
        }
    }
}

impl Main {
    /// Reads the main file. `None`: there is nothing to go on with, and why is in `found`.
    pub(super) fn read(
        path: &Path,
        before: Option<&Arc<Settings>>,
        making: &mut Making<'_>,
        found: &mut Found,
    ) -> Option<Self> {
        let name = path.display().to_string();
        match read_config(path) {
            Ok((text, stamp)) => Self::compile(&name, &text, Some(stamp), before, making, found),
            Err((mark, problem)) => {
                let mut cx = Context::new(name.into());
                cx.error(mark, problem);
                found.shared(cx.finish());
                None
            }
        }
    }

    /// Compiles the text of the main file.
    pub(super) fn compile(
        name: &str,
        text: &str,
        stamp: Option<Stamp>,
        before: Option<&Arc<Settings>>,
        making: &mut Making<'_>,
        found: &mut Found,
    ) -> Option<Self> {
        let file = Arc::new(SourceFile { name: name.into(), is_list: true });
        let mut cx = Context::new(Arc::clone(&file.name));
        let root = yaml::read(text, &mut cx);
        let Some(root) = root else {
            found.shared(cx.finish());
            return None;
        };
        let (of_zones, mut shared) = by_zone(cx.finish(), &root);
        let mut cx = Context::new(Arc::clone(&file.name));
        let Some(config) = Config::decode(&root, &mut cx) else {
            found.shared(cx.finish());
            return None;
        };
        let mut inputs = Inputs::system(making.folder, making.now, &mut making.tools.pantry);
        let settings = Settings::compile(&config, making.folder, &mut inputs, &mut cx);
        let settings = settings.shared(before);
        let source = SettingsSource::new(&file.name, making.folder, &root, inputs.take_used(), &mut cx);
        let (own_are_settled, own_inputs) = (inputs.is_settled(), inputs.into_read());
        shared.0.extend(cx.finish().0);
        let now = making.now;
        let mut bench = making.bench(&config.upstream, &settings);
        let slots = listed(config.zones.as_deref().unwrap_or_default(), &file, of_zones, &mut bench);
        let unit = Unit::new(file, stamp, slots, Diagnostics::default(), (bench.inputs, now));
        let all = in_order(&unit.slots, &shared);
        let inputs = own_inputs.iter().chain(&unit.inputs).cloned().collect();
        let is_settled = unit.is_settled && own_are_settled;
        let unit = Unit { found: all.clone(), written: written(&root), inputs, is_settled, ..unit };
        if shared.has_errors() {
            found.shared(all)
        } else {
            found.of_zones(all)
        }
        Some(Self {
            settings,
            source: Arc::new(source),
            include: config.include.0,
            names_zones: root.key("zones").is_some(),
            upstream: config.upstream,
            unit: Arc::new(unit),
        })
    }

    /// The files that an `include` means; what is wrong with it is reported.
    pub(super) fn expand(
        &self,
        pattern: &Spanned<String>,
        folder: &Path,
        found: &mut Found,
    ) -> Option<Listing> {
        let listing = include::expand(&pattern.value, folder);
        let listing = listing.map_err(|problem| self.report_include(pattern, problem, found)).ok()?;
        if listing.is_empty() {
            let message = format!("no file fits `{}`", pattern.value);
            let problem = Problem::new("include-empty", message, "Check the pattern, or add a file.");
            self.about_include(found, |cx| cx.warning(pattern.mark, problem));
        }
        Some(listing)
    }

    pub(super) fn report_include(&self, pattern: &Spanned<String>, problem: Problem, found: &mut Found) {
        self.about_include(found, |cx| cx.error(pattern.mark, problem));
    }

    fn about_include(&self, found: &mut Found, act: impl FnOnce(&mut Context)) {
        let mut cx = Context::new(Arc::clone(&self.unit.file.name));
        cx.in_key("include", act);
        found.shared(cx.finish());
    }
}

impl<'a> Making<'a> {
    fn bench<'b>(&'b mut self, upstream: &'b UpstreamConfig, settings: &'b Settings) -> Bench<'b, 'b> {
        let Tools { trust, certificates, pantry } = &mut *self.tools;
        let inputs = Inputs::system(self.folder, self.now, pantry);
        Bench {
            upstream,
            upstream_plan: &settings.upstream,
            account: settings.account.as_deref(),
            before: self.before,
            trust,
            certificates,
            inputs,
        }
    }
}

/// The zones of an included file, and what is wrong with it as a whole.
fn included(
    root: Option<&Node>,
    file: &Arc<SourceFile>,
    found: Diagnostics,
    bench: &mut Bench<'_, '_>,
) -> (Vec<Slot>, Diagnostics) {
    let Some(root) = root else { return (Vec::new(), found) };
    if !file.is_list {
        let spot = Spot { file: Arc::clone(file), index: 0, mark: root.mark };
        return (vec![zone::compile(root, spot, found, bench)], Diagnostics::default());
    }
    let (of_zones, mut broken) = by_zone(found, root);
    let mut cx = Context::new(Arc::clone(&file.name));
    let zones = IncludedFile::decode(root, &mut cx).map(|file| file.zones).unwrap_or_default();
    broken.0.extend(cx.finish().0);
    (listed(&zones, file, of_zones, bench), broken)
}

/// How many zones stand under `zones`. Something else than a list is a mistake of its own, not emptiness.
fn written(root: &Node) -> usize {
    match root.key("zones").map(|zones| &zones.value) {
        Some(Value::List(zones)) => zones.len(),
        Some(Value::Scalar(_) | Value::Map(_)) => 1,
        None => 0,
    }
}

fn listed(
    zones: &[Deferred<ZoneConfig>],
    file: &Arc<SourceFile>,
    mut found: HashMap<usize, Diagnostics>,
    bench: &mut Bench<'_, '_>,
) -> Vec<Slot> {
    let compile = |(i, zone): (usize, &Deferred<ZoneConfig>)| {
        let index = u32::try_from(i).unwrap_or(u32::MAX);
        let spot = Spot { file: Arc::clone(file), index, mark: zone.node.mark };
        zone::compile(&zone.node, spot, found.remove(&i).unwrap_or_default(), bench)
    };
    zones.iter().enumerate().map(compile).collect()
}

/// What was found inside single zones of a list, by their index, and the rest.
fn by_zone(found: Diagnostics, root: &Node) -> (HashMap<usize, Diagnostics>, Diagnostics) {
    let (mut of_zones, mut rest) = (HashMap::<usize, Diagnostics>::new(), Diagnostics::default());
    for found in found.0 {
        let index = found.path.strip_prefix("zones[").and_then(|path| path.split_once(']')?.0.parse().ok());
        match index.filter(|index| *index < written(root)) {
            Some(index) => of_zones.entry(index).or_default().push(found),
            None => rest.push(found),
        }
    }
    (of_zones, rest)
}

/// What was found in zones, and more, in the order of the file.
fn in_order(slots: &[Slot], more: &Diagnostics) -> Diagnostics {
    let found = more.0.iter().chain(slots.iter().flat_map(Slot::found));
    let mut found: Vec<Diagnostic> = found.cloned().collect();
    found.sort_by_key(|found| found.place.as_ref().map(|place| (place.line, place.column)));
    Diagnostics(found)
}

/// No zone of a file that is broken as a whole is trusted.
fn spoilt(slot: Slot, broken: &Diagnostics) -> Slot {
    match slot {
        Slot::Good(record) if broken.has_errors() => Slot::Bad(BadZone {
            name: Some(Arc::clone(&record.plan.name)),
            hosts: record.plan.hosts.clone(),
            spot: record.source.spot.clone(),
            found: broken.clone(),
        }),
        slot @ (Slot::Good(_) | Slot::Bad(_) | Slot::Absent(_)) => slot,
    }
}
