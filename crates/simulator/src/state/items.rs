//! What new commerce sells, as it is called at a moment.
//!
//! An availability has a new id in each period (contract, section 7.4: it changes over time, fetch it right before buying).
//! The id is drawn from the seed and from what it is the availability of, so that one seed gives the same ids whoever asks
//! first; when its periods begin is drawn likewise, so that not all change at one moment.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Customer, Problem, Shared, ids};
use crate::world::{Item, Sale, Triple};

/// A SKU as it is sold in one country to one segment now.
#[derive(Debug)]
pub(crate) struct Availability<'a> {
    pub(crate) item: &'a Item,
    pub(crate) sale: &'a Sale,
    pub(crate) id: String,
}

impl Availability<'_> {
    pub(crate) fn catalog_item(&self) -> String {
        format!("{}:{}:{}", self.item.product, self.item.sku.id, self.id)
    }
}

/// What is asked for: everything in a country, or what one customer may be shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) country: &'a str,
    /// One segment alone; none = all.
    pub(crate) segment: Option<&'a str>,
    pub(crate) customer: Option<&'a Customer>,
}

impl<'a> Asker<'a> {
    fn is_shown(&self, sale: &Sale) -> bool {
        let asked = self.segment.is_none_or(|segment| sale.segment.eq_ignore_ascii_case(segment));
        let own = self.customer.is_none_or(|customer| sale.fits(&customer.country, &customer.segment));
        sale.in_country(self.country) && asked && own
    }

    /// The item's availabilities, of each segment one at most.
    pub(crate) fn availabilities(
        self,
        shared: &'a Shared,
        item: &'a Item,
        at: Timestamp,
    ) -> impl Iterator<Item = Availability<'a>> {
        let shift = self.customer.map_or(0, |customer| customer.shift_of(item));
        let shown = item.sku.sales.iter().filter(move |sale| self.is_shown(sale));
        shown.map(move |sale| {
            let id = availability_id(shared, item, sale, self.country, at, shift);
            Availability { item, sale, id }
        })
    }

    /// Whether there is anything of the item to be shown.
    pub(crate) fn sees(&self, item: &Item) -> bool {
        item.sku.sales.iter().any(|sale| self.is_shown(sale))
    }
}

/// The availability's id in the period of `at`. `shift` counts the changes out of turn that a fault has made.
fn availability_id(
    shared: &Shared,
    item: &Item,
    sale: &Sale,
    country: &str,
    at: Timestamp,
    shift: u32,
) -> String {
    let seed = shared.world.seed;
    let country = country.to_ascii_uppercase();
    let names: [&[u8]; 5] = [
        b"availability",
        item.product.as_bytes(),
        item.sku.id.as_bytes(),
        sale.segment.as_bytes(),
        country.as_bytes(),
    ];
    let period = match u64::from(shared.world.new_commerce.availabilities_change_every) {
        0 => 0,
        every => {
            let begun = number(&ids::digest(seed, &names)) % every;
            let passed = at.as_second().saturating_sub(shared.world.start.as_second());
            (u64::try_from(passed).unwrap_or_default() + begun) / every
        }
    };
    let [kind, product, sku, segment, country] = names;
    let parts = [kind, product, sku, segment, country, &period.to_le_bytes(), &shift.to_le_bytes()];
    let mut left = number(&ids::digest(seed, &parts));
    let letters = (0..4).map(|_| {
        let letter = LETTERS[usize::try_from(left % 32).unwrap_or_default()];
        left /= 32;
        char::from(letter)
    });
    "CFQ7TTC0".chars().chain(letters).collect()
}

/// As recorded ids have them: no letter that looks like a digit.
const LETTERS: &[u8; 32] = b"0123456789BCDFGHJKLMNPQRSTVWXZAE";

fn number(digest: &[u8; 32]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(bytes)
}

/// The item that a catalog item names, sold to this customer now under that very id.
pub(crate) fn on_sale<'a>(
    shared: &'a Shared,
    customer: &Customer,
    triple: &Triple<'_>,
    at: Timestamp,
) -> Result<(&'a Item, String), Problem> {
    let item = known(shared, triple)?;
    let availability = triple.availability.unwrap_or_default().to_ascii_uppercase();
    let mut here = item.sku.sales.iter().filter(|sale| sale.in_country(&customer.country)).peekable();
    if here.peek().is_none() {
        return Err(Problem::new(400, 800_070, "The offer is not available in the customer's country."));
    }
    // What the whole catalogue shows is good too, not only what the customer's own part of it shows.
    let shifts = [0, customer.shift_of(item)];
    let named = |sale: &&Sale| {
        let id = |shift| availability_id(shared, item, sale, &customer.country, at, shift);
        shifts.into_iter().any(|shift| id(shift) == availability)
    };
    let Some(sale) = here.find(named) else {
        return Err(Problem::new(404, 400_019, "The availability was not found."));
    };
    if !sale.purchasable {
        return Err(Problem::new(403, 800_020, "The catalog item is not eligible for purchase."));
    }
    if !sale.fits(&customer.country, &customer.segment) {
        return Err(match sale.segment.as_str() {
            "education" | "government" => {
                Problem::new(400, 800_086, "The customer tenant lacks the tags that the offer requires.")
            }
            _ => {
                Problem::new(403, 800_020, "The catalog item is not eligible for purchase by this customer.")
            }
        });
    }
    Ok((item, availability))
}

/// The item of a triple, or which part of it is unknown.
fn known<'a>(shared: &'a Shared, triple: &Triple<'_>) -> Result<&'a Item, Problem> {
    let items = &shared.catalog.items;
    if let Some(item) = items.get(&triple.item()).filter(|_| triple.availability.is_some()) {
        return Ok(item);
    }
    let product_is_known = items.values().any(|item| item.product.eq_ignore_ascii_case(triple.product));
    Err(match triple.availability {
        // Half an id, or one of a catalogue that this world does not have.
        None => Problem::new(400, 800_004, "The offer id is invalid."),
        Some(_) if items.is_empty() => Problem::new(400, 800_004, "The offer id is invalid."),
        Some(_) if product_is_known => Problem::new(404, 400_018, "The SKU was not found."),
        Some(_) => Problem::new(404, 400_013, "The product was not found."),
    })
}

/// What a refused legacy offer names instead: the triple as it is called now, as far as it is sold to this customer.
pub(crate) fn equivalent(shared: &Shared, customer: &Customer, text: &str, at: Timestamp) -> Option<String> {
    let item = shared.catalog.items.get(&Triple::read(text)?.item())?;
    let asker = Asker { country: &customer.country, segment: None, customer: Some(customer) };
    let first = asker.availabilities(shared, item, at).next();
    Some(first.map_or_else(|| text.to_owned(), |availability| availability.catalog_item()))
}

impl Customer {
    /// How often a fault has changed this item's availabilities for this customer.
    pub(crate) fn shift_of(&self, item: &Item) -> u32 {
        let id = crate::world::item_id(&item.product, &item.sku.id);
        self.shifts.get(&id).copied().unwrap_or_default()
    }

    /// Changes an item's availabilities out of turn.
    pub(crate) fn shift(&mut self, item: Uuid) {
        *self.shifts.entry(item).or_default() += 1;
    }
}
