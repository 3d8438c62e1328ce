//! Values of types that we do not decode (intervals, arrays, ranges, extensions): the server gets the bytes back as a
//! parameter of that type and casts it to text. So each is printed as PostgreSQL prints it, and the statement itself
//! is never rewritten.

use super::errors::failed;
use crate::cell;
use contracts::{Cell, ResultSet};
use ports::source::Error;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgConnection, PgTypeInfo};
use sqlx::{AssertSqlSafe, Encode, Executor, Postgres, Row, Type};
use std::collections::BTreeMap;

/// Values of one round trip.
const BATCH: usize = 500;

struct Value {
    row: usize,
    column: usize,
    bytes: Vec<u8>,
    text: Option<Cell>,
}

/// Values to render, by type: one that cannot be rendered spoils no other.
#[derive(Default)]
pub(super) struct Later {
    types: BTreeMap<u32, Vec<Value>>,
}

impl Later {
    pub(super) fn push(&mut self, oid: Oid, row: usize, column: usize, bytes: Vec<u8>) {
        self.types.entry(oid.0).or_default().push(Value { row, column, bytes, text: None });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Asks the server. Values of a type that it does not take back stay as they are.
    pub(super) async fn render(mut self, connection: &mut PgConnection) -> Result<Self, Error> {
        for (oid, values) in &mut self.types {
            connection.execute("SAVEPOINT rendering").await.map_err(failed)?;
            match render_type(connection, Oid(*oid), values).await {
                Err(Error::Statement(reason)) => {
                    tracing::debug!(oid, %reason, "values of this type are shown as bytes");
                    connection.execute("ROLLBACK TO SAVEPOINT rendering").await.map_err(failed)?;
                }
                outcome => outcome?,
            }
        }
        Ok(self)
    }

    /// Puts the texts where the values belong.
    pub(super) fn fill(&mut self, result: &mut ResultSet) {
        for value in self.types.values_mut().flatten() {
            let text = value.text.take().unwrap_or_else(|| cell::bytes(&value.bytes));
            if let Some(cell) = result.rows.get_mut(value.row).and_then(|row| row.get_mut(value.column)) {
                *cell = text;
            }
        }
    }
}

async fn render_type(connection: &mut PgConnection, oid: Oid, values: &mut [Value]) -> Result<(), Error> {
    for batch in values.chunks_mut(BATCH) {
        let casts: Vec<String> = (1..=batch.len()).map(|number| format!("${number}::text")).collect();
        let sql = format!("SELECT {}", casts.join(", "));
        let mut query = sqlx::query::<Postgres>(AssertSqlSafe(sql)).persistent(true);
        for value in batch.iter() {
            query = query.bind(Raw { oid, bytes: &value.bytes });
        }
        let row = query.fetch_one(&mut *connection).await.map_err(failed)?;
        for (index, value) in batch.iter_mut().enumerate() {
            value.text = row.try_get::<Option<String>, _>(index).map_err(failed)?.map(Cell::from);
        }
    }
    Ok(())
}

/// Bytes as the server sent them, as a parameter of the type that they had.
struct Raw<'a> {
    oid: Oid,
    bytes: &'a [u8],
}

impl Type<Postgres> for Raw<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(705))
    }
}

impl<'q> Encode<'q, Postgres> for Raw<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(self.oid))
    }
}
