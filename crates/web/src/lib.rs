//! The browser page, embedded. `app/` holds its source; npm builds it to `app/dist`.

use rust_embed::RustEmbed;
use std::borrow::Cow;

mod content_type;

#[derive(RustEmbed)]
#[folder = "app/dist"]
struct Dist;

const INDEX: &str = "index.html";
/// The build puts a hash of the content into the name of every file below it.
const HASHED: &str = "assets/";

/// A file of the page.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its bytes.
    pub body: Cow<'static, [u8]>,
    /// For the header of that name.
    pub content_type: &'static str,
    /// True when the content under this path never changes, so that a browser may keep it for ever.
    pub immutable: bool,
    /// For the header of that name, quotes included.
    pub etag: String,
}

/// The file at a path like `assets/index-a1b2.js`, with or without a leading slash.
pub fn asset(path: &str) -> Option<Asset> {
    let path = path.trim_start_matches('/');
    let file = Dist::get(path)?;
    Some(Asset {
        etag: etag(&file.metadata.sha256_hash()),
        content_type: content_type::of(path),
        immutable: path.starts_with(HASHED),
        body: file.data,
    })
}

/// The page itself, for `/` and for every path that the page routes on its own.
pub fn index() -> Asset {
    asset(INDEX).unwrap_or_else(missing_index)
}

/// The build script sees to it that there is an index; a `dist` emptied between it and the compiler leaves none.
fn missing_index() -> Asset {
    Asset {
        body: Cow::Borrowed(b"The page was not built: run `make web` and build Askline again."),
        content_type: "text/plain; charset=utf-8",
        immutable: false,
        etag: "\"not-built\"".to_owned(),
    }
}

fn etag(hash: &[u8]) -> String {
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(asset: &Asset) -> String {
        String::from_utf8(asset.body.to_vec()).unwrap()
    }

    /// The values of `src="…"` and `href="…"`.
    fn references(html: &str) -> Vec<String> {
        ["src=\"", "href=\""]
            .iter()
            .flat_map(|attribute| html.split(attribute).skip(1))
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_index_is_a_page_of_askline() {
        let index = index();
        assert_eq!(index.content_type, "text/html; charset=utf-8");
        assert!(!index.immutable);
        assert!(text(&index).contains("Askline"));
    }

    #[test]
    fn every_file_that_the_index_names_is_embedded_and_local() {
        for reference in references(&text(&index())) {
            assert!(reference.starts_with('/') && !reference.starts_with("//"), "{reference} is not a local path");
            assert!(asset(&reference).is_some(), "{reference} is not embedded");
        }
    }

    #[test]
    fn the_index_obeys_a_policy_without_inline_code() {
        let html = text(&index());
        assert!(!html.contains("style="), "inline style");
        assert!(!html.contains("<style"), "inline style sheet");
        assert!(!html.contains("<script>"), "inline script");
    }

    #[test]
    fn only_hashed_names_may_be_kept_for_ever() {
        for path in Dist::iter() {
            assert_eq!(asset(&path).unwrap().immutable, path.starts_with("assets/"), "{path}");
        }
    }

    #[test]
    fn a_leading_slash_changes_nothing() {
        assert_eq!(asset("/index.html").unwrap().etag, asset("index.html").unwrap().etag);
    }

    #[test]
    fn an_unknown_or_climbing_path_is_none() {
        assert!(asset("nothing.js").is_none());
        assert!(asset("../package.json").is_none());
        assert!(asset("").is_none());
    }

    #[test]
    fn an_etag_is_a_quoted_hash() {
        assert_eq!(etag(&[0xab; 32]), format!("\"{}\"", "ab".repeat(16)));
    }
}
