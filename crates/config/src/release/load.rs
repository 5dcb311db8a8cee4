//! From a release to a snapshot.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::FixedState;
use rempart_base::config::{Context, Decode as _};
use rempart_base::{Diagnostic, Diagnostics, Now, Severity};

use crate::bytes::Damaged;
use crate::compile::{Assembled, Assembly, Found, Part, RefusedZones, Tools, Workshop};
use crate::inputs::Inputs;
use crate::node_bytes;
use crate::settings::{Settings, SettingsSource};
use crate::snapshot::Snapshot;
use crate::source::ZoneSource;
use crate::tree::Config;
use crate::zone::{self, Slot, ZoneRecord};

use super::RELEASE_BYTES_MAX;
use super::read::{Entry, Release};

/// Makes the snapshot that a release holds. Nothing but `body` is read: no file and no variable. Zones that
/// are the same in `base` are shared with it; the number is that of `base`, until the store says which it is.
///
/// # Errors
/// The body is damaged or larger than [`RELEASE_BYTES_MAX`], or its settings are refused by this program. (A
/// zone that is refused by this program is held back.)
pub fn load_release(body: &[u8], base: Option<&Snapshot>, now: Now) -> Result<Arc<Snapshot>, Diagnostics> {
    if body.len() > RELEASE_BYTES_MAX {
        let message = format!("the release is larger than release_bytes_max, {RELEASE_BYTES_MAX} bytes");
        return Err(refused(message));
    }
    let damaged = |Damaged| damaged();
    let mut release = Release::read(body).map_err(damaged)?;
    let (config, settings, warnings) = settings(&release.settings, base)?;
    let tools = base.map(|base| Arc::clone(&base.tools)).unwrap_or_default();
    let mut open_tools = tools.lock().unwrap_or_else(PoisonError::into_inner);
    let mut workshop = Workshop {
        upstream: &config.upstream,
        upstream_plan: &settings.upstream,
        account: settings.account.as_deref(),
        before: base.map(|base| &base.table),
        tools: &mut open_tools,
    };
    // Zones under other global settings are not the same.
    let mut known = Known::new(base.filter(|base| base.settings.makes_zones_like(&settings)));
    let mut slots = Vec::new();
    while let Some(entry) = release.next_zone().map_err(damaged)? {
        slots.push(slot(&entry, &mut release, &mut known, &mut workshop).map_err(damaged)?);
    }
    let snapshot = assemble(release, (warnings, &slots), &settings, base, (&tools, &mut workshop), now)?;
    open_tools.sweep();
    drop(open_tools);
    #[cfg(feature = "fault")]
    if let Some(fault) = &snapshot.settings.fault_loader {
        fault.happen();
    }
    Ok(Arc::new(snapshot))
}

pub(super) fn settings(
    source: &SettingsSource,
    base: Option<&Snapshot>,
) -> Result<(Config, Arc<Settings>, Diagnostics), Diagnostics> {
    let mut cx = Context::new(Arc::clone(&source.file));
    let node = node_bytes::decode(&source.text, source.mark).map_err(|_| damaged())?;
    let config = Config::decode(&node, &mut cx);
    let mut inputs = Inputs::release(&source.inputs);
    let compile = |config: &Config| Settings::compile(config, &source.folder, &mut inputs, &mut cx);
    let settings = config.as_ref().map(compile);
    match config.zip(settings) {
        Some((config, settings)) if !cx.has_errors() => {
            Ok((config, settings.shared(base.map(|base| &base.settings)), cx.finish()))
        }
        Some(_) | None => Err(cx.finish()),
    }
}

fn slot<'b>(
    entry: &Entry<'_>,
    release: &mut Release<'_>,
    known: &mut Known<'b>,
    workshop: &mut Workshop<'_>,
) -> Result<Slot, Damaged> {
    let same = known.find(entry.name).filter(|known| {
        known.plan.is_held_back == entry.is_placeholder && release.is_same(entry, &known.source)
    });
    if let Some(known) = same.filter(|_| !entry.is_placeholder) {
        if release.is_at(entry, &known.source.spot) {
            return Ok(Slot::Good(known.clone()));
        }
        // What there is to say about it would name its old place.
        if known.source.warnings.is_empty() {
            let (text, inputs) = (known.source.text.clone(), known.source.inputs.clone());
            let source = ZoneSource { spot: release.spot(entry)?, text, inputs, warnings: Box::default() };
            return Ok(Slot::Good(ZoneRecord { plan: Arc::clone(&known.plan), source: Arc::new(source) }));
        }
    }
    let spot = release.spot(entry)?;
    let node = node_bytes::decode(entry.text, spot.mark)?;
    if entry.is_placeholder {
        return Ok(Slot::Absent(zone::broken(&node, spot, Diagnostics::default())));
    }
    Ok(workshop.compile(&node, spot, &release.inputs(entry)))
}

fn assemble(
    release: Release<'_>,
    (warnings, slots): (Diagnostics, &[Slot]),
    settings: &Arc<Settings>,
    base: Option<&Snapshot>,
    (tools, workshop): (&Arc<Mutex<Tools>>, &mut Workshop<'_>),
    now: Now,
) -> Result<Snapshot, Diagnostics> {
    let mut found = Found::default();
    found.shared(warnings);
    slots.iter().for_each(|slot| found.of_zones(Diagnostics(slot.found().to_vec())));
    let (file, nothing) = (Arc::clone(&release.settings.file), Diagnostics::default());
    let assembly = Assembly {
        settings: Arc::clone(settings),
        source: Arc::new(release.settings),
        parts: vec![Part { file: &file, slots, broken: &nothing }],
        base,
        // What is stored was tasted: it is not judged by what came to be known since.
        refused: &RefusedZones::default(),
        again: &mut |zone| workshop.again(zone),
        held: release.held,
        tools: Arc::clone(tools),
        now,
    };
    let Assembled { mut snapshot, .. } = assembly.assemble(&mut found)?;
    snapshot.number = base.map_or(1, |base| base.number);
    Ok(snapshot)
}

/// The zones of a snapshot, by name. Mostly they are asked for in their order.
struct Known<'a> {
    zones: &'a [ZoneRecord],
    next: usize,
    by_name: HashMap<&'a str, usize, FixedState>,
}

impl<'a> Known<'a> {
    fn new(base: Option<&'a Snapshot>) -> Self {
        Self { zones: base.map_or(&[], |base| &base.zones), next: 0, by_name: HashMap::default() }
    }

    fn find(&mut self, name: &str) -> Option<&'a ZoneRecord> {
        let zones = self.zones;
        let at = match zones.get(self.next) {
            Some(zone) if *zone.plan.name == *name => self.next,
            Some(_) | None => {
                if self.by_name.is_empty() {
                    let named = zones.iter().enumerate().map(|(i, zone)| (&*zone.plan.name, i));
                    self.by_name = named.collect();
                }
                *self.by_name.get(name)?
            }
        };
        self.next = at + 1;
        zones.get(at)
    }
}

pub(super) fn damaged() -> Diagnostics {
    refused("this release is not what was written".into())
}

fn refused(message: String) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: "release-damaged".into(),
        severity: Severity::Error,
        path: String::new(),
        place: None,
        message,
        expected: String::new(),
        action: "Start from the configuration file, or from an older release.".into(),
    }])
}
