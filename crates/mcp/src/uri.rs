//! `schema://{business}/{table}`, with `?connection=` where the business has several databases.

use contracts::{BusinessId, ConnectionId};
use url::Url;

const SCHEME: &str = "schema";
const CONNECTION: &str = "connection";

/// The address of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableUri {
    /// Whose it is.
    pub business: BusinessId,
    /// `namespace.name` or `name`.
    pub table: String,
    /// The database, by id or name, where it is named.
    pub connection: Option<String>,
}

impl TableUri {
    /// Reads one. `None` when it is no address of a table.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| url.scheme() == SCHEME)?;
        let business = BusinessId::new(url.host_str().filter(|host| !host.is_empty())?);
        let mut segments = url.path_segments()?;
        let (table, rest) = (segments.next()?, segments.next());
        let table = decoded(table)?;
        if table.is_empty() || rest.is_some() {
            return None;
        }
        let named = url.query_pairs().find(|(name, _)| name == CONNECTION);
        Some(Self { business, table, connection: named.map(|(_, value)| value.into_owned()) })
    }

    /// As a client sends it. `None` when a name cannot stand in an address.
    pub fn write(business: &BusinessId, table: &str, connection: Option<&ConnectionId>) -> Option<String> {
        let mut url = Url::parse(&format!("{SCHEME}://{business}/")).ok()?;
        url.path_segments_mut().ok()?.clear().push(table);
        if let Some(connection) = connection {
            url.query_pairs_mut().append_pair(CONNECTION, connection.as_str());
        }
        Some(url.into())
    }
}

/// A segment of a path without its percent signs.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = rest.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(table: &str, connection: Option<&str>) -> TableUri {
        let connection = connection.map(ConnectionId::new);
        let text = TableUri::write(&"biz_A-1".into(), table, connection.as_ref()).unwrap();
        TableUri::parse(&text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn what_is_written_is_read() {
        for table in ["orders", "public.orders", "a b/c?d#e%f", "Straße", "a&b=c", "100%"] {
            for connection in [None, Some("con_1")] {
                let uri = round_trip(table, connection);
                assert_eq!((uri.business.as_str(), uri.table.as_str()), ("biz_A-1", table));
                assert_eq!(uri.connection.as_deref(), connection);
            }
        }
        assert_eq!(
            TableUri::write(&"biz_1".into(), "orders", None).as_deref(),
            Some("schema://biz_1/orders"),
            "as the template says"
        );
    }

    #[test]
    fn what_is_no_address_of_a_table_is_none() {
        for text in [
            "",
            "orders",
            "schema:///orders",
            "schema://biz_1",
            "schema://biz_1/",
            "schema://biz_1/a/b",
            "http://biz_1/a",
            "schema://biz_1/%zz",
            "schema://biz_1/%f",
        ] {
            assert_eq!(TableUri::parse(text), None, "{text}");
        }
    }
}
