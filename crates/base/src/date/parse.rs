//! Reading HTTP dates (RFC 9110 section 5.6.7). Letters are compared whatever their case, and no zone but GMT
//! is taken (RFC 9111 section 4.2). The name of the day has to be one, but nobody holds it against the date.

use super::{DAYS, MONTHS};

/// The day names of the obsolete RFC 850 format, from that of 1970-01-01 on.
const LONG_DAYS: [&[u8]; 7] =
    [b"Thursday", b"Friday", b"Saturday", b"Sunday", b"Monday", b"Tuesday", b"Wednesday"];

/// A two-digit year that seems to lie further ahead than this lies in the past.
const YEARS_AHEAD_MAX: u64 = 50;

/// Reads a date in any of the three formats. `now_unix_s` is needed to understand years of two digits. What
/// lies before 1970 is 0.
#[must_use]
pub fn parse_http_date(text: &[u8], now_unix_s: u64) -> Option<u64> {
    let mut rest = Rest(text);
    let comma = text.iter().position(|&byte| byte == b',');
    match comma {
        Some(3) => rest.imf_fixdate(),
        Some(_) => rest.rfc850(now_unix_s),
        None => rest.asctime(),
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

struct Time {
    hour: u64,
    minute: u64,
    second: u64,
}

impl Rest<'_> {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    fn imf_fixdate(&mut self) -> Option<u64> {
        self.short_day()?;
        self.text(b", ")?;
        let day = self.digits(2)?;
        self.text(b" ")?;
        let month = self.month()?;
        self.text(b" ")?;
        let year = self.digits(4)?;
        self.text(b" ")?;
        let time = self.time()?;
        self.text(b" GMT")?;
        self.end()?;
        unix(year, month, day, &time)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`.
    fn rfc850(&mut self, now_unix_s: u64) -> Option<u64> {
        LONG_DAYS.iter().find(|name| self.text(name).is_some())?;
        self.text(b", ")?;
        let day = self.digits(2)?;
        self.text(b"-")?;
        let month = self.month()?;
        self.text(b"-")?;
        let two_digits = self.digits(2)?;
        self.text(b" ")?;
        let time = self.time()?;
        self.text(b" GMT")?;
        self.end()?;
        let this_year = super::Civil::from_unix(now_unix_s).year;
        let in_century = this_year - this_year % 100 + two_digits;
        // First the latest such year, then back while it seems to be too far ahead.
        let mut year = in_century + 100;
        while year > this_year + YEARS_AHEAD_MAX {
            year -= 100;
        }
        if year == this_year + YEARS_AHEAD_MAX && unix(year, month, day, &time)? > same_day_ahead(now_unix_s)
        {
            year -= 100;
        }
        unix(year, month, day, &time)
    }

    /// `Sun Nov  6 08:49:37 1994`.
    fn asctime(&mut self) -> Option<u64> {
        self.short_day()?;
        self.text(b" ")?;
        let month = self.month()?;
        self.text(b" ")?;
        let day = if self.text(b" ").is_some() { self.digits(1)? } else { self.digits(2)? };
        self.text(b" ")?;
        let time = self.time()?;
        self.text(b" ")?;
        let year = self.digits(4)?;
        self.end()?;
        unix(year, month, day, &time)
    }

    fn short_day(&mut self) -> Option<()> {
        DAYS.iter().find(|name| self.text(name.as_slice()).is_some()).map(|_| ())
    }

    /// From 1.
    fn month(&mut self) -> Option<u64> {
        MONTHS
            .iter()
            .zip(1..)
            .find(|(name, _)| self.text(name.as_slice()).is_some())
            .map(|(_, number)| number)
    }

    fn time(&mut self) -> Option<Time> {
        let hour = self.digits(2)?;
        self.text(b":")?;
        let minute = self.digits(2)?;
        self.text(b":")?;
        let second = self.digits(2)?;
        Some(Time { hour, minute, second })
    }

    /// Exactly so many.
    fn digits(&mut self, count: usize) -> Option<u64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = digits.iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
        })?;
        self.0 = rest;
        Some(number)
    }

    fn text(&mut self, expected: &[u8]) -> Option<()> {
        let (text, rest) = self.0.split_at_checked(expected.len())?;
        text.eq_ignore_ascii_case(expected).then(|| self.0 = rest)
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// This moment in the year that is the last which may lie ahead, as exactly as seconds of mean years are.
const fn same_day_ahead(now_unix_s: u64) -> u64 {
    now_unix_s.saturating_add(YEARS_AHEAD_MAX * 31_556_952)
}

/// Seconds since 1970 of a moment in UTC that exists; 0 for one before. A leap second is the next one.
fn unix(year: u64, month: u64, day: u64, time: &Time) -> Option<u64> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let month_days = match month {
        2 => 28 + u64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let exists = (1..=month_days).contains(&day) && time.hour < 24 && time.minute < 60 && time.second <= 60;
    if !exists {
        return None;
    }
    // Days from 0000-03-01 on, so that a leap day is the last of its year.
    let (march_year, march_month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = march_year * 365 + march_year / 4 - march_year / 100
        + march_year / 400
        + (153 * march_month + 2) / 5
        + day
        - 1;
    let Some(days) = days.checked_sub(719_468) else { return Some(0) };
    Some(days * 86_400 + time.hour * 3_600 + time.minute * 60 + time.second)
}

#[cfg(test)]
mod tests {
    use super::super::imf_fixdate;
    use super::*;

    /// 2026-11-26.
    const NOW: u64 = 1_795_651_200;

    #[test]
    fn the_three_formats_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "SUN, 06 NOV 1994 08:49:37 gmt",
            "sunday, 06-nov-94 08:49:37 Gmt",
            // The day of the week is not held against the date.
            "Mon, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(text.as_bytes(), NOW), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn every_date_is_read_as_it_is_written() {
        for unix_s in (0..200_000).map(|step| step * 86_399 * 7) {
            assert_eq!(parse_http_date(&imf_fixdate(unix_s), NOW), Some(unix_s));
        }
    }

    #[test]
    fn years_of_two_digits_lie_at_most_fifty_years_ahead() {
        for (text, year) in [
            ("Thursday, 18-Aug-50 02:01:18 GMT", 2050),
            ("Thursday, 18-Aug-76 02:01:18 GMT", 2076),
            ("Thursday, 18-Dec-76 02:01:18 GMT", 1976),
            ("Thursday, 18-Aug-77 02:01:18 GMT", 1977),
            ("Thursday, 18-Aug-26 02:01:18 GMT", 2026),
            ("Thursday, 18-Aug-00 02:01:18 GMT", 2000),
        ] {
            let unix_s = parse_http_date(text.as_bytes(), NOW).expect(text);
            assert_eq!(super::super::Civil::from_unix(unix_s).year, year, "{text}");
        }
        // In 2090 the year 10 is 2110.
        let unix_s = parse_http_date(b"Thursday, 18-Aug-10 02:01:18 GMT", 3_787_776_000).unwrap();
        assert_eq!(super::super::Civil::from_unix(unix_s).year, 2110);
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "0",
            "-1",
            "foo",
            "now",
            "784111777",
            "Thu, 18 Aug 2050 02:01:18 UTC",
            "Thu, 18 Aug 2050 02:01:18 AEST",
            "Thu, 18 Aug 2050 02:01:18 +0000",
            "Thu, 18 Aug 2050 02:01:18",
            "Thu, 18 Aug 2050 02:01:18 GMT ",
            " Thu, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 Aug 50 02:01:18 GMT",
            "Thu 18 Aug 2050 02:01:18 GMT",
            "Thu, 18  Aug  2050 02:01:18 GMT",
            "Thu, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18 Aug 2050 02.01.18 GMT",
            "Thu, 18 Aug 2050 2:01:18 GMT",
            "Thu, 8 Aug 2050 02:01:18 GMT",
            "Xxx, 18 Aug 2050 02:01:18 GMT",
            "Thu, 18 Xug 2050 02:01:18 GMT",
            "Thu, 00 Aug 2050 02:01:18 GMT",
            "Thu, 31 Jun 2050 02:01:18 GMT",
            "Thu, 29 Feb 2100 02:01:18 GMT",
            "Thu, 18 Aug 2050 24:01:18 GMT",
            "Thu, 18 Aug 2050 02:60:18 GMT",
            "Thu, 18 Aug 2050 02:01:61 GMT",
            "Thursday, 18-Aug-2050 02:01:18 GMT",
            "Thu, 18-Aug-50 02:01:18 GMT",
            "Thu Aug 08 02:01:18 50",
            "Thu Aug 8 02:01:18 2050",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(text.as_bytes(), NOW), None, "{text}");
        }
    }

    #[test]
    fn the_edges_of_the_calendar() {
        for (text, unix_s) in [
            ("Fri, 31 Dec 1999 23:59:60 GMT", 946_684_800),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Mon, 01 Jan 1900 00:00:00 GMT", 0),
            ("Sat, 01 Jan 0000 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
            ("Thu Aug  8 02:01:18 2050", 2_543_536_878),
        ] {
            // Year 0 has no year before it to count from.
            let expected = if text.contains(" 0000 ") { None } else { Some(unix_s) };
            assert_eq!(parse_http_date(text.as_bytes(), NOW), expected, "{text}");
        }
    }
}
