//! To bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::os::unix::ffi::OsStrExt as _;

use foldhash::fast::FixedState;
use rempart_base::config::Mark;
use rempart_base::{Diagnostic, Severity};

use crate::bytes::Writer;
use crate::inputs::{Input, InputName};
use crate::snapshot::{HeldBack, Snapshot};
use crate::source::SourceFile;
use crate::zone::ZoneRecord;

use super::{AUTHORITIES, ENV, ERROR, FILE, FORMAT, FORMAT_BEFORE, PLACEHOLDER, WARNING, ZONE};

impl Snapshot {
    /// Everything that this snapshot is made from, with the files behind it: [`load_release`] makes the same
    /// snapshot of it. The same content has the same bytes. Keys and secrets are in it.
    ///
    /// [`load_release`]: crate::load_release
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut files = Numbered::<&SourceFile>::new();
        let mut contents = Numbered::<&[u8]>::new();
        let mut own = Writer::default();
        write_inputs(&self.source.inputs, &mut contents, &mut own);
        let mut zones = Writer::default();
        zones.count(self.zones.len());
        self.zones.iter().for_each(|zone| write_zone(zone, &mut files, &mut contents, &mut zones));
        let mut body = Writer::default();
        let inputs = &self.source.inputs;
        // A program of before reads what it could have written.
        body.byte(if inputs.is_empty() { FORMAT_BEFORE } else { FORMAT });
        body.text(&self.source.file);
        body.bytes(self.source.folder.as_os_str().as_bytes());
        write_mark(self.source.mark, &mut body);
        body.bytes(&self.source.text);
        body.count(files.list.len());
        for file in files.list {
            body.text(&file.name);
            body.byte(file.is_list.into());
        }
        body.count(contents.list.len());
        contents.list.iter().for_each(|content| body.bytes(content));
        if !inputs.is_empty() {
            body.0.extend_from_slice(&own.0);
        }
        body.count(self.held.len());
        self.held.iter().for_each(|held| write_held(held, &mut body));
        body.0.extend_from_slice(&zones.0);
        body.0
    }
}

/// Things in the order in which they were met, each once.
struct Numbered<T> {
    list: Vec<T>,
    known: HashMap<T, usize, FixedState>,
}

impl<T: Copy + Eq + Hash> Numbered<T> {
    fn new() -> Self {
        Self { list: Vec::new(), known: HashMap::default() }
    }

    fn number(&mut self, thing: T) -> usize {
        // Zones of one file stand together.
        if self.list.last() == Some(&thing) {
            return self.list.len() - 1;
        }
        *self.known.entry(thing).or_insert_with(|| {
            self.list.push(thing);
            self.list.len() - 1
        })
    }
}

fn write_zone<'a>(
    zone: &'a ZoneRecord,
    files: &mut Numbered<&'a SourceFile>,
    contents: &mut Numbered<&'a [u8]>,
    to: &mut Writer,
) {
    let source = &*zone.source;
    to.byte(if zone.plan.is_held_back { PLACEHOLDER } else { ZONE });
    to.text(&zone.plan.name);
    to.count(files.number(&source.spot.file));
    to.number(source.spot.index.into());
    write_mark(source.spot.mark, to);
    write_inputs(&source.inputs, contents, to);
    to.bytes(&source.text);
}

fn write_inputs<'a>(inputs: &'a [Input], contents: &mut Numbered<&'a [u8]>, to: &mut Writer) {
    to.count(inputs.len());
    for Input { name, content } in inputs {
        match name {
            InputName::File(path) => {
                to.byte(FILE);
                to.bytes(path.as_os_str().as_bytes());
            }
            InputName::Env(name) => {
                to.byte(ENV);
                to.text(name);
            }
            InputName::SystemAuthorities => to.byte(AUTHORITIES),
        }
        to.count(contents.number(content.reveal()));
    }
}

fn write_held(held: &HeldBack, to: &mut Writer) {
    to.text(&held.zone);
    to.text(&held.file);
    to.number(held.line.into());
    to.byte(held.has_version.into());
    to.count(held.diagnostics.0.len());
    held.diagnostics.0.iter().for_each(|diagnostic| write_diagnostic(diagnostic, to));
}

fn write_diagnostic(diagnostic: &Diagnostic, to: &mut Writer) {
    let Diagnostic { code, severity, path, place, message, expected, action } = diagnostic;
    to.byte(match severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
    });
    for text in [code, path.as_str(), message, expected, action] {
        to.text(text);
    }
    to.byte(place.is_some().into());
    if let Some(place) = place {
        to.text(&place.file);
        write_mark(Mark { line: place.line, column: place.column }, to);
    }
}

fn write_mark(mark: Mark, to: &mut Writer) {
    to.number(mark.line.into());
    to.number(mark.column.into());
}
