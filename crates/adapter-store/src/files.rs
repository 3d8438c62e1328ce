use crate::Store;
use crate::db::{Row, SYSTEM, values};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contracts::{BusinessId, ConnectionId};
use ports::PortError;
use ports::store::{FileKind, Files, StoredFile};
use sqlx::Error;

/// Bytes of a piece, before base64 makes them 1 MiB.
const PIECE: usize = 768 << 10;

const SAVE_PIECE: &str = "INSERT INTO file_pieces (file_id, business_id, place, body) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (file_id, place) DO NOTHING";
const SAVE_FILE: &str = "INSERT INTO files (id, business_id, connection_id, kind, name, bytes, sha256, created_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
const FIND: &str = "SELECT id, business_id, connection_id, kind, name, bytes, sha256, created_ms FROM files \
     WHERE business_id = $1 AND connection_id = $2 AND kind = $3 ORDER BY created_ms DESC, id DESC LIMIT 1";
const PIECES: &str = "SELECT body FROM file_pieces WHERE business_id = $1 AND file_id = $2 ORDER BY place";
const REMOVE_FILE: &str = "DELETE FROM files WHERE business_id = $1 AND id = $2";
const REMOVE_PIECES: &str = "DELETE FROM file_pieces WHERE business_id = $1 AND file_id = $2";

#[async_trait]
impl Files for Store {
    async fn save_file(&self, file: &StoredFile, body: &[u8]) -> Result<(), PortError> {
        for (place, piece) in (0_i64..).zip(body.chunks(PIECE)) {
            let text = STANDARD.encode(piece);
            let values = values![&file.id, file.business.as_str(), place, &text];
            self.db.execute("save_file", SAVE_PIECE, values).await?;
        }
        let bytes = i64::try_from(file.bytes).unwrap_or(i64::MAX);
        let values = values![
            &file.id,
            file.business.as_str(),
            file.connection.as_str(),
            file.kind.as_str(),
            &file.name,
            bytes,
            &file.sha256,
            file.created_ms,
        ];
        self.db.execute("save_file", SAVE_FILE, values).await?;
        Ok(())
    }

    async fn file_of(
        &self,
        business: &BusinessId,
        connection: &ConnectionId,
        kind: FileKind,
    ) -> Result<Option<StoredFile>, PortError> {
        self.db.find("file_of", FIND, values![business.as_str(), connection.as_str(), kind.as_str()], file).await
    }

    async fn file_body(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, PortError> {
        let values = values![file.business.as_str(), &file.id];
        let pieces = self.db.list("file_body", PIECES, values, |row| row.text("body")).await?;
        let mut body = Vec::new();
        for piece in pieces {
            let piece = STANDARD.decode(piece);
            body.extend(piece.map_err(|error| PortError::unreadable(SYSTEM, "file_body", error))?);
        }
        Ok((body.len() as u64 == file.bytes).then_some(body))
    }

    async fn remove_file(&self, business: &BusinessId, id: &str) -> Result<(), PortError> {
        self.db.execute("remove_file", REMOVE_FILE, values![business.as_str(), id]).await?;
        self.db.execute("remove_file", REMOVE_PIECES, values![business.as_str(), id]).await?;
        Ok(())
    }
}

fn file(row: &Row) -> Result<StoredFile, Error> {
    Ok(StoredFile {
        id: row.text("id")?,
        business: BusinessId(row.text("business_id")?),
        connection: ConnectionId(row.text("connection_id")?),
        kind: row.named("kind", FileKind::parse)?,
        name: row.text("name")?,
        bytes: row.count("bytes")?,
        sha256: row.text("sha256")?,
        created_ms: row.int("created_ms")?,
    })
}
