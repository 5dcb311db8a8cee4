//! Releases in columns, and differences in lines.

use rempart_base::Now;
use serde_json::Value;

use super::say::{items, number};

/// Names of zones of each kind that are shown; programs ask with `--json`.
const NAMES_MAX: usize = 20;

/// The list of releases.
pub(super) fn releases(answer: &Value) -> String {
    let now_unix_ms = Now::read().unix_ns / 1_000_000;
    let is_offline = answer.get("is_offline").and_then(Value::as_bool) == Some(true);
    let mut rows = vec![["RELEASE", "CONTENT", "STANDING", "ZONES", "AGE", "MARKS"].map(str::to_owned)];
    let mut whys = vec![None];
    for release in items(answer, "releases") {
        rows.push(row(release, now_unix_ms, is_offline));
        whys.push(release.get("why").and_then(Value::as_str));
    }
    if rows.len() == 1 {
        return "there are no releases yet\n".to_owned();
    }
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    });
    // Zones are not known without an edge.
    let has_zones = rows.iter().skip(1).any(|row| !row[3].is_empty());
    let mut text = String::new();
    for (row, why) in rows.iter().zip(whys) {
        let [number, content, standing, zones, age, marks] = row;
        let [number_w, content_w, standing_w, zones_w, age_w, _] = widths;
        let zones = if has_zones { format!("  {zones:>zones_w$}") } else { String::new() };
        let line = format!(
            "{number:>number_w$}  {content:content_w$}  {standing:standing_w$}{zones}  {age:>age_w$}  {marks}"
        );
        text.push_str(line.trim_end());
        text.push('\n');
        if let Some(why) = why {
            text.push_str(&format!("{:number_w$}  why: {why}\n", ""));
        }
    }
    text
}

fn row(release: &Value, now_unix_ms: u64, is_offline: bool) -> [String; 6] {
    let flag = |name: &str| release.get(name).and_then(Value::as_bool) == Some(true);
    let text = |name: &str| release.get(name).and_then(Value::as_str).unwrap_or_default();
    let marks = [
        ("is_current", if is_offline { "next start" } else { "in force" }),
        ("is_canary", "canary"),
        ("is_pinned", "pinned"),
        ("is_damaged", "damaged"),
    ];
    let marks: Vec<&str> = marks.into_iter().filter_map(|(name, mark)| flag(name).then_some(mark)).collect();
    let standing = text("standing");
    let standing = if flag("synthetic") { format!("{standing} (probed)") } else { standing.to_owned() };
    let created = number(release, "created_unix_ms").filter(|created| *created != 0);
    [
        number(release, "number").map_or_else(String::new, |number| number.to_string()),
        text("hash").chars().take(12).collect(),
        standing,
        number(release, "zones").map_or_else(String::new, |zones| zones.to_string()),
        created.map_or_else(|| "?".to_owned(), |created| age(now_unix_ms.saturating_sub(created) / 1000)),
        marks.join(", "),
    ]
}

/// In the largest unit of which there are two.
fn age(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let unit = units.into_iter().find(|(unit_s, _)| seconds >= 2 * unit_s);
    let (unit_s, unit) = unit.unwrap_or((1, "s"));
    format!("{} {unit}", seconds / unit_s)
}

/// What is added, changed and removed.
pub(super) fn difference(difference: &Value) -> String {
    let mut text = String::new();
    let mut counts = Vec::new();
    for (sign, kind) in [('+', "added"), ('~', "changed"), ('-', "removed")] {
        let names: Vec<&str> = items(difference, kind).filter_map(Value::as_str).collect();
        let count = number(difference, &format!("{kind}_count")).unwrap_or(names.len() as u64);
        let shown = names.iter().take(NAMES_MAX);
        let left = count.saturating_sub(shown.len() as u64);
        text.extend(shown.map(|name| format!("  {sign} {name}\n")));
        if left > 0 {
            text.push_str(&format!("  {sign} … and {left} more\n"));
        }
        counts.push(format!("{count} {kind}"));
    }
    let settings = difference.get("settings").and_then(Value::as_bool) == Some(true);
    let settings = if settings { "; the settings differ" } else { "" };
    format!("{text}  zones: {}{settings}\n", counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_the_largest_unit_of_which_there_are_two() {
        let at = [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h")];
        for (seconds, want) in [at.as_slice(), &[(172_799, "47 h"), (172_800, "2 d")]].concat() {
            assert_eq!(age(seconds), want, "{seconds}");
        }
    }
}
