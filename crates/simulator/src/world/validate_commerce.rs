//! Checking the parts of a world that are about what is sold, to whom and under which limits.

use std::collections::BTreeSet;

use super::new_commerce::{Commitment, OfferLimit, Sale, Term, Triple, Withdrawal};
use super::purchasing::HOLDS;
use super::validate::{Check, SEGMENTS};
use super::{Customer, Item, Offer, Product, ProductSku, Subscription};

const DURATIONS: [&str; 3] = ["P1M", "P1Y", "P3Y"];
pub(super) const ITEM_CYCLES: [&str; 3] = ["monthly", "annual", "triennial"];
const LIMIT_UNITS: [&str; 2] = ["concurrent", "lifetime"];

impl Check<'_> {
    /// The catalogue of new commerce.
    pub(super) fn products(&mut self) {
        let commerce = &self.world.new_commerce;
        if commerce.cart_lifetime == 0 {
            self.say(
                "new_commerce.cart_lifetime",
                "no cart could ever be checked out",
                "write 900, or another number",
            );
        }
        let mut seen = BTreeSet::new();
        for (position, product) in commerce.products.iter().enumerate() {
            let place = format!("new_commerce.products[{position}]");
            self.code(format!("{place}.id"), &product.id, 12);
            if !seen.insert(product.id.as_str()) {
                let cause = format!("the id {} is already that of another product", product.id);
                self.say(format!("{place}.id"), cause, "give each its own id");
            }
            self.product(&place, product);
        }
    }

    fn product(&mut self, place: &str, product: &Product) {
        if product.skus.is_empty() {
            self.say(
                format!("{place}.skus"),
                "a product without a SKU cannot be bought",
                "write at least one",
            );
        }
        let mut seen = BTreeSet::new();
        for (position, sku) in product.skus.iter().enumerate() {
            let place = format!("{place}.skus[{position}]");
            self.code(format!("{place}.id"), &sku.id, 4);
            if !seen.insert(sku.id.as_str()) {
                let cause = format!("the id {} is already that of another SKU of the product", sku.id);
                self.say(format!("{place}.id"), cause, "give each its own id");
            }
            self.product_sku(&place, sku);
        }
    }

    fn product_sku(&mut self, place: &str, sku: &ProductSku) {
        if !self.catalogue.skus.contains_key(&sku.license_sku) {
            let cause = format!("the SKU {} is neither shipped nor in `skus`", sku.license_sku);
            self.say(
                format!("{place}.license_sku"),
                cause,
                "add it to `skus`, or use the id of a shipped one",
            );
        }
        if sku.minimum_quantity == 0 || sku.minimum_quantity > sku.maximum_quantity {
            let cause = format!("{} to {} seats is no range", sku.minimum_quantity, sku.maximum_quantity);
            let remedy = "write at least 1 and at most the maximum";
            self.say(format!("{place}.minimum_quantity"), cause, remedy);
        }
        if sku.terms.is_empty() {
            self.say(format!("{place}.terms"), "it is sold for no term", "write one, or leave `terms` out");
        }
        for (position, Term { duration, billing_cycle }) in sku.terms.iter().enumerate() {
            let place = format!("{place}.terms[{position}]");
            self.word(format!("{place}.duration"), duration, &DURATIONS);
            self.word(format!("{place}.billing_cycle"), billing_cycle, &ITEM_CYCLES);
        }
        for (position, sale) in sku.sales.iter().enumerate() {
            self.sale(&format!("{place}.sales[{position}]"), sale, &sku.sales[..position]);
        }
    }

    /// Two sales of one segment in one country would be two availabilities of the same thing.
    fn sale(&mut self, place: &str, sale: &Sale, before: &[Sale]) {
        self.word(format!("{place}.segment"), &sale.segment, &SEGMENTS);
        self.countries(&format!("{place}.countries"), &sale.countries);
        let overlaps = |other: &&Sale| {
            other.segment == sale.segment
                && (other.countries.is_empty()
                    || sale.countries.is_empty()
                    || other.countries.iter().any(|country| sale.countries.contains(country)))
        };
        if before.iter().any(|other| overlaps(&other)) {
            let cause = "an earlier sale is for the same segment in the same country";
            self.say(place, cause, "name each country once for each segment");
        }
    }

    /// What an offer says about its end and its limit.
    pub(super) fn offer_sales(&mut self, place: &str, offer: &Offer) {
        for (position, withdrawal) in offer.withdrawn.iter().enumerate() {
            self.withdrawal(&format!("{place}.withdrawn[{position}]"), withdrawal);
        }
        if let Some(OfferLimit { unit, count }) = &offer.limit {
            self.word(format!("{place}.limit.unit"), unit, &LIMIT_UNITS);
            if *count == 0 {
                let remedy = "write at least 1, or `on_sale` false";
                self.say(format!("{place}.limit.count"), "nobody could ever hold it", remedy);
            }
        }
    }

    fn withdrawal(&mut self, place: &str, withdrawal: &Withdrawal) {
        for segment in &withdrawal.segments {
            self.word(format!("{place}.segments"), segment, &SEGMENTS);
        }
        self.countries(&format!("{place}.countries"), &withdrawal.countries);
        if let Some(code) = withdrawal.code.filter(|code| ![2091, 2085].contains(code)) {
            let cause = format!("{code} is no code of an offer that is no longer sold");
            self.say(format!("{place}.code"), cause, "write 2091 or 2085, or leave it out");
        }
        let Some(text) = &withdrawal.equivalent else { return };
        let known = Triple::read(text).is_some_and(|triple| {
            triple.availability.is_none() && self.catalogue.items.contains_key(&triple.item())
        });
        if !known {
            let cause = format!("`{text}` is no product:sku of `new_commerce.products`");
            let remedy = "write one that is there, without an availability, such as CFQ7TTC0SLS1:0001";
            self.say(format!("{place}.equivalent"), cause, remedy);
        }
    }

    /// What stops a customer's purchases.
    pub(super) fn purchasing(&mut self, place: &str, customer: &Customer) {
        if let Some(hold) = &customer.purchasing.hold {
            self.word(format!("{place}.purchasing.hold"), hold, &HOLDS);
        }
    }

    pub(super) fn countries(&mut self, place: &str, countries: &[String]) {
        for country in countries {
            if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_uppercase()) {
                let cause = format!("`{country}` is no country code");
                self.say(place, cause, "write two capital letters, such as SE");
            }
        }
    }

    /// A subscription of new commerce.
    pub(super) fn commitment(&mut self, place: &str, subscription: &Subscription, item: &Item) {
        if subscription.parent.is_some() {
            let cause = format!("`{}` is not an add-on", item.sku.title);
            self.say(format!("{place}.parent"), cause, "leave `parent` out, or use the offer of an add-on");
        }
        let Some(Commitment { catalog_item, term, .. }) = &subscription.new_commerce else { return };
        let place = format!("{place}.new_commerce");
        if Triple::read(catalog_item).is_none_or(|triple| triple.item() != subscription.offer) {
            let cause = format!("`{catalog_item}` is not the product and SKU of `offer`");
            self.say(format!("{place}.catalog_item"), cause, "write the same product:sku in both");
        }
        self.word(format!("{place}.term"), term, &DURATIONS);
    }

    fn code(&mut self, place: String, id: &str, length: usize) {
        let well_formed =
            id.len() == length && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !well_formed {
            let cause = format!("`{id}` is not of {length} capital letters and digits");
            self.say(place, cause, "write one such as CFQ7TTC0SLS1 for a product, 0001 for a SKU");
        }
    }
}
