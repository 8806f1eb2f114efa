//! The text format of Prometheus, for what is computed at a scrape.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use wasup_store::histogram::HistogramView;

use super::catalogue::{Family, Kind, Values};

/// Families and their series, in the text format, by name.
#[derive(Debug, Default)]
pub(crate) struct Text(BTreeMap<String, String>);

impl Text {
    /// A family with one series.
    pub(crate) fn one(&mut self, family: &'static Family, value: impl Display) {
        self.series(family, &[], value);
    }

    /// A series of a family, told apart by a word for each of its labels.
    pub(crate) fn series(&mut self, family: &'static Family, words: &[&str], value: impl Display) {
        let labels = labels(family, words);
        self.line(family, format_args!("{}{labels} {value}", family.name));
    }

    /// A series for each word of the family's one label.
    pub(crate) fn each<'a, V: Display>(
        &mut self,
        family: &'static Family,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        // One that has no series yet is still described.
        self.begin(family);
        for (word, value) in values {
            self.series(family, &[word], value);
        }
    }

    /// A histogram that was counted in units of which `scale` make one of the family's.
    #[expect(clippy::cast_precision_loss, reason = "bounds and sums are far below 2^52")]
    pub(crate) fn histogram(&mut self, family: &'static Family, view: &HistogramView, scale: f64) {
        let name = family.name;
        for (bound, up_to) in view.bounds.iter().zip(view.up_to) {
            self.line(family, format_args!("{name}_bucket{{le=\"{}\"}} {up_to}", *bound as f64 / scale));
        }
        self.line(family, format_args!("{name}_bucket{{le=\"+Inf\"}} {}", view.count));
        self.line(family, format_args!("{name}_sum {}", view.sum as f64 / scale));
        self.line(family, format_args!("{name}_count {}", view.count));
    }

    fn begin(&mut self, family: &'static Family) -> &mut String {
        self.0.entry(family.name.to_owned()).or_insert_with(|| {
            let Family { name, kind, help, .. } = family;
            format!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str())
        })
    }

    fn line(&mut self, family: &'static Family, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.begin(family), "{line}");
    }

    /// The whole, with the families of another text, by name. Series of the other text are put in order too: the
    /// exporter keeps them in none, and who reads two scrapes wants to see what changed.
    pub(crate) fn merged_with(mut self, other: &str) -> String {
        for family in other.split("\n\n").map(str::trim).filter(|family| !family.is_empty()) {
            let (head, mut series): (Vec<_>, Vec<_>) = family.lines().partition(|line| line.starts_with('#'));
            let Some(name) = head.iter().find_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) else {
                continue;
            };
            if !family.contains("_bucket{") {
                series.sort_unstable();
            }
            let lines = head.into_iter().chain(series);
            self.0.insert(name.to_owned(), lines.fold(String::new(), |text, line| text + line + "\n"));
        }
        self.0.into_values().collect::<Vec<_>>().join("\n")
    }
}

/// The labels of a series with the words for them.
fn labels(family: &'static Family, words: &[&str]) -> String {
    debug_assert_eq!(family.labels.len(), words.len(), "{}", family.name);
    debug_assert!(!matches!(family.kind, Kind::Histogram(_)), "{}", family.name);
    if words.is_empty() {
        return String::new();
    }
    let pair = |(label, word): (&super::Label, &&str)| {
        if let Values::Of(values) = label.values {
            debug_assert!(values.contains(word), "{}: {}={word}", family.name, label.name);
        }
        format!("{}=\"{}\"", label.name, escaped(word))
    };
    format!("{{{}}}", family.labels.iter().zip(words).map(pair).collect::<Vec<_>>().join(","))
}

/// A label's value as the text format wants it. Ids of accounts are their owner's choice.
fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use wasup_store::histogram::Histogram;

    use super::super::catalogue::{ACCOUNTS, ONE_ATTEMPTS, READY, STORE_SYNCS, SYNC_TIME};
    use super::*;

    #[test]
    fn families_stand_together_and_in_order_whoever_gave_them() {
        let mut text = Text::default();
        text.one(&STORE_SYNCS, 4);
        text.each(&ACCOUNTS, [("connected", 3), ("stopped", 0)]);
        let other = "# HELP wasup_ready R.\n# TYPE wasup_ready gauge\nwasup_ready 1\n\n# TYPE a counter\na{x=\"2\"} 1\n\
                     a{x=\"1\"} 5\n\n";
        assert_eq!(
            text.merged_with(other),
            "# TYPE a counter\na{x=\"1\"} 5\na{x=\"2\"} 1\n\n\
             # HELP wasup_accounts Accounts by phase.\n# TYPE wasup_accounts gauge\n\
             wasup_accounts{phase=\"connected\"} 3\nwasup_accounts{phase=\"stopped\"} 0\n\n\
             # HELP wasup_ready R.\n# TYPE wasup_ready gauge\nwasup_ready 1\n\n\
             # HELP wasup_store_syncs_total Syncs to disk.\n# TYPE wasup_store_syncs_total counter\n\
             wasup_store_syncs_total 4\n"
        );
        assert_eq!(READY.name, "wasup_ready");
    }

    #[test]
    fn what_an_owner_chose_can_not_break_a_line() {
        let mut text = Text::default();
        text.series(&ONE_ATTEMPTS, &["a\"b\\c", "ok"], 1);
        let text = text.merged_with("");
        assert!(text.ends_with("_total{account=\"a\\\"b\\\\c\",result=\"ok\"} 1\n"), "{text}");
    }

    #[test]
    fn a_histogram_of_the_store_is_shown_in_seconds() {
        let histogram =
            Histogram::new(&[100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000]);
        histogram.record(1_200);
        histogram.record(9_000_000);
        let mut text = Text::default();
        text.histogram(&SYNC_TIME, &histogram.view(), 1_000_000.0);
        let text = text.merged_with("");
        for line in [
            "_bucket{le=\"0.001\"} 0\n",
            "_bucket{le=\"0.0025\"} 1\n",
            "_bucket{le=\"+Inf\"} 2\n",
            "_sum 9.0012\n",
            "_count 2\n",
        ] {
            assert!(text.contains(&format!("wasup_store_sync_seconds{line}")), "{text}");
        }
    }
}
