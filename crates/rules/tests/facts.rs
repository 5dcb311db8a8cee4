//! Our tables beside the facts, row by row. Where there are no facts, every row that would be compared is shown as
//! ignored.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use rempart_rules::{FieldId, Function, Kinds, Phase, Type};
use std::process::ExitCode;
use support::{facts, read, rows};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    add(&mut trials, "fields", "facts/fields.tsv", field);
    add(&mut trials, "functions", "facts/functions.tsv", function);
    add(&mut trials, "operators", "facts/operators.tsv", operator);
    add(&mut trials, "phases", "api/phases.tsv", phase);
    libtest_mimic::run(&arguments, trials).exit_code()
}

type Columns = Vec<String>;

/// One trial a row, or one that is ignored.
fn add(trials: &mut Vec<Trial>, kind: &str, file: &'static str, check: fn(&Columns) -> Result<(), Failed>) {
    let Some(text) = facts(file) else {
        let name = format!("{kind}: there is no ../shared/{file} to compare with");
        trials.push(Trial::test(name, || Ok(())).with_ignored_flag(true));
        return;
    };
    for line in text.lines().skip(1) {
        let columns: Columns = line.split('\t').map(str::to_owned).collect();
        let name = format!("{kind}::{}::{}", columns[0], columns[1]);
        trials.push(Trial::test(name, move || check(&columns)));
    }
}

/// Type, availability, and the documented empty value where the notes name one.
fn field(columns: &Columns) -> Result<(), Failed> {
    let [name, ty, place, _, notes] = columns.as_slice() else { return Err("five columns".into()) };
    let field = FieldId::named(name).ok_or("there is no such field")?;
    equal(&described(field.ty()), &ty.replace("Number", "Integer").replace("Bytes", "String"))?;
    if let Some((_, successor)) = notes.split_once("DEPRECATED -> ") {
        return equal(field.name(), successor.split(';').next().unwrap_or_default());
    }
    equal(field.name(), name)?;
    let only_response = place.starts_with("response");
    for phase in Phase::ALL {
        let has = field.place().phases.has(phase);
        if only_response && has && !phase.has_response() {
            return Err(format!("{phase:?} has no response").into());
        }
        if place.starts_with("request (all request and response phases)") && !has {
            return Err(format!("it is missing in {phase:?}").into());
        }
    }
    equal(field.place().kinds == Kinds::Values, place.contains("rewrite expressions only"))
}

fn described(ty: Type) -> String {
    ty.to_string()
}

/// Our signature beside the documented one: names of arguments, how many, what comes out; and the example is right
/// somewhere.
fn function(columns: &Columns) -> Result<(), Failed> {
    let name = columns[0].as_str();
    if name == "bit_slice" {
        let error =
            read("bit_slice(\"udp\", 64, 80) == 1", false, Phase::Custom).err().ok_or("it is refused")?;
        return equal(error.message.contains("packets"), true);
    }
    let table = rows(include_str!("functions.tsv"));
    if !table.iter().any(|row| row.about == name) {
        return Err("it has no row in our table".into());
    }
    let (arguments, result) = columns[1].split_once(") -> ").ok_or("a signature")?;
    let (_, arguments) = arguments.split_once('(').ok_or("a signature")?;
    if !matches!(name, "any" | "all") {
        let signature = Function::named(name).ok_or("there is no such function")?.signature();
        let repeats = arguments.contains("...");
        equal(signature.repeated.is_some(), repeats)?;
        let named: Vec<&str> = arguments
            .split([',', '['])
            .map(str::trim)
            .filter(|argument| !argument.is_empty() && *argument != "...")
            .collect();
        let fixed = signature.required.len() + signature.optional.len();
        let documented = named.len();
        // `concat(value, ...)` takes two at least, which its notes say.
        equal(fixed == documented || (repeats && fixed == documented + 1), true)?;
        if let rempart_rules::Gives::Only(ty) = signature.result {
            equal(ty.to_string(), result.replace("Bytes", "String").replace("IP", "IP address"))?;
        }
    }
    let examples = columns[4].split(" with ").next().unwrap_or_default();
    for example in examples.split(" / ") {
        let mut places = Phase::ALL.into_iter().flat_map(|phase| [(phase, false), (phase, true)]);
        if !places.any(|(phase, is_text)| read(example, is_text, phase).is_ok()) {
            // A value that is no text has to be compared to be seen.
            let comparisons =
                [" eq \"a\"", " eq 1", " eq 192.0.2.1", "[0]"].map(|end| format!("{example}{end}"));
            let is_right = |text: &String| {
                Phase::ALL
                    .into_iter()
                    .any(|phase| read(text, false, phase).is_ok() || read(text, true, phase).is_ok())
            };
            equal(comparisons.iter().any(is_right), true)
                .map_err(|_| Failed::from(format!("`{example}` is nowhere right")))?;
        }
    }
    Ok(())
}

/// Our own table has examples of each row, and the documented example is right.
fn operator(columns: &Columns) -> Result<(), Failed> {
    let about = format!("{}/{}", columns[0], columns[1]);
    let table = rows(include_str!("operators.tsv"));
    if !table.iter().any(|row| row.about == about) {
        return Err(format!("our table has no row {about}").into());
    }
    let example = columns[7].split("  (").next().unwrap_or_default();
    if example.is_empty() {
        return Ok(());
    }
    let written = match columns[0].as_str() {
        "literal" => match columns[1].as_str() {
            "list name" => format!("ip.src in {example}"),
            "CIDR" | "IP range" => format!("ip.src in {example}"),
            "set" => format!("http.host in {example}"),
            "integer range" => format!("cf.edge.server_port in {example}"),
            "integer" => format!("cf.edge.server_port in {{{example}}}"),
            "IP address" => format!("ip.src eq {example}"),
            "quoted regex" | "regex dialect" => format!("http.host matches {example}"),
            "wildcard literal" => format!("http.host wildcard {example}"),
            "Boolean" => example.to_owned(),
            _ => format!("http.host eq {example}"),
        },
        "index" if !example.contains(['=', '(']) => format!("{example} eq \"a\""),
        _ => example.to_owned(),
    };
    let is_right = |phase: Phase| read(&written, false, phase).is_ok() || read(&written, true, phase).is_ok();
    equal(Phase::ALL.into_iter().any(is_right), true)
        .map_err(|_| format!("`{written}` is nowhere right").into())
}

/// Every phase with a name is one of ours, and on the right side of the response.
fn phase(columns: &Columns) -> Result<(), Failed> {
    let [order, name, _, level] = columns.as_slice() else { return Err("four columns".into()) };
    if name == "(internal)" || level == "packet" {
        return Ok(());
    }
    let known = Phase::named(name).ok_or("there is no such phase")?;
    let has_response =
        if order == "24" { Phase::RateLimitResponse.has_response() } else { known.has_response() };
    equal(has_response, level == "response")
}

fn equal<T, U>(found: T, expected: U) -> Result<(), Failed>
where
    T: PartialEq<U> + std::fmt::Debug,
    U: std::fmt::Debug,
{
    if found == expected { Ok(()) } else { Err(format!("{found:?} is not {expected:?}").into()) }
}
