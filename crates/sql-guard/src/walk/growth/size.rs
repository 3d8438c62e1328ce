//! How long the result of an expression may be, by how long its arguments may be.

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, FunctionArg, FunctionArguments, ObjectName, TableFactor, UnaryOperator, Value,
};

use crate::names;
use crate::refusal::{Refusal, rule};
use crate::walk::recursion::signed;

/// Characters of the text of a column, where it is a common one.
pub const COMMON: f64 = 100.0;
/// Characters of one value.
const MAX_VALUE: f64 = 16_777_216.0;
/// Characters that an aggregate of texts may join, counted with `ROWS`; fewer when no column is among them.
const MAX_AGGREGATED: f64 = 2_000_000.0;
const MAX_MADE: f64 = 100_000.0;
/// An aggregate joins many more, but texts of a column are shorter than they may be. What a table holds is not known
/// here: the session's limits stop it.
const ROWS: f64 = 10.0;
/// A number, a date, a truth value.
const SHORT: f64 = 20.0;
/// Characters that one is written with, at most.
const ESCAPED: f64 = 4.0;

const LENGTHS: [&str; 11] = [
    "length",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "lengthb",
    "position",
    "strpos",
    "instr",
    "locate",
    "ascii",
];
const ESCAPES: [&str; 10] = [
    "hex",
    "encode",
    "to_base64",
    "quote",
    "quote_literal",
    "quote_nullable",
    "quote_ident",
    "normalize",
    "json_quote",
    "to_json",
];
const JOINS: [&str; 4] = ["concat", "concat_ws", "array_cat", "array_append"];

/// How long a value may be.
#[derive(Clone, Debug)]
pub struct Size {
    /// With columns whose texts are common ones.
    pub characters: f64,
    /// How many columns are multiplied with each other in it.
    pub degree: i32,
    /// As a number it is at most so large; a length is that of its text.
    number: Option<Box<Size>>,
    /// The columns that it joins.
    columns: Vec<String>,
    /// It is a multiple of a column.
    pub multiplies: bool,
    /// Characters of what joins the texts of many rows.
    aggregated: f64,
}

impl Size {
    /// Of what has no text.
    pub fn nothing() -> Self {
        let (characters, degree, number, columns) = (0.0, 0, None, Vec::new());
        Self { characters, degree, number, columns, multiplies: false, aggregated: 0.0 }
    }

    fn of(characters: f64) -> Self {
        Self { characters, ..Self::nothing() }
    }

    fn column(name: String) -> Self {
        Self { degree: 1, columns: vec![name], ..Self::of(COMMON) }
    }

    fn number(most: Size) -> Self {
        Self { number: Some(Box::new(most)), ..Self::of(SHORT) }
    }

    /// With columns that are so many times longer than common ones.
    pub fn characters_with(&self, columns: f64) -> f64 {
        self.characters * columns.max(1.0).powi(self.degree)
    }

    /// Whether it is more than one value may be.
    pub fn is_too_long(&self, columns: f64) -> bool {
        let factor = columns.max(1.0).powi(self.degree);
        self.characters * factor > MAX_VALUE || self.aggregated * factor > MAX_AGGREGATED
    }

    /// One or the other.
    pub fn or(self, other: Self) -> Self {
        let characters = self.characters.max(other.characters);
        let number = match (&self.number, &other.number) {
            (Some(one), Some(other)) => Some(Box::new((**one).clone().or((**other).clone()))),
            _ => None,
        };
        Self { characters, number, ..self.marked(other) }.without_repeats()
    }

    /// One after the other.
    fn and(self, other: Self) -> Self {
        let characters = self.characters + other.characters;
        Self { characters, number: None, ..self.marked(other) }
    }

    /// As many as the other says.
    fn times(self, other: Self) -> Self {
        let characters = self.characters * other.characters.max(1.0);
        let (degree, multiplies) = (self.degree + other.degree, self.degree > 0 && other.characters > 1.0);
        let size = self.marked(other);
        Self { characters, degree, number: None, multiplies: size.multiplies || multiplies, ..size }
    }

    fn marked(mut self, other: Self) -> Self {
        self.degree = self.degree.max(other.degree);
        self.columns.extend(other.columns);
        self.multiplies |= other.multiplies;
        self.aggregated = self.aggregated.max(other.aggregated);
        self
    }

    /// A column that is joined with itself is a multiple of it.
    fn joined(mut self) -> Self {
        self.columns.sort();
        self.multiplies |= self.columns.windows(2).any(|pair| pair[0] == pair[1]);
        self.without_repeats()
    }

    fn without_repeats(mut self) -> Self {
        self.columns.sort();
        self.columns.dedup();
        self
    }
}

fn longest(sizes: Vec<Size>) -> Size {
    sizes.into_iter().reduce(Size::or).unwrap_or_else(Size::nothing)
}

fn joined(sizes: Vec<Size>) -> Size {
    sizes.into_iter().fold(Size::nothing(), Size::and).joined()
}

fn sum(sizes: Vec<Size>) -> Size {
    sizes.into_iter().fold(Size::nothing(), Size::and).without_repeats()
}

/// By the sizes of its parts, in order of appearance.
pub fn of_expr(expr: &Expr, parts: Vec<Size>) -> Result<Size, Refusal> {
    Ok(match expr {
        Expr::Identifier(name) => Size::column(name.value.to_lowercase()),
        Expr::CompoundIdentifier(name) => {
            Size::column(name.last().map(|name| name.value.to_lowercase()).unwrap_or_default())
        }
        Expr::Value(value) => of_value(&value.value),
        Expr::Subquery(_) => Size { degree: 1, ..Size::of(COMMON) },
        Expr::Nested(_) | Expr::Collate { .. } => parts.into_iter().next().unwrap_or_else(Size::nothing),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, .. } => longest(parts),
        Expr::Cast { data_type, .. } => cast(data_type, parts),
        Expr::BinaryOp { op, right, .. } => of_operation(op, right, parts),
        Expr::Function(function) => of_call(&function.name, &arguments(&function.args), parts)?,
        Expr::Position { .. } => Size::number(of_text(longest(parts))),
        Expr::Overlay { .. } | Expr::Array(_) | Expr::Tuple(_) => joined(parts),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Exists { .. } => Size::of(SHORT),
        _ => longest(parts),
    })
}

/// A function in FROM. What it makes is a column there.
pub fn of_factor(factor: &TableFactor, parts: Vec<Size>) -> Result<Size, Refusal> {
    match factor {
        TableFactor::Table { name, args: Some(args), .. } => {
            of_call(name, &args.args.iter().collect::<Vec<_>>(), parts)
        }
        TableFactor::Function { name, args, .. } => of_call(name, &args.iter().collect::<Vec<_>>(), parts),
        TableFactor::UNNEST { .. } | TableFactor::JsonTable { .. } => Ok(joined(parts)),
        _ => Ok(Size::nothing()),
    }
}

fn arguments(arguments: &FunctionArguments) -> Vec<&FunctionArg> {
    match arguments {
        FunctionArguments::List(list) => list.args.iter().collect(),
        _ => Vec::new(),
    }
}

fn of_value(value: &Value) -> Size {
    match value {
        Value::Number(digits, _) => Size::number(Size::of(digits.parse().unwrap_or(f64::MAX))),
        other => Size::of(other.to_string().len() as f64),
    }
}

/// `CHAR(n)` and `BIT(n)` are filled up.
fn cast(data_type: &DataType, parts: Vec<Size>) -> Size {
    let inner = parts.into_iter().next().unwrap_or_else(Size::nothing);
    let name = data_type.to_string().to_lowercase();
    let is_filled = ["char", "bit", "binary", "bpchar"].iter().any(|filled| name.starts_with(filled));
    let width = name.split(|ch: char| !ch.is_ascii_digit()).filter_map(|digits| digits.parse::<f64>().ok());
    match width.fold(0.0, f64::max) {
        width if is_filled && width > inner.characters => Size { characters: width, ..inner },
        _ => inner,
    }
}

/// Numbers count without their sign.
fn of_operation(operator: &BinaryOperator, right: &Expr, parts: Vec<Size>) -> Size {
    let numbers = match parts.as_slice() {
        [left, right] => left.number.as_deref().cloned().zip(right.number.as_deref().cloned()),
        _ => None,
    };
    match (operator, numbers) {
        (BinaryOperator::Plus | BinaryOperator::Minus, Some((left, right))) => {
            Size::number(left.and(right).without_repeats())
        }
        (BinaryOperator::Multiply, Some((left, right))) => Size::number(left.times(right)),
        (BinaryOperator::Modulo, _) => parts.into_iter().next_back().unwrap_or_else(Size::nothing),
        (BinaryOperator::Divide | BinaryOperator::MyIntegerDivide, _)
            if signed(right).is_some_and(|divisor| divisor.abs() >= 1.0) =>
        {
            parts.into_iter().next().unwrap_or_else(Size::nothing)
        }
        (BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply | BinaryOperator::Divide, _) => {
            Size { number: None, ..longest(parts) }
        }
        (
            BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq,
            _,
        ) => Size::of(SHORT),
        _ => joined(parts),
    }
}

fn of_call(name: &ObjectName, arguments: &[&FunctionArg], parts: Vec<Size>) -> Result<Size, Refusal> {
    let name = names::called(name);
    let part = |at: usize| parts.get(at).cloned().unwrap_or_else(Size::nothing);
    let text = |at: usize| Size { number: None, ..part(at) };
    Ok(match name.as_str() {
        "repeat" => Size { characters: part(0).characters.max(1.0), ..text(0) }.times(count(&name, &part(1))?),
        "lpad" | "rpad" => count(&name, &part(1))?,
        "space" => count(&name, &part(0))?,
        "array_fill" => joined(parts).times(filled(arguments)?),
        "replace" | "regexp_replace" => replaced(text(0), &part(1), part(2)),
        "format" | "sformat" | "printf" | "to_char" => {
            let places = Size::of((part(0).characters / 2.0).max(1.0));
            joined(parts).times(places)
        }
        "export_set" => joined(parts).times(Size::of(64.0)),
        "array_to_string" => joined(parts).times(Size::of(ROWS)),
        "least" => parts.into_iter().filter(|part| part.number.is_some()).reduce(smaller).unwrap_or_else(Size::nothing),
        "greatest" | "coalesce" | "ifnull" | "max" | "min" => longest(parts),
        "floor" | "ceil" | "ceiling" | "round" | "trunc" | "truncate" | "abs" => part(0),
        "count" | "row_number" | "rank" | "dense_rank" | "ntile" => Size::of(SHORT),
        _ if LENGTHS.contains(&name.as_str()) => Size::number(of_text(longest(parts))),
        _ if ESCAPES.contains(&name.as_str()) => longest(parts).times(Size::of(ESCAPED)),
        _ if name.contains("_agg")
            || name.contains("arrayagg")
            || name.contains("objectagg")
            || name == "group_concat" =>
        {
            aggregate(longest(parts).times(Size::of(ROWS)))?
        }
        _ if JOINS.contains(&name.as_str()) || name.starts_with("json") => joined(parts),
        _ => sum(parts),
    })
}

/// What the statement itself makes long is made for every row.
fn aggregate(all: Size) -> Result<Size, Refusal> {
    if all.degree == 0 && all.characters > MAX_MADE {
        return Err(too_long());
    }
    Ok(Size { aggregated: all.characters.max(all.aggregated), ..all })
}

/// How long it is, which is no column of the text any more.
fn of_text(text: Size) -> Size {
    Size { number: None, columns: Vec::new(), multiplies: false, aggregated: 0.0, ..text }
}

fn smaller(one: Size, other: Size) -> Size {
    let most = |size: &Size| size.number.as_ref().map_or(f64::MAX, |number| number.characters_with(f64::MAX.sqrt()));
    if most(&one) <= most(&other) { one } else { other }
}

/// Each place of the pattern may become the other text, which may hold what was there.
fn replaced(text: Size, pattern: &Size, by: Size) -> Size {
    let by_literal = by.degree == 0 && by.characters <= pattern.characters && pattern.degree == 0;
    if by_literal { text } else { text.times(by) }
}

/// How often, or how long. A length that the statement does not tell may be any.
fn count(name: &str, most: &Size) -> Result<Size, Refusal> {
    match &most.number {
        Some(number) => Ok(of_text((**number).clone())),
        None => Err(Refusal::new(
            rule::TOO_LARGE,
            format!("How much {name} makes is not known before it runs. Limit it, such as by LEAST(n, 100)."),
        )),
    }
}

/// The product of the sizes of an array.
fn filled(arguments: &[&FunctionArg]) -> Result<Size, Refusal> {
    use sqlparser::ast::FunctionArgExpr;
    let sizes = match arguments.get(1) {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Array(sizes)))) => &sizes.elem,
        _ => return count("array_fill", &Size::nothing()),
    };
    let known: Option<Vec<f64>> = sizes.iter().map(signed).collect();
    match known {
        Some(sizes) => Ok(Size::of(sizes.into_iter().product())),
        None => count("array_fill", &Size::nothing()),
    }
}

/// The refusal of what could become longer than a value may be.
pub fn too_long() -> Refusal {
    let message = format!(
        "A value could become longer than {MAX_VALUE} characters, because what makes a text longer is given one that was \
         made long before. Make it shorter."
    );
    Refusal::new(rule::TOO_LARGE, message)
}
