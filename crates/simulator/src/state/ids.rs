//! Ids that depend on nothing but the seed and what they are for, so that one seed gives the same ids whatever the order
//! in which customers are served.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// 32 bytes drawn from the seed and the parts.
pub(crate) fn digest(seed: u64, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for part in parts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A version 4 shaped id for the `n`-th thing of this kind at this owner.
pub(crate) fn id(seed: u64, kind: &str, owner: Uuid, n: u64) -> Uuid {
    let digest = digest(seed, &[kind.as_bytes(), owner.as_bytes(), &n.to_le_bytes()]);
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_random_bytes(bytes).into_uuid()
}

/// A whole number in `low..=high`.
pub(crate) fn between(seed: u64, kind: &str, owner: Uuid, low: u32, high: u32) -> u32 {
    let digest = digest(seed, &[kind.as_bytes(), owner.as_bytes()]);
    let mut bytes = [0_u8; 8];
    bytes.copy_from_slice(&digest[..8]);
    let span = u64::from(high.max(low) - low) + 1;
    low + u32::try_from(u64::from_le_bytes(bytes) % span).unwrap_or(0)
}
