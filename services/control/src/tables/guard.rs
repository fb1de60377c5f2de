//! Text that a spreadsheet would take for a formula.
//!
//! A cell that begins with `=`, `+`, `-`, `@` or a tab gets an apostrophe in front: spreadsheets show such a cell as text.
//! The apostrophe is taken off on reading, so that the value comes back unchanged, also one that had apostrophes itself.

/// The cell as it is written.
pub fn guard(cell: &str) -> String {
    if begins_a_formula(cell) { format!("'{cell}") } else { cell.to_owned() }
}

/// The cell as it was before [`guard`].
pub fn unguard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if begins_a_formula(rest) => rest,
        _ => cell,
    }
}

/// Leading apostrophes do not count, so that guarding and taking the guard off are each other's opposite.
fn begins_a_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_written_as_text_and_read_back_unchanged() {
        for cell in ["=1+1", "+46 8", "-3", "@home", "\tx", "'=x", "''-y", "plain", "'quoted'", "", "'"] {
            let written = guard(cell);
            assert!(!written.starts_with(['=', '+', '-', '@', '\t']), "{written}");
            assert_eq!(unguard(&written), cell);
        }
    }
}
