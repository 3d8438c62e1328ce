//! The rules on the shop that the sample data is: what its owner asks must be answered right.

mod shop;

use contracts::Dialect;
use domain::{rules, suggest};

fn sql(question: &str) -> String {
    sql_in(question, Dialect::Sqlite)
}

fn sql_in(question: &str, dialect: Dialect) -> String {
    let answer = rules::answer(question, &shop::schema(dialect), dialect);
    answer.map_or_else(|abstention| abstention.message, |answer| answer.sql)
}

#[track_caller]
fn expect(question: &str, wanted: &str) {
    assert_eq!(sql(question), wanted.split_whitespace().collect::<Vec<_>>().join(" "), "{question}");
}

const REVENUE: &str = "SUM(order_items.quantity * order_items.unit_price)";
const LINES_TO_CUSTOMERS: &str = "customers JOIN orders ON orders.customer_id = customers.customer_id \
    JOIN order_items ON order_items.order_id = orders.order_id";
const LINES_TO_PRODUCTS: &str = "products JOIN order_items ON order_items.product_id = products.product_id";
const LINES_TO_ORDERS: &str = "order_items JOIN orders ON orders.order_id = order_items.order_id";

#[test]
fn rows_are_counted() {
    expect("How many customers do we have?", "SELECT COUNT(*) AS number_of_customers FROM customers");
    expect("How many products do we sell?", "SELECT COUNT(*) AS number_of_products FROM products");
    expect(
        "How many orders are cancelled?",
        "SELECT COUNT(*) AS number_of_orders FROM orders WHERE status = 'cancelled'",
    );
    expect(
        "How many orders were not delivered?",
        "SELECT COUNT(*) AS number_of_orders FROM orders WHERE status <> 'delivered'",
    );
    expect(
        "How many products are in the Coffee category?",
        "SELECT COUNT(*) AS number_of_products FROM products WHERE category = 'Coffee'",
    );
    expect(
        "How many different countries do our customers come from?",
        "SELECT COUNT(DISTINCT country) AS different_country FROM customers",
    );
}

#[test]
fn rows_are_counted_for_each_group() {
    for question in
        ["How many customers are there per country?", "customers per country", "number of customers by country"]
    {
        expect(
            question,
            "SELECT country, COUNT(*) AS number_of_customers FROM customers GROUP BY country ORDER BY COUNT(*) DESC",
        );
    }
    expect(
        "How many orders are in each status?",
        "SELECT status, COUNT(*) AS number_of_orders FROM orders GROUP BY status ORDER BY COUNT(*) DESC",
    );
    expect(
        "How many orders did each customer place?",
        "SELECT customers.name, COUNT(*) AS number_of_orders FROM orders \
         JOIN customers ON customers.customer_id = orders.customer_id \
         GROUP BY customers.customer_id, customers.name ORDER BY COUNT(*) DESC",
    );
    expect(
        "How many orders per month?",
        "SELECT strftime('%Y-%m', order_date) AS month, COUNT(*) AS number_of_orders FROM orders \
         GROUP BY strftime('%Y-%m', order_date) ORDER BY strftime('%Y-%m', order_date)",
    );
}

#[test]
fn rows_are_filtered() {
    expect("Which products cost more than 50?", "SELECT name FROM products WHERE price > 50");
    expect("Which products cost between 10 and 20?", "SELECT name FROM products WHERE price BETWEEN 10 AND 20");
    expect(
        "how many products cost less than 20 euros?",
        "SELECT COUNT(*) AS number_of_products FROM products WHERE price < 20",
    );
    expect("List all products in the category Tea", "SELECT name FROM products WHERE category = 'Tea'");
    expect("List all customers from Germany", "SELECT name FROM customers WHERE country = 'Germany'");
    expect(
        "Which customers are from France or Spain?",
        "SELECT name FROM customers WHERE (country = 'France' OR country = 'Spain')",
    );
    expect("List the emails of customers in Paris", "SELECT email FROM customers WHERE city = 'Paris'");
    expect("What is the price of the Stoneware Mug?", "SELECT price FROM products WHERE name = 'Stoneware Mug'");
    expect(
        "List delivered orders",
        "SELECT order_id, customer_id, order_date, status FROM orders WHERE status = 'delivered'",
    );
}

#[test]
fn values_are_listed_once() {
    expect("Which cities do our customers live in?", "SELECT DISTINCT city FROM customers");
    expect("What are the product categories?", "SELECT DISTINCT category FROM products");
}

#[test]
fn dates_are_compared() {
    expect(
        "How many orders were placed in March 2026?",
        "SELECT COUNT(*) AS number_of_orders FROM orders WHERE order_date >= '2026-03-01' AND order_date < '2026-04-01'",
    );
    expect(
        "How many orders were placed in December 2025?",
        "SELECT COUNT(*) AS number_of_orders FROM orders WHERE order_date >= '2025-12-01' AND order_date < '2026-01-01'",
    );
    expect(
        "How many customers signed up in 2025?",
        "SELECT COUNT(*) AS number_of_customers FROM customers \
         WHERE signup_date >= '2025-01-01' AND signup_date < '2026-01-01'",
    );
    expect(
        "Which customers signed up after 2025-06-01?",
        "SELECT name FROM customers WHERE signup_date >= '2025-06-02'",
    );
    expect(
        "How many orders were placed between 2026-01-01 and 2026-03-31?",
        "SELECT COUNT(*) AS number_of_orders FROM orders WHERE order_date BETWEEN '2026-01-01' AND '2026-03-31'",
    );
}

#[test]
fn extremes_are_found() {
    expect("What is the most expensive product?", "SELECT name FROM products ORDER BY price DESC LIMIT 1");
    expect("Which product is the cheapest?", "SELECT name FROM products ORDER BY price LIMIT 1");
    expect(
        "What is the cheapest product in the Tea category?",
        "SELECT name FROM products WHERE category = 'Tea' ORDER BY price LIMIT 1",
    );
    expect("Who is our newest customer?", "SELECT name FROM customers ORDER BY signup_date DESC LIMIT 1");
    expect("What is the highest price?", "SELECT MAX(price) AS highest_price FROM products");
    expect(
        "What are the 5 most recent orders?",
        "SELECT order_id, customer_id, order_date, status FROM orders ORDER BY order_date DESC LIMIT 5",
    );
    expect(
        "Show the latest orders",
        "SELECT order_id, customer_id, order_date, status FROM orders ORDER BY order_date DESC LIMIT 10",
    );
    expect(
        "List the name and price of all products ordered by price descending",
        "SELECT name, price FROM products ORDER BY price DESC",
    );
}

#[test]
fn numbers_are_aggregated() {
    expect("What is the average price of a product?", "SELECT AVG(price) AS average_price FROM products");
    expect(
        "Average price by category",
        "SELECT category, AVG(price) AS average_price FROM products GROUP BY category ORDER BY AVG(price) DESC",
    );
    expect(
        "What are the lowest and highest price of products?",
        "SELECT MIN(price) AS lowest_price, MAX(price) AS highest_price FROM products",
    );
    expect(
        "Average, minimum and maximum price of products",
        "SELECT AVG(price) AS average_price, MIN(price) AS lowest_price, MAX(price) AS highest_price FROM products",
    );
    expect(
        "Which category has the highest average price?",
        "SELECT category FROM products GROUP BY category ORDER BY AVG(price) DESC LIMIT 1",
    );
    expect(
        "What percentage of orders were cancelled?",
        "SELECT 100.0 * SUM(CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END) / COUNT(*) AS percentage FROM orders",
    );
}

#[test]
fn revenue_is_quantity_times_price() {
    expect("What is the total revenue?", "SELECT SUM(quantity * unit_price) AS revenue FROM order_items");
    expect(
        "What was our revenue in 2025?",
        &format!(
            "SELECT {REVENUE} AS revenue FROM {LINES_TO_ORDERS} \
             WHERE orders.order_date >= '2025-01-01' AND orders.order_date < '2026-01-01'"
        ),
    );
    expect(
        "What is the total revenue of delivered orders?",
        &format!("SELECT {REVENUE} AS revenue FROM {LINES_TO_ORDERS} WHERE orders.status = 'delivered'"),
    );
    expect(
        "Revenue by category",
        &format!(
            "SELECT products.category, {REVENUE} AS revenue FROM {LINES_TO_PRODUCTS} \
             GROUP BY products.category ORDER BY {REVENUE} DESC"
        ),
    );
    expect(
        "Revenue by country",
        &format!(
            "SELECT customers.country, {REVENUE} AS revenue FROM {LINES_TO_CUSTOMERS} \
             GROUP BY customers.country ORDER BY {REVENUE} DESC"
        ),
    );
    for question in ["revenue by month", "monthly revenue", "Show me revenue per month"] {
        expect(
            question,
            &format!(
                "SELECT strftime('%Y-%m', orders.order_date) AS month, {REVENUE} AS revenue FROM {LINES_TO_ORDERS} \
                 GROUP BY strftime('%Y-%m', orders.order_date) ORDER BY strftime('%Y-%m', orders.order_date)"
            ),
        );
    }
    expect("How many items were sold in total?", "SELECT SUM(quantity) AS total_quantity FROM order_items");
}

#[test]
fn customers_and_products_are_ranked() {
    expect(
        "Top 5 products by revenue",
        &format!(
            "SELECT products.name, {REVENUE} AS revenue FROM {LINES_TO_PRODUCTS} \
             GROUP BY products.name, products.product_id ORDER BY {REVENUE} DESC LIMIT 5"
        ),
    );
    expect(
        "Who are our top customers by revenue?",
        &format!(
            "SELECT customers.name, {REVENUE} AS revenue FROM {LINES_TO_CUSTOMERS} \
             GROUP BY customers.name, customers.customer_id ORDER BY {REVENUE} DESC LIMIT 10"
        ),
    );
    expect(
        "Top 3 customers by number of orders",
        "SELECT customers.name, COUNT(*) AS number_of_orders FROM customers \
         JOIN orders ON orders.customer_id = customers.customer_id \
         GROUP BY customers.name, customers.customer_id ORDER BY COUNT(*) DESC LIMIT 3",
    );
    expect(
        "Which customer has the most orders?",
        "SELECT customers.name FROM customers JOIN orders ON orders.customer_id = customers.customer_id \
         GROUP BY customers.name, customers.customer_id ORDER BY COUNT(*) DESC LIMIT 1",
    );
    expect(
        "What is the best selling product?",
        &format!(
            "SELECT products.name, SUM(order_items.quantity) AS total_quantity FROM {LINES_TO_PRODUCTS} \
             GROUP BY products.name, products.product_id ORDER BY SUM(order_items.quantity) DESC LIMIT 1"
        ),
    );
    expect(
        "Which customers have more than 3 orders?",
        "SELECT customers.name FROM customers JOIN orders ON orders.customer_id = customers.customer_id \
         GROUP BY customers.name, customers.customer_id HAVING COUNT(*) > 3",
    );
    expect(
        "Which customers spent more than 200?",
        &format!(
            "SELECT customers.name FROM {LINES_TO_CUSTOMERS} \
             GROUP BY customers.name, customers.customer_id HAVING {REVENUE} > 200"
        ),
    );
}

#[test]
fn an_order_value_is_averaged_over_orders() {
    expect(
        "What is the average order value?",
        "SELECT SUM(quantity * unit_price) * 1.0 / COUNT(DISTINCT order_id) AS average_order_value FROM order_items",
    );
}

#[test]
fn absence_is_understood() {
    for question in
        ["Which customers have never ordered?", "customers without orders", "Which customers have not placed an order?"]
    {
        expect(question, "SELECT name FROM customers WHERE customer_id NOT IN (SELECT customer_id FROM orders)");
    }
    for question in ["Which products were never sold?", "products never sold"] {
        expect(question, "SELECT name FROM products WHERE product_id NOT IN (SELECT product_id FROM order_items)");
    }
    expect(
        "Which customers never bought tea?",
        "SELECT name FROM customers WHERE customer_id NOT IN (SELECT orders.customer_id FROM orders \
         JOIN order_items ON order_items.order_id = orders.order_id \
         JOIN products ON products.product_id = order_items.product_id WHERE products.category = 'Tea')",
    );
}

#[test]
fn related_rows_are_joined() {
    expect(
        "Show the orders of Jonas Vogelsang",
        "SELECT orders.order_id, orders.customer_id, orders.order_date, orders.status FROM orders \
         JOIN customers ON customers.customer_id = orders.customer_id WHERE customers.name = 'Jonas Vogelsang'",
    );
    expect(
        "Which orders contain the Hand Grinder?",
        "SELECT order_id, customer_id, order_date, status FROM orders WHERE order_id IN \
         (SELECT order_items.order_id FROM order_items \
         JOIN products ON products.product_id = order_items.product_id WHERE products.name = 'Hand Grinder')",
    );
}

#[test]
fn each_dialect_has_its_own_functions() {
    let question = "orders per month";
    assert!(sql_in(question, Dialect::Postgres).starts_with("SELECT to_char(order_date, 'YYYY-MM') AS month"));
    assert!(sql_in(question, Dialect::Mysql).starts_with("SELECT DATE_FORMAT(order_date, '%Y-%m') AS month"));
    let named = "Which customers have the letter 'a' in their name?";
    assert_eq!(sql_in(named, Dialect::Postgres), "SELECT name FROM customers WHERE name ILIKE '%a%'");
    assert_eq!(sql_in(named, Dialect::Mysql), "SELECT name FROM customers WHERE name LIKE '%a%'");
}

#[test]
fn what_is_not_understood_is_not_answered() {
    for question in [
        "orders last month",
        "What is the weather today?",
        "Why are sales going down?",
        "Which customers are older than their orders?",
        "hello",
        "",
        "???",
    ] {
        let answer = rules::answer(question, &shop::schema(Dialect::Sqlite), Dialect::Sqlite);
        let abstention = answer.expect_err(question);
        assert!(abstention.message.contains("language model"), "{}", abstention.message);
    }
}

#[test]
fn a_text_cannot_leave_its_quotes() {
    let attack = "List customers named \"x'; DROP TABLE customers; --\"";
    assert_eq!(sql(attack), "SELECT name FROM customers WHERE name = 'x''; DROP TABLE customers; --'");
    let escaped = "List customers named \"x\\' OR 1=1 -- \"";
    assert_eq!(sql_in(escaped, Dialect::Mysql), "SELECT name FROM customers WHERE name = 'x\\\\'' OR 1=1 --'");
}

#[test]
fn messages_are_classified() {
    let schema = shop::schema(Dialect::Sqlite);
    let kind = |message: &str| rules::classify(message, Some(&schema));
    for message in
        ["How many customers do we have?", "revenue by month", "hi, how many orders are cancelled?", "top products"]
    {
        assert_eq!(kind(message), "sql", "{message}");
    }
    for message in [
        "hello",
        "Hi there!",
        "thank you",
        "Thanks a lot!",
        "Who are you?",
        "What can you do?",
        "What is the weather today?",
        "",
    ] {
        assert_eq!(kind(message), "chat", "{message}");
    }
    assert_eq!(kind("Run the month-end workflow"), "workflow");
    assert_eq!(rules::classify("How many whales are there?", None), "sql");
    assert_eq!(rules::classify("good morning", None), "chat");
}

#[test]
fn suggested_questions_are_those_of_a_shop_owner() {
    let schema = shop::schema(Dialect::Sqlite);
    let questions = suggest::questions(&schema, 8);
    assert_eq!(questions.len(), 8, "{questions:?}");
    assert_eq!(questions[0], "How many customers do we have?");
    assert!(questions.iter().any(|question| question.contains("never ordered")), "{questions:?}");
    for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
        for question in &questions {
            assert!(sql_in(question, dialect).starts_with("SELECT "), "{question}");
        }
    }
}
