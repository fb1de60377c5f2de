//! The one hint that is taken from Microsoft's words: which entries of new commerce it names in place of an offer that is
//! no longer sold.
//!
//! The documents say that the text of such a refusal names product, SKU and availability, and do not show how. So ids are
//! known by their looks: twelve capitals and digits, then four, then perhaps twelve again, whatever stands between them.
//! What comes of it is for people to read. Nothing may be bought or mapped on the strength of it.

use crate::ids::{AvailabilityId, CatalogItem, ProductId, SkuId};
use crate::license_failure::unescape;

/// More than this are not worth showing.
const MOST: usize = 8;

/// The entries that the texts name, each once, in the order in which they stand.
pub(crate) fn named<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<CatalogItem> {
    let mut found = Vec::new();
    for text in texts {
        for item in in_text(&unescape(text)) {
            if found.len() < MOST && !found.contains(&item) {
                found.push(item);
            }
        }
    }
    found
}

/// A word that looks like an id.
#[derive(Clone, Copy)]
enum Word<'a> {
    Long(&'a str),
    Short(&'a str),
}

fn in_text(text: &str) -> Vec<CatalogItem> {
    // A hyphen belongs to its word, so that the pieces of a GUID are not taken for ids.
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let words: Vec<Word<'_>> = words.filter_map(word).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(pair) = words.get(at..at + 2) {
        let [Word::Long(product), Word::Short(sku)] = *pair else {
            at += 1;
            continue;
        };
        at += 2;
        // A third that a short one follows is the product of the next.
        let availability = match (words.get(at), words.get(at + 1)) {
            (Some(Word::Long(_)), Some(Word::Short(_))) => None,
            (Some(Word::Long(availability)), _) => Some(AvailabilityId::new(availability)),
            _ => None,
        };
        at += usize::from(availability.is_some());
        found.push(CatalogItem { product: ProductId::new(product), sku: SkuId::new(sku), availability });
    }
    found
}

fn word(text: &str) -> Option<Word<'_>> {
    let capitals = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    match text.len() {
        12 if capitals && digits && text.bytes().any(|b| b.is_ascii_uppercase()) => Some(Word::Long(text)),
        4 if capitals && digits => Some(Word::Short(text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        named([text].into_iter()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ids_are_found_whatever_stands_between_them() {
        for text in [
            "Please use CFQ7TTC0LFN5:0004:CFQ7TTC0XYZ1 instead.",
            "ProductId: CFQ7TTC0LFN5, SkuId: 0004, AvailabilityId: CFQ7TTC0XYZ1",
            "[{&quot;productId&quot;:&quot;CFQ7TTC0LFN5&quot;,&quot;skuId&quot;:&quot;0004&quot;,&quot;availabilityId&quot;:&quot;CFQ7TTC0XYZ1&quot;}]",
            "products/CFQ7TTC0LFN5/skus/0004/availabilities/CFQ7TTC0XYZ1",
        ] {
            assert_eq!(shown(text), ["CFQ7TTC0LFN5:0004:CFQ7TTC0XYZ1"], "{text}");
        }
    }

    #[test]
    fn several_are_found_once_each_with_and_without_availability() {
        let text =
            "CFQ7TTC0LFN5:0004, CFQ7TTC0LFN6:0001:CFQ7TTC0XYZ2; CFQ7TTC0LFN7:0002 and CFQ7TTC0LFN5:0004";
        assert_eq!(shown(text), ["CFQ7TTC0LFN5:0004", "CFQ7TTC0LFN6:0001:CFQ7TTC0XYZ2", "CFQ7TTC0LFN7:0002"]);
    }

    #[test]
    fn what_is_no_id_names_nothing() {
        for text in [
            "Offer F28514F0-6516-4EF9-8222-1C605A05D245 is no longer sold since 2022.",
            "FABRIKAMCORP 0001",
            "cfq7ttc0lfn5 0004",
            "CFQ7TTC0LFN5",
            "",
        ] {
            assert_eq!(shown(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let text: String = (0..40).map(|number| format!("CFQ7TTC0LF{number:02}:0001 ")).collect();
        assert_eq!(shown(&text).len(), MOST);
    }
}
