//! Names that are none.

use super::{Parser, comparison};
use crate::ast::Operand;
use crate::error::Error;
use crate::fields::{FieldId, is_packet_field};
use crate::signature::Function;
use crate::types::Type;
use rempart_base::config::closest;

impl Parser<'_> {
    /// A word, not passed yet, that is neither a field nor, before a parenthesis, a function.
    pub(super) fn unknown(&self, word: &str, is_call: bool, literals: Option<&[Type]>) -> Error {
        let expected = self.could_stand(literals);
        if word.is_empty() {
            return self.unexpected(&expected);
        }
        let span = self.ahead(word.len());
        if word == "bit_slice" || is_packet_field(word) {
            let message = format!("`{word}` looks at packets, and HTTP rules see none");
            return self.error(span, message).hint("It belongs to rules of Cloudflare's network layer");
        }
        if is_call {
            return self.unknown_function(word);
        }
        let error = self.error(span, format!("there is no field `{word}`"));
        let wants_text = literals.is_some_and(|literals| literals.contains(&Type::Bytes));
        if Function::named(word).is_some() || matches!(word, "any" | "all") {
            return self
                .error(span, format!("`{word}` is a function"))
                .expected("`(` and its arguments behind it");
        }
        if matches!(word, "false" | "true") {
            let error = self.error(span, format!("`{word}` is no value"));
            let hint = "A Boolean stands by itself: `ssl`, or `not ssl`";
            return error.hint(if self.kind == super::Kind::Filter { hint } else { "" });
        }
        if let Some(word) =
            Some(word.to_ascii_lowercase()).filter(|lower| lower != word && is_operator(lower))
        {
            return error.hint(format!("Operators are lower case: `{word}`"));
        }
        if is_operator(word) {
            return self.error(span, format!("the operator `{word}` lacks its left side")).expected(expected);
        }
        if let Some(meant) = closest(word, FieldId::NAMES) {
            return error.hint(format!("Did you mean {meant}?"));
        }
        if wants_text { error.hint(format!("If it is text, write \"{word}\"")) } else { error }
    }

    fn unknown_function(&self, word: &str) -> Error {
        let span = self.ahead(word.len());
        if FieldId::named(word).is_some() {
            return self.error(span, format!("`{word}` is a field and takes no arguments"));
        }
        let error = self.error(span, format!("there is no function `{word}`"));
        let names: Vec<&str> = Function::NAMES.iter().copied().chain(["any", "all"]).collect();
        let meant = closest(word, &names).map(|meant| format!("Did you mean {meant}?"));
        error.hint(meant.unwrap_or_default())
    }

    fn could_stand(&self, literals: Option<&[Type]>) -> String {
        match literals {
            None => "a field, a function, `not` or `(`".to_owned(),
            Some([]) => "a field or a function".to_owned(),
            Some(types) => {
                let names: Vec<String> = types.iter().map(|ty| ty.with_article()).collect();
                format!("{}, as a literal, a field or a function", names.join(" or "))
            }
        }
    }

    /// What stands behind an operand, and is next, is no operator.
    pub(super) fn unknown_operator(&self, operand: &Operand) -> Error {
        let span = self.next_token();
        let word = self.word();
        let error = self.unexpected(&format!("an operator behind {}", self.shown(operand.span)));
        if word.is_empty() {
            return error;
        }
        let operand = self.text.get(operand.span.start..operand.span.end).unwrap_or_default();
        let hint = match word {
            "not" => format!("Write `not {operand} in …`"),
            "starts_with" | "ends_with" => format!("It is a function: `{word}({operand}, \"…\")`"),
            "starts" | "ends" => format!("It is a function: `{word}_with({operand}, \"…\")`"),
            "is" => "Equality is `==` or `eq`".to_owned(),
            _ => {
                let known: Vec<&str> =
                    comparison::WORDS.iter().copied().chain(["and", "or", "xor"]).collect();
                closest(word, &known).map(|meant| format!("Did you mean {meant}?")).unwrap_or_default()
            }
        };
        let message = format!("{} is no operator", self.shown(span));
        self.error(span, message).expected(error.expected).hint(hint)
    }
}

fn is_operator(word: &str) -> bool {
    comparison::WORDS.contains(&word) || matches!(word, "and" | "or" | "xor" | "not" | "strict")
}
