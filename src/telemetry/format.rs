//! The shape of a line, with foreign lines scrubbed on their way out.

use std::fmt;

use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::scrub;

/// Our own targets begin so. Our lines hold no secrets by rule; foreign ones are scrubbed.
const OURS: &str = "wasup";

/// The network of the demo and the tests shows whole stanzas, as the library does.
const SANDBOX: &str = "wasup_sandbox";

/// The fields of a span for a log file. A span's fields are formatted once for each type that formats them: with the
/// terminal's type the file would get the terminal's colours.
#[derive(Default)]
pub(super) struct PlainFields(DefaultFields);

impl<'w> FormatFields<'w> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

/// One JSON object a line.
pub(super) fn json() -> Scrubbed<Format<Json>> {
    Scrubbed::json(tracing_subscriber::fmt::format().json().flatten_event(true))
}

/// A format whose foreign lines are scrubbed.
pub(super) struct Scrubbed<F> {
    inner: F,
    scrub: fn(&str) -> String,
}

impl<F> Scrubbed<F> {
    pub(super) fn human(inner: F) -> Self {
        Self { inner, scrub: after_the_time }
    }

    pub(super) fn json(inner: F) -> Self {
        Self { inner, scrub: scrub_json }
    }
}

impl<S, N, F> FormatEvent<S, N> for Scrubbed<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let normalized = event.normalized_metadata();
        let target = normalized.as_ref().map_or_else(|| event.metadata().target(), |metadata| metadata.target());
        if target.starts_with(OURS) && !target.starts_with(SANDBOX) {
            return self.inner.format_event(ctx, writer, event);
        }
        let mut line = String::new();
        self.inner.format_event(ctx, Writer::new(&mut line), event)?;
        writer.write_str(&(self.scrub)(&line))
    }
}

/// The line begins with its time, whose digits stay.
fn after_the_time(line: &str) -> String {
    let cut = line.find(' ').unwrap_or(0);
    let (time, rest) = line.split_at(cut);
    format!("{time}{}", scrub(rest))
}

fn scrub_json(line: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else { return scrub(line) + "\n" };
    for (name, value) in &mut fields {
        // The time and the level are ours, whoever wrote the line.
        if !matches!(name.as_str(), "timestamp" | "level") {
            scrub_value(value);
        }
    }
    Value::Object(fields).to_string() + "\n"
}

fn scrub_value(value: &mut Value) {
    match value {
        Value::String(text) => *text = scrub(text),
        Value::Number(number) if scrub(&number.to_string()) != number.to_string() => *value = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(scrub_value),
        Value::Object(fields) => fields.values_mut().for_each(scrub_value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::format::JsonFields;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(as_json: bool) -> Vec<String> {
        let page = Page::default();
        let writer = page.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let log = || {
            tracing::warn!(target: "Client/Send", count = 123_456_789_u64, "to 6281234567890@s.whatsapp.net");
            tracing::warn!(target: "wasup::api", bytes = 123_456_789_u64, "ours stays");
            tracing::warn!(target: "wasup_sandbox::violation", stanza = "<to jid='6281234567890@lid'/>", "bad");
        };
        if as_json {
            let registry = tracing_subscriber::registry();
            let subscriber = registry.with(layer.fmt_fields(JsonFields::new()).event_format(json()));
            tracing::subscriber::with_default(subscriber, log);
        } else {
            let format = Scrubbed::human(tracing_subscriber::fmt::format().with_ansi(false));
            let subscriber = tracing_subscriber::registry().with(layer.event_format(format));
            tracing::subscriber::with_default(subscriber, log);
        }
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn foreign_lines_are_scrubbed_and_ours_are_not() {
        let lines = lines(false);
        assert!(lines[0].contains("…@s.whatsapp.net") && !lines[0].contains("6281234567890"), "{}", lines[0]);
        assert!(!lines[0].contains("123456789") && lines[0].starts_with("20"), "{}", lines[0]);
        assert!(lines[1].contains("bytes=123456789"), "{}", lines[1]);
        assert!(lines[2].contains("…@lid") && !lines[2].contains("6281234567890"), "{}", lines[2]);
    }

    #[test]
    fn scrubbed_json_stays_json() {
        let lines = lines(true);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["message"], "to …@s.whatsapp.net");
        assert_eq!(line["count"], Value::Null);
        assert!(line["timestamp"].as_str().unwrap().len() > 19);
        assert!(lines[1].contains("123456789"));
    }
}
