//! Expressions that are right, and hardly what their writer means.

use rempart_base::config::{Context, Mark, Problem};
use rempart_rules::ast::{Index, Operand, Root};
use rempart_rules::{Empty, FieldId, Filter, ProgramBuilder, Source};

use crate::lists::ListSet;
use crate::rulesets::config::ActionName;

/// Fields whose keys are names of header fields, which are in lower case.
const HEADERS: &[FieldId] = &[
    FieldId::HttpRequestHeaders,
    FieldId::HttpResponseHeaders,
    FieldId::RawHttpRequestHeaders,
    FieldId::RawHttpResponseHeaders,
];

/// Whether an action refuses requests.
pub(super) const fn keeps_out(action: ActionName) -> bool {
    matches!(
        action,
        ActionName::Block
            | ActionName::Challenge
            | ActionName::JsChallenge
            | ActionName::ManagedChallenge
            | ActionName::ForceConnectionClose
    )
}

/// Warns of a filter. One that keeps everybody out because nothing is known of its fields is refused: at Cloudflare
/// it lets most visitors in.
pub(super) fn filter(filter: &Filter, (keeps_out, lists): (bool, &ListSet), mark: Mark, cx: &mut Context) {
    let of_filter = filter.logic().operands();
    let fields = unfilled(&of_filter);
    if !fields.is_empty() && keeps_out && ProgramBuilder::always(filter, lists) == Some(true) {
        let message = format!("this rule would keep every visitor out: {}", shown(&fields));
        let action = "Take the rule out until that is built, or join to it what can be told, by `and`.";
        cx.error(mark, Problem::new("rule-not-built", message, action));
        return;
    }
    operands(&of_filter, mark, cx);
}

/// Warns of what an expression speaks of.
pub(super) fn operands(operands: &[&Operand], mark: Mark, cx: &mut Context) {
    let fields = unfilled(operands);
    if !fields.is_empty() {
        let action = "Take it out if the rule then does what you do not want.";
        cx.warning(mark, Problem::new("rule-no-effect", shown(&fields), action));
    }
    for operand in operands {
        if let (Root::Field(field), [Index::Key(key), ..]) = (&operand.root, &*operand.indexes)
            && HEADERS.contains(field)
            && key.iter().any(u8::is_ascii_uppercase)
        {
            let key = String::from_utf8_lossy(key);
            let message = format!("names of header fields are in lower case here: `{key}` is never found");
            let action = format!("Write `{}`.", key.to_ascii_lowercase());
            cx.warning(mark, Problem::new("rule-no-effect", message, action));
        }
    }
}

/// The fields that nothing fills yet.
fn unfilled(operands: &[&Operand]) -> Vec<FieldId> {
    let mut fields: Vec<FieldId> = operands
        .iter()
        .filter_map(|operand| if let Root::Field(field) = operand.root { Some(field) } else { None })
        .filter(|field| matches!(field.source(), Source::Geo | Source::NotBuilt))
        .collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

fn shown(fields: &[FieldId]) -> String {
    let each = fields.iter().map(|field| {
        let empty = match field.empty() {
            Empty::Missing => "missing".to_owned(),
            Empty::False => "false".to_owned(),
            Empty::Int(number) => number.to_string(),
            Empty::Text(text) => format!("\"{text}\""),
            Empty::Items => "empty".to_owned(),
        };
        format!("`{field}` is {empty}")
    });
    let each: Vec<String> = each.collect();
    format!("{} in every request, since nothing fills that yet", each.join(", "))
}
