//! How many users a subscription has: skewed, as real ones are.
//!
//! Log-normal with a median of 6 and one in twenty above 100, drawn by strata: of any twenty sizes in a row exactly one
//! is from the top twentieth. Plain dice would leave a small world without a big customer at some seeds.

use super::draw::Draw;

const MEDIAN: f64 = 6.0;
/// With this spread the 95th percentile is 6 * exp(1.645 * 1.72) = 101.
const SPREAD: f64 = 1.72;
const STRATA: u32 = 20;
/// Above this the one customer in a thousand stands alone.
const LARGEST: f64 = 800.0;

/// An endless supply of sizes.
#[derive(Debug)]
pub(super) struct Sizes {
    draw: Draw,
    strata: Vec<u32>,
}

impl Sizes {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self { draw: Draw::new(seed, stream), strata: Vec::new() }
    }

    pub(super) fn next(&mut self) -> u32 {
        if self.strata.is_empty() {
            self.strata = (0..STRATA).collect();
            self.draw.shuffle(&mut self.strata);
        }
        let stratum = self.strata.pop().unwrap_or_default();
        let quantile = (f64::from(stratum) + self.draw.unit()) / f64::from(STRATA);
        let size = MEDIAN * (SPREAD * normal_quantile(quantile.clamp(0.005, 0.999))).exp();
        // Not above 800, so it fits; a size below one would be a subscription nobody uses, which is a trap of its own.
        size.round().clamp(1.0, LARGEST) as u32
    }
}

/// The inverse of the normal distribution, good to 0.0005: Abramowitz and Stegun, formula 26.2.23.
fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p);
    let t = (-2.0 * tail.ln()).sqrt();
    let top = 2.515_517 + 0.802_853 * t + 0.010_328 * t * t;
    let bottom = 1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t;
    let z = t - top / bottom;
    if p < 0.5 { -z } else { z }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_median_near_6_and_one_in_twenty_above_100() {
        let mut sizes = Sizes::new(7, 0);
        let mut drawn: Vec<u32> = (0..2000).map(|_| sizes.next()).collect();
        drawn.sort_unstable();
        assert!((5..=7).contains(&drawn[1000]), "median {}", drawn[1000]);
        let above = drawn.iter().filter(|size| **size > 100).count();
        assert!((90..=110).contains(&above), "{above} of 2000 above 100");
    }
}
