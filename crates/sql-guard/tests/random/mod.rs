//! Random queries over three small tables of SQLite, from a seed.
#![allow(dead_code, reason = "each check uses its own part")]

/// A generator that gives the same numbers for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    pub fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// A whole query.
pub fn query(random: &mut Random) -> String {
    match random.below(6) {
        0 => format!("WITH w AS ({}) SELECT count(*), min(o1) FROM w", select(random, 1)),
        1 => format!("{} UNION ALL {}", narrow(random), narrow(random)),
        2 => format!("{} EXCEPT {}", narrow(random), narrow(random)),
        3 => format!("SELECT x.o1, count(*) FROM ({}) AS x GROUP BY x.o1", select(random, 1)),
        _ => select(random, 0),
    }
}

fn narrow(random: &mut Random) -> String {
    let table = random.one(&["a", "b", "c"]);
    format!("SELECT {} AS o1 FROM {table} WHERE {}", column(random, &[table]), condition(random, &[table], 0))
}

fn select(random: &mut Random, depth: usize) -> String {
    let (from, names) = from(random);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let list = match random.below(5) {
        0 if depth == 0 => "*".to_owned(),
        1 if depth == 0 => format!("{}.*", names[0]),
        _ => format!("{} AS o1, {} AS o2", value(random, &names, depth), value(random, &names, depth)),
    };
    let filter = match random.below(3) {
        0 => String::new(),
        _ => format!(" WHERE {}", condition(random, &names, depth)),
    };
    let order = match random.below(3) {
        0 => format!(" ORDER BY {}", column(random, &names)),
        _ => String::new(),
    };
    if random.below(4) == 0 {
        let key = column(random, &names);
        return format!(
            "SELECT {key} AS o1, count(*) AS o2, max({}) FROM {from}{filter} GROUP BY {key}",
            column(random, &names)
        );
    }
    format!("SELECT {}{list} FROM {from}{filter}{order}", random.one(&["", "DISTINCT ", ""]))
}

fn from(random: &mut Random) -> (String, Vec<String>) {
    let first = random.one(&["a", "b", "c", "main.a", "[b]", "\"a\""]);
    let plain = first.trim_start_matches("main.").trim_matches(['[', ']', '"']).to_owned();
    if random.below(3) == 0 {
        return (first.to_owned(), vec![plain]);
    }
    let join = random.one(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "INNER JOIN"]);
    let second = random.one(&["a", "b", "c"]);
    let on = match random.below(5) {
        0 => "USING (k)".to_owned(),
        1 => format!("ON t1.s = t2.s AND t2.{} IS NOT NULL", random.one(&["k", "n", "s"])),
        _ => format!("ON t1.{} = t2.{}", random.one(&["k", "n", "s"]), random.one(&["k", "n", "s"])),
    };
    (format!("{first} AS t1 {join} {second} t2 {on}"), vec!["t1".to_owned(), "t2".to_owned()])
}

fn column(random: &mut Random, names: &[&str]) -> String {
    let name = random.one(names);
    let column = random.one(&["k", "n", "s", "\"n\"", "[s]"]);
    format!("{name}.{column}")
}

fn value(random: &mut Random, names: &[&str], depth: usize) -> String {
    match random.below(6) {
        0 => format!("coalesce({}, 'none')", column(random, names)),
        1 => format!("CASE WHEN {} THEN {} END", condition(random, names, 2), column(random, names)),
        2 if depth < 2 => {
            let table = random.one(&["a", "b"]);
            let outer = column(random, names);
            format!("(SELECT max(i.n) FROM {table} AS i WHERE i.k = {outer})")
        }
        _ => column(random, names),
    }
}

fn condition(random: &mut Random, names: &[&str], depth: usize) -> String {
    let column = column(random, names);
    match random.below(9) {
        0 => format!("{column} IS NULL"),
        1 => format!("{column} IN (1, 2, 'x', '***')"),
        2 if depth < 2 => {
            format!("{column} IN (SELECT {} FROM {} AS i)", random.one(&["i.k", "i.s"]), random.one(&["a", "b"]))
        }
        3 if depth < 2 => format!("EXISTS (SELECT 1 FROM b WHERE b.k = {column} AND b.n IS NULL)"),
        4 if depth < 2 => {
            let (left, right) = (condition(random, names, depth + 1), condition(random, names, depth + 1));
            format!("({left} {} {right})", random.one(&["AND", "OR"]))
        }
        5 => format!("NOT {column} = \"x\""),
        6 => format!("{column} LIKE '%*'"),
        _ => {
            format!("{column} {} {}", random.one(&["<", ">=", "=", "<>"]), random.one(&["1", "2", "5", "'x'", "'***'"]))
        }
    }
}
