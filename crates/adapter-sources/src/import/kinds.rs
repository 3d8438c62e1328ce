//! The type of a column: the narrowest that holds all its values as they are written.

/// What values are, from the narrowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Real,
    /// With a comma for the point, perhaps points between thousands.
    CommaReal,
    Date,
    /// Day, month, year.
    DayFirst,
    /// Month, day, year.
    MonthFirst,
    Timestamp,
    Text,
}

/// A value for the database.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Kind {
    /// As a column of SQLite is declared.
    pub(super) fn declared(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::Integer => "INTEGER",
            Self::Real | Self::CommaReal => "REAL",
            Self::Date | Self::DayFirst | Self::MonthFirst => "DATE",
            Self::Timestamp => "DATETIME",
            Self::Text => "TEXT",
        }
    }

    /// A value of the column, as text where it is none of this kind.
    pub(super) fn value(self, text: &str) -> Value {
        if text.is_empty() {
            return Value::Null;
        }
        let known = match self {
            Self::Boolean => boolean(text).map(|value| Value::Integer(i64::from(value))),
            Self::Integer => text.parse().ok().map(Value::Integer),
            Self::Real => text.parse().ok().map(Value::Real),
            Self::CommaReal => text.replace('.', "").replace(',', ".").parse().ok().map(Value::Real),
            Self::Date | Self::Text => None,
            Self::DayFirst => date(text).map(|(day, month, year)| Value::Text(iso(year, month, day))),
            Self::MonthFirst => date(text).map(|(month, day, year)| Value::Text(iso(year, month, day))),
            Self::Timestamp => Some(Value::Text(text.replacen('T', " ", 1).trim_end_matches('Z').to_owned())),
        };
        known.unwrap_or_else(|| Value::Text(text.to_owned()))
    }
}

/// Whether a text can be read as a kind.
type Fits = fn(&str) -> bool;

/// The kind of all values; text when they have none in common.
pub(super) fn kind_of_all<'v>(values: impl Iterator<Item = &'v str> + Clone) -> Kind {
    let present = values.filter(|value| !value.is_empty());
    let all = |test: fn(&str) -> bool| present.clone().all(test);
    if present.clone().next().is_none() {
        return Kind::Text;
    }
    let tests: [(Kind, Fits); 6] = [
        (Kind::Boolean, |text| boolean(text).is_some()),
        (Kind::Integer, is_integer),
        (Kind::Real, is_real),
        (Kind::CommaReal, is_comma_real),
        (Kind::Date, is_iso_date),
        (Kind::Timestamp, is_timestamp),
    ];
    if let Some((kind, _)) = tests.into_iter().find(|(_, test)| all(*test)) {
        return kind;
    }
    if !all(|text| date(text).is_some()) {
        return Kind::Text;
    }
    let has_points = all(|text| text.contains('.'));
    let parts: Vec<(u32, u32, u32)> = present.filter_map(date).collect();
    let first_is_day = parts.iter().all(|(day, month, year)| is_day(*year, *month, *day));
    let first_is_month = parts.iter().all(|(month, day, year)| is_day(*year, *month, *day));
    match (first_is_day, first_is_month) {
        (true, false) => Kind::DayFirst,
        (false, true) => Kind::MonthFirst,
        // 03.04.2024 is written with points only where the day comes first; 03/04/2024 may be either, and stays text.
        (true, true) if has_points => Kind::DayFirst,
        _ => Kind::Text,
    }
}

pub(super) fn kind_of(value: &str) -> Kind {
    kind_of_all(std::iter::once(value))
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

/// Numbers that begin with a zero are no numbers: they are codes.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0')) && text.parse::<i64>().is_ok()
}

fn is_real(text: &str) -> bool {
    if is_integer(text) {
        return true;
    }
    let number = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let Some((whole, fraction)) = number.split_once('.') else { return false };
    let is_exponent = exponent.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
    is_integer(whole) && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) && is_exponent
}

fn is_comma_real(text: &str) -> bool {
    if is_integer(text) {
        return true;
    }
    let Some((whole, fraction)) = text.split_once(',') else { return false };
    let mut groups = whole.split('.');
    let first = groups.next().unwrap_or_default();
    let thousands = groups.all(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()));
    is_integer(first) && thousands && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_iso_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |part: &str| part.parse::<u32>().ok();
    let shaped = year.len() == 4 && month.len() == 2 && day.len() == 2;
    let (Some(year), Some(month), Some(day)) = (number(year), number(month), number(day)) else { return false };
    shaped && is_day(year, month, day)
}

fn is_timestamp(text: &str) -> bool {
    let Some((day, time)) = text.split_once(['T', ' ']) else { return is_iso_date(text) };
    let time = time.trim_end_matches('Z');
    let parts: Vec<&str> = time.split(':').collect();
    let two = |part: &&str, most: u32| part.len() == 2 && part.parse::<u32>().is_ok_and(|number| number <= most);
    let seconds = |part: &&str| part.parse::<f64>().is_ok_and(|number| (0.0..61.0).contains(&number));
    is_iso_date(day)
        && match parts.as_slice() {
            [hour, minute] => two(hour, 23) && two(minute, 59),
            [hour, minute, second] => two(hour, 23) && two(minute, 59) && seconds(second),
            _ => false,
        }
}

/// Two numbers and a year, with points or slashes.
fn date(text: &str) -> Option<(u32, u32, u32)> {
    let separator = if text.contains('.') { '.' } else { '/' };
    let parts: Vec<u32> = text.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [one, two, year] if text.rsplit(separator).next().is_some_and(|year| year.len() == 4) => {
            Some((*one, *two, *year))
        }
        _ => None,
    }
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=9999).contains(&year) && (1..=days).contains(&day)
}

fn iso(year: u32, month: u32, day: u32) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(values: &[&str]) -> Kind {
        kind_of_all(values.iter().copied())
    }

    #[test]
    fn a_column_has_the_narrowest_kind_of_its_values() {
        for (values, expected) in [
            (&["1", "", "-20"][..], Kind::Integer),
            (&["1", "2.50"], Kind::Real),
            (&["1.234,50", "7"], Kind::CommaReal),
            (&["007", "8"], Kind::Text),
            (&["Yes", "no"], Kind::Boolean),
            (&["2024-02-29"], Kind::Date),
            (&["2023-02-29"], Kind::Text),
            (&["2024-02-29T10:00:00Z", "2024-01-01"], Kind::Timestamp),
            (&["31.12.2024", "01.02.2024"], Kind::DayFirst),
            (&["01.02.2024"], Kind::DayFirst),
            (&["12/31/2024"], Kind::MonthFirst),
            (&["01/02/2024"], Kind::Text),
            (&["1", "one"], Kind::Text),
            (&["", ""], Kind::Text),
            (&["99999999999999999999"], Kind::Text),
        ] {
            assert_eq!(kind(values), expected, "{values:?}");
        }
    }

    #[test]
    fn values_are_stored_in_their_kind() {
        assert_eq!(Kind::CommaReal.value("1.234,50"), Value::Real(1234.5));
        assert_eq!(Kind::DayFirst.value("1.2.2024"), Value::Text("2024-02-01".into()));
        assert_eq!(Kind::MonthFirst.value("12/31/2024"), Value::Text("2024-12-31".into()));
        assert_eq!(Kind::Timestamp.value("2024-01-01T10:00Z"), Value::Text("2024-01-01 10:00".into()));
        assert_eq!(Kind::Boolean.value("yes"), Value::Integer(1));
        assert_eq!(Kind::Text.value(""), Value::Null);
    }
}
