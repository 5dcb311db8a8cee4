//! The trailer section (RFC 9112 section 7.1.2).

use rempart_flow::Fields;
use rempart_flow::trailers::is_only_in_heads;

use super::{ChunkError, ChunkLimits};
use crate::fields::{self, Noticed};

/// What becomes of a trailer that only a head may bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForbiddenTrailers {
    Refuse,
    Mark,
}

/// A trailer section, collected until it is complete. Most bodies have none.
#[derive(Clone, Debug, Default)]
pub(super) struct Trailers {
    text: Vec<u8>,
    lines: usize,
    fields: Fields,
}

impl Trailers {
    pub(super) const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Takes in what belongs to the section; says how much that was, and whether the section is complete.
    pub(super) fn read(
        &mut self,
        input: &[u8],
        limits: &ChunkLimits,
        forbidden: ForbiddenTrailers,
    ) -> Result<(usize, bool), ChunkError> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let line_end = memchr::memchr(b'\n', rest).map(|at| at + 1);
            let part = rest.get(..line_end.unwrap_or(rest.len())).unwrap_or_default();
            if part.len() > limits.trailer_bytes_max - self.text.len() {
                return Err(ChunkError::TrailersTooLarge);
            }
            self.text.extend_from_slice(part);
            consumed += part.len();
            if line_end.is_none() {
                return Ok((consumed, false));
            }
            match self.text.as_slice() {
                [.., b'\n', b'\r', b'\n'] => {
                    self.parse(forbidden)?;
                    return Ok((consumed, true));
                }
                [.., b'\r', b'\n'] => self.lines += 1,
                _ => return Err(ChunkError::LineEnd),
            }
            if self.lines > limits.trailer_fields_max {
                return Err(ChunkError::TrailersTooLarge);
            }
        }
    }

    fn parse(&mut self, forbidden: ForbiddenTrailers) -> Result<(), ChunkError> {
        self.fields.store(&self.text);
        let end = fields::read(&self.text, 0, self.lines, &mut self.fields, &mut Noticed::default());
        if !matches!(end, Ok(Some(_))) {
            return Err(ChunkError::TrailerLine);
        }
        let only_in_heads: Vec<bool> =
            self.fields.iter().map(|field| is_only_in_heads(field.known, field.name)).collect();
        match forbidden {
            ForbiddenTrailers::Refuse if only_in_heads.contains(&true) => {
                return Err(ChunkError::TrailerForbidden);
            }
            ForbiddenTrailers::Refuse | ForbiddenTrailers::Mark => {}
        }
        for (field, forbidden) in self.fields.list_mut().iter_mut().zip(only_in_heads) {
            field.hop_by_hop |= forbidden;
        }
        Ok(())
    }
}
