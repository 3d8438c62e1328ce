//! What belongs to the application itself. No connection may reach it, whoever adds it: in the app store and among the
//! uploaded files lie the data of every business.

use sqlx::postgres::PgConnectOptions;
use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What no connection may reach.
#[derive(Clone, Debug, Default)]
pub struct Reserved {
    /// Folders whose files are no sources.
    pub folders: Vec<PathBuf>,
    /// Files in them that are sources all the same, such as the demo's sample.
    pub except: Vec<PathBuf>,
    /// The application's own PostgreSQL database.
    pub store: Option<OwnDatabase>,
}

/// Which file it is, by whatever name.
type Identity = (u64, u64);

fn identity(data: &Metadata) -> Identity {
    (data.dev(), data.ino())
}

impl Reserved {
    /// Whether a file is one of the application's: it lies in a folder of its, or has another name there. Links are
    /// resolved already; what is left are second names and folders that are mounted twice. Blocks.
    pub(crate) fn holds(&self, file: &Path) -> io::Result<bool> {
        if self.except.iter().any(|except| fs::canonicalize(except).is_ok_and(|except| except == file)) {
            return Ok(false);
        }
        let data = fs::metadata(file)?;
        let mut places = HashSet::from([identity(&data)]);
        for folder in file.ancestors().skip(1) {
            places.insert(identity(&fs::metadata(folder)?));
        }
        let has_second_name = data.is_file() && data.nlink() > 1;
        for folder in &self.folders {
            match fs::metadata(folder) {
                Ok(folder) if places.contains(&identity(&folder)) => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            if is_in(folder, &places, has_second_name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// As `holds`, for a path at which there may be nothing: whether there is something is not told.
    pub(crate) fn would_hold(&self, path: &Path) -> io::Result<bool> {
        match path.ancestors().find_map(|existing| fs::canonicalize(existing).ok()) {
            Some(existing) => self.holds(&existing),
            None => Ok(false),
        }
    }
}

/// Whether a file, or a folder that it lies in, is also found in this folder; at any depth when it has several names.
fn is_in(folder: &Path, places: &HashSet<Identity>, at_any_depth: bool) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Gone meanwhile, or a link to nowhere.
        let Ok(data) = fs::metadata(entry.path()) else { continue };
        if places.contains(&identity(&data)) {
            return Ok(true);
        }
        if at_any_depth && entry.file_type()?.is_dir() && is_in(&entry.path(), places, true)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A PostgreSQL database by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnDatabase {
    host: String,
    port: u16,
    database: String,
}

impl OwnDatabase {
    /// From a URL; nothing when it is none.
    pub fn of_url(url: &str) -> Option<Self> {
        PgConnectOptions::from_str(url).ok().map(|options| Self::of(&options))
    }

    pub(crate) fn of(options: &PgConnectOptions) -> Self {
        let host = match options.get_socket() {
            // A socket is of this machine.
            Some(_) => "localhost",
            None if options.get_host().starts_with('/') => "localhost",
            None => options.get_host(),
        };
        Self {
            host: host.trim_matches(['[', ']']).trim_end_matches('.').to_lowercase(),
            port: options.get_port(),
            database: options.get_database().unwrap_or(options.get_username()).to_owned(),
        }
    }

    /// Whether two addresses lead to the same database. Names are compared by what they stand for.
    pub(crate) async fn is(&self, other: &Self) -> bool {
        if self.port != other.port || self.database != other.database {
            return false;
        }
        if self.host == other.host {
            return true;
        }
        let (own, others) = (self.addresses().await, other.addresses().await);
        own.iter().any(|address| others.contains(address))
    }

    /// Nothing when the name is not known: there is nothing to connect to either.
    async fn addresses(&self) -> HashSet<IpAddr> {
        match tokio::net::lookup_host((self.host.as_str(), self.port)).await {
            Ok(found) => found.map(|address| of_this_machine(address.ip())).collect(),
            Err(_) => HashSet::new(),
        }
    }
}

/// One address for all that mean this machine.
fn of_this_machine(address: IpAddr) -> IpAddr {
    let plain = address.to_canonical();
    if plain.is_loopback() || plain.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(url: &str) -> OwnDatabase {
        OwnDatabase::of_url(url).unwrap()
    }

    #[tokio::test]
    async fn the_same_database_is_known_by_other_names() {
        let store = own("postgres://askline@127.0.0.1:5432/askline");
        for same in [
            "postgres://me:x@localhost/askline",
            "postgres://me:x@LOCALHOST:5432/askline?sslmode=disable",
            "postgres://me:x@127.0.0.2/askline",
            "postgres://me:x@[::1]/askline",
            "postgres://me:x@0.0.0.0/askline",
            "postgres://me:x@[::ffff:127.0.0.1]/ask%6cine",
            "postgres://me:x@2130706433/askline",
        ] {
            assert!(store.is(&own(same)).await, "{same}");
        }
        for other in [
            "postgres://me:x@localhost:5433/askline",
            "postgres://me:x@localhost/shop",
            "postgres://me:x@192.0.2.1/askline",
            "postgres://me:x@nowhere.invalid/askline",
        ] {
            assert!(!store.is(&own(other)).await, "{other}");
        }
    }

    #[tokio::test]
    async fn a_store_behind_a_socket_is_of_this_machine() {
        let store = own("postgres://askline@%2Fvar%2Frun%2Fpostgresql/askline");
        assert!(store.is(&own("postgres://me:x@127.0.0.1/askline")).await);
    }
}
