//! Extensible priorities (RFC 9218).

/// How urgent a response is (section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// 0, most urgent, to 7; 3 unless said.
    pub urgency: u8,
    /// Whether it is of use in parts, so that others of its urgency may be sent in between.
    pub is_incremental: bool,
}

impl Default for Priority {
    fn default() -> Self {
        Self { urgency: 3, is_incremental: false }
    }
}

/// What one or several `Priority` fields of a head say. What they do not say stays as it was (section 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriorityField {
    urgency: Option<u8>,
    is_incremental: Option<bool>,
}

impl PriorityField {
    /// Reads a field's value: a dictionary (RFC 8941 section 3.2) of which `u` and `i` are known. What is unknown, or
    /// not of the right type, is ignored (RFC 9218 section 4).
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        let mut said = Self::default();
        for member in members(value) {
            // Parameters of a member say nothing that is known.
            let member = member.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            match member {
                [b'u', b'=', urgency @ b'0'..=b'7'] => said.urgency = Some(urgency - b'0'),
                b"i" | b"i=?1" => said.is_incremental = Some(true),
                b"i=?0" => said.is_incremental = Some(false),
                _ => {}
            }
        }
        said
    }

    /// With the next line of the same name: what stands last counts.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self {
            urgency: next.urgency.or(self.urgency),
            is_incremental: next.is_incremental.or(self.is_incremental),
        }
    }

    /// Whether it says nothing that is known.
    #[must_use]
    pub const fn is_silent(self) -> bool {
        self.urgency.is_none() && self.is_incremental.is_none()
    }

    /// What becomes of a priority about which this is said.
    #[must_use]
    pub fn over(self, before: Priority) -> Priority {
        Priority {
            urgency: self.urgency.unwrap_or(before.urgency),
            is_incremental: self.is_incremental.unwrap_or(before.is_incremental),
        }
    }
}

impl Priority {
    /// What a client's field says of a stream of which nothing was said before.
    #[must_use]
    pub fn from_field(value: &[u8]) -> Self {
        PriorityField::of(value).over(Self::default())
    }
}

/// The parts between commas that stand in no string.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut in_string, mut is_escaped) = (false, false);
    value.split(move |byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
        *byte == b',' && !in_string
    })
}

/// How many streams that are not there yet may have had their priority said.
const EARLY_MAX: usize = 16;

/// Priorities that came before their streams (section 7.1). The latest few are kept.
#[derive(Debug, Default)]
pub(crate) struct Early(Vec<(u32, Priority)>);

impl Early {
    pub(crate) fn put(&mut self, stream: u32, priority: Priority) {
        self.0.retain(|(other, _)| *other != stream);
        if self.0.len() >= EARLY_MAX {
            self.0.remove(0);
        }
        self.0.push((stream, priority));
    }

    /// What was said of this stream. What was said of lower ones is of no more use.
    #[inline]
    pub(crate) fn take(&mut self, stream: u32) -> Option<Priority> {
        if self.0.is_empty() {
            return None;
        }
        let found = self.0.iter().find(|(other, _)| *other == stream).map(|(_, priority)| *priority);
        self.0.retain(|(other, _)| *other > stream);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_read_and_the_rest_ignored() {
        let cases: &[(&[u8], u8, bool)] = &[
            (b"", 3, false),
            (b"u=0", 0, false),
            (b"u=7, i", 7, true),
            (b"i=?1,u=2", 2, true),
            (b"i, i=?0", 3, false),
            (b"u=5;x=1, i;y", 5, true),
            (b"u=8, i", 3, true),
            (b"u=-1", 3, false),
            (b"u=1.0, i=1", 3, false),
            (b"u=1, u=4", 4, false),
            (b"x=\",u=1,\\\",i,\", u=6", 6, false),
            (b"U=1, I", 3, false),
        ];
        for (value, urgency, is_incremental) in cases {
            assert_eq!(
                Priority::from_field(value),
                Priority { urgency: *urgency, is_incremental: *is_incremental },
                "{}",
                value.escape_ascii()
            );
        }
    }

    #[test]
    fn what_is_not_said_stays_as_it_was() {
        let visitor = Priority { urgency: 5, is_incremental: true };
        let cases: &[(&[u8], u8, bool)] = &[
            (b"u=1", 1, true),
            (b"i=?0", 5, false),
            (b"u=0, i=?0", 0, false),
            (b"", 5, true),
            (b"x", 5, true),
        ];
        for (said, urgency, is_incremental) in cases {
            let merged = Priority { urgency: *urgency, is_incremental: *is_incremental };
            assert_eq!(PriorityField::of(said).over(visitor), merged, "{}", said.escape_ascii());
        }
        let both = PriorityField::of(b"u=1, i").and(PriorityField::of(b"u=2"));
        assert_eq!(both.over(Priority::default()), Priority { urgency: 2, is_incremental: true });
        assert!(PriorityField::of(b"x").is_silent() && !both.is_silent());
    }

    #[test]
    fn of_early_ones_the_latest_are_kept() {
        let mut early = Early::default();
        let urgent = Priority { urgency: 0, is_incremental: true };
        for stream in 0..100 {
            early.put(2 * stream + 1, Priority::default());
            early.put(2 * stream + 1, urgent);
        }
        assert_eq!(early.0.len(), EARLY_MAX);
        assert_eq!(early.take(1), None);
        assert_eq!(early.take(197), Some(urgent));
        assert_eq!(early.0.len(), 1);
        assert_eq!(early.take(201), None);
        assert!(early.0.is_empty());
    }
}
