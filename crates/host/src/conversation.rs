//! Conversations: tests of a `decide` that read like the protocol.
//!
//! ```text
//! given(ledger).told(fact).says(word).does("order").then(stage)
//! ```
//!
//! Every expectation is taken off what the last fact led to; [`Conversation::told`] and [`Conversation::then`] fail when
//! something was said or asked for that nobody expected, so that a conversation cannot overlook an effect.

use std::collections::VecDeque;
use std::fmt::Debug;

use crate::participant::{Effect, Participant};

/// A conversation with one participant.
#[derive(Debug)]
pub struct Conversation<P: Participant> {
    stage: Option<P::Stage>,
    effects: VecDeque<Effect<P>>,
}

/// Begins with this stage.
pub fn given<P: Participant>(stage: P::Stage) -> Conversation<P> {
    Conversation { stage: Some(stage), effects: VecDeque::new() }
}

impl<P> Conversation<P>
where
    P: Participant<Stage: PartialEq + Clone, Said: PartialEq> + Debug,
{
    /// Tells a fact. Everything that the fact before led to must have been expected.
    #[track_caller]
    #[must_use]
    pub fn told(mut self, fact: P::Fact) -> Self {
        self.nothing_else();
        let stage = self.stage.take().expect("a conversation always has a stage");
        let decision = P::decide(stage, fact);
        self.stage = Some(decision.next);
        self.effects = decision.effects.into();
        self
    }

    /// It says this, next.
    #[track_caller]
    #[must_use]
    pub fn says(mut self, expected: P::Said) -> Self {
        match self.effects.pop_front() {
            Some(Effect::Say(said)) => assert_eq!(said, expected),
            other => panic!("expected it to say {expected:?}, it did {other:?}"),
        }
        self
    }

    /// It queues work of this part, next.
    #[track_caller]
    #[must_use]
    pub fn does(mut self, expected: &str) -> Self {
        match self.effects.pop_front() {
            Some(Effect::Do { part, .. }) => assert_eq!(part, expected),
            other => panic!("expected it to queue `{expected}`, it did {other:?}"),
        }
        self
    }

    /// It wakes work of this part, next.
    #[track_caller]
    #[must_use]
    pub fn wakes(mut self, expected: &str) -> Self {
        match self.effects.pop_front() {
            Some(Effect::Wake { part }) => assert_eq!(part, expected),
            other => panic!("expected it to wake `{expected}`, it did {other:?}"),
        }
        self
    }

    /// It drops work of this part, next.
    #[track_caller]
    #[must_use]
    pub fn drops(mut self, expected: &str) -> Self {
        match self.effects.pop_front() {
            Some(Effect::Drop { part }) => assert_eq!(part, expected),
            other => panic!("expected it to drop `{expected}`, it did {other:?}"),
        }
        self
    }

    /// It has nothing more to say or do.
    #[track_caller]
    pub fn nothing_else(&self) {
        assert!(self.effects.is_empty(), "nobody expected {:?}", self.effects);
    }

    /// It stands like this, with nothing more to say or do.
    #[track_caller]
    #[must_use]
    pub fn then(self, expected: &P::Stage) -> Self {
        self.nothing_else();
        assert_eq!(self.stage.as_ref(), Some(expected));
        self
    }

    /// Where it stands.
    pub fn stage(&self) -> P::Stage {
        self.stage.clone().expect("a conversation always has a stage")
    }
}
