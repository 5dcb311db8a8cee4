//! How old a response is, and how long it is fresh (RFC 9111 section 4.2).

use rempart_base::date::parse_http_date;
use rempart_flow::{Fields, Known};

use super::Times;
use super::directives::{DELTA_S_MAX, Policy, Stated, delta_s, elements};

/// Fresh without a word of the origin for at most a day: until RFC 9111 caches had to warn beyond that.
pub(super) const HEURISTIC_S_MAX: u64 = 86_400;

/// The first value of a field as a date, if it is one.
pub(super) fn date(fields: &Fields, known: Known, now_unix_s: u64) -> Option<u64> {
    fields.first(known).and_then(|value| parse_http_date(value, now_unix_s))
}

/// Its age when it came (section 4.2.3). A date that is missing or none is that of its arrival.
pub(super) fn initial_age_s(fields: &Fields, times: Times) -> u64 {
    let Times { asked_unix_s, answered_unix_s } = times;
    let dated = date(fields, Known::Date, answered_unix_s).unwrap_or(answered_unix_s);
    let apparent_s = answered_unix_s.saturating_sub(dated);
    let delay_s = answered_unix_s.saturating_sub(asked_unix_s);
    apparent_s.max(age_field_s(fields).saturating_add(delay_s)).min(DELTA_S_MAX)
}

/// `Age` (section 5.1): of several values the first counts, and one that is no number counts as none at all.
fn age_field_s(fields: &Fields) -> u64 {
    let first = fields.first(Known::Age).and_then(|value| elements(value).next());
    // A quoted number is none here: `Age` is not a directive.
    first.filter(|value| !value.starts_with(b"\"")).and_then(delta_s).unwrap_or_default()
}

/// For how long the origin says it is fresh, if it says anything (section 4.2.1). What cannot be read makes it
/// stale.
pub(super) fn explicit_s(policy: &Policy, fields: &Fields, answered_unix_s: u64) -> Option<u64> {
    for stated in [policy.s_maxage, policy.max_age] {
        match stated {
            Stated::Seconds(seconds) => return Some(seconds),
            Stated::Invalid => return Some(0),
            Stated::Nothing => {}
        }
    }
    if policy.is_targeted {
        return None;
    }
    // Section 5.3: what is no date has expired.
    let expires = fields.first(Known::Expires)?;
    let Some(expires) = parse_http_date(expires, answered_unix_s) else { return Some(0) };
    let dated = date(fields, Known::Date, answered_unix_s).unwrap_or(answered_unix_s);
    Some(expires.saturating_sub(dated).min(DELTA_S_MAX))
}

/// A tenth of the time for which it had not changed (section 4.2.2).
pub(super) fn heuristic_s(fields: &Fields, answered_unix_s: u64) -> Option<u64> {
    let modified = date(fields, Known::LastModified, answered_unix_s)?;
    let dated = date(fields, Known::Date, answered_unix_s).unwrap_or(answered_unix_s);
    Some((dated.saturating_sub(modified) / 10).min(HEURISTIC_S_MAX))
}

#[cfg(test)]
mod tests {
    use rempart_base::date::imf_fixdate;

    use super::*;

    const NOW: u64 = 1_795_651_200;
    const TIMES: Times = Times { asked_unix_s: NOW - 2, answered_unix_s: NOW };

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in lines {
            let date =
                value.strip_prefix("now").map(|delta| NOW.saturating_add_signed(delta.parse().unwrap_or(0)));
            let value = date.map_or_else(|| value.as_bytes().to_vec(), |date| imf_fixdate(date).to_vec());
            fields.append(name.as_bytes(), &value);
        }
        fields
    }

    #[test]
    fn age_when_it_came() {
        for (lines, age_s) in [
            (&[][..], 2),
            (&[("Date", "now")], 2),
            (&[("Date", "now-7200")], 7200),
            (&[("Date", "now+400")], 2),
            (&[("Date", "foo")], 2),
            (&[("Age", "30")], 32),
            (&[("Age", "30"), ("Date", "now-20")], 32),
            (&[("Age", "30"), ("Date", "now-40")], 40),
            // Section 5.1.
            (&[("Age", "7200,0")], 7202),
            (&[("Age", "0,7200")], 2),
            (&[("Age", "7200"), ("Age", "0")], 7202),
            (&[("Age", "0"), ("Age", "7200")], 2),
            (&[("Age", "3600, 3600")], 3602),
            (&[("Age", "abc")], 2),
            (&[("Age", "-7200")], 2),
            (&[("Age", "7200.0")], 2),
            (&[("Age", "7200;foo=bar")], 2),
            (&[("Age", "\"7200\"")], 2),
            (&[("Age", "")], 2),
            (&[("Age", "99999999999999999999")], DELTA_S_MAX),
        ] {
            assert_eq!(initial_age_s(&fields(lines), TIMES), age_s, "{lines:?}");
        }
        let backwards = Times { asked_unix_s: NOW + 5, answered_unix_s: NOW };
        assert_eq!(initial_age_s(&fields(&[]), backwards), 0, "a clock that was set back");
    }

    #[test]
    fn lifetimes_that_the_origin_states() {
        for (lines, lifetime_s) in [
            (&[][..], None),
            (&[("Cache-Control", "public, must-revalidate")], None),
            (&[("Cache-Control", "max-age=5")], Some(5)),
            (&[("Cache-Control", "max-age=5, s-maxage=7")], Some(7)),
            (&[("Cache-Control", "s-maxage=1"), ("Cache-Control", "max-age=5")], Some(1)),
            (&[("Cache-Control", "max-age=5, s-maxage=x")], Some(0)),
            (&[("Cache-Control", "max-age=x"), ("Expires", "now+100")], Some(0)),
            (&[("Cache-Control", "max-age=5"), ("Expires", "now-100")], Some(5)),
            (&[("Cache-Control", "max-age=5"), ("Expires", "0")], Some(5)),
            (&[("Cache-Control", "max-age=0"), ("Expires", "now+100")], Some(0)),
            (&[("Cache-Control", "public"), ("Expires", "now+100")], Some(100)),
            (&[("Expires", "now+100"), ("Date", "now-50")], Some(150)),
            (&[("Expires", "now+100"), ("Date", "now+50")], Some(50)),
            (&[("Expires", "now+100"), ("Date", "foo")], Some(100)),
            (&[("Expires", "now"), ("Date", "now")], Some(0)),
            (&[("Expires", "now+300"), ("Date", "now+400")], Some(0)),
            (&[("Expires", "0")], Some(0)),
            (&[("Expires", "")], Some(0)),
            (&[("Expires", "Fri, 31 Dec 9999 23:59:59 GMT")], Some(DELTA_S_MAX)),
            (&[("CDN-Cache-Control", "max-age=9"), ("Cache-Control", "s-maxage=1")], Some(9)),
            (&[("CDN-Cache-Control", "none"), ("Expires", "now+100")], None),
            (&[("CDN-Cache-Control", "max-age=9, s-maxage=8")], Some(8)),
        ] {
            let fields = fields(lines);
            assert_eq!(explicit_s(&Policy::of(&fields), &fields, NOW), lifetime_s, "{lines:?}");
        }
    }

    #[test]
    fn a_tenth_of_the_time_without_a_change() {
        for (lines, lifetime_s) in [
            (&[][..], None),
            (&[("Last-Modified", "foo")], None),
            (&[("Last-Modified", "now-100")], Some(10)),
            (&[("Last-Modified", "now-100"), ("Date", "now-50")], Some(5)),
            (&[("Last-Modified", "now+100")], Some(0)),
            (&[("Last-Modified", "now-864000")], Some(HEURISTIC_S_MAX)),
            (&[("Last-Modified", "now-864009")], Some(HEURISTIC_S_MAX)),
            (&[("Last-Modified", "now-863999")], Some(HEURISTIC_S_MAX - 1)),
            (&[("Last-Modified", "Mon, 01 Jan 1900 00:00:00 GMT")], Some(HEURISTIC_S_MAX)),
        ] {
            assert_eq!(heuristic_s(&fields(lines), NOW), lifetime_s, "{lines:?}");
        }
    }
}
