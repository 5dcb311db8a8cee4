//! What a zone needs that does not stand in the configuration itself: certificates, keys, secrets. It is read
//! once, and kept with the zone, so that a release can be compiled where none of it is.

use std::collections::HashMap;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rempart_base::config::{Problem, Reference};
use rempart_base::{Now, Secret};
use rempart_origin::plan::{Wanted, system_authorities};

use crate::files::{Stamp, read_pem};

/// Where a zone's compilation gets what it needs, and what it has got.
#[derive(Debug)]
pub struct Inputs<'a> {
    from: From<'a>,
    used: Vec<Input>,
    read: Vec<(PathBuf, Stamp)>,
    settled: bool,
}

#[derive(Debug)]
enum From<'a> {
    /// Files relative to a folder, and the environment.
    System { folder: &'a Path, now: Now, pantry: &'a mut Pantry },
    /// What a release holds.
    Release(&'a [Input]),
}

/// One thing that a zone needs, with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What it is called in the zone.
    pub name: InputName,
    /// What it is.
    pub content: Secret<Arc<[u8]>>,
}

/// What a zone calls something that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InputName {
    /// A file, as the zone names it.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
    /// The authorities that the system trusts.
    SystemAuthorities,
}

/// What has been read, so that what has not changed is neither read nor kept twice.
#[derive(Debug, Default)]
pub struct Pantry {
    files: HashMap<PathBuf, Kept>,
    authorities: Option<Arc<[u8]>>,
}

#[derive(Debug)]
struct Kept {
    /// `None`: it was written just now, and could change without another stamp.
    stamp: Option<Stamp>,
    content: Arc<[u8]>,
}

impl<'a> Inputs<'a> {
    /// From files relative to `folder`, and from the environment.
    #[must_use]
    pub const fn system(folder: &'a Path, now: Now, pantry: &'a mut Pantry) -> Self {
        Self::of(From::System { folder, now, pantry })
    }

    /// From what a release holds, and from nowhere else.
    #[must_use]
    pub const fn release(inputs: &'a [Input]) -> Self {
        Self::of(From::Release(inputs))
    }

    const fn of(from: From<'a>) -> Self {
        Self { from, used: Vec::new(), read: Vec::new(), settled: true }
    }

    /// Whether none of the files was written just now: only then do their stamps tell a later change.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.settled
    }

    /// The content of an input.
    ///
    /// # Errors
    /// It cannot be read, is not set, or has more than `PEM_BYTES_MAX`.
    pub fn get(&mut self, name: &InputName) -> Result<Arc<[u8]>, Problem> {
        let content = match &mut self.from {
            From::Release(inputs) => {
                let found = inputs.iter().find(|input| input.name == *name);
                found.map(|input| Arc::clone(input.content.reveal())).ok_or_else(|| missing(name))?
            }
            From::System { folder, now, pantry } => match name {
                InputName::Env(name) => variable(name)?.into(),
                InputName::SystemAuthorities => pantry.authorities()?,
                InputName::File(path) => {
                    let path = folder.join(path);
                    let (content, stamp) = pantry.file(&path, *now)?;
                    self.settled &= !stamp.is_fresh(*now);
                    remember(&mut self.read, path, stamp);
                    content
                }
            },
        };
        if !self.used.iter().any(|used| used.name == *name) {
            self.used.push(Input { name: name.clone(), content: Secret::new(Arc::clone(&content)) });
        }
        Ok(content)
    }

    /// What was got since this was called last.
    #[must_use]
    pub fn take_used(&mut self) -> Box<[Input]> {
        std::mem::take(&mut self.used).into()
    }

    /// Every file that was read.
    #[must_use]
    pub fn into_read(self) -> Box<[(PathBuf, Stamp)]> {
        self.read.into()
    }
}

impl std::convert::From<Wanted<'_>> for InputName {
    fn from(wanted: Wanted<'_>) -> Self {
        match wanted {
            Wanted::File(path) => Self::File(path.into()),
            Wanted::SystemAuthorities => Self::SystemAuthorities,
        }
    }
}

impl std::convert::From<&Reference> for InputName {
    fn from(reference: &Reference) -> Self {
        match reference {
            Reference::Env(name) => Self::Env(name.clone()),
            Reference::File(path) => Self::File(path.clone()),
        }
    }
}

impl Pantry {
    /// Forgets what no zone uses any more.
    pub fn sweep(&mut self) {
        self.files.retain(|_, kept| Arc::strong_count(&kept.content) > 1);
    }

    fn file(&mut self, path: &Path, now: Now) -> Result<(Arc<[u8]>, Stamp), Problem> {
        if let Some(kept) = self.files.get(path)
            && let Some(stamp) = kept.stamp
            && Stamp::at(path) == Some(stamp)
        {
            return Ok((Arc::clone(&kept.content), stamp));
        }
        let (bytes, stamp) = read_pem(path)?;
        let same = self.files.get(path).filter(|kept| *kept.content == *bytes);
        let content = same.map_or_else(|| bytes.into(), |kept| Arc::clone(&kept.content));
        let kept = Kept { stamp: (!stamp.is_fresh(now)).then_some(stamp), content: Arc::clone(&content) };
        self.files.insert(path.into(), kept);
        Ok((content, stamp))
    }

    fn authorities(&mut self) -> Result<Arc<[u8]>, Problem> {
        if let Some(authorities) = &self.authorities {
            return Ok(Arc::clone(authorities));
        }
        let authorities: Arc<[u8]> = system_authorities()?.into();
        self.authorities = Some(Arc::clone(&authorities));
        Ok(authorities)
    }
}

fn variable(name: &str) -> Result<Vec<u8>, Problem> {
    std::env::var_os(name).map(OsStringExt::into_vec).ok_or_else(|| {
        let message = format!("the environment variable `{name}` is not set");
        Problem::new("env-missing", message, "Set it where the program is started.")
    })
}

fn remember(read: &mut Vec<(PathBuf, Stamp)>, path: PathBuf, stamp: Stamp) {
    // Zones of one file that share a certificate mostly stand together.
    const LOOKED_BACK: usize = 8;
    if !read.iter().rev().take(LOOKED_BACK).any(|(known, _)| *known == path) {
        read.push((path, stamp));
    }
}

fn missing(name: &InputName) -> Problem {
    let what = match name {
        InputName::File(path) => format!("the file `{}`", path.display()),
        InputName::Env(name) => format!("the variable `{name}`"),
        InputName::SystemAuthorities => "the list of trusted authorities".into(),
    };
    let message = format!("{what} is not in this release");
    Problem::new("release-damaged", message, "Start from the configuration file.")
}
