//! Progress of long work on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(5);

/// How far one piece of work is.
#[derive(Debug)]
pub(crate) struct Progress {
    title: String,
    bar: Option<ProgressBar>,
    plain: Mutex<Plain>,
}

#[derive(Debug)]
struct Plain {
    began: Instant,
    said: Instant,
    last: String,
}

impl Progress {
    /// Begins. `title` is a word or two: `plan`, `apply`.
    pub(crate) fn new(title: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8));
            let template =
                "{prefix:>10} {wide_bar:.cyan/dim} {percent:>3}%  {msg}  {elapsed_precise} (ETA {eta})";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━━─"));
            }
            bar.set_prefix(title.to_owned());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        let now = Instant::now();
        let plain = Plain { began: now, said: now, last: String::new() };
        Progress { title: title.to_owned(), bar, plain: Mutex::new(plain) }
    }

    /// So much of so much is done; `about` says the rest: users, calls.
    pub(crate) fn show(&self, done: u64, of: u64, about: &str) {
        self.show_weighed(done, of, (done, of), about);
    }

    /// The same where the pieces are not alike: the bar and the forecast follow the weight.
    pub(crate) fn show_weighed(&self, done: u64, of: u64, weight: (u64, u64), about: &str) {
        if let Some(bar) = &self.bar {
            bar.set_length(weight.1);
            bar.set_position(weight.0);
            bar.set_message(format!("{done} of {of}, {about}"));
            return;
        }
        let mut plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        plain.last = format!(
            "{}: {done} of {of}, {about}{}",
            self.title,
            eta(plain.began.elapsed(), weight.0, weight.1)
        );
        if plain.said.elapsed() >= PAUSE {
            plain.said = Instant::now();
            crate::output::tell!("{}", plain.last);
        }
    }

    /// A remark that stays.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| crate::output::tell!("{text}")),
            None => crate::output::tell!("{text}"),
        }
    }

    /// Ends: the bar goes, the last line stays.
    pub(crate) fn finish(self) {
        match self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => {
                let plain = self.plain.into_inner().unwrap_or_else(PoisonError::into_inner);
                if !plain.last.is_empty() {
                    crate::output::tell!("{}", plain.last);
                }
            }
        }
    }
}

fn eta(passed: Duration, done: u64, of: u64) -> String {
    if done == 0 || done >= of {
        return String::new();
    }
    let left = passed.as_secs_f64() / done as f64 * (of - done) as f64;
    format!(", about {} left", span(left))
}

/// `12 s`, `3 min`, `2.5 h`.
pub(crate) fn span(seconds: f64) -> String {
    if seconds < 100.0 {
        format!("{seconds:.0} s")
    } else if seconds < 6000.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}
