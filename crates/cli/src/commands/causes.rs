//! Causes that Seatshift itself gives in verdicts and parkings: code, meaning, what to do. Reasons of plans and Microsoft's
//! codes stand elsewhere.

/// (code, meaning, what to do)
#[rustfmt::skip]
pub(crate) static CAUSES: &[(&str, &str, &str)] = &[
    // Verdicts as they should be.
    ("completed", "Bought, every user reassigned, the old subscription suspended; each read back.", "Nothing."),
    ("accepted", "A person closed the migration as it stands.", "Nothing; retry and rollback still work."),
    ("operator", "An operator asked for it.", "Nothing; `seatshift show WHO` says who and why."),
    // Rows that were not begun.
    ("not_decided", "Nobody has decided the row: its `decision` is empty.", "Fill in `decision` (move or skip) and apply again."),
    ("skipped_by_person", "A person decided to skip the row.", "Nothing."),
    ("not_in_this_wave", "The row belongs to another wave than this `apply` names.", "Apply its wave: `seatshift apply plan.csv --wave WAVE`."),
    ("beyond_limit", "This `apply` begins no more rows (`--limit`).", "Apply again with a higher limit, or without one."),
    ("no_subscription", "The row names no subscription that could be moved.", "Do what `what_to_do` says in the plan, then plan again."),
    ("changed_since_planned", "The facts of the row are not as they were in the plan.", "Plan again and decide the row anew."),
    ("waits_for", "Another migration of the same customer is parked, and one customer has one migration at a time.", "Answer the parked one (retry, rollback or accept); this row goes on by itself."),
    ("stop_rule", "Too many rows ended refused or parked, so the run was paused by rule.", "`seatshift status --by cause`; put the cause right, then `seatshift resume`."),
    ("cache", "What was read could not be kept while the row was looked at again.", "`seatshift retry`; if it stays so, report it to the makers of Seatshift."),
    // Purchase.
    ("order_unanswered", "The order was sent several times and no answer came; nothing was found at Microsoft.", "Look at the customer's orders in Partner Center, then `seatshift retry` or `seatshift rollback`."),
    ("order_unclear", "More than one order could be ours.", "Look at the customer's orders in Partner Center; suspend what is too much, then `seatshift retry`."),
    ("order_without_subscription", "Our order has no subscription yet that could be suspended.", "Wait and `seatshift retry`; if it stays so, ask Microsoft's support with the order id."),
    ("provisioning_slow", "The seats of the new subscription have not come within the time allowed.", "`seatshift retry` when they have come, or `seatshift rollback`."),
    ("provisioning_failed", "Microsoft could not provision the new subscription.", "Ask Microsoft's support with the order id; `seatshift rollback` undoes what stands."),
    // Licenses.
    ("seats_short", "The pool has fewer seats than people who hold the license.", "Buy or free seats, then `seatshift retry`; or `seatshift rollback`."),
    ("change_does_not_show", "Microsoft took the change of a user's license several times, and it does not show.", "Look at the user in the customer's admin center, then `seatshift retry` or `seatshift rollback`."),
    ("unknown", "Something went wrong and no cause was recorded.", "`seatshift show WHO` for the calls; report it to the makers of Seatshift."),
    // Suspension and undo.
    ("seats_in_use", "Suspending it would leave people who hold the license without a seat, so it was not done.", "Move or free those licenses (report-users.csv names the people), then `seatshift retry`."),
    ("seats_not_back", "The old subscription is active again, and its seats have not come back.", "Wait and `seatshift retry`; if it stays so, ask Microsoft's support."),
    ("undo_deadline_passed", "The old subscription can no longer be reactivated.", "There is no way back: `seatshift accept` closes it as it stands."),
    ("no_answer", "A call to Microsoft got no answer.", "`seatshift retry`; `seatshift doctor` checks the connection."),
];
