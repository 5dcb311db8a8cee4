//! Fields as they come out of a block, into a list with bounds.

use rempart_flow::{FieldRef, Fields, HeadLimits, Known};

use crate::hpack::Decoded;

/// Counts what a head takes.
#[derive(Debug)]
pub(super) struct Collector {
    bytes_left: usize,
    fields_left: usize,
    cookies: Cookies,
}

/// A head is larger than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// A client may send its cookies in pieces (RFC 9113 section 8.2.3); all others want one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cookies {
    None,
    /// In one field.
    Joined,
    /// With other fields between them: to be joined at the end.
    Scattered,
}

/// Between two pieces.
const COOKIE_JOINT: &[u8] = b"; ";

impl Collector {
    /// `fixed_bytes` are those of the empty line and of the start line's own text.
    pub(super) const fn new(limits: &HeadLimits, fixed_bytes: usize) -> Self {
        Self {
            bytes_left: limits.head_bytes_max.saturating_sub(fixed_bytes),
            fields_left: limits.fields_max,
            cookies: Cookies::None,
        }
    }

    /// Takes bytes off.
    #[inline]
    pub(super) const fn count(&mut self, bytes: usize) -> Result<(), TooLarge> {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => Err(TooLarge),
        }
    }

    /// Adds a field.
    #[inline]
    pub(super) fn add(
        &mut self,
        fields: &mut Fields,
        known: Known,
        field: &Decoded<'_>,
    ) -> Result<(), TooLarge> {
        self.add_named(fields, known, field.name, field)
    }

    /// Adds a field under a name.
    #[inline]
    pub(super) fn add_named(
        &mut self,
        fields: &mut Fields,
        known: Known,
        name: &[u8],
        field: &Decoded<'_>,
    ) -> Result<(), TooLarge> {
        // A colon, a space and the end of the line.
        self.count(name.len() + field.value.len() + 4)?;
        self.fields_left = self.fields_left.checked_sub(1).ok_or(TooLarge)?;
        fields.append_line(FieldRef {
            name,
            value: field.value,
            known,
            hop_by_hop: known.is_hop_by_hop(),
            never_indexed: field.never_indexed,
        });
        Ok(())
    }

    /// Adds a piece of a request's cookies.
    pub(super) fn add_cookie(&mut self, fields: &mut Fields, field: &Decoded<'_>) -> Result<(), TooLarge> {
        if self.cookies == Cookies::None {
            self.cookies = Cookies::Joined;
            return self.add(fields, Known::Cookie, field);
        }
        // An empty one would leave a space at an end.
        if field.value.is_empty() {
            return Ok(());
        }
        let last = fields.list_mut().last_mut().filter(|last| last.known == Known::Cookie);
        if let Some(last) = last {
            let between = if last.value.is_empty() { b"" } else { COOKIE_JOINT };
            last.never_indexed |= field.never_indexed;
            self.count(between.len() + field.value.len())?;
            if fields.extend_last_line(between, field.value) {
                return Ok(());
            }
        }
        // Between two scattered pieces stands another field, so their number is bounded too.
        self.cookies = Cookies::Scattered;
        self.fields_left = self.fields_left.saturating_add(1);
        self.add(fields, Known::Cookie, field)
    }

    /// Puts the cookies together.
    #[inline]
    pub(super) fn finish(&self, fields: &mut Fields) {
        if self.cookies == Cookies::Scattered {
            fields.join(Known::Cookie, COOKIE_JOINT);
        }
    }
}
