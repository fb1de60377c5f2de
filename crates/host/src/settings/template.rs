//! The file that `init` writes.

use std::fmt::Write as _;

use super::keys::{KEYS, Shown};

/// A commented configuration file, from the table of keys.
pub fn template() -> String {
    let mut text = String::from(
        "# Seatshift. Every key can also be set by an environment variable: `[run] max_in_flight` is\n\
         # SEATSHIFT__RUN__MAX_IN_FLIGHT. Secrets never stand in this file. Names of files are taken from the folder in\n\
         # which this file lies. A key that nobody knows is an error, so a slip of the hand is noticed.\n",
    );
    let mut section = "";
    for key in KEYS.iter().filter(|key| key.shown != Shown::Hidden) {
        let (own, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if own != section {
            section = own;
            let _ = write!(text, "\n[{section}]\n");
        } else if !key.about.is_empty() {
            text.push('\n');
        }
        for line in key.about.lines() {
            let _ = writeln!(text, "# {line}");
        }
        let mark = if key.shown == Shown::Commented { "#" } else { "" };
        let _ = writeln!(text, "{mark}{name} = {}", key.value);
    }
    text
}
