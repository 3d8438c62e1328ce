//! How tables hang together: declared foreign keys, else key columns of the same name.

use std::collections::VecDeque;

use contracts::{Schema, TableSchema};

use super::catalog::{Catalog, ColumnRef};

/// A way from one table to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// The pairs of equal columns, the referring column first.
    pub pairs: Vec<(ColumnRef, ColumnRef)>,
    /// The table that refers.
    pub child: usize,
    /// The table referred to.
    pub parent: usize,
}

/// A table joined to those before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// The table that it adds.
    pub table: usize,
    /// The edge it uses.
    pub edge: Edge,
}

/// Every edge of a schema.
pub struct Graph {
    edges: Vec<Edge>,
    tables: usize,
}

impl Graph {
    /// Reads the declared keys; a schema that declares none gets edges between key columns of the same name.
    pub fn new(catalog: &Catalog) -> Self {
        let mut edges = declared(catalog.schema);
        for table in 0..catalog.tables.len() {
            if !edges.iter().any(|edge| edge.child == table || edge.parent == table) {
                edges.extend(guessed(catalog, table));
            }
        }
        Self { edges, tables: catalog.tables.len() }
    }

    /// Puts the edges of some foreign keys before others between the same tables.
    pub fn prefer(&mut self, columns: &[ColumnRef]) {
        let named = |edge: &Edge| edge.pairs.iter().any(|(child, _)| columns.contains(child));
        self.edges.sort_by_key(|edge| !named(edge));
    }

    /// The joins that bring every table to the root, fewest first; `None` when one cannot be reached.
    pub fn connect(&self, root: usize, tables: &[usize]) -> Option<Vec<Join>> {
        let mut joined = vec![root];
        let mut joins = Vec::new();
        let mut missing: Vec<usize> = tables.iter().copied().filter(|table| *table != root).collect();
        while !missing.is_empty() {
            let path = missing.iter().filter_map(|table| self.path(&joined, *table)).min_by_key(Vec::len)?;
            joined.extend(path.iter().map(|join| join.table));
            joins.extend(path);
            missing.retain(|table| !joined.contains(table));
        }
        Some(joins)
    }

    /// The shortest way from any of the tables to another.
    pub fn path(&self, from: &[usize], to: usize) -> Option<Vec<Join>> {
        let mut reached: Vec<Option<Option<Join>>> = vec![None; self.tables];
        let mut queue: VecDeque<usize> = from.iter().copied().collect();
        for start in from {
            reached[*start] = Some(None);
        }
        while let Some(table) = queue.pop_front() {
            if table == to {
                return Some(trace(&reached, to));
            }
            for join in self.neighbours(table) {
                if reached[join.table].is_none() {
                    queue.push_back(join.table);
                    let next = join.table;
                    reached[next] = Some(Some(join));
                }
            }
        }
        None
    }

    fn neighbours(&self, table: usize) -> impl Iterator<Item = Join> + '_ {
        self.edges.iter().filter_map(move |edge| {
            let next = other_end(edge, table)?;
            Some(Join { table: next, edge: edge.clone() })
        })
    }

    /// The tables that refer to a table.
    pub fn children_of(&self, table: usize) -> impl Iterator<Item = usize> + '_ {
        self.edges.iter().filter(move |edge| edge.parent == table).map(|edge| edge.child)
    }

    /// The column that a foreign key of one column refers to.
    pub fn parent_of(&self, column: ColumnRef) -> Option<ColumnRef> {
        let single = self.edges.iter().filter(|edge| edge.pairs.len() == 1);
        single.map(|edge| edge.pairs[0]).find(|(child, _)| *child == column).map(|(_, parent)| parent)
    }

    /// The number of joins between two tables.
    pub fn distance(&self, from: usize, to: usize) -> Option<usize> {
        self.path(&[from], to).map(|path| path.len())
    }
}

/// Whether following the joins from a table can repeat its rows: a join leads from a parent to its children.
pub fn repeats(table: usize, joins: &[Join]) -> bool {
    let mut seen = vec![table];
    let mut at = 0;
    while at < seen.len() {
        let here = seen[at];
        for edge in joins.iter().map(|join| &join.edge) {
            let Some(next) = other_end(edge, here).filter(|next| !seen.contains(next)) else { continue };
            if edge.parent == here {
                return true;
            }
            seen.push(next);
        }
        at += 1;
    }
    false
}

fn other_end(edge: &Edge, table: usize) -> Option<usize> {
    if edge.child == table {
        Some(edge.parent)
    } else if edge.parent == table {
        Some(edge.child)
    } else {
        None
    }
}

fn trace(reached: &[Option<Option<Join>>], to: usize) -> Vec<Join> {
    let mut path = Vec::new();
    let mut at = to;
    while let Some(Some(join)) = &reached[at] {
        at = if join.edge.child == at { join.edge.parent } else { join.edge.child };
        path.push(join.clone());
    }
    path.reverse();
    path
}

fn declared(schema: &Schema) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (child, table) in schema.tables.iter().enumerate() {
        for key in &table.foreign_keys {
            let Some(parent) = schema.tables.iter().position(|other| other.name.eq_ignore_ascii_case(&key.table))
            else {
                continue;
            };
            let referenced =
                if key.referenced.is_empty() { &schema.tables[parent].primary_key } else { &key.referenced };
            let pairs = pairs(table, child, &key.columns, &schema.tables[parent], parent, referenced);
            if child != parent && !pairs.is_empty() && pairs.len() == key.columns.len() {
                edges.push(Edge { pairs, child, parent });
            }
        }
    }
    edges
}

fn pairs(
    child: &TableSchema,
    child_at: usize,
    columns: &[String],
    parent: &TableSchema,
    parent_at: usize,
    referenced: &[String],
) -> Vec<(ColumnRef, ColumnRef)> {
    let find = |table: &TableSchema, at: usize, name: &String| {
        let column = table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))?;
        Some(ColumnRef { table: at, column })
    };
    columns
        .iter()
        .zip(referenced)
        .filter_map(|(left, right)| Some((find(child, child_at, left)?, find(parent, parent_at, right)?)))
        .collect()
}

/// Edges of a table without declared keys, in both directions.
fn guessed(catalog: &Catalog, table: usize) -> Vec<Edge> {
    let others = (0..catalog.tables.len()).filter(|other| *other != table);
    others.flat_map(|other| [guess(catalog, table, other), guess(catalog, other, table)]).flatten().collect()
}

/// An edge to the parent's key from a column of the child that is named like it.
fn guess(catalog: &Catalog, child: usize, parent: usize) -> Option<Edge> {
    let key = catalog.key(parent)?;
    let key_words = &catalog.column(key).words;
    let long = [catalog.tables[parent].words.as_slice(), key_words.as_slice()].concat();
    let same = |column: &ColumnRef| {
        let words = &catalog.column(*column).words;
        *words == long || (key_words.len() > 1 && words == key_words)
    };
    let column = catalog.columns_of(child).find(same).filter(|column| catalog.key(child) != Some(*column))?;
    Some(Edge { pairs: vec![(column, key)], child, parent })
}
