//! What one file has come to.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rempart_base::config::{Context, Decode as _, Deferred, Mark, Node, Problem, Spanned, Value};
use rempart_base::{Diagnostics, Now};
use rempart_origin::config::UpstreamConfig;
use rempart_origin::plan::{Trust, Upstream};

use crate::certificate::Certificates;
use crate::files::{Inputs, Stamp, read_config};
use crate::include::{self, Listing};
use crate::settings::Settings;
use crate::table::ZoneTable;
use crate::tree::{Config, IncludedFile, ZoneConfig};
use crate::yaml;
use crate::zone::{self, Bench, ZoneRecord};

use super::{Stamps, collect};

/// What lives on between compilations beside the units.
#[derive(Debug, Default)]
pub(super) struct Tools {
    trust: Trust,
    certificates: Certificates,
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
    /// The file as the operator named it.
    pub(super) file: Arc<str>,
    /// Of the file when it was read; `None` for what stands in no file.
    pub(super) stamp: Option<Stamp>,
    /// The other files behind its zones.
    pub(super) inputs: Box<[(PathBuf, Stamp)]>,
    pub(super) zones: Box<[ZoneRecord]>,
    /// Whether the zones stand under `zones:`, or the file is one zone.
    pub(super) is_list: bool,
    /// How many zones were written, right or wrong.
    pub(super) written: usize,
    pub(super) found: Diagnostics,
    /// Whether there are errors in what was found.
    pub(super) is_broken: bool,
    /// Whether the stamps tell a later change.
    is_settled: bool,
}

/// The main file.
#[derive(Debug)]
pub(super) struct Main {
    pub(super) settings: Arc<Settings>,
    pub(super) upstream: UpstreamConfig,
    pub(super) include: Vec<Spanned<String>>,
    /// Where `zones` stands.
    pub(super) zones_mark: Mark,
    pub(super) unit: Arc<Unit>,
}

impl Tools {
    pub(super) fn sweep(&mut self) {
        self.trust.sweep();
        self.certificates.sweep();
    }
}

impl Unit {
    /// Whether reading it again would come to the same.
    pub(super) fn is_current(&self, stamp: Option<&Stamp>, stamps: &mut Stamps) -> bool {
        self.is_settled
            && !self.is_broken
            && self.stamp.as_ref() == stamp
            && self.inputs.iter().all(|(path, stamp)| stamps.at(path).as_ref() == Some(stamp))
    }

    /// Reads an included file.
    pub(super) fn read(name: &OsStr, main: &Main, making: &mut Making<'_>) -> Self {
        let path = making.folder.join(name);
        let mut cx = Context::new(path.display().to_string().into());
        let (root, stamp) = match read_config(&path) {
            Ok((text, stamp)) => (yaml::read(&text, &mut cx), Some(stamp)),
            Err((mark, problem)) => {
                cx.error(mark, problem);
                (None, None)
            }
        };
        // A file with `zones` is a list of zones; any other is one zone.
        let list = root.as_ref().filter(|root| root.key("zones").is_some());
        let mut inputs = Inputs::new(making.folder, making.now);
        let mut bench = making.bench(&main.upstream, &main.settings.upstream, &mut inputs);
        let zones = match (list, &root) {
            (Some(list), _) => {
                let zones = IncludedFile::decode(list, &mut cx).map(|file| file.zones.0);
                listed(&zones.unwrap_or_default(), &mut bench, &mut cx)
            }
            (None, Some(zone)) => zone::compile(zone, &mut bench, &mut cx).into_iter().collect(),
            (None, None) => Vec::new(),
        };
        let written = list.map_or(1, written);
        let unit = Self::new(cx, stamp, inputs, zones, Form { is_list: list.is_some(), written }, making.now);
        Self { name: name.into(), ..unit }
    }

    fn new(
        cx: Context,
        stamp: Option<Stamp>,
        inputs: Inputs<'_>,
        zones: Vec<ZoneRecord>,
        form: Form,
        now: Now,
    ) -> Self {
        Self {
            name: OsString::new(),
            file: Arc::clone(cx.file()),
            stamp,
            is_settled: inputs.is_settled() && stamp.is_some_and(|stamp| !stamp.is_fresh(now)),
            inputs: inputs.into_read(),
            zones: zones.into(),
            is_list: form.is_list,
            written: form.written,
            is_broken: cx.has_errors(),
            found: cx.finish(),
        }
    }

    /// Records something about one of its zones.
    pub(super) fn about<T>(&self, zone: usize, act: impl FnOnce(&mut Context) -> T) -> Diagnostics {
        let mut cx = Context::new(Arc::clone(&self.file));
        if self.is_list {
            cx.in_key("zones", |cx| cx.in_item(zone, act));
        } else {
            act(&mut cx);
        }
        cx.finish()
    }
}

impl Main {
    /// Reads the main file. `None`: there is nothing to go on with, and why is in `found`.
    pub(super) fn read(
        path: &Path,
        old: Option<&Self>,
        making: &mut Making<'_>,
        found: &mut Diagnostics,
    ) -> Option<Self> {
        let name = path.display().to_string();
        match read_config(path) {
            Ok((text, stamp)) => Self::compile(&name, &text, Some(stamp), old, making, found),
            Err((mark, problem)) => {
                let mut cx = Context::new(name.into());
                cx.error(mark, problem);
                collect(found, cx.finish());
                None
            }
        }
    }

    /// Compiles the text of the main file.
    pub(super) fn compile(
        name: &str,
        text: &str,
        stamp: Option<Stamp>,
        old: Option<&Self>,
        making: &mut Making<'_>,
        found: &mut Diagnostics,
    ) -> Option<Self> {
        let mut cx = Context::new(name.into());
        let root = yaml::read(text, &mut cx);
        let config = root.as_ref().and_then(|root| Config::decode(root, &mut cx));
        let (Some(root), Some(config)) = (root, config) else {
            collect(found, cx.finish());
            return None;
        };
        let settings = Settings::compile(&config, making.folder, &mut cx);
        let settings = shared(settings, old.map(|old| &old.settings));
        let mut inputs = Inputs::new(making.folder, making.now);
        let mut bench = making.bench(&config.upstream, &settings.upstream, &mut inputs);
        let zones = listed(config.zones.as_deref().unwrap_or_default(), &mut bench, &mut cx);
        let form = Form { is_list: true, written: written(&root) };
        let unit = Unit::new(cx, stamp, inputs, zones, form, making.now);
        collect(found, unit.found.clone());
        Some(Self {
            settings,
            include: config.include.0,
            zones_mark: root.key("zones").map_or(Mark::START, |zones| zones.mark),
            upstream: config.upstream,
            unit: Arc::new(unit),
        })
    }

    /// The files that an `include` means; what is wrong with it is reported.
    pub(super) fn expand(
        &self,
        pattern: &Spanned<String>,
        folder: &Path,
        found: &mut Diagnostics,
    ) -> Option<Listing> {
        let listing = include::expand(&pattern.value, folder);
        let listing = listing.map_err(|problem| self.report_include(pattern.mark, problem, found)).ok()?;
        if listing.is_empty() {
            let message = format!("no file fits `{}`", pattern.value);
            let problem = Problem::new("include-empty", message, "Check the pattern, or add a file.");
            self.about_include(found, |cx| cx.warning(pattern.mark, problem));
        }
        Some(listing)
    }

    pub(super) fn report_include(&self, mark: Mark, problem: Problem, found: &mut Diagnostics) {
        self.about_include(found, |cx| cx.error(mark, problem));
    }

    fn about_include(&self, found: &mut Diagnostics, act: impl FnOnce(&mut Context)) {
        let mut cx = Context::new(Arc::clone(&self.unit.file));
        cx.in_key("include", act);
        collect(found, cx.finish());
    }
}

impl<'a> Making<'a> {
    fn bench<'b, 'i>(
        &'b mut self,
        upstream: &'b UpstreamConfig,
        upstream_plan: &'b Arc<Upstream>,
        inputs: &'b mut Inputs<'i>,
    ) -> Bench<'b, 'i> {
        let Tools { trust, certificates } = &mut *self.tools;
        Bench { upstream, upstream_plan, before: self.before, trust, certificates, inputs }
    }
}

/// How the zones of a file are written.
struct Form {
    is_list: bool,
    written: usize,
}

/// The settings of before where they are equal, so that equal means identical.
fn shared(mut settings: Settings, old: Option<&Arc<Settings>>) -> Arc<Settings> {
    match old {
        Some(old) if **old == settings => Arc::clone(old),
        Some(old) if old.upstream == settings.upstream => {
            settings.upstream = Arc::clone(&old.upstream);
            Arc::new(settings)
        }
        Some(_) | None => Arc::new(settings),
    }
}

/// How many zones stand under `zones`. Something else than a list is a mistake of its own, not emptiness.
fn written(root: &Node) -> usize {
    match root.key("zones").map(|zones| &zones.value) {
        Some(Value::List(zones)) => zones.len(),
        Some(Value::Scalar(_) | Value::Map(_)) => 1,
        None => 0,
    }
}

fn listed(zones: &[Deferred<ZoneConfig>], bench: &mut Bench<'_, '_>, cx: &mut Context) -> Vec<ZoneRecord> {
    let compile = |(i, zone): (usize, &Deferred<ZoneConfig>)| {
        let record = cx.in_key("zones", |cx| cx.in_item(i, |cx| zone::compile(&zone.node, bench, cx)))?;
        Some(ZoneRecord { index: i, ..record })
    };
    zones.iter().enumerate().filter_map(compile).collect()
}
