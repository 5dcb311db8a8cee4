//! Expressions that are right, and hardly what their writer means.

use rempart_base::config::{Context, Mark, Problem};
use rempart_rules::ast::{Index, Operand, Root};
use rempart_rules::{Empty, FieldId, Filter, ProgramBuilder, Source};

use crate::lists::ListSet;

/// Fields whose keys are names of header fields, which are in lower case.
const HEADERS: &[FieldId] = &[
    FieldId::HttpRequestHeaders,
    FieldId::HttpResponseHeaders,
    FieldId::RawHttpRequestHeaders,
    FieldId::RawHttpResponseHeaders,
];

/// Warns of a filter. What comes back says why it is true of every request, if it is so because nothing is known of
/// its fields: at Cloudflare it would not be.
pub(super) fn filter(filter: &Filter, lists: &ListSet, mark: Mark, cx: &mut Context) -> Option<Box<str>> {
    let of_filter = filter.logic().operands();
    operands(&of_filter, mark, cx);
    let fields = unfilled(&of_filter);
    let is_always = !fields.is_empty() && ProgramBuilder::always(filter, lists) == Some(true);
    is_always.then(|| shown(&fields).into())
}

/// What is wrong with a rule that keeps out every visitor who comes as far as that.
pub(super) fn keeps_all_out(why: &str) -> Problem {
    let message = format!("this rule keeps every visitor out: {why}");
    let action = "Take the rule out until that is built, or join to it what can be told, by `and`.";
    Problem::new("rule-not-built", message, action)
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
