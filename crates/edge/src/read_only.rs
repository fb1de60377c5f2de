//! The gate of a process whose configuration does not allow changes: no changing call ever gets a permission.
//!
//! `allow_changes = false` is what a partner sets to be sure. It is kept where every changing call must pass, not where
//! changes are asked for: what was asked for before waits too. What must never happen here: a permission for a change.

use futures::future::BoxFuture;
use seatshift_partner_center::gate::{Answer, Ask, Gate};

/// A gate behind which nothing is changed.
#[derive(Debug, Clone)]
pub struct ReadOnly<G>(pub G);

impl<G: Gate> Gate for ReadOnly<G> {
    fn permit(&self, ask: Ask) -> BoxFuture<'_, ()> {
        if ask.changing { Box::pin(std::future::pending()) } else { self.0.permit(ask) }
    }

    fn stands(&self, ask: &Ask) -> bool {
        !ask.changing && self.0.stands(ask)
    }

    fn answered(&self, ask: &Ask, answer: Answer) {
        self.0.answered(ask, answer);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use seatshift_partner_center::Family;
    use seatshift_partner_center::gate::Purpose;

    use super::*;

    #[derive(Debug)]
    struct Open;

    impl Gate for Open {
        fn permit(&self, _: Ask) -> BoxFuture<'_, ()> {
            Box::pin(std::future::ready(()))
        }
        fn answered(&self, _: &Ask, _: Answer) {}
    }

    #[test]
    fn what_changes_something_waits_and_what_reads_does_not() {
        let gate = ReadOnly(Open);
        let ask =
            |changing| Ask { family: Family::Licenses, customer: None, purpose: Purpose::Forward, changing };
        assert_eq!(gate.permit(ask(false)).now_or_never(), Some(()));
        assert_eq!(gate.permit(ask(true)).now_or_never(), None);
        assert!(gate.stands(&ask(false)) && !gate.stands(&ask(true)));
    }
}
