//! `application/x-www-form-urlencoded`, as Cloudflare's fields show it: cut at `&` and `=`, nothing decoded, the case
//! kept, in order.

use memchr::memchr;

/// Fields that are looked at. Common origins take 1,000.
pub const FIELDS_MAX: usize = 8192;

/// The fields of a form, as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form<'b> {
    fields: Vec<(&'b [u8], &'b [u8])>,
    is_cut: bool,
}

impl<'b> Form<'b> {
    /// Reads a form. A field without `=` has an empty value; what is empty between two `&` is no field.
    #[must_use]
    pub fn parse(raw: &'b [u8]) -> Self {
        let mut form = Self::default();
        let mut left = raw;
        while !left.is_empty() {
            let (field, rest) = cut(left, b'&');
            left = rest;
            if field.is_empty() {
                continue;
            }
            if form.fields.len() == FIELDS_MAX {
                form.is_cut = true;
                break;
            }
            form.fields.push(cut(field, b'='));
        }
        form
    }

    /// Names and values, in order.
    #[must_use]
    pub fn fields(&self) -> &[(&'b [u8], &'b [u8])] {
        &self.fields
    }

    /// Whether there are more than [`FIELDS_MAX`].
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// What stands before the first `at`, and what stands behind it.
fn cut(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let place = memchr(at, bytes).unwrap_or(bytes.len());
    let (before, rest) = bytes.split_at_checked(place).unwrap_or((bytes, &[]));
    (before, rest.get(1..).unwrap_or_default())
}
