use super::tables::Value;

/// Name, city, country, day of the first visit. The last four have not ordered yet.
pub(super) const CUSTOMERS: [(&str, &str, &str, &str); 28] = [
    ("Maren Lindqvist", "Stockholm", "Sweden", "2024-09-12"),
    ("Tomás Arrieta", "Bilbao", "Spain", "2024-10-03"),
    ("Helene Brandt", "Hamburg", "Germany", "2024-10-21"),
    ("Jonas Vogelsang", "Berlin", "Germany", "2024-11-05"),
    ("Claire Montfort", "Lyon", "France", "2024-11-18"),
    ("Aoife Kinsella", "Dublin", "Ireland", "2024-12-02"),
    ("Pieter van Aalst", "Utrecht", "Netherlands", "2025-01-09"),
    ("Giulia Ferrante", "Bologna", "Italy", "2025-01-22"),
    ("Sven Halvorsen", "Bergen", "Norway", "2025-02-14"),
    ("Marta Kowalczyk", "Kraków", "Poland", "2025-02-27"),
    ("Dieter Ohlsen", "Hamburg", "Germany", "2025-03-11"),
    ("Inês Tavares", "Porto", "Portugal", "2025-03-30"),
    ("Lucie Dvořáková", "Brno", "Czechia", "2025-04-16"),
    ("Noah Steiner", "Vienna", "Austria", "2025-05-02"),
    ("Camille Roussel", "Paris", "France", "2025-05-19"),
    ("Ronan O'Dwyer", "Cork", "Ireland", "2025-06-07"),
    ("Elif Sarıkaya", "Berlin", "Germany", "2025-06-25"),
    ("Mikkel Thorsen", "Aarhus", "Denmark", "2025-07-13"),
    ("Sofia Bianchetti", "Turin", "Italy", "2025-08-01"),
    ("Anneke de Wit", "Rotterdam", "Netherlands", "2025-08-24"),
    ("Pablo Quiroga", "Madrid", "Spain", "2025-09-15"),
    ("Freya Nordahl", "Oslo", "Norway", "2025-10-08"),
    ("Baptiste Lemoine", "Paris", "France", "2025-11-20"),
    ("Katja Reinholt", "Munich", "Germany", "2026-01-14"),
    ("Oskar Wiśniewski", "Warsaw", "Poland", "2025-07-29"),
    ("Beatriz Falcão", "Lisbon", "Portugal", "2025-12-11"),
    ("Emil Sandgren", "Gothenburg", "Sweden", "2026-02-19"),
    ("Theresa Aigner", "Graz", "Austria", "2026-04-06"),
];

/// Customers with orders come first.
pub(super) const BUYERS: usize = 24;

pub(super) fn rows() -> Vec<Vec<Value>> {
    (1..).zip(CUSTOMERS).map(|(number, customer)| row(number, customer)).collect()
}

fn row(number: u32, (name, city, country, signup): (&str, &str, &str, &str)) -> Vec<Value> {
    vec![
        Value::Integer(number),
        Value::Text(name.to_owned()),
        Value::Text(email(name)),
        Value::Text(city.to_owned()),
        Value::Text(country.to_owned()),
        Value::Date(signup.to_owned()),
    ]
}

/// Under a domain that is reserved for examples.
fn email(name: &str) -> String {
    let plain = |character: char| match character {
        'á' | 'ã' | 'à' => Some('a'),
        'é' | 'ê' => Some('e'),
        'ó' => Some('o'),
        'ř' => Some('r'),
        'ı' => Some('i'),
        'ś' => Some('s'),
        ' ' => Some('.'),
        other => other.is_ascii_alphanumeric().then_some(other),
    };
    let local: String = name.to_lowercase().chars().filter_map(plain).collect();
    format!("{local}@mail.example")
}
