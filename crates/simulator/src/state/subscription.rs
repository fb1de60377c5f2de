//! One subscription as it stands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use uuid::Uuid;

use super::Shared;
use super::modern::Modern;
use crate::world::Etags;

/// Where a subscription stands. `pending` and `disabled` are read from world files; the legacy life is
/// active, suspended, deleted, with expired at the end of a term that is not renewed. New commerce goes on from expired to
/// disabled and deleted, and can be deleted by whoever bought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Pending,
    Suspended,
    Expired,
    Disabled,
    Deleted,
}

impl Status {
    /// The name used on the wire, in world files and in the books.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }

    /// Reads a name in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Active, Self::Pending, Self::Suspended, Self::Expired, Self::Disabled, Self::Deleted]
            .into_iter()
            .find(|status| status.name().eq_ignore_ascii_case(name))
    }

    /// Reads the number that the .NET SDK gives to a status.
    pub(crate) fn numbered(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Active),
            2 => Some(Self::Suspended),
            3 => Some(Self::Deleted),
            4 => Some(Self::Expired),
            5 => Some(Self::Pending),
            6 => Some(Self::Disabled),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: Uuid,
    pub(crate) offer: Uuid,
    pub(crate) sku: Uuid,
    pub(crate) offer_name: String,
    pub(crate) nickname: Option<String>,
    pub(crate) quantity: u32,
    pub(crate) status: Status,
    pub(crate) auto_renew: bool,
    pub(crate) trial: bool,
    pub(crate) created: Timestamp,
    pub(crate) effective_start: Timestamp,
    pub(crate) commitment_end: Timestamp,
    pub(crate) billing_cycle: String,
    pub(crate) reseller_mpn: Option<String>,
    pub(crate) parent: Option<Uuid>,
    pub(crate) order: Uuid,
    /// Raised by every change; the etag is made of it.
    pub(crate) version: u64,
    /// Units that it gives to its SKU's pool right now.
    pub(crate) active_units: u32,
    /// When the units last changed or were last asked to change: `provisioningstatus` shows it at its next refresh.
    pub(crate) units_changed_at: Timestamp,
    pub(crate) provisioning_failed: bool,
    /// It was there when the world began, so it is not of the engine's making.
    pub(crate) original: bool,
    /// Raised by every change of status: a clock event of an earlier standing is void.
    pub(crate) standing: u32,
    /// What only new commerce has; none for a legacy subscription.
    pub(crate) modern: Option<Modern>,
}

impl Subscription {
    /// The etag as this world shows it: of new commerce it may be missing or empty.
    pub(crate) fn shown_etag(&self, shared: &Shared) -> Option<String> {
        match shared.world.readings.new_commerce.etags {
            Etags::Missing if self.modern.is_some() => None,
            Etags::Empty if self.modern.is_some() => Some(String::new()),
            _ => Some(self.etag()),
        }
    }

    /// Base64 of a small JSON object, as recorded ones are.
    pub(crate) fn etag(&self) -> String {
        STANDARD.encode(format!("{{\"id\":\"{}\",\"version\":{}}}", self.id, self.version))
    }

    /// The id on the wire: legacy ones are in upper case.
    pub(crate) fn shown_id(&self) -> String {
        let id = self.id.hyphenated().to_string();
        if self.modern.is_some() { id } else { id.to_ascii_uppercase() }
    }

    /// The friendly name on the wire: the nickname, or the offer's name where nobody gave one.
    pub(crate) fn shown_name(&self) -> &str {
        self.nickname.as_deref().unwrap_or(&self.offer_name)
    }
}
