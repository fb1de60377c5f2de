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
    ("row_has_a_problem", "The row could not be used as it stands in the file; the reason says where and why.", "Correct the row in the plan and apply again."),
    ("users_not_given", "The row moves users, and the users' file has no line for it.", "Put the row's lines back into plan-users.csv (plan again writes them), and apply again."),
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
    ("license_from_group", "The user's license comes from a group and cannot be taken from the user alone; nobody of the row was left moved.", "Take the users out of the group's license, or move the group's license by hand; then plan again."),
    ("license_usage_location", "The user's usage location is missing, or the product is not sold there.", "Set the user's usage location in the customer's admin center, then `seatshift retry`."),
    ("license_plans_conflict", "A service plan of the new license conflicts with one the user has through another license.", "Take away the other license or switch the conflicting service off, then `seatshift retry`."),
    ("license_plan_needed", "A service plan of the user depends on another one that would go.", "Look at the user's licenses in the customer's admin center, then `seatshift retry`."),
    ("license_pool_empty", "No license of this kind is left in the tenant.", "Where seats were just bought they may still be coming; otherwise free or buy some, then `seatshift retry`."),
    ("license_not_held", "The user no longer has the license that was to be taken away.", "Look at the user in the customer's admin center, then `seatshift retry`."),
    ("license_changed_at_once", "Somebody else was changing the same user.", "`seatshift retry`."),
    ("license_value_in_use", "A value that must be unique in the tenant (a mail address) is used by somebody else.", "Put it right in the customer's admin center, then `seatshift retry`."),
    ("change_does_not_show", "Microsoft took the change of a user's license several times, and it does not show.", "Look at the user in the customer's admin center, then `seatshift retry` or `seatshift rollback`."),
    ("unknown", "Something went wrong and no cause was recorded.", "`seatshift show WHO` for the calls; report it to the makers of Seatshift."),
    // Suspension and undo.
    ("seats_in_use", "Suspending it would leave people who hold the license without a seat, so it was not done.", "Move or free those licenses (report-users.csv names the people), then `seatshift retry`."),
    ("seats_not_back", "The old subscription is active again, and its seats have not come back.", "Wait and `seatshift retry`; if it stays so, ask Microsoft's support."),
    ("undo_deadline_passed", "The old subscription can no longer be reactivated.", "There is no way back: `seatshift accept` closes it as it stands."),
    ("no_answer", "A call to Microsoft got no answer.", "`seatshift retry`; `seatshift doctor` checks the connection."),
];
