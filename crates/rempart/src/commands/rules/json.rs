//! What rules did to a request, for programs.

use rempart_edge::rules::trace::{Cost, RuleStep, Step, Verdict};
use serde_json::{Value, json};

use super::tale::{Tale, parts};

/// One object.
pub(super) fn of(tale: &Tale<'_>) -> Value {
    let Tale { asked, request, zone, tried } = tale;
    let answer = parts(&tried.answer).map(|(head, body)| {
        let status = head.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
        json!({ "status": status, "head": head, "body": String::from_utf8_lossy(body) })
    });
    json!({
        "request": asked.name,
        "ip": request.from.ip().to_string(),
        "scheme": if request.tls { "https" } else { "http" },
        "zone": zone,
        "steps": tried.steps.iter().map(step).collect::<Vec<_>>(),
        "origin": tried.asked.first(),
        "answer": answer,
    })
}

fn step(step: &Step) -> Value {
    match step {
        Step::Phase(phase) => json!({
            "step": "phase",
            "phase": phase.phase,
            "level": if phase.is_account { "account" } else { "zone" },
            "rules": phase.rules,
            "cost": cost(phase.cost),
        }),
        Step::Rule(rule) => self::rule(rule),
        Step::Found(found) => json!({
            "step": "found",
            "source": found.source,
            "id": found.id,
            "description": found.description,
            "action": found.action,
            "matched": found.seen,
        }),
        Step::Note(text) => json!({ "step": "note", "text": text }),
    }
}

fn rule(rule: &RuleStep) -> Value {
    let verdict = match rule.verdict {
        Verdict::Matched => "matched",
        Verdict::NotMatched => "not_matched",
        Verdict::OverBudget => "over_budget",
        Verdict::Refused => "over_budget_refused",
        Verdict::LeftOut => "left_out",
    };
    let reasons = rule.why.as_ref().map(|why| {
        let reasons = why.reasons.iter().map(|reason| {
            let values = reason.values.iter().map(|(what, value)| json!({ "field": what, "value": value }));
            json!({ "text": reason.text, "is": reason.holds, "values": values.collect::<Vec<_>>() })
        });
        reasons.collect::<Vec<_>>()
    });
    json!({
        "step": "rule",
        "ref": rule.name,
        "id": rule.id,
        "description": rule.description,
        "ruleset": rule.ruleset,
        "action": rule.action,
        "expression": rule.expression,
        "verdict": verdict,
        "why": reasons,
        "does": rule.effects,
        "cost": cost(rule.cost),
    })
}

fn cost(cost: Cost) -> Value {
    json!({ "steps": cost.steps, "ns": cost.ns })
}
