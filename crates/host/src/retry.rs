//! Durable retries: how long a piece of work waits before it is looked at again. The wait is a due time in a row.

use jiff::SignedDuration;

/// Doubles from `first`, at most `most`; the upper half is drawn by `fraction` (0.0 to 1.0), so that many waits that began
/// together do not end together. `attempt` counts from 1.
pub(crate) fn delay(
    attempt: u32,
    first: SignedDuration,
    most: SignedDuration,
    fraction: f64,
) -> SignedDuration {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(most);
    let half = doubled / 2;
    half + SignedDuration::from_secs_f64(half.as_secs_f64() * fraction.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_keep_at_least_half() {
        let (first, most) = (SignedDuration::from_secs(30), SignedDuration::from_mins(5));
        assert_eq!(delay(1, first, most, 1.0), SignedDuration::from_secs(30));
        assert_eq!(delay(3, first, most, 1.0), SignedDuration::from_secs(120));
        assert_eq!(delay(9, first, most, 1.0), most);
        assert_eq!(delay(9, first, most, 0.0), most / 2);
        assert_eq!(delay(u32::MAX, first, most, 0.0), most / 2);
    }
}
