//! The life of a new commerce subscription, where it is not that of a legacy one (contract, sections 5.3 and 6).
//!
//! It can be cancelled, and its seats given back, only within a window after they were bought or renewed. Suspended, it is
//! billed on. Its term ends by calendar months and years, and then it expires, is disabled, and is deleted.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use uuid::Uuid;

use super::{Problem, Scene, Shared, Subscription};
use crate::world::{self, AfterWindow, Triple};

/// What a subscription of new commerce has beside the rest.
#[derive(Debug, Clone)]
pub(crate) struct Modern {
    pub(crate) product: String,
    pub(crate) sku: String,
    /// As it was called when it was bought.
    pub(crate) availability: String,
    /// `P1M`, `P1Y`, `P3Y`.
    pub(crate) term: String,
    /// None = not any more since before the world began.
    pub(crate) cancellable_until: Option<Timestamp>,
    /// Seats that can be given back, oldest first.
    pub(crate) returnable: Vec<Returnable>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Returnable {
    pub(crate) quantity: u32,
    pub(crate) until: Timestamp,
}

impl Modern {
    /// Of a purchase at this time.
    pub(crate) fn bought(shared: &Shared, line: &ModernLine, quantity: u32, at: Timestamp) -> Self {
        let until = window_from(shared, at);
        Self {
            product: line.product.clone(),
            sku: line.sku.clone(),
            availability: line.availability.clone(),
            term: line.term.clone(),
            cancellable_until: Some(until),
            returnable: vec![Returnable { quantity, until }],
        }
    }

    /// Of a subscription that was there when the world began; none where its offer is a legacy one.
    pub(crate) fn original(shared: &Shared, given: &world::Subscription) -> Option<Self> {
        let item = shared.catalog.items.get(&given.offer)?;
        let stated = given.new_commerce.as_ref();
        let named = stated.and_then(|stated| Triple::read(&stated.catalog_item)?.availability);
        let until = stated.and_then(|stated| stated.cancellable_until);
        Some(Self {
            product: item.product.clone(),
            sku: item.sku.id.clone(),
            // Long gone from the catalogue, as that of an old purchase is.
            availability: named.unwrap_or("CFQ7TTC0PAST").to_ascii_uppercase(),
            term: stated.map_or_else(|| "P1Y".to_owned(), |stated| stated.term.clone()),
            cancellable_until: until,
            returnable: until
                .map(|until| Returnable { quantity: given.quantity, until })
                .into_iter()
                .collect(),
        })
    }

    /// `product:sku:availability`.
    pub(crate) fn catalog_item(&self) -> String {
        format!("{}:{}:{}", self.product, self.sku, self.availability)
    }

    /// Seats that can still be given back.
    pub(crate) fn returnable(&self, at: Timestamp) -> impl Iterator<Item = Returnable> {
        self.returnable.iter().copied().filter(move |seats| at < seats.until)
    }

    /// Keeps count of what can be given back.
    pub(crate) fn seats_changed(&mut self, shared: &Shared, (from, to): (u32, u32), at: Timestamp) {
        self.returnable.retain(|seats| at < seats.until);
        if to > from {
            let until = window_from(shared, at);
            self.returnable.push(Returnable { quantity: to - from, until });
        }
        let mut less = from.saturating_sub(to);
        while let Some(newest) = self.returnable.last_mut().filter(|_| less > 0) {
            let taken = less.min(newest.quantity);
            newest.quantity -= taken;
            less -= taken;
            if newest.quantity == 0 {
                self.returnable.pop();
            }
        }
    }

    /// A new term opens the window anew.
    pub(crate) fn renewed(&mut self, shared: &Shared, quantity: u32, at: Timestamp) {
        let until = window_from(shared, at);
        self.cancellable_until = Some(until);
        self.returnable = vec![Returnable { quantity, until }];
    }
}

/// What an order's line of new commerce names beside offer and quantity.
#[derive(Debug, Clone)]
pub(crate) struct ModernLine {
    pub(crate) product: String,
    pub(crate) sku: String,
    pub(crate) availability: String,
    pub(crate) term: String,
}

impl ModernLine {
    pub(crate) fn catalog_item(&self) -> String {
        format!("{}:{}:{}", self.product, self.sku, self.availability)
    }
}

fn window_from(shared: &Shared, at: Timestamp) -> Timestamp {
    let hours = i64::from(shared.world.new_commerce.cancellation_hours);
    at.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(at)
}

/// Midnight of the last day of a term that begins on this day.
pub(crate) fn last_day(start: Timestamp, term: &str) -> Timestamp {
    let months = match term {
        "P1M" => 1,
        "P3Y" => 36,
        _ => 12,
    };
    let date = start.to_zoned(TimeZone::UTC).date();
    date.checked_add(Span::new().months(months))
        .and_then(|next| next.checked_sub(Span::new().days(1)))
        .and_then(|last| last.to_zoned(TimeZone::UTC))
        .map_or(start, |midnight| midnight.timestamp())
}

/// The order's id as new commerce shows it: twelve hexadecimal digits.
pub(crate) fn order_id(id: Uuid) -> String {
    let mut text = id.simple().to_string();
    text.truncate(12);
    text
}

/// Whether it can still be cancelled.
pub(crate) fn check_cancellation(scene: &Scene<'_>, modern: &Modern) -> Result<(), Problem> {
    if modern.cancellable_until.is_some_and(|until| scene.at < until) {
        return Ok(());
    }
    let hours = scene.shared.world.new_commerce.cancellation_hours;
    Err(match scene.shared.world.readings.new_commerce.after_window {
        AfterWindow::Days => {
            let days = hours / 24;
            Problem::new(
                400,
                900_117,
                format!("The subscription is past its {days}-day cancellation window."),
            )
        }
        AfterWindow::Hours => Problem::new(
            400,
            900_213,
            format!("The subscription is past its {hours}-hour cancellation window."),
        ),
    })
}

/// Whether so many seats are allowed, where they are fewer than now.
pub(crate) fn check_reduction(
    scene: &Scene<'_>,
    now: &Subscription,
    modern: &Modern,
    quantity: u64,
) -> Result<(), Problem> {
    let less = u64::from(now.quantity).saturating_sub(quantity);
    let returnable: u64 = modern.returnable(scene.at).map(|seats| u64::from(seats.quantity)).sum();
    if less <= returnable {
        return Ok(());
    }
    if scene.shared.world.readings.new_commerce.late_reduction_is_900257 {
        return Err(Problem::new(
            400,
            900_257,
            "The seats are past the window in which they can be reduced.",
        ));
    }
    Err(Problem::new(400, 800_090, "The quantity cannot be decreased."))
}
