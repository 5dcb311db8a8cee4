//! Patterns in which `*` stands for any bytes, made ready.

use crate::ast::Case;
use crate::literal::Wildcard;
use crate::meter::{Meter, OverBudget};
use memchr::memmem::Finder;

/// A pattern, ready to be asked. What stands between two stars is found at its first place, so that each star but the
/// last takes as little as it can, and no star is tried twice: linear time.
#[derive(Debug)]
pub(crate) struct Matcher {
    first: Box<[u8]>,
    middle: Box<[Finder<'static>]>,
    /// What stands behind the last star, if there is any.
    last: Option<Box<[u8]>>,
    case: Case,
}

/// Texts up to so many bytes are brought to lower case on the stack.
const ON_STACK: usize = 512;

impl Matcher {
    pub(crate) fn of(wildcard: &Wildcard, case: Case) -> Matcher {
        let ready = |piece: &[u8]| match case {
            Case::Sensitive => Box::from(piece),
            Case::Insensitive => piece.to_ascii_lowercase().into_boxed_slice(),
        };
        let mut pieces = wildcard.pieces().iter();
        let first = pieces.next().map(|piece| ready(piece)).unwrap_or_default();
        let last = pieces.next_back().map(|piece| ready(piece));
        let middle = pieces.map(|piece| Finder::new(&ready(piece)).into_owned()).collect();
        Matcher { first, middle, last, case }
    }

    /// Whether the whole text is of this pattern.
    ///
    /// # Errors
    /// The text is too long for the steps that are left.
    pub(crate) fn is_match(&self, text: &[u8], meter: &Meter) -> Result<bool, OverBudget> {
        meter.spend((text.len() as u64 + 1) * 2 + self.middle.len() as u64)?;
        let Some((start, end)) = self.between(text) else { return Ok(false) };
        if self.middle.is_empty() {
            return Ok(true);
        }
        let inner = text.get(start..end).unwrap_or_default();
        Ok(match self.case {
            Case::Sensitive => self.finds(inner, |_| {}),
            Case::Insensitive => lowered(inner, |inner| self.finds(inner, |_| {})),
        })
    }

    /// What each star stands for, as the first byte and the byte after the last one, if the text is of this pattern.
    ///
    /// # Errors
    /// The text is too long for the steps that are left.
    pub(crate) fn captures(
        &self,
        text: &[u8],
        meter: &Meter,
    ) -> Result<Option<Vec<(usize, usize)>>, OverBudget> {
        meter.spend((text.len() as u64 + 1) * 2 + self.middle.len() as u64)?;
        let Some((start, end)) = self.between(text) else { return Ok(None) };
        if self.last.is_none() {
            return Ok(Some(Vec::new()));
        }
        let inner = text.get(start..end).unwrap_or_default();
        let mut stars = Vec::with_capacity(self.middle.len() + 1);
        let mut from = start;
        let mut note = |(at, behind)| {
            stars.push((from, start + at));
            from = start + behind;
        };
        let is_found = match self.case {
            Case::Sensitive => self.finds(inner, &mut note),
            Case::Insensitive => lowered(inner, |inner| self.finds(inner, &mut note)),
        };
        stars.push((from, end));
        Ok(is_found.then_some(stars))
    }

    /// Where the part begins and ends that the stars and what stands between them have to fill.
    fn between(&self, text: &[u8]) -> Option<(usize, usize)> {
        let is_same = |a: &[u8], b: &[u8]| match self.case {
            Case::Sensitive => a == b,
            Case::Insensitive => a.eq_ignore_ascii_case(b),
        };
        let Some(last) = &self.last else {
            return is_same(text, &self.first).then_some((0, text.len()));
        };
        let end = text.len().checked_sub(last.len())?;
        let start = self.first.len();
        let is_edged =
            start <= end && is_same(text.get(..start)?, &self.first) && is_same(text.get(end..)?, last);
        is_edged.then_some((start, end))
    }

    /// Whether all that stands between two stars is there, in order; tells where each begins and ends.
    fn finds(&self, inner: &[u8], mut found: impl FnMut((usize, usize))) -> bool {
        let mut from = 0;
        for finder in &self.middle {
            let rest = inner.get(from..).unwrap_or_default();
            let Some(at) = finder.find(rest) else { return false };
            let behind = from + at + finder.needle().len();
            found((from + at, behind));
            from = behind;
        }
        true
    }

    /// The pieces that any text of this pattern has, and whether the pattern is just its first piece.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let middle = self.middle.iter().map(Finder::needle);
        [&*self.first].into_iter().chain(middle).chain(self.last.as_deref())
    }

    pub(crate) fn case(&self) -> Case {
        self.case
    }

    pub(crate) fn has_star(&self) -> bool {
        self.last.is_some()
    }

    /// Bytes of memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        self.pieces().map(|piece| piece.len() + 64).sum()
    }
}

/// Shows a text in lower case.
fn lowered<T>(text: &[u8], show: impl FnOnce(&[u8]) -> T) -> T {
    let mut stack = [0; ON_STACK];
    match stack.get_mut(..text.len()) {
        Some(lower) => {
            lower.copy_from_slice(text);
            lower.make_ascii_lowercase();
            show(lower)
        }
        None => show(&text.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stars(pattern: &str, text: &str, case: Case) -> Option<Vec<String>> {
        let matcher = Matcher::of(&Wildcard::parse(pattern.as_bytes()).unwrap(), case);
        let found = matcher.captures(text.as_bytes(), &Meter::default()).unwrap();
        assert_eq!(matcher.is_match(text.as_bytes(), &Meter::default()), Ok(found.is_some()));
        found.map(|stars| stars.into_iter().map(|(start, end)| text[start..end].to_owned()).collect())
    }

    #[test]
    fn a_star_takes_as_little_as_it_can_and_the_whole_text_must_fit() {
        for (pattern, text, found) in [
            ("/img/*/*.png", "/img/a/b.png", Some(vec!["a", "b"])),
            ("/img/*/*.png", "/img/a/b/c.png", Some(vec!["a", "b/c"])),
            ("*a*a", "aaa", Some(vec!["", "a"])),
            ("a*a", "a", None),
            ("a*a", "aa", Some(vec![""])),
            ("abc", "abc", Some(vec![])),
            ("abc", "abcd", None),
            ("*", "", Some(vec![""])),
            ("", "", Some(vec![])),
            ("", "a", None),
            ("a*b*c", "abxc", Some(vec!["", "x"])),
            ("a*b*c", "acb", None),
        ] {
            let found = found.map(|stars| stars.into_iter().map(str::to_owned).collect());
            assert_eq!(stars(pattern, text, Case::Sensitive), found, "{pattern} {text}");
        }
        assert_eq!(stars("*.Example.ORG", "a.eXample.org", Case::Insensitive), Some(vec!["a".to_owned()]));
        assert_eq!(stars("*.Example.ORG", "a.example.ORG", Case::Sensitive), None);
        let long = format!("{}MIDDLE{}", "x".repeat(600), "y".repeat(600));
        assert_eq!(stars("*midd*", &long, Case::Insensitive).map(|stars| stars[0].len()), Some(600));
    }
}
