//! Plots as SVG: drawn in their own units, scaled by the browser, colored by the page's style.

use std::fmt::Write as _;

use super::html::{escape, thousands};

/// Width and height of a plot in its own units, and the room for its labels.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;

/// A line that only steps: a number over time.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    /// CSS class that colors it.
    pub(super) class: &'a str,
    /// Seconds from the beginning, and the number from then on; in order of time.
    pub(super) points: Vec<(f64, f64)>,
}

/// Numbers over time, up to `end` seconds.
pub(super) fn steps(title: &str, lines: &[Line<'_>], end: f64, label: impl Fn(f64) -> String) -> String {
    let all = || lines.iter().flat_map(|line| line.points.iter());
    let end = end.max(1.0);
    let (most, ticks) = scale(all().map(|point| point.1).fold(0.0, f64::max));
    let x = |seconds: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds / end;
    let y = |number: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * number / most;
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(title)
    );
    for tick in ticks {
        let at = y(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 7.0,
            at + 3.5,
            thousands(tick.round() as u64)
        );
    }
    for part in 0..=4 {
        let seconds = end * f64::from(part) / 4.0;
        let anchor = ["start", "middle", "middle", "middle", "end"][part as usize];
        let _ = write!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            x(seconds),
            HEIGHT - 8.0,
            escape(&label(seconds))
        );
    }
    for line in lines.iter().filter(|line| !line.points.is_empty()) {
        let _ = write!(svg, "<path class=\"line {}\" d=\"{}\"/>", line.class, path(line, &x, &y, end));
    }
    svg.push_str("</svg>");
    let legend: String = lines
        .iter()
        .map(|line| {
            let last = line.points.last().map_or(0.0, |point| point.1);
            format!(
                "<span><i class=\"key {}\"></i>{} <b>{}</b></span>",
                line.class,
                escape(line.name),
                thousands(last.round() as u64)
            )
        })
        .collect();
    format!(
        "<figure><figcaption>{}</figcaption>{svg}<div class=\"legend\">{legend}</div></figure>",
        escape(title)
    )
}

fn path(line: &Line<'_>, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64, end: f64) -> String {
    let mut d = format!("M{:.1} {:.1}", x(0.0), y(0.0));
    let mut drawn = x(0.0);
    let mut last = 0.0;
    for (at, (seconds, number)) in line.points.iter().enumerate() {
        last = *number;
        // Steps closer than a third of a unit cannot be seen.
        if x(*seconds) - drawn < 0.3 && at + 1 != line.points.len() {
            continue;
        }
        drawn = x(*seconds);
        let _ = write!(d, "H{drawn:.1}V{:.1}", y(*number));
    }
    let _ = write!(d, "V{:.1}H{:.1}", y(last), x(end));
    d
}

/// A round top and the lines of the grid.
fn scale(most: f64) -> (f64, Vec<f64>) {
    let raw = (most / 4.0).max(0.25);
    let power = 10f64.powf(raw.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|by| by * power).find(|step| *step >= raw).unwrap_or(raw);
    let step = step.max(1.0);
    let count = (most / step).ceil().max(1.0) as u32;
    (step * f64::from(count), (0..=count).map(|tick| step * f64::from(tick)).collect())
}

/// One bar with its label and number.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) class: &'static str,
    pub(super) number: u64,
    /// A remark under the name, as HTML.
    pub(super) remark: String,
}

/// Horizontal bars, as a list: it wraps on a phone.
pub(super) fn bars(bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.number).max().unwrap_or(0).max(1);
    let rows: String = bars
        .iter()
        .map(|bar| {
            let share = bar.number as f64 / most as f64 * 100.0;
            let remark =
                if bar.remark.is_empty() { String::new() } else { format!("<small>{}</small>", bar.remark) };
            format!(
                "<li><div class=\"name\">{}</div><div class=\"number\">{}</div>\
                 <div class=\"track\"><i class=\"{}\" style=\"width:{share:.2}%\"></i></div>{remark}</li>",
                escape(&bar.name),
                thousands(bar.number),
                bar.class
            )
        })
        .collect();
    format!("<ul class=\"bars\">{rows}</ul>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_ends_at_a_round_number_above_the_highest() {
        for (most, top) in [(0.0, 1.0), (3.0, 3.0), (25.0, 30.0), (97.0, 100.0), (1234.0, 1500.0)] {
            let (found, ticks) = scale(most);
            assert!((found - top).abs() < 1e-9, "{most}: {found}");
            assert!(ticks.len() <= 6, "{ticks:?}");
        }
    }
}
