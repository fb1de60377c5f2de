//! When two offer names mean the same.
//!
//! Microsoft writes one offer in several ways: the page of the retired offers says "Enterprise Edition", the catalogue
//! recorded in the same month says "Enterprise". Only such differences are folded; everything else stays a difference.

/// The name in the one spelling that is compared: lower case, single spaces, no punctuation, "Enterprise Edition" as
/// "Enterprise", "Add-On" as "addon".
pub fn normalise(name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let joined = name.to_lowercase().replace("add-on", "addon").replace("add on", "addon");
    for word in joined.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let after_enterprise = words.last().is_some_and(|last| last == "enterprise");
        if !(word == "edition" && after_enterprise) {
            words.push(word.to_owned());
        }
    }
    words.join(" ")
}

/// How alike two normalised names are, from 0 (nothing in common) to 1 (the same): one minus the edit distance over the
/// longer length.
pub fn similarity(one: &str, other: &str) -> f64 {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let longer = one.len().max(other.len());
    if longer == 0 {
        return 1.0;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    1.0 - row[other.len()] as f64 / longer as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_that_means_nothing_is_folded() {
        let page = "Dynamics 365 for Sales Enterprise Edition Add-On for CRM Basic (Qualified Offer)";
        let api = " dynamics 365 for  Sales, Enterprise Add-on for CRM Basic (Qualified Offer)";
        assert_eq!(normalise(page), normalise(api));
    }

    #[test]
    fn words_that_mean_something_are_kept() {
        assert_ne!(normalise("Offer for Faculty"), normalise("Offer for Students"));
        assert_ne!(normalise("Sales Enterprise"), normalise("Sales Professional"));
        assert_eq!(normalise("Team Edition"), "team edition");
    }

    #[test]
    fn likeness_counts_the_edits() {
        assert_eq!(similarity("sales", "sales"), 1.0);
        assert_eq!(similarity("", ""), 1.0);
        assert!((similarity("sales", "sale") - 0.8).abs() < 1e-9);
        assert_eq!(similarity("abc", "xyz"), 0.0);
    }
}
