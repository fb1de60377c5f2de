//! The log of a service: one line for each thing that happened, as JSON for machines or as text for people.
//!
//! A JSON line is flat: `timestamp`, `level`, `service`, `instance`, `message`, `target`, then the fields of the line and of
//! the spans around it, the inner ones winning: `migration`, `customer`, `message_id`, `trace_id`, `span_id`. So whoever
//! looks for one migration searches for one word. Times are real, whatever clock the engine runs on. What must never be in a
//! line: a secret, or what a person is called.

use std::collections::BTreeMap;
use std::fmt;

use seatshift_messages::Service;
use serde::Serialize;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::settings::{LogFormat, Telemetry};

/// The filter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("telemetry.filter: `{filter}` is not a filter ({source}); write error, warn, info or debug")]
pub(crate) struct BadFilter {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

/// Whether the filter can be read.
pub(crate) fn check(settings: &Telemetry) -> Result<EnvFilter, BadFilter> {
    // What the AMQP library reports as an error the bus reports in its own words, where it is one.
    EnvFilter::try_new(format!("lapin=off,{}", settings.filter))
        .map_err(|source| BadFilter { filter: settings.filter.clone(), source })
}

/// Begins the log of this process, on standard output. Where there is one already (a test), that one stays.
pub(crate) fn begin(settings: &Telemetry, service: Service, instance: &str) -> Result<(), BadFilter> {
    let filter = check(settings)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let begun = match settings.format {
        LogFormat::Json => {
            let format = JsonLines { service, instance: instance.to_owned() };
            let lines = lines.fmt_fields(JsonFields::new()).event_format(format).finish();
            tracing::subscriber::set_global_default(lines)
        }
        LogFormat::Text => tracing::subscriber::set_global_default(lines.finish()),
    };
    drop(begun);
    // A panic is a line like any other, with the ids of the spans around it.
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(panic = %panic, "panicked");
    }));
    Ok(())
}

/// Writes flat JSON lines.
#[derive(Debug)]
struct JsonLines {
    service: Service,
    instance: String,
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'a str,
    service: &'a str,
    instance: &'a str,
    message: Value,
    target: &'a str,
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = BTreeMap::new();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let formatted =
                extensions.get::<FormattedFields<JsonFields>>().map(|fields| fields.fields.as_str());
            if let Some(of_span) = formatted.and_then(|text| serde_json::from_str(text).ok()) {
                let of_span: BTreeMap<String, Value> = of_span;
                fields.extend(of_span);
            }
        }
        event.record(&mut Fields(&mut fields));
        let message = fields.remove("message").unwrap_or_default();
        // What the line says of itself stays its own.
        for own in ["timestamp", "level", "service", "instance", "target"] {
            fields.remove(own);
        }
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let line = Line {
            timestamp,
            level: name(*event.metadata().level()),
            service: self.service.name(),
            instance: &self.instance,
            message,
            target: event.metadata().target(),
            fields,
        };
        writeln!(writer, "{}", serde_json::to_string(&line).map_err(|_| fmt::Error)?)
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// Takes the fields of a line.
struct Fields<'a>(&'a mut BTreeMap<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }
    /// With what led to it.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(Some(value), |error| error.source());
        let text: Vec<String> = causes.map(ToString::to_string).collect();
        self.put(field, text.join(": "));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_flat_and_carries_the_ids_of_the_spans_around_it() {
        let paper = Paper::default();
        let writer = paper.clone();
        let format = JsonLines { service: Service::Purchase, instance: "here-1".to_owned() };
        let lines = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(format)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(lines, || {
            let span = tracing::info_span!("heard", migration = "m-1", trace_id = "t-1", level = "mine");
            span.in_scope(|| {
                let error = std::io::Error::other("the cable is out");
                tracing::warn!(error = &error as &dyn std::error::Error, count = 3, "not \"now\"");
            });
        });
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(text.trim_end()).unwrap();
        let expected = serde_json::json!({
            "level": "warn", "service": "purchase", "instance": "here-1", "message": "not \"now\"",
            "migration": "m-1", "trace_id": "t-1", "error": "the cable is out", "count": 3,
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&line[key], value, "{key} in {text}");
        }
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{text}");
    }
}
