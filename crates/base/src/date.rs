//! The two ways in which HTTP and logs write a moment, and the three in which HTTP may have written it.

mod parse;

pub use parse::parse_http_date;

const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A moment in UTC, taken apart.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    weekday: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    /// From seconds since 1970, by counting days from 0000-03-01 in cycles of 400 years, so that leap days
    /// fall on the ends of years.
    const fn from_unix(unix_s: u64) -> Self {
        let (days, rest) = (unix_s / 86_400, unix_s % 86_400);
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        Self {
            year: era * 400 + year_of_era + (month <= 2) as u64,
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            weekday: days % 7,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }
}

/// IMF-fixdate (RFC 9110 section 5.6.7), for example `Sun, 06 Nov 1994 08:49:37 GMT`.
#[must_use]
pub fn imf_fixdate(unix_s: u64) -> [u8; 29] {
    let c = Civil::from_unix(unix_s);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    put(&mut out, 0, *DAYS.get(index(c.weekday)).unwrap_or(&b"Thu"));
    put(&mut out, 5, &two(c.day));
    put(&mut out, 8, *MONTHS.get(index(c.month - 1)).unwrap_or(&b"Jan"));
    put(&mut out, 12, &two(c.year / 100 % 100));
    put(&mut out, 14, &two(c.year % 100));
    put_time(&mut out, 17, &c);
    out
}

/// RFC 3339 without fraction and zone, for example `1994-11-06T08:49:37`.
#[must_use]
pub fn rfc3339_seconds(unix_s: u64) -> [u8; 19] {
    let c = Civil::from_unix(unix_s);
    let mut out = *b"1970-01-01T00:00:00";
    put(&mut out, 0, &two(c.year / 100 % 100));
    put(&mut out, 2, &two(c.year % 100));
    put(&mut out, 5, &two(c.month));
    put(&mut out, 8, &two(c.day));
    put_time(&mut out, 11, &c);
    out
}

fn put_time(out: &mut [u8], at: usize, c: &Civil) {
    put(out, at, &two(c.hour));
    put(out, at + 3, &two(c.minute));
    put(out, at + 6, &two(c.second));
}

fn put(out: &mut [u8], at: usize, text: &[u8]) {
    if let Some(slot) = out.get_mut(at..at + text.len()) {
        slot.copy_from_slice(text);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a number below 100")]
const fn two(number: u64) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

#[expect(clippy::cast_possible_truncation, reason = "a number below 12")]
const fn index(number: u64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (unix_s, fixdate, rfc3339) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT", "2000-02-28T23:59:59"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT", "2024-12-31T23:59:59"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT", "2100-03-01T00:00:00"),
        ] {
            assert_eq!(imf_fixdate(unix_s), fixdate.as_bytes(), "{fixdate}");
            assert_eq!(rfc3339_seconds(unix_s), rfc3339.as_bytes());
        }
    }
}
