use super::people::{BUYERS, CUSTOMERS};
use super::products::{SOLD, price_on};
use super::tables::Value;

/// Year, month and number of orders: a shop that grows, with a Christmas.
const MONTHS: [(u32, u32, usize); 12] = [
    (2025, 6, 4),
    (2025, 7, 5),
    (2025, 8, 5),
    (2025, 9, 6),
    (2025, 10, 7),
    (2025, 11, 9),
    (2025, 12, 13),
    (2026, 1, 6),
    (2026, 2, 7),
    (2026, 3, 8),
    (2026, 4, 9),
    (2026, 5, 11),
];

pub(super) struct Order {
    number: u32,
    customer: usize,
    date: String,
    status: &'static str,
    /// Product by index, and quantity.
    items: Vec<(usize, u32)>,
}

impl Order {
    pub(super) fn row(&self) -> Vec<Value> {
        vec![
            Value::Integer(self.number),
            Value::Integer(key(self.customer)),
            Value::Date(self.date.clone()),
            Value::Text(self.status.to_owned()),
        ]
    }

    pub(super) fn item_rows(&self) -> Vec<Vec<Value>> {
        let row = |(product, quantity): &(usize, u32)| {
            vec![
                Value::Integer(self.number),
                Value::Integer(key(*product)),
                Value::Integer(*quantity),
                Value::Money(price_on(*product, &self.date)),
            ]
        };
        self.items.iter().map(row).collect()
    }
}

fn key(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// In the order of their days, numbered from 1001.
pub(super) fn orders() -> Vec<Order> {
    let mut dice = Dice(2025);
    let mut orders = Vec::new();
    for (year, month, count) in MONTHS {
        let mut days: Vec<usize> = (0..count).map(|_| 1 + dice.below(28)).collect();
        days.sort_unstable();
        for day in days {
            let date = format!("{year}-{month:02}-{day:02}");
            let number = 1001 + u32::try_from(orders.len()).unwrap_or_default();
            let customer = customer(&date, &orders, &mut dice);
            orders.push(order(number, customer, date, &mut dice));
        }
    }
    orders
}

fn order(number: u32, customer: usize, date: String, dice: &mut Dice) -> Order {
    let status = status(&date, dice);
    let mut items: Vec<(usize, u32)> = Vec::new();
    for _ in 0..1 + dice.below(4) {
        // The smaller of two throws: what stands first in the list sells best.
        let product = dice.below(SOLD).min(dice.below(SOLD + 8)) % SOLD;
        if items.iter().all(|(known, _)| *known != product) {
            let quantity = [1, 1, 1, 2, 2, 3][dice.below(6)];
            items.push((product, quantity));
        }
    }
    items.sort_unstable();
    Order { number, customer, date, status, items }
}

/// Someone who had an account by then: half of the time one who has not ordered yet, else rather an early one.
fn customer(date: &str, orders: &[Order], dice: &mut Dice) -> usize {
    let known = CUSTOMERS.iter().take(BUYERS).filter(|(_, _, _, signup)| *signup <= date).count();
    let fresh = (0..known).find(|customer| orders.iter().all(|order| order.customer != *customer));
    match fresh {
        Some(customer) if dice.below(2) == 0 => customer,
        _ => dice.below(known).min(dice.below(known + known / 2)) % known.max(1),
    }
}

fn status(date: &str, dice: &mut Dice) -> &'static str {
    let throw = dice.below(20);
    match throw {
        0 | 1 => "cancelled",
        _ if date >= "2026-05-20" => "processing",
        _ if date >= "2026-05-10" => "shipped",
        2 => "returned",
        _ => "delivered",
    }
}

/// A linear congruential generator: the same throws on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let sides = u64::try_from(sides.max(1)).unwrap_or(1);
        usize::try_from((self.0 >> 33) % sides).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_data_has_what_questions_look_for() {
        let orders = orders();
        let buyers: BTreeSet<usize> = orders.iter().map(|order| order.customer).collect();
        let sold: BTreeSet<usize> =
            orders.iter().flat_map(|order| order.items.iter().map(|(product, _)| *product)).collect();
        let statuses: BTreeSet<&str> = orders.iter().map(|order| order.status).collect();
        assert_eq!(orders.len(), 90);
        assert_eq!(sold, (0..SOLD).collect());
        assert_eq!(buyers, (0..BUYERS).collect());
        assert_eq!(statuses.len(), 5);
        assert!(orders.iter().all(|order| CUSTOMERS[order.customer].3 <= order.date.as_str()));
        assert!(orders.iter().all(|order| !order.items.is_empty()));
    }
}
