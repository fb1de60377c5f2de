//! Tokens: who was given which, how long they live, and the chain of refresh tokens.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::ids;
use crate::world::Partner;

/// An access token lives about an hour, a refresh token ninety days (contract, section 1.3).
pub(crate) const ACCESS_SECONDS: i64 = 3600;
const REFRESH_DAYS: i64 = 90;

/// What an access token proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) client_id: Uuid,
    /// An application without a user.
    pub(crate) app_only: bool,
    pub(crate) expires: Timestamp,
}

/// A refresh token's place: the consent it descends from, and how many redemptions away.
#[derive(Debug, Clone, Copy)]
struct Refresh {
    consent: usize,
    generation: u64,
    /// None for the one in the world file, which is good from the start.
    issued: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct Tokens {
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Refresh>,
    /// For each consent the newest generation that was redeemed.
    redeemed: Vec<u64>,
    made: u64,
}

impl Tokens {
    pub(crate) fn new(partner: &Partner) -> Self {
        let first = Refresh { consent: 0, generation: 0, issued: None };
        Self {
            access: BTreeMap::new(),
            refresh: BTreeMap::from([(partner.refresh_token.clone(), first)]),
            redeemed: vec![0],
            made: 0,
        }
    }

    fn text(&mut self, seed: u64, kind: &str) -> String {
        self.made += 1;
        format!("simulated-{kind}-{}", ids::id(seed, kind, Uuid::nil(), self.made).simple())
    }

    /// A new access token. Those that have expired are dropped, so that the table does not grow for ever.
    pub(crate) fn grant(&mut self, seed: u64, client_id: Uuid, app_only: bool, now: Timestamp) -> String {
        self.access.retain(|_, access| access.expires > now);
        let text = self.text(seed, "access");
        let expires = later(now, SignedDuration::from_secs(ACCESS_SECONDS));
        self.access.insert(text.clone(), Access { client_id, app_only, expires });
        text
    }

    /// The access that this token proves now.
    pub(crate) fn access(&self, token: &str, now: Timestamp) -> Option<Access> {
        self.access.get(token).copied().filter(|access| access.expires > now)
    }

    /// The first refresh token of a new consent.
    pub(crate) fn consent(&mut self, seed: u64, now: Timestamp) -> String {
        let text = self.text(seed, "refresh");
        let consent = self.redeemed.len();
        self.redeemed.push(0);
        self.refresh.insert(text.clone(), Refresh { consent, generation: 0, issued: Some(now) });
        text
    }

    /// The successor of a refresh token, or none where the token is unknown, too old, or its successor has been
    /// redeemed already.
    pub(crate) fn redeem(&mut self, seed: u64, token: &str, now: Timestamp) -> Option<String> {
        let Refresh { consent, generation, issued } = *self.refresh.get(token)?;
        let lifetime = SignedDuration::from_hours(REFRESH_DAYS * 24);
        if issued.is_some_and(|issued| later(issued, lifetime) <= now) {
            return None;
        }
        let newest = self.redeemed.get_mut(consent)?;
        if generation < *newest {
            return None;
        }
        *newest = generation;
        let text = self.text(seed, "refresh");
        let next = Refresh { consent, generation: generation + 1, issued: Some(now) };
        self.refresh.insert(text.clone(), next);
        Some(text)
    }
}

fn later(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(at)
}
