//! What the drills have measured, as a table and as JSON.

use rempart_base::Now;
use serde_json::{Value, json};

use crate::load::Tally;

/// One thing that must hold, and what was measured.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// What must hold.
    pub(crate) criterion: String,
    /// The figure.
    pub(crate) measured: String,
    /// Whether it holds.
    pub(crate) holds: bool,
}

/// What one drill notes while it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    checks: Vec<Check>,
    /// Figures that nothing depends on.
    figures: Vec<String>,
}

impl Record {
    /// Something that must hold.
    pub(crate) fn check(&mut self, criterion: &str, measured: impl ToString, holds: bool) {
        self.checks.push(Check { criterion: criterion.to_owned(), measured: measured.to_string(), holds });
    }

    /// That nothing failed.
    pub(crate) fn check_no_failure(&mut self, criterion: &str, tally: &Tally) {
        self.check(criterion, tally.kinds(|_| true), tally.failed_count() == 0);
        if tally.failed_count() > 0 {
            self.figure(tally.first(Now::mono()));
        }
    }

    /// Something that is only told.
    pub(crate) fn figure(&mut self, figure: impl ToString) {
        self.figures.push(figure.to_string());
    }
}

/// What is known of a drill before it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Title {
    /// What it is called on the command line: the number of the drill, or a word.
    pub(crate) name: &'static str,
    /// The outage or the promise behind it.
    pub(crate) origin: &'static str,
    /// The fault.
    pub(crate) injected: &'static str,
}

/// One drill that has run.
#[derive(Clone, Debug)]
pub(crate) struct Result {
    pub(crate) title: Title,
    pub(crate) record: Record,
    /// Why it could not go to its end.
    pub(crate) trouble: Option<String>,
    pub(crate) took_s: f64,
}

impl Result {
    pub(crate) fn holds(&self) -> bool {
        self.trouble.is_none()
            && !self.record.checks.is_empty()
            && self.record.checks.iter().all(|check| check.holds)
    }

    /// Its rows of the table.
    pub(crate) fn rows(&self) -> String {
        let Title { name, origin, injected } = self.title;
        let verdict = if self.holds() { "pass" } else { "FAIL" };
        let mut text =
            format!("{verdict}  {name}  ({origin}; {:.1} s)\n      injected: {injected}\n", self.took_s);
        let width = self.record.checks.iter().map(|check| check.criterion.chars().count()).max().unwrap_or(0);
        for Check { criterion, measured, holds } in &self.record.checks {
            let mark = if *holds { "ok  " } else { "FAIL" };
            text.push_str(&format!("      {mark} {criterion:width$}  {measured}\n"));
        }
        for figure in &self.record.figures {
            text.push_str(&format!("           {figure}\n"));
        }
        if let Some(trouble) = &self.trouble {
            text.push_str(&format!("      FAIL {trouble}\n"));
        }
        text
    }

    fn json(&self) -> Value {
        let checks = self.record.checks.iter().map(
            |check| json!({"criterion": check.criterion, "measured": check.measured, "holds": check.holds}),
        );
        json!({
            "drill": self.title.name, "origin": self.title.origin, "injected": self.title.injected,
            "holds": self.holds(), "trouble": self.trouble, "took_s": self.took_s,
            "checks": checks.collect::<Vec<_>>(), "figures": self.record.figures,
        })
    }
}

/// All drills that have run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub(crate) results: Vec<Result>,
}

impl Report {
    /// Whether each one holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.results.is_empty() && self.results.iter().all(Result::holds)
    }

    /// The last line: how many held and how many did not.
    #[must_use]
    pub fn summary(&self) -> String {
        let passed = self.results.iter().filter(|result| result.holds()).count();
        format!("drill result: {passed} passed; {} failed\n", self.results.len() - passed)
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({"holds": self.holds(), "drills": self.results.iter().map(Result::json).collect::<Vec<_>>()})
    }

    /// For documents: one row a check.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text =
            "| drill | origin | injected | criterion | measured | |\n|---|---|---|---|---|---|\n".to_owned();
        for Result { title, record, trouble, .. } in &self.results {
            for (index, check) in record.checks.iter().enumerate() {
                let Title { name, origin, injected } =
                    if index == 0 { *title } else { Title { name: "", origin: "", injected: "" } };
                let (Check { criterion, measured, .. }, verdict) =
                    (check, if check.holds { "pass" } else { "**fail**" });
                text.push_str(&format!(
                    "| {name} | {origin} | {injected} | {criterion} | {measured} | {verdict} |\n"
                ));
            }
            if let Some(trouble) = trouble {
                text.push_str(&format!("| {} | | | went to its end | {trouble} | **fail** |\n", title.name));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(checks: &[bool], trouble: Option<&str>) -> Result {
        let mut record = Record::default();
        checks.iter().for_each(|holds| record.check("it holds", "1 of 1", *holds));
        let title = Title { name: "0", origin: "nobody", injected: "nothing" };
        Result { title, record, trouble: trouble.map(str::to_owned), took_s: 0.5 }
    }

    #[test]
    fn a_drill_holds_only_if_it_checked_something_and_all_of_it_holds_to_the_end() {
        assert!(result(&[true, true], None).holds());
        assert!(!result(&[true, false], None).holds());
        assert!(!result(&[true], Some("the edge is gone")).holds());
        assert!(!result(&[], None).holds(), "nothing was checked");
        assert!(!Report::default().holds(), "nothing ran");
    }

    #[test]
    fn the_last_line_is_the_one_that_is_counted() {
        let report = Report { results: vec![result(&[true], None), result(&[false], None)] };
        assert_eq!(report.summary(), "drill result: 1 passed; 1 failed\n");
        assert!(!report.holds());
        assert_eq!(report.markdown().lines().count(), 4);
        assert_eq!(report.json().get("holds"), Some(&Value::Bool(false)));
    }
}
