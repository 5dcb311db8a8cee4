//! From bytes to what stands in them. Nothing is trusted: each count, each number and each text is checked, and
//! nothing is reserved for more than what is there.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rempart_base::config::Mark;
use rempart_base::{Diagnostic, Diagnostics, Place, Secret, Severity};

use crate::bytes::{Damaged, Reader};
use crate::inputs::{Input, InputName};
use crate::settings::SettingsSource;
use crate::snapshot::HeldBack;
use crate::source::{SourceFile, Spot, ZoneSource};

use super::{AUTHORITIES, ENV, ERROR, FILE, FORMAT, FORMAT_BEFORE, PLACEHOLDER, WARNING, ZONE};

/// What stands in a release before its zones.
pub(super) struct Release<'a> {
    pub(super) settings: SettingsSource,
    pub(super) held: Vec<HeldBack>,
    shelves: Shelves<'a>,
    zones: Reader<'a>,
    left: usize,
}

/// What zones share. What is taken is made once.
struct Shelves<'a> {
    files: Vec<FileHere<'a>>,
    contents: Vec<ContentHere<'a>>,
}

struct FileHere<'a> {
    name: &'a str,
    is_list: bool,
    made: Option<Arc<SourceFile>>,
}

struct ContentHere<'a> {
    bytes: &'a [u8],
    made: Option<Arc<[u8]>>,
}

/// A zone as it stands in a release.
pub(super) struct Entry<'a> {
    pub(super) is_placeholder: bool,
    pub(super) name: &'a str,
    pub(super) text: &'a [u8],
    file: usize,
    index: u32,
    mark: Mark,
    inputs: Vec<(Name<'a>, usize)>,
}

/// How an input is named.
#[derive(Clone, Copy)]
enum Name<'a> {
    File(&'a Path),
    Env(&'a str),
    SystemAuthorities,
}

impl<'a> Release<'a> {
    /// Reads what stands before the zones.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Damaged> {
        let mut from = Reader(body);
        let has_own_inputs = match from.byte()? {
            FORMAT => true,
            FORMAT_BEFORE => false,
            _ => return Err(Damaged),
        };
        let file = from.text()?.into();
        let folder = PathBuf::from(OsStr::from_bytes(from.bytes()?));
        let (mark, text) = (mark(&mut from)?, from.bytes()?.into());
        let files =
            list(&mut from, |from| Ok(FileHere { name: from.text()?, is_list: flag(from)?, made: None }))?;
        let contents = list(&mut from, |from| Ok(ContentHere { bytes: from.bytes()?, made: None }))?;
        let mut shelves = Shelves { files, contents };
        let inputs = if has_own_inputs { shelves.names(&mut from)? } else { Vec::new() };
        let inputs = shelves.inputs(&inputs).into();
        let settings = SettingsSource { file, folder, mark, text, inputs };
        let held = list(&mut from, held)?;
        let left = from.count()?;
        Ok(Self { settings, held, shelves, zones: from, left })
    }

    /// The next zone; `None` behind the last.
    pub(super) fn next_zone(&mut self) -> Result<Option<Entry<'a>>, Damaged> {
        let from = &mut self.zones;
        if self.left == 0 {
            return if from.is_at_end() { Ok(None) } else { Err(Damaged) };
        }
        self.left -= 1;
        let is_placeholder = match from.byte()? {
            ZONE => false,
            PLACEHOLDER => true,
            _ => return Err(Damaged),
        };
        let name = from.text()?;
        let file = below(self.shelves.files.len(), from)?;
        let (index, mark) = (from.small()?, mark(from)?);
        let inputs = self.shelves.names(from)?;
        Ok(Some(Entry { is_placeholder, name, text: from.bytes()?, file, index, mark, inputs }))
    }

    /// Whether a zone has the text and the inputs of this source.
    pub(super) fn is_same(&self, entry: &Entry<'_>, source: &ZoneSource) -> bool {
        let is_same = |(input, (name, content)): (&Input, &(Name<'_>, usize))| {
            let content = self.shelves.contents.get(*content).map(|content| content.bytes);
            name.is(&input.name) && content == Some(&**input.content.reveal())
        };
        *source.text == *entry.text
            && source.inputs.len() == entry.inputs.len()
            && source.inputs.iter().zip(&entry.inputs).all(is_same)
    }

    /// Whether a zone stands at this place.
    pub(super) fn is_at(&self, entry: &Entry<'_>, spot: &Spot) -> bool {
        let file = self.shelves.files.get(entry.file);
        let is_there =
            |file: &FileHere<'_>| *spot.file.name == *file.name && spot.file.is_list == file.is_list;
        file.is_some_and(is_there) && spot.index == entry.index && spot.mark == entry.mark
    }

    /// Where a zone stands.
    pub(super) fn spot(&mut self, entry: &Entry<'_>) -> Result<Spot, Damaged> {
        let FileHere { name, is_list, made } = self.shelves.files.get_mut(entry.file).ok_or(Damaged)?;
        let make = || Arc::new(SourceFile { name: (*name).into(), is_list: *is_list });
        let file = Arc::clone(made.get_or_insert_with(make));
        Ok(Spot { file, index: entry.index, mark: entry.mark })
    }

    /// What a zone needs.
    pub(super) fn inputs(&mut self, entry: &Entry<'_>) -> Vec<Input> {
        self.shelves.inputs(&entry.inputs)
    }
}

impl<'a> Shelves<'a> {
    /// Inputs and which content each has.
    fn names(&self, from: &mut Reader<'a>) -> Result<Vec<(Name<'a>, usize)>, Damaged> {
        let contents = self.contents.len();
        list(from, |from| Ok((input_name(from)?, below(contents, from)?)))
    }

    fn inputs(&mut self, names: &[(Name<'_>, usize)]) -> Vec<Input> {
        let contents = &mut self.contents;
        let input = |(name, content): &(Name<'_>, usize)| {
            let ContentHere { bytes, made } = contents.get_mut(*content)?;
            let content = Arc::clone(made.get_or_insert_with(|| (*bytes).into()));
            Some(Input { name: name.owned(), content: Secret::new(content) })
        };
        names.iter().filter_map(input).collect()
    }
}

impl Name<'_> {
    fn is(self, other: &InputName) -> bool {
        match (self, other) {
            (Self::File(path), InputName::File(other)) => path == other,
            (Self::Env(name), InputName::Env(other)) => name == other,
            (Self::SystemAuthorities, InputName::SystemAuthorities) => true,
            (Self::File(_) | Self::Env(_) | Self::SystemAuthorities, _) => false,
        }
    }

    fn owned(self) -> InputName {
        match self {
            Self::File(path) => InputName::File(path.into()),
            Self::Env(name) => InputName::Env(name.into()),
            Self::SystemAuthorities => InputName::SystemAuthorities,
        }
    }
}

fn input_name<'a>(from: &mut Reader<'a>) -> Result<Name<'a>, Damaged> {
    match from.byte()? {
        FILE => Ok(Name::File(Path::new(OsStr::from_bytes(from.bytes()?)))),
        ENV => from.text().map(Name::Env),
        AUTHORITIES => Ok(Name::SystemAuthorities),
        _ => Err(Damaged),
    }
}

fn held(from: &mut Reader<'_>) -> Result<HeldBack, Damaged> {
    Ok(HeldBack {
        zone: from.text()?.into(),
        file: from.text()?.into(),
        line: from.small()?,
        has_version: flag(from)?,
        diagnostics: Diagnostics(list(from, diagnostic)?),
    })
}

fn diagnostic(from: &mut Reader<'_>) -> Result<Diagnostic, Damaged> {
    let severity = match from.byte()? {
        ERROR => Severity::Error,
        WARNING => Severity::Warning,
        _ => return Err(Damaged),
    };
    let mut text = || from.text().map(str::to_owned);
    let (code, path, message) = (text()?.into(), text()?, text()?);
    let (expected, action) = (text()?, text()?);
    let place = match flag(from)? {
        true => {
            let (file, Mark { line, column }) = (from.text()?.into(), mark(from)?);
            Some(Place { file, line, column })
        }
        false => None,
    };
    Ok(Diagnostic { code, severity, path, place, message, expected, action })
}

fn list<'a, T>(
    from: &mut Reader<'a>,
    mut item: impl FnMut(&mut Reader<'a>) -> Result<T, Damaged>,
) -> Result<Vec<T>, Damaged> {
    (0..from.count()?).map(|_| item(from)).collect()
}

fn below(bound: usize, from: &mut Reader<'_>) -> Result<usize, Damaged> {
    usize::try_from(from.number()?).ok().filter(|number| *number < bound).ok_or(Damaged)
}

fn flag(from: &mut Reader<'_>) -> Result<bool, Damaged> {
    match from.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Damaged),
    }
}

fn mark(from: &mut Reader<'_>) -> Result<Mark, Damaged> {
    Ok(Mark { line: from.small()?, column: from.small()? })
}
