//! What a release is about, without making it.

use std::sync::Arc;

use rempart_base::Diagnostics;

use crate::settings::Settings;

use super::load::{damaged, settings};
use super::read::Release;

/// What a release is about: found out without compiling one zone.
#[derive(Debug)]
pub struct Outline {
    /// The names of its zones, sorted.
    pub zones: Vec<Arc<str>>,
    /// Its global values.
    pub settings: Arc<Settings>,
}

impl Outline {
    /// Reads the outline of a release.
    ///
    /// # Errors
    /// The body is damaged, or its settings are refused by this program.
    pub fn read(body: &[u8]) -> Result<Self, Diagnostics> {
        let mut release = Release::read(body).map_err(|_| damaged())?;
        let (_, settings, _) = settings(&release.settings, None)?;
        let mut zones = Vec::new();
        while let Some(zone) = release.next_zone().map_err(|_| damaged())? {
            zones.push(zone.name.into());
        }
        zones.sort_unstable();
        Ok(Self { zones, settings })
    }

    /// The zones that are not in `new`.
    #[must_use]
    pub fn removed(&self, new: &Self) -> Vec<Arc<str>> {
        self.zones.iter().filter(|name| new.zones.binary_search(name).is_err()).cloned().collect()
    }
}
