//! One frame as lines of text. Nothing here knows a terminal.

use super::rates::{CLASSES, OriginRates, Rates, ZoneRates};

/// Columns of a zone beside its name.
const FIGURES: usize = 64;
/// A name has no less than this: the frame fits into 80 columns.
const NAME_MIN: usize = 16;
/// Origins are URLs, and have fewer figures.
const ORIGIN_WIDER: usize = 40;
/// Origins that are shown however many zones there are.
const ORIGINS_MIN: usize = 3;

/// How much there is to write on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) lines: usize,
}

/// By what zones are sorted; the largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Sort {
    /// Requests a second.
    #[default]
    Requests,
    /// Answers with 5xx a second.
    Errors,
    /// Bytes to visitors a second.
    Bytes,
    /// The time that 99 % of the exchanges stay below.
    Latency,
    /// The share that missed the cache.
    Misses,
}

impl Sort {
    /// The next one, in a round.
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Requests => Self::Errors,
            Self::Errors => Self::Bytes,
            Self::Bytes => Self::Latency,
            Self::Latency => Self::Misses,
            Self::Misses => Self::Requests,
        }
    }

    /// For people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Errors => "errors",
            Self::Bytes => "bytes",
            Self::Latency => "latency",
            Self::Misses => "misses",
        }
    }

    fn of(self, zone: &ZoneRates) -> f64 {
        match self {
            Self::Requests => zone.requests,
            Self::Errors => zone.classes.last().copied().unwrap_or(0.0),
            Self::Bytes => zone.bytes_out,
            Self::Latency => zone.p99_us.unwrap_or(0.0),
            Self::Misses => zone.hit_percent.map_or(0.0, |hit| 100.0 - hit),
        }
    }
}

/// At most `size.lines` lines of at most `size.columns` characters.
pub(super) fn lines(rates: &Rates, sort: Sort, size: Size) -> Vec<String> {
    let mut zones: Vec<&ZoneRates> = rates.zones.iter().collect();
    zones.sort_by(|a, b| {
        sort.of(b).total_cmp(&sort.of(a)).then(b.requests.total_cmp(&a.requests)).then(a.zone.cmp(&b.zone))
    });
    let mut origins: Vec<&OriginRates> = rates.origins.iter().collect();
    origins.sort_by(|a, b| b.asked.total_cmp(&a.asked).then(a.origin.cmp(&b.origin)));

    let mut lines = summary(rates);
    // What is left of the frame after both headings and the empty lines before them.
    let left = size.lines.saturating_sub(lines.len() + 4);
    let origins_shown = origins.len().min(ORIGINS_MIN.max(left.saturating_sub(zones.len())));
    let zones_shown = zones.len().min(left.saturating_sub(origins_shown));
    let name = size.columns.saturating_sub(FIGURES).max(NAME_MIN);
    lines.push(String::new());
    lines.push(zone_heading(name));
    lines.extend(zones.iter().take(zones_shown).map(|zone| zone_line(zone, name)));
    lines.push(String::new());
    lines.push(origin_heading(name));
    lines.extend(origins.iter().take(origins_shown).map(|origin| origin_line(origin, name)));
    lines.truncate(size.lines);
    lines.into_iter().map(|line| cut(&line, size.columns)).collect()
}

fn summary(rates: &Rates) -> Vec<String> {
    let (now, total, cache) = (&rates.now, &rates.total, &rates.now.cache);
    vec![
        format!(
            "rempart  up {}  release {}  workers {}  connections {}  under way {}",
            duration(now.uptime_ms / 1000),
            now.release,
            now.workers,
            now.connections,
            total.under_way
        ),
        format!(
            "all      {}/s  hit {}  out {}/s  saved {}/s  p50 {}  p99 {}",
            count(total.requests),
            percent(total.hit_percent),
            bytes(total.bytes_out),
            bytes(total.bytes_saved),
            latency(total.p50_us),
            latency(total.p99_us)
        ),
        format!(
            "cache    {} of {}  entries {}  in {}/s  evicted {}/s  fills {}  collapsed {}/s  again {}/s",
            bytes(cache.bytes),
            bytes(cache.bytes_max),
            cache.entries,
            count(rates.inserted),
            count(rates.evicted),
            cache.fills,
            count(total.collapsed),
            count(total.refetches)
        ),
        format!(
            "origins  connections opened {}/s  reused {}/s  idle {}",
            count(rates.opened),
            count(rates.reused),
            now.origin_connections.idle
        ),
    ]
}

fn zone_heading(name: usize) -> String {
    let [ok, moved, refused, failed] = CLASSES;
    zone_columns(
        "ZONE",
        name,
        ["REQ/s", ok, moved, refused, failed, "HIT%", "OUT/s", "SAVED", "p50", "p99"].map(str::to_owned),
    )
}

fn zone_line(zone: &ZoneRates, name: usize) -> String {
    let [ok, moved, refused, failed] = zone.classes.map(count);
    let figures = [
        count(zone.requests),
        ok,
        moved,
        refused,
        failed,
        percent(zone.hit_percent),
        bytes(zone.bytes_out),
        bytes(zone.bytes_saved),
        latency(zone.p50_us),
        latency(zone.p99_us),
    ];
    zone_columns(&zone.zone, name, figures)
}

fn zone_columns(zone: &str, name: usize, figures: [String; 10]) -> String {
    const WIDTHS: [usize; 10] = [6, 6, 5, 5, 5, 5, 6, 6, 5, 5];
    let columns = figures.iter().zip(WIDTHS).map(|(figure, width)| format!(" {figure:>width$}"));
    format!("{:<name$}", cut(zone, name)) + &columns.collect::<String>()
}

fn origin_heading(name: usize) -> String {
    origin_columns("ORIGIN", name, ["REQ/s".to_owned(), "FAIL/s".to_owned(), "OPEN".to_owned()])
}

fn origin_line(origin: &OriginRates, name: usize) -> String {
    let figures = [count(origin.asked), count(origin.failed), origin.open.to_string()];
    origin_columns(&origin.origin, name, figures)
}

fn origin_columns(origin: &str, name: usize, [asked, failed, open]: [String; 3]) -> String {
    let width = name + ORIGIN_WIDER;
    format!("{:<width$} {asked:>6} {failed:>6} {open:>6}", cut(origin, width))
}

/// In five characters as far as it goes.
fn count(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        ..9.95 => format!("{number:.1}"),
        ..99_999.5 => format!("{number:.0}"),
        ..999_500.0 => format!("{:.0}k", number / 1e3),
        _ => format!("{:.1}M", number / 1e6),
    }
}

/// In six characters as far as it goes.
fn bytes(number: impl Into<Bytes>) -> String {
    let Bytes(mut number) = number.into();
    let mut unit = 'B';
    for next in ['K', 'M', 'G', 'T'] {
        if number < 1000.0 {
            break;
        }
        (number, unit) = (number / 1024.0, next);
    }
    if unit == 'B' || number >= 99.95 { format!("{number:.0}{unit}") } else { format!("{number:.1}{unit}") }
}

struct Bytes(f64);

impl From<f64> for Bytes {
    fn from(number: f64) -> Self {
        Self(number)
    }
}

impl From<u64> for Bytes {
    #[expect(clippy::cast_precision_loss, reason = "bytes are shown with three digits")]
    fn from(number: u64) -> Self {
        Self(number as f64)
    }
}

/// In five characters as far as it goes.
fn latency(us: Option<f64>) -> String {
    let Some(us) = us else { return "-".to_owned() };
    match us {
        ..999.5 => format!("{us:.0}µs"),
        ..9_950.0 => format!("{:.1}ms", us / 1e3),
        ..999_500.0 => format!("{:.0}ms", us / 1e3),
        ..9_950_000.0 => format!("{:.1}s", us / 1e6),
        _ => format!("{:.0}s", us / 1e6),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1}"))
}

fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let days = if days > 0 { format!("{days}d ") } else { String::new() };
    format!("{days}{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

/// The beginning of a text that is too long, and nothing that steers a terminal.
pub(super) fn cut(text: &str, columns: usize) -> String {
    text.chars().take(columns).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::counts::{Counts, Origin, Zone};
    use super::*;

    const TERMINAL: Size = Size { columns: 80, lines: 24 };

    fn rates(zones: usize, origins: usize) -> Rates {
        let counts = |second: u64| Counts {
            uptime_ms: second * 1000,
            latency_bounds_us: vec![1000, 5000],
            zones: (0..zones as u64)
                .map(|nth| Zone {
                    zone: format!("a-zone-with-a-long-name-{nth:02}.example"),
                    statuses: [
                        ("2xx".to_owned(), second * 10 * nth),
                        ("5xx".to_owned(), second * 100u64.saturating_sub(nth)),
                    ]
                    .into(),
                    cache: [("hit".to_owned(), second * 9), ("miss".to_owned(), second)].into(),
                    latencies: vec![second * 99, second, 0],
                    bytes_out: second * 1_500_000,
                    ..Zone::default()
                })
                .collect(),
            origins: (0..origins)
                .map(|nth| Origin {
                    origin: format!("http://10.0.0.{nth}:8080"),
                    asked: second * 7,
                    ..Origin::default()
                })
                .collect(),
            ..Counts::default()
        };
        Rates::between(&counts(60), &counts(61))
    }

    #[test]
    fn a_frame_fits_whatever_there_is_to_show() {
        for (zones, origins) in [(0, 0), (1, 1), (3, 40), (200, 200)] {
            for size in [
                TERMINAL,
                Size { columns: 40, lines: 5 },
                Size { columns: 0, lines: 0 },
                Size { columns: 200, lines: 60 },
            ] {
                let lines = lines(&rates(zones, origins), Sort::Requests, size);
                assert!(lines.len() <= size.lines, "{size:?}: {lines:#?}");
                assert!(
                    lines.iter().all(|line| line.chars().count() <= size.columns),
                    "{size:?}: {lines:#?}"
                );
            }
        }
    }

    #[test]
    fn in_eighty_columns_everything_has_its_place() {
        let lines = lines(&rates(200, 200), Sort::Requests, TERMINAL);
        let text = lines.join("\n");
        assert_eq!(lines.len(), TERMINAL.lines);
        let zone = lines.iter().find(|line| line.contains("a-zone")).unwrap();
        let words: Vec<&str> = zone.split_whitespace().collect();
        let figures = ["1990", "1990", "0", "0", "0", "90.0", "1.4M", "0B", "505µs", "1.0ms"];
        assert_eq!(words, [&["a-zone-with-a-lo"], figures.as_slice()].concat(), "{text}");
        assert_eq!(lines.iter().filter(|line| line.contains("http://")).count(), ORIGINS_MIN, "{text}");
    }

    #[test]
    fn zones_stand_in_the_order_that_was_asked_for() {
        let rates = rates(9, 1);
        let first = |sort| {
            let lines = lines(&rates, sort, Size { columns: 120, lines: 40 });
            lines.iter().find(|line| line.starts_with("a-zone")).unwrap().chars().nth(25)
        };
        assert_eq!((first(Sort::Requests), first(Sort::Errors)), (Some('8'), Some('0')));
        let round = (0..5).fold(Sort::Requests, |sort, _| sort.next());
        assert_eq!(round, Sort::Requests);
    }

    #[test]
    fn figures_keep_to_their_columns() {
        for number in [0.0, 0.04, 0.94, 9.94, 9.96, 99.0, 99_999.4, 99_999.6, 999_499.0, 999_501.0, 99e6] {
            assert!(count(number).chars().count() <= 5, "{number} is {}", count(number));
            assert!(bytes(number).chars().count() <= 6, "{number} is {}", bytes(number));
            let us = latency(Some(number));
            assert!(us.chars().count() <= 5, "{number} is {us}");
        }
        assert_eq!(
            (bytes(999_u64), bytes(1000_u64), bytes(1_u64 << 40)),
            ("999B".to_owned(), "1.0K".to_owned(), "1.0T".to_owned())
        );
        assert_eq!((duration(59), duration(90_061)), ("00:00:59".to_owned(), "1d 01:01:01".to_owned()));
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(cut("a\u{1b}[2Jb", 4), "a\u{fffd}[2");
    }
}
