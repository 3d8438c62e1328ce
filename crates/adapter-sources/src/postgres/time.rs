//! Dates and times as PostgreSQL prints them in its ISO style.

const DAY_US: i64 = 86_400_000_000;
/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i64 = 10_957;

/// `None` for a year that is not four digits long.
pub(super) fn date(days: i32) -> Option<String> {
    match days {
        i32::MAX => Some("infinity".to_owned()),
        i32::MIN => Some("-infinity".to_owned()),
        days => civil(i64::from(days)),
    }
}

pub(super) fn timestamp(micros: i64) -> Option<String> {
    match micros {
        i64::MAX => Some("infinity".to_owned()),
        i64::MIN => Some("-infinity".to_owned()),
        micros => {
            let date = civil(micros.div_euclid(DAY_US))?;
            Some(format!("{date} {}", time_of_day(micros.rem_euclid(DAY_US))))
        }
    }
}

pub(super) fn time_of_day(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match fraction {
        0 => whole,
        fraction => format!("{whole}.{}", format!("{fraction:06}").trim_end_matches('0')),
    }
}

/// Days since 2000-01-01 in the Gregorian calendar, by eras of 400 years that begin on 1 March.
fn civil(days: i64) -> Option<String> {
    let days = days + EPOCH_DAYS + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (1..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (days, text) in [(0, "2000-01-01"), (-1, "1999-12-31"), (59, "2000-02-29"), (9556, "2026-03-01")] {
            assert_eq!(date(days).as_deref(), Some(text));
        }
        assert_eq!(date(i32::MAX).as_deref(), Some("infinity"));
        assert_eq!(date(-730_600), None);
    }

    #[test]
    fn fractions_are_as_long_as_needed() {
        assert_eq!(timestamp(500_000).as_deref(), Some("2000-01-01 00:00:00.5"));
        assert_eq!(timestamp(-1).as_deref(), Some("1999-12-31 23:59:59.999999"));
        assert_eq!(time_of_day(DAY_US), "24:00:00");
    }
}
