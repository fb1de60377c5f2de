//! The page, section by section.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::charts::{Bar, Line, bars, steps};
use super::data::{Data, Migration};
use super::html::{escape, json_for_script, thousands};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The whole page.
pub(super) fn page(data: &Data) -> String {
    let sections =
        [head(data), tiles(data), proof(data), progress(data), verdicts(data), seats(data), calls(data)]
            .concat();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
         <title>Seatshift: run {run}</title><style>{STYLE}</style></head><body><main>{sections}{timeline}{log}</main>\
         <script type=\"application/json\" id=\"data\">{json}</script><script>{SCRIPT}</script></body></html>\n",
        run = escape(&data.run),
        timeline = timeline(data),
        log = log(data),
        json = json_for_script(&for_script(data)),
    )
}

fn head(data: &Data) -> String {
    let when = match (data.figures.first_requested, data.figures.last_verdict) {
        (Some(first), Some(last)) => format!("{} to {}", minute(first), minute(last)),
        _ => "nothing was begun".to_owned(),
    };
    format!(
        "<header><h1>Seatshift</h1><p>Run <code>{}</code>, {when} UTC, approved by {}</p></header>",
        escape(&data.run),
        escape(&data.approved_by)
    )
}

fn tiles(data: &Data) -> String {
    let verdict = |name: &str| data.figures.verdicts.get(name).copied().unwrap_or(0) as u64;
    let tile = |number: u64, name: &str, class: &str| {
        format!("<div class=\"tile {class}\"><b>{}</b><span>{}</span></div>", thousands(number), escape(name))
    };
    let mut tiles = vec![
        tile(data.figures.rows as u64, "rows", ""),
        tile(verdict("completed"), "completed", "good"),
        tile(data.figures.users.moved, "users moved", ""),
        tile(data.seats.bought, "seats bought", ""),
    ];
    let others = [
        ("rolled_back", "rolled back", ""),
        ("accepted", "accepted", ""),
        ("skipped", "skipped", ""),
        ("refused", "refused", "bad"),
        ("parked", "parked", "warn"),
    ];
    tiles.extend(
        others
            .into_iter()
            .filter(|(name, _, _)| verdict(name) > 0)
            .map(|(name, shown, class)| tile(verdict(name), shown, class)),
    );
    format!("<section class=\"tiles\">{}</section>", tiles.concat())
}

/// Figures that must be zero, where a demo has counted them.
fn proof(data: &Data) -> String {
    let Some(proof) = &data.proof else { return String::new() };
    let mut text = String::from("<section><h2>Was anybody harmed?</h2><p class=\"lead\">");
    let figures: Vec<(&str, &String, &Value)> = ["audit", "reconciliation"]
        .into_iter()
        .flat_map(|section| {
            proof[section]
                .as_object()
                .into_iter()
                .flatten()
                .map(move |(name, figure)| (section, name, figure))
        })
        .collect();
    let clean = figures.iter().all(|(_, _, figure)| figure.as_u64() == Some(0));
    text.push_str(if clean {
        "No. Every figure below must be zero, and is."
    } else {
        "Some figure below is not zero."
    });
    let examined = |name: &str| proof["examined"][name].as_u64().map_or_else(|| "?".to_owned(), thousands);
    let _ = write!(
        text,
        " Examined: {} migrations, {} users, {} changes, {} events.</p><div class=\"checks\">",
        examined("migrations"),
        examined("users"),
        examined("changes"),
        examined("events")
    );
    for (section, name, figure) in figures {
        let good = figure.as_u64() == Some(0);
        let from = if section == "audit" { "books" } else { "fresh read" };
        let _ = write!(
            text,
            "<div class=\"check {}\"><b>{}</b><span>{}</span><small>{from}</small></div>",
            if good { "good" } else { "bad" },
            escape(&figure.to_string()),
            escape(&name.replace('_', " "))
        );
    }
    let number = |pointer: &str| {
        proof.pointer(pointer).and_then(Value::as_u64).map_or_else(|| "?".to_owned(), thousands)
    };
    let _ = write!(
        text,
        "</div><p class=\"quiet\">{} faults were injected, {} of them lost an answer after the change was made. The engine \
         was killed {} times with migrations in flight.</p></section>",
        number("/faults/injected"),
        number("/faults/after_the_change"),
        number("/crashes/with_work_in_flight")
    );
    text
}

fn progress(data: &Data) -> String {
    let progress = &data.progress;
    let Some(begin) = progress.requested.first().copied() else { return String::new() };
    let since = |at: Timestamp| at.duration_since(begin).as_secs_f64().max(0.0);
    let count = |moments: &mut dyn Iterator<Item = Timestamp>| -> Vec<(f64, f64)> {
        moments.enumerate().map(|(at, moment)| (since(moment), (at + 1) as f64)).collect()
    };
    let of = |verdict: &'static str| {
        count(&mut progress.ended.iter().filter(|(_, name)| *name == verdict).map(|(at, _)| *at))
    };
    let mut lines = vec![
        Line { name: "begun", class: "c0", points: count(&mut progress.requested.iter().copied()) },
        Line { name: "completed", class: "c1", points: of("completed") },
    ];
    for (name, verdict, class) in
        [("rolled back", "rolled_back", "c4"), ("refused", "refused", "c3"), ("parked", "parked", "c2")]
    {
        let points = of(verdict);
        if !points.is_empty() {
            lines.push(Line { name, class, points });
        }
    }
    let mut users = 0;
    let moved = progress.users.iter().map(|(at, more)| {
        users += more;
        (since(*at), users.max(0) as f64)
    });
    let moved = Line { name: "users on the new plan", class: "c1", points: moved.collect() };
    let all = || lines.iter().chain([&moved]).flat_map(|line| line.points.iter());
    let end = all().map(|point| point.0).fold(0.0, f64::max);
    let label = |seconds: f64| duration(seconds);
    format!(
        "<section><h2>Progress over time</h2><div class=\"pair\">{}{}</div></section>",
        steps("Migrations", &lines, end, label),
        steps("Users", &[moved], end, label)
    )
}

fn verdict_class(verdict: &str) -> &'static str {
    match verdict {
        "completed" => "c1",
        "parked" => "c2",
        "refused" => "c3",
        "rolled_back" | "accepted" => "c4",
        _ => "c5",
    }
}

fn verdicts(data: &Data) -> String {
    let rows: Vec<Bar> = data
        .causes
        .iter()
        .map(|cause| {
            let plain = cause.verdict == "completed";
            let name = if plain {
                "completed".to_owned()
            } else {
                format!("{}: {}", cause.verdict.replace('_', " "), cause.cause)
            };
            Bar {
                name,
                class: verdict_class(cause.verdict),
                number: cause.rows,
                remark: escape(&cause.what_to_do),
            }
        })
        .collect();
    format!("<section><h2>Verdicts by cause</h2>{}</section>", bars(&rows))
}

fn seats(data: &Data) -> String {
    let seats = &data.seats;
    let bar = |name: &str, class, number, remark: &str| Bar {
        name: name.to_owned(),
        class,
        number,
        remark: remark.to_owned(),
    };
    let spare = seats.bought.saturating_sub(seats.users);
    let mut rows = vec![
        bar("seats of the old subscriptions", "c5", seats.old, ""),
        bar("seats bought", "c0", seats.bought, ""),
        bar("users moved", "c1", seats.users, ""),
        bar(
            "seats beyond the users moved",
            "c4",
            spare,
            "spare seats, and moves inside one SKU, where nobody is reassigned",
        ),
    ];
    if data.figures.users.restored > 0 {
        rows.push(bar("users moved back", "c2", data.figures.users.restored, ""));
    }
    format!(
        "<section><h2>Seats and users</h2><p class=\"quiet\">Of the completed rows.</p>{}</section>",
        bars(&rows)
    )
}

fn calls(data: &Data) -> String {
    let mut families: Vec<_> = data.families.iter().collect();
    families.sort_by_key(|family| std::cmp::Reverse(family.calls));
    let rows: Vec<Bar> = families
        .into_iter()
        .map(|family| {
            let mut remarks = Vec::new();
            if family.throttled > 0 {
                remarks.push(format!("{} throttled (429)", thousands(family.throttled)));
            }
            if family.failed > 0 {
                remarks.push(format!("{} without an answer, or 5xx", thousands(family.failed)));
            }
            Bar { name: family.family.clone(), class: "c0", number: family.calls, remark: remarks.join(", ") }
        })
        .collect();
    format!(
        "<section><h2>Calls to Microsoft by family</h2><p class=\"quiet\">{} in all, planning and verification included; \
         {} for each migration.</p>{}</section>",
        thousands(data.figures.calls.total),
        data.figures.calls.per_migration,
        bars(&rows)
    )
}

/// The migration that is shown first: the one with the longest story.
fn first(data: &Data) -> usize {
    let longest =
        data.migrations.iter().enumerate().max_by_key(|(at, one)| (one.events.len(), std::cmp::Reverse(*at)));
    longest.map_or(0, |(at, _)| at)
}

fn timeline(data: &Data) -> String {
    let Some(shown) = data.migrations.get(first(data)) else { return String::new() };
    let options: String = data
        .migrations
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let selected = if at == first(data) { " selected" } else { "" };
            let name = format!("{} ({}, row {})", one.customer, one.verdict.replace('_', " "), one.row);
            format!("<option value=\"{at}\"{selected}>{}</option>", escape(&name))
        })
        .collect();
    format!(
        "<section><h2>One migration</h2><label>Which <select id=\"which\">{options}</select></label>\
         <div id=\"story\">{}</div></section>",
        story(shown)
    )
}

fn story(migration: &Migration) -> String {
    let begin = migration.events.first().map(|event| event.0);
    let events: String = migration
        .events
        .iter()
        .map(|(at, who, what, words)| {
            let since =
                begin.map(|begin| duration(at.duration_since(begin).as_secs_f64())).unwrap_or_default();
            format!(
                "<li class=\"{who}\"><time>+{since}</time><b>{}</b><span>{}</span></li>",
                escape(what),
                escape(words)
            )
        })
        .collect();
    format!(
        "<p class=\"quiet\">{}, {} users. {}</p><ol class=\"story\">{events}</ol>",
        escape(&migration.state),
        migration.users,
        escape(&migration.why)
    )
}

fn log(data: &Data) -> String {
    let left_out = match data.calls.left_out {
        0 => String::new(),
        more => format!(
            " {} more are not on this page: <code>seatshift show WHO --calls</code>.",
            thousands(more)
        ),
    };
    format!(
        "<section><h2>Call log</h2><p class=\"quiet\">Microsoft's support finds a call by its correlation id.{left_out}</p>\
         <div class=\"filters\"><label>Which <select id=\"whose\"><option value=\"one\">of the migration above</option>\
         <option value=\"all\">all</option><option value=\"changing\">changing calls</option>\
         <option value=\"failed\">not answered well</option></select></label>\
         <label>Find <input id=\"find\" type=\"search\" placeholder=\"operation, code or id\"></label></div>\
         <div class=\"wide\"><table id=\"calls\"><thead><tr><th>When (UTC)</th><th>Call</th><th>Status</th><th>Code</th>\
         <th>Took</th><th>Correlation id</th><th>Request id</th></tr></thead><tbody></tbody></table></div>\
         <p class=\"quiet\" id=\"more\"></p></section>"
    )
}

/// What the script needs to show another migration, and the calls.
fn for_script(data: &Data) -> Value {
    let migrations: Vec<Value> = data
        .migrations
        .iter()
        .map(|one| {
            let events: Vec<Value> = one
                .events
                .iter()
                .map(|(at, who, what, words)| json!([at.as_millisecond(), who, what, words]))
                .collect();
            json!({ "state": one.state, "users": one.users, "why": one.why, "events": events })
        })
        .collect();
    json!({ "migrations": migrations, "calls": data.calls.rows })
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `40 s`, `12 min`, `3:20 h`, `2.1 d`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..=99 => format!("{whole} s"),
        100..=5999 => format!("{} min", whole / 60),
        6000..=172_799 => format!("{}:{:02} h", whole / 3600, whole % 3600 / 60),
        _ => format!("{:.1} d", seconds / 86400.0),
    }
}
