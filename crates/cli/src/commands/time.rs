//! Times as people write and read them.

use anyhow::{Context, Result};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Unix milliseconds of `90m`, `2h`, `7d` (ago), `2026-11-27` or `2026-11-27T10:00:00Z`.
pub fn parse(text: &str, now_ms: i64) -> Result<i64> {
    ago(text, now_ms).or_else(|| date_time(text)).with_context(|| {
        format!("{text:?} is no time: write 90m, 2h or 7d for so long ago, or 2026-11-27, or 2026-11-27T10:00:00Z")
    })
}

fn ago(text: &str, now_ms: i64) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "m" => MINUTE_MS,
        "h" => 60 * MINUTE_MS,
        "d" => DAY_MS,
        _ => return None,
    };
    let number = i64::from(number.parse::<u32>().ok()?);
    Some(now_ms - number.checked_mul(unit_ms)?)
}

fn date_time(text: &str) -> Option<i64> {
    let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap_or((text, "00:00:00"));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    is_valid.then(|| days(year, month, day) * DAY_MS + (hour * 60 + minute) * MINUTE_MS + second * 1_000)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let numbers: Option<Vec<i64>> = text.split(separator).map(|part| part.parse::<u32>().ok().map(i64::from)).collect();
    numbers?.try_into().ok()
}

/// Days since 1970 of a date of the Gregorian calendar; years are counted from March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The time as a person reads it, in UTC.
pub fn show(at_ms: i64) -> String {
    let (days, of_day) = (at_ms.div_euclid(DAY_MS), at_ms.rem_euclid(DAY_MS));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / MINUTE_MS % 60, of_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_737_600_000;

    #[test]
    fn a_time_is_read_as_people_write_it() {
        assert_eq!(parse("90m", NOW).unwrap(), NOW - 90 * MINUTE_MS);
        assert_eq!(parse("7d", NOW).unwrap(), NOW - 7 * DAY_MS);
        assert_eq!(parse("1970-01-02", NOW).unwrap(), DAY_MS);
        assert_eq!(parse("2026-11-27T00:00:00Z", NOW).unwrap(), NOW);
        assert_eq!(parse("2024-02-29T12:00:01Z", NOW).unwrap(), 1_709_208_001_000);
        for wrong in ["", "soon", "5", "-2h", "2026-13-01", "2026-11-27T25:00:00Z", "ü"] {
            assert!(parse(wrong, NOW).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_shown_as_it_is_read() {
        for at_ms in [0, NOW, 1_709_208_001_000, 951_782_400_000] {
            assert_eq!(parse(&show(at_ms), NOW).unwrap(), at_ms);
        }
    }
}
