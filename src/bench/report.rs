//! One answer for machines, and the same as lines for people.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::options::Common;
use super::surroundings::{Machine, Versions};

/// What every report holds, in this order.
#[derive(Serialize)]
struct Report<'a, T> {
    bench: &'a str,
    #[serde(flatten)]
    figures: &'a T,
    seed: u64,
    machine: &'a Machine,
    versions: Versions,
}

/// The keys of an object in the order in which they were written, which a [`Value`] forgets.
struct Ordered(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Ordered(pairs))
    }
}

/// Prints the report of a bench: its own figures, then seed, machine and versions.
///
/// # Errors
/// When standard output is closed.
pub(super) fn print(
    bench: &str,
    figures: &impl Serialize,
    seed: u64,
    machine: &Machine,
    common: &Common,
) -> anyhow::Result<()> {
    let json = serde_json::to_string(&Report { bench, figures, seed, machine, versions: Versions::built() })?;
    if common.json {
        writeln!(std::io::stdout(), "{json}")?;
        return Ok(());
    }
    writeln!(std::io::stdout(), "{}", lines(&serde_json::from_str::<Ordered>(&json)?.0))?;
    if cfg!(debug_assertions) {
        writeln!(std::io::stderr(), "This is a development build: its figures say nothing about the product.")?;
    }
    Ok(())
}

/// A line for each key; a list of things with the same keys is a table.
fn lines(report: &[(String, Value)]) -> String {
    let width = report.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let line = |(key, value): &(String, Value)| match value {
        Value::Array(rows) if rows.iter().all(Value::is_object) => format!("{key}\n{}", table(rows)),
        other => format!("{key:width$}  {}", inline(other)),
    };
    report.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| format!("{key} {}", inline(value))).collect::<Vec<_>>().join("  ")
        }
        other => other.to_string(),
    }
}

fn table(rows: &[Value]) -> String {
    let empty = Map::new();
    let head: Vec<&String> = rows.first().and_then(Value::as_object).unwrap_or(&empty).keys().collect();
    let cells = |row: &Value| head.iter().map(|key| inline(&row[key.as_str()])).collect::<Vec<_>>();
    let mut all: Vec<Vec<String>> = vec![head.iter().map(|key| (*key).clone()).collect()];
    all.extend(rows.iter().map(cells));
    let width = |column: usize| all.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
        format!("  {}", padded.collect::<Vec<_>>().join("  "))
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A bar on standard error, where somebody looks at it.
#[must_use]
pub(super) fn progress(what: &str, total: u64, common: &Common) -> ProgressBar {
    if common.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:24} {wide_bar} {pos}/{len} {per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.to_owned());
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_lines_and_tables_in_the_reports_order() {
        let report = r#"{"runs": [{"p99": 0.5, "writers": 1}, {"p99": 12.25, "writers": 16}], "bench": "store",
            "times": {"p50": 1.5, "p99": null}}"#;
        let text = lines(&serde_json::from_str::<Ordered>(report).unwrap().0);
        let expected =
            "runs\n    p99  writers\n    0.5        1\n  12.25       16\nbench  store\ntimes  p50 1.5  p99 -";
        assert_eq!(text, expected);
    }
}
