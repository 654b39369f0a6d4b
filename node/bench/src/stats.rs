//! Medians and how far they can be trusted.

/// How often the bootstrap draws.
const DRAWS: usize = 2_000;

/// A median with the interval in which it lies with 95 % confidence, by bootstrap.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The median of the samples.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// The median of samples, of which there should be 7 or more; the interval is drawn with a fixed
    /// seed, so that the same samples give the same page.
    pub fn of(samples: &[f64]) -> Self {
        let mut random = fastrand::Rng::with_seed(1);
        let mut medians: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let draw = || random.choice(samples).copied().unwrap_or(f64::NAN);
                median(&std::iter::repeat_with(draw).take(samples.len()).collect::<Vec<_>>())
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        let at = |share: f64| quantile(&medians, share);
        Self { median: median(samples), low: at(0.025), high: at(0.975) }
    }

    /// A figure that was counted, not sampled.
    pub const fn exact(value: f64) -> Self {
        Self { median: value, low: value, high: value }
    }
}

/// The median; not a number if there are no samples.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

/// The value below which a share of the sorted samples lies, between neighbours in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the length")]
    let below = place.floor() as usize;
    let low = sorted.get(below).copied().unwrap_or(f64::NAN);
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    low + (high - low) * (place - place.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_interval_holds_the_median_and_grows_with_the_spread() {
        let width = |spread: f64| {
            let samples: Vec<f64> = (0..9).map(|n| 10.0 + spread * f64::from(n - 4)).collect();
            let estimate = Estimate::of(&samples);
            assert_eq!(estimate.median, 10.0);
            assert!(estimate.low <= 10.0 && estimate.high >= 10.0);
            estimate.high - estimate.low
        };
        assert_eq!(width(0.0), 0.0);
        assert!(width(1.0) > width(0.1));
    }
}
