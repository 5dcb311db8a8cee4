//! What rules did to a request, for people.

use rempart_config::{HostPattern, ZonePlan};
use rempart_edge::rules::trace::{Cost, FoundStep, PhaseStep, RuleStep, Step, Verdict};
use rempart_edge::taste::trial::{Request, Tried};

use super::request::Asked;

/// So much of a body is shown.
const BODY_BYTES_MAX: usize = 1000;

/// A request and what became of it.
pub(super) struct Tale<'t> {
    pub(super) asked: &'t Asked,
    pub(super) request: &'t Request,
    pub(super) zone: Option<&'t str>,
    pub(super) tried: &'t Tried,
}

impl Tale<'_> {
    /// The whole of it.
    pub(super) fn text(&self) -> String {
        let Self { asked, request, zone, tried } = self;
        let scheme = if request.tls { "https" } else { "http" };
        let mut text = format!("{}\n  from {} over {scheme}\n", asked.name, request.from.ip());
        text.push_str(&match zone {
            Some(zone) => format!("  zone {zone}\n"),
            None => format!("  no zone answers for the host `{}`\n", asked.host),
        });
        let mut steps = tried.steps.iter().peekable();
        let mut has_phases = false;
        while let Some(step) = steps.next() {
            match step {
                Step::Note(note) => text.push_str(&format!("\n{note}\n")),
                Step::Found(found) => text.push_str(&self::found(found)),
                Step::Phase(phase) => {
                    has_phases = true;
                    text.push_str(&self::phase(phase));
                    let mut seen = 0;
                    while let Some(Step::Rule(rule)) = steps.next_if(|step| matches!(step, Step::Rule(_))) {
                        seen += 1;
                        text.push_str(&self::rule(seen, rule));
                    }
                    if seen < phase.rules {
                        text.push_str(&format!("  {} of its rules were not reached\n", phase.rules - seen));
                    }
                }
                // It stands behind its phase.
                Step::Rule(rule) => text.push_str(&self::rule(0, rule)),
            }
        }
        if !has_phases {
            text.push_str("\nno phase with rules was reached\n");
        }
        text.push_str(&self.origin());
        text.push_str(&self.answer());
        text
    }

    fn origin(&self) -> String {
        let asked = self.tried.asked.first();
        asked.map_or_else(
            || "\nno origin is asked\n".to_owned(),
            |head| format!("\nthe origin is asked (a stand-in answers with 200):\n{}", indented(head)),
        )
    }

    fn answer(&self) -> String {
        let Some((head, body)) = parts(&self.tried.answer) else {
            return "\nthe visitor's connection is closed without an answer\n".to_owned();
        };
        let body = if body.is_empty() {
            String::new()
        } else {
            let shown = String::from_utf8_lossy(body.get(..BODY_BYTES_MAX).unwrap_or(body)).into_owned();
            let more = body.len().saturating_sub(BODY_BYTES_MAX);
            let more = if more == 0 { String::new() } else { format!("\n… {more} bytes more") };
            format!("\n{shown}{more}\n")
        };
        format!("\nthe visitor gets:\n{}", indented(&format!("{head}\n{body}")))
    }
}

fn phase(phase: &PhaseStep) -> String {
    let whose = if phase.is_account { ", the account's" } else { "" };
    let rules = if phase.rules == 1 { "1 rule".to_owned() } else { format!("{} rules", phase.rules) };
    format!("\n{}{whose}: {rules}; finding out which can match at all: {}\n", phase.phase, cost(phase.cost))
}

fn rule(number: usize, rule: &RuleStep) -> String {
    let verdict = match rule.verdict {
        Verdict::Matched => "matched",
        Verdict::NotMatched => "not matched",
        Verdict::OverBudget => "over its budget: counts as not matched",
        Verdict::Refused => "over its budget: refuses the request",
        Verdict::LeftOut => "left out by an earlier rule",
    };
    let description = if rule.description.is_empty() {
        String::new()
    } else {
        format!(" \u{201c}{}\u{201d}", rule.description)
    };
    let mut text = format!("  {number}. {} ({}){description}: {verdict}\n", rule.name, rule.action);
    text.push_str(&format!("       {}\n", rule.expression.replace('\n', "\n       ")));
    if let Some(why) = &rule.why {
        for reason in &why.reasons {
            let holds = if reason.holds { "true " } else { "false" };
            let text_of =
                if reason.text == rule.expression { String::new() } else { format!(" {}", reason.text) };
            let values = reason.values.iter().map(|(what, value)| format!("{what} is {value}"));
            let values: Vec<String> = values.collect();
            if text_of.is_empty() && values.is_empty() {
                continue;
            }
            let between = if text_of.is_empty() || values.is_empty() { "" } else { ":" };
            text.push_str(&format!("       {holds}{text_of}{between} {}\n", values.join(", ")));
        }
        if why.more > 0 {
            text.push_str(&format!("       … and {} more\n", why.more));
        }
    }
    for effect in &rule.effects {
        text.push_str(&format!("    -> {effect}\n"));
    }
    if rule.verdict != Verdict::LeftOut {
        text.push_str(&format!("       cost: {}\n", cost(rule.cost)));
    }
    text
}

fn found(found: &FoundStep) -> String {
    let description = if found.description.is_empty() {
        String::new()
    } else {
        format!(" \u{201c}{}\u{201d}", found.description)
    };
    format!(
        "\n{}: {}{description} matched: {}\n       {}\n",
        found.source, found.id, found.action, found.seen
    )
}

fn cost(cost: Cost) -> String {
    if cost.steps == 0 {
        "next to nothing".to_owned()
    } else {
        format!("{} steps, {} ns", cost.steps, cost.ns)
    }
}

/// Head and body of an answer.
pub(super) fn parts(answer: &[u8]) -> Option<(String, &[u8])> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(end);
    Some((String::from_utf8_lossy(head).replace('\r', ""), body.get(4..).unwrap_or_default()))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
}

/// A host that a zone answers for.
pub(super) fn host_of(zone: &ZonePlan) -> String {
    match zone.hosts.first() {
        Some(HostPattern::Exact(name)) => name.to_string(),
        Some(HostPattern::Under(name)) => format!("www.{name}"),
        Some(HostPattern::Any) | None => zone.name.to_string(),
    }
}
