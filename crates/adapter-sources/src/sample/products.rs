use super::tables::Value;

/// Name, category, price today in cents. The last one was never sold.
pub(super) const PRODUCTS: [(&str, &str, u32); 26] = [
    ("House Espresso 1 kg", "Coffee", 2450),
    ("Morning Filter 500 g", "Coffee", 1375),
    ("Sidamo Single Origin 250 g", "Coffee", 1125),
    ("Huila Single Origin 250 g", "Coffee", 1075),
    ("Swiss Water Decaf 500 g", "Coffee", 1450),
    ("Cold Brew Blend 500 g", "Coffee", 1325),
    ("Barista Tasting Box", "Coffee", 3600),
    ("Darjeeling First Flush 100 g", "Tea", 1650),
    ("Sencha 100 g", "Tea", 1225),
    ("Earl Grey Supreme 100 g", "Tea", 950),
    ("Ceremonial Matcha 30 g", "Tea", 2275),
    ("Rooibos Orange 100 g", "Tea", 775),
    ("Peppermint Leaves 80 g", "Tea", 625),
    ("Ceramic Dripper", "Brewing", 2150),
    ("Paper Filters, 100 pieces", "Brewing", 575),
    ("French Press 1 l", "Brewing", 3425),
    ("Hand Grinder", "Brewing", 6950),
    ("Gooseneck Kettle", "Brewing", 5825),
    ("Digital Scale", "Brewing", 3175),
    ("Milk Frother", "Brewing", 2800),
    ("Espresso Cup, Set of 4", "Tableware", 3250),
    ("Stoneware Mug", "Tableware", 1475),
    ("Glass Teapot 800 ml", "Tableware", 3900),
    ("Bamboo Tray", "Tableware", 2625),
    ("Travel Tumbler", "Tableware", 2375),
    ("Porcelain Tea Set", "Tableware", 8900),
];

/// Products that were sold come first.
pub(super) const SOLD: usize = 25;

/// The price of a product, by its index, on a day: coffee rose by 50 cents with the new year.
pub(super) fn price_on(product: usize, date: &str) -> u32 {
    let (_, category, price) = PRODUCTS[product];
    if category == "Coffee" && date < "2026-01-01" { price - 50 } else { price }
}

pub(super) fn rows() -> Vec<Vec<Value>> {
    (1..)
        .zip(PRODUCTS)
        .map(|(number, (name, category, price))| {
            vec![
                Value::Integer(number),
                Value::Text(name.to_owned()),
                Value::Text(category.to_owned()),
                Value::Money(price),
            ]
        })
        .collect()
}
