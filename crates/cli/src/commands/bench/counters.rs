//! Sums and counts of the process's own histograms, and what they say of one stretch of time.

use serde::Serialize;
use std::collections::BTreeMap;

/// The value of every `…_sum` and `…_count`, by name and labels.
pub struct Counters(BTreeMap<String, f64>);

/// What a histogram saw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// How often.
    pub count: f64,
    /// How much each time.
    pub mean: f64,
}

impl Counters {
    /// As they stand now.
    pub fn read() -> Self {
        Self::parse(&telemetry::metrics::render())
    }

    fn parse(text: &str) -> Self {
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let name = series.split('{').next()?;
            let counts = name.ends_with("_sum") || name.ends_with("_count");
            counts.then(|| Some((series.to_owned(), value.parse().ok()?)))?
        };
        Self(text.lines().filter_map(sample).collect())
    }

    /// What a histogram saw since `before`, by the value of one label; equal values of it are joined.
    pub fn since(&self, before: &Self, histogram: &str, label: &str) -> BTreeMap<String, Mean> {
        let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for (series, after) in &self.0 {
            let Some(rest) = series.strip_prefix(histogram) else { continue };
            let Some(value) = label_of(rest, label) else { continue };
            let grown = after - before.0.get(series).copied().unwrap_or(0.0);
            let entry = sums.entry(value.to_owned()).or_default();
            if rest.starts_with("_sum") {
                entry.0 += grown;
            } else if rest.starts_with("_count") {
                entry.1 += grown;
            }
        }
        let mean = |(sum, count): (f64, f64)| (count > 0.0).then(|| Mean { count, mean: sum / count });
        sums.into_iter().filter_map(|(value, sums)| Some((value, mean(sums)?))).collect()
    }
}

fn label_of<'a>(series: &'a str, label: &str) -> Option<&'a str> {
    let start = series.find(&format!("{label}=\""))? + label.len() + 2;
    series.get(start..)?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_of_what_came_in_between() {
        let before = Counters::parse("h_sum{kind=\"a\",outcome=\"done\"} 10\nh_count{kind=\"a\",outcome=\"done\"} 2\n");
        let after = Counters::parse(
            "# TYPE h histogram\nh_bucket{kind=\"a\",outcome=\"done\",le=\"1\"} 9\n\
             h_sum{kind=\"a\",outcome=\"done\"} 40\nh_count{kind=\"a\",outcome=\"done\"} 5\n\
             h_sum{kind=\"a\",outcome=\"over\"} 6\nh_count{kind=\"a\",outcome=\"over\"} 1\n",
        );
        let means = after.since(&before, "h", "kind");
        assert_eq!(means["a"], Mean { count: 4.0, mean: 9.0 });
    }
}
