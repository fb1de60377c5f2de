//! Invented names of companies and people, some of them awkward on purpose: umlauts, commas, quotation marks.

use super::draw::Draw;

const FIRST: [&str; 20] = [
    "Alder", "Birch", "Cedar", "Copper", "Dune", "Ember", "Fjord", "Granite", "Harbor", "Island", "Juniper",
    "Lake", "Maple", "North", "Orchard", "Pine", "Quarry", "River", "Stone", "Willow",
];
const SECOND: [&str; 16] = [
    "Bakery",
    "Bridge",
    "Clinic",
    "Dairy",
    "Engines",
    "Foods",
    "Glass",
    "Instruments",
    "Lighting",
    "Logistics",
    "Marine",
    "Paper",
    "Pharma",
    "Rail",
    "Textiles",
    "Works",
];
const AWKWARD: [&str; 6] = [
    "Ångström & Söhne GmbH",
    "Brook, Field and Partners",
    "The \"Blue\" Company",
    "=Equal Opportunities",
    "Müller; Lindqvist & Œuvre",
    "- Dash Interiors",
];
const GIVEN: [&str; 24] = [
    "Ada", "Bo", "Cleo", "Dag", "Eli", "Fay", "Gus", "Hana", "Ivo", "Jan", "Kim", "Lea", "Max", "Noa", "Ole",
    "Pia", "Quin", "Rae", "Sam", "Tea", "Uli", "Vera", "Wim", "Zoe",
];
const FAMILY: [&str; 18] = [
    "Ash", "Beck", "Clay", "Dahl", "Elm", "Frost", "Grove", "Heath", "Iris", "Kelp", "Lind", "Moss", "Nord",
    "Oak", "Reed", "Sand", "Thorn", "Vale",
];

/// A company's name and domain. Names repeat now and then, as real ones do; domains never.
pub(super) fn company(draw: &mut Draw, index: usize) -> (String, String) {
    let (first, second) = (*draw.pick(&FIRST), *draw.pick(&SECOND));
    let name = if draw.percent(4) { (*draw.pick(&AWKWARD)).to_owned() } else { format!("{first} {second}") };
    let domain = format!("{}{}{}.example", first.to_lowercase(), second.to_lowercase(), index + 1);
    (name, domain)
}

/// A person's display name and the part of the principal name before the `@`. The number keeps it unique.
pub(super) fn person(draw: &mut Draw, number: usize) -> (String, String) {
    let (given, family) = (*draw.pick(&GIVEN), *draw.pick(&FAMILY));
    (format!("{given} {family}"), format!("{}.{}.{number}", given.to_lowercase(), family.to_lowercase()))
}
