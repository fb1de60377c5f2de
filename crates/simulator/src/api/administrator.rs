//! A simulated administrator: somebody else who changes a customer while the engine works on it. Needs no budget, meets
//! no fault, follows no rule of the commerce API.

use serde::Deserialize;
use uuid::Uuid;

use crate::books::Actor;
use crate::state::subscriptions::{Standing, follow_base, set_status};
use crate::state::{Customer, Scene, Shared, Status, clockwork, licenses};
use crate::{lock, world};

/// One thing that an administrator does at a customer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do", deny_unknown_fields)]
pub(crate) enum Deed {
    /// Assigns a license directly, or replaces the plans that are off.
    SetLicense {
        user: Uuid,
        sku: Uuid,
        #[serde(default)]
        disabled: Vec<Uuid>,
    },
    RemoveLicense {
        user: Uuid,
        sku: Uuid,
    },
    /// Changes what is given; add-ons follow their base.
    SetSubscription {
        subscription: Uuid,
        #[serde(default)]
        status: Option<String>,
        #[serde(default)]
        quantity: Option<u32>,
        #[serde(default)]
        auto_renew: Option<bool>,
    },
    AddUser {
        user: world::User,
    },
    /// The user's licenses go with the user.
    DeleteUser {
        user: Uuid,
    },
    SetUsageLocation {
        user: Uuid,
        location: Option<String>,
    },
}

pub(crate) fn act(shared: &Shared, customer: Uuid, deed: Deed) -> Result<(), String> {
    let customer = shared.customers.get(&customer).ok_or("there is no such customer")?;
    let mut customer = lock(customer);
    let at = shared.clock.now();
    clockwork::settle(shared, &mut customer, at);
    let scene = Scene { shared, at, actor: Actor::Administrator, request_id: None };
    match deed {
        Deed::SetLicense { user, sku, disabled } => {
            known_user(&customer, user)?;
            licenses::assign(&scene, &mut customer, user, sku, &disabled.into_iter().collect());
        }
        Deed::RemoveLicense { user, sku } => {
            known_user(&customer, user)?;
            licenses::remove(&scene, &mut customer, user, sku);
        }
        Deed::SetSubscription { subscription, status, quantity, auto_renew } => {
            let status =
                status.map(|name| Status::named(&name).ok_or("there is no such status")).transpose()?;
            set_subscription(&scene, &mut customer, subscription, status, (quantity, auto_renew))?;
        }
        Deed::AddUser { user } => customer.begin_user(&scene, user),
        Deed::DeleteUser { user } => delete_user(&scene, &mut customer, user)?,
        Deed::SetUsageLocation { user, location } => {
            customer.users.get_mut(&user).ok_or("there is no such user")?.usage_location = location;
        }
    }
    Ok(())
}

fn known_user(customer: &Customer, user: Uuid) -> Result<(), String> {
    licenses::live_user(customer, user).map(|_| ()).map_err(|_| "there is no such user".into())
}

fn set_subscription(
    scene: &Scene<'_>,
    customer: &mut Customer,
    id: Uuid,
    status: Option<Status>,
    (quantity, auto_renew): (Option<u32>, Option<bool>),
) -> Result<(), String> {
    let before = Standing::of(customer, id);
    let now = customer.subscriptions.get_mut(&id).ok_or("there is no such subscription")?;
    now.quantity = quantity.unwrap_or(now.quantity);
    now.auto_renew = auto_renew.unwrap_or(now.auto_renew);
    now.version += 1;
    let target = status.unwrap_or(now.status);
    set_status(scene, customer, id, target, &before, false);
    follow_base(scene, customer, id, before.status(), target);
    Ok(())
}

fn delete_user(scene: &Scene<'_>, customer: &mut Customer, id: Uuid) -> Result<(), String> {
    let user = customer.users.get_mut(&id).ok_or("there is no such user")?;
    user.deleted = true;
    let held: Vec<Uuid> = user.licenses.keys().copied().collect();
    for held in user.licenses.values_mut() {
        // What a group gave goes too: the user is no longer a member of anything.
        held.group = None;
    }
    for sku in held {
        licenses::remove(scene, customer, id, sku);
    }
    Ok(())
}
