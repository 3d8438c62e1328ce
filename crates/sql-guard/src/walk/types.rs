//! Types of casts and of typed literals. A cast to one of PostgreSQL's `reg…` types reads the catalogs.

use contracts::Dialect;
use sqlparser::ast::{ArrayElemTypeDef, DataType, ObjectName};

use super::{NESTED, Verdict, Walk};
use crate::names;
use crate::refusal::{Refusal, rule};

/// PostgreSQL's types that the parser has no name for.
const POSTGRES_TYPES: [&str; 47] = [
    "bpchar",
    "box",
    "cidr",
    "circle",
    "citext",
    "cube",
    "daterange",
    "datemultirange",
    "float4",
    "float8",
    "geography",
    "geometry",
    "hstore",
    "inet",
    "int2",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "jsonpath",
    "line",
    "lseg",
    "ltree",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "nummultirange",
    "numrange",
    "path",
    "point",
    "polygon",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "uuid",
    "varbit",
    "vector",
    "xml",
];

impl Walk<'_> {
    pub(super) fn data_type(&mut self, data_type: &mut DataType) -> Verdict {
        match data_type {
            DataType::Character(_)
            | DataType::Char(_)
            | DataType::CharacterVarying(_)
            | DataType::CharVarying(_)
            | DataType::Varchar(_)
            | DataType::Nvarchar(_)
            | DataType::Uuid
            | DataType::CharacterLargeObject(_)
            | DataType::CharLargeObject(_)
            | DataType::Clob(_)
            | DataType::Binary(_)
            | DataType::Varbinary(_)
            | DataType::Blob(_)
            | DataType::TinyBlob
            | DataType::MediumBlob
            | DataType::LongBlob
            | DataType::Bytes(_)
            | DataType::Numeric(_)
            | DataType::Decimal(_)
            | DataType::DecimalUnsigned(_)
            | DataType::Dec(_)
            | DataType::DecUnsigned(_)
            | DataType::Float(_)
            | DataType::FloatUnsigned(_)
            | DataType::TinyInt(_)
            | DataType::TinyIntUnsigned(_)
            | DataType::Int2(_)
            | DataType::Int2Unsigned(_)
            | DataType::SmallInt(_)
            | DataType::SmallIntUnsigned(_)
            | DataType::MediumInt(_)
            | DataType::MediumIntUnsigned(_)
            | DataType::Int(_)
            | DataType::Int4(_)
            | DataType::Int8(_)
            | DataType::Integer(_)
            | DataType::IntUnsigned(_)
            | DataType::Int4Unsigned(_)
            | DataType::IntegerUnsigned(_)
            | DataType::BigInt(_)
            | DataType::BigIntUnsigned(_)
            | DataType::Int8Unsigned(_)
            | DataType::Signed
            | DataType::SignedInteger
            | DataType::Unsigned
            | DataType::UnsignedInteger
            | DataType::Float4
            | DataType::Real
            | DataType::RealUnsigned
            | DataType::Float8
            | DataType::Double(_)
            | DataType::DoubleUnsigned(_)
            | DataType::DoublePrecision
            | DataType::DoublePrecisionUnsigned
            | DataType::Bool
            | DataType::Boolean
            | DataType::Date
            | DataType::Time(..)
            | DataType::Datetime(_)
            | DataType::Timestamp(..)
            | DataType::Interval { .. }
            | DataType::JSON
            | DataType::JSONB
            | DataType::Text
            | DataType::TinyText
            | DataType::MediumText
            | DataType::LongText
            | DataType::String(_)
            | DataType::Bytea
            | DataType::Bit(_)
            | DataType::BitVarying(_)
            | DataType::VarBit(_)
            | DataType::GeometricType(_)
            | DataType::TsVector
            | DataType::TsQuery => Ok(()),
            DataType::Array(ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::Qualified(element, _)) => {
                self.deeper(NESTED, |walk| walk.data_type(element))
            }
            DataType::Custom(name, _) => self.custom_type(name),
            // SQLite: CAST(x AS ) without a type.
            DataType::Unspecified if self.dialect == Dialect::Sqlite => Ok(()),
            DataType::Array(
                ArrayElemTypeDef::None | ArrayElemTypeDef::AngleBracket(_) | ArrayElemTypeDef::Parenthesis(_),
            )
            | DataType::Regclass
            | DataType::Table(_)
            | DataType::NamedTable { .. }
            | DataType::BigNumeric(_)
            | DataType::BigDecimal(_)
            | DataType::UTinyInt
            | DataType::USmallInt
            | DataType::UBigInt
            | DataType::HugeInt
            | DataType::UHugeInt
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Int128
            | DataType::Int256
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64
            | DataType::UInt128
            | DataType::UInt256
            | DataType::Float32
            | DataType::Float64
            | DataType::Date32
            | DataType::Datetime64(..)
            | DataType::TimestampNtz(_)
            | DataType::FixedString(_)
            | DataType::Map(..)
            | DataType::Tuple(_)
            | DataType::Nested(_)
            | DataType::Enum(..)
            | DataType::Set(_)
            | DataType::Struct(..)
            | DataType::Union(_)
            | DataType::Nullable(_)
            | DataType::LowCardinality(_)
            | DataType::Unspecified
            | DataType::Trigger
            | DataType::AnyType => Err(unknown(&data_type.to_string())),
        }
    }

    fn custom_type(&mut self, name: &mut ObjectName) -> Verdict {
        self.object_name(name)?;
        let parts = names::parts(name).unwrap_or_default();
        let meanings: Vec<String> = parts.iter().map(|ident| names::meaning(self.dialect, ident)).collect();
        let own = match meanings.as_slice() {
            [name] => Some(name.as_str()),
            [schema, name] if schema == "pg_catalog" => Some(name.as_str()),
            _ => None,
        };
        let known = match self.dialect {
            // In SQLite any words are a type: they only decide the affinity.
            Dialect::Sqlite => true,
            Dialect::Postgres => {
                own.is_some_and(|name| POSTGRES_TYPES.contains(&name) || self.policy.has_own_type(name))
            }
            Dialect::Mysql => own.is_some_and(|name| name.eq_ignore_ascii_case("year")),
        };
        match known {
            true => Ok(()),
            false => Err(unknown(&name.to_string())),
        }
    }
}

fn unknown(name: &str) -> Refusal {
    let message = format!("The type {name} is not allowed. Use only the ordinary types of values.");
    Refusal::new(rule::UNKNOWN_TYPE, message)
}
