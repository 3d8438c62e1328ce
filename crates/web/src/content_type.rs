//! Content types of the files that the build makes.

/// The content type of a path by its extension; bytes when unknown.
pub fn of(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_browser_is_told_what_it_gets() {
        assert_eq!(of("assets/index-x.js"), "text/javascript; charset=utf-8");
        assert_eq!(of("favicon.svg"), "image/svg+xml");
    }

    #[test]
    fn what_is_unknown_is_bytes() {
        assert_eq!(of("README"), "application/octet-stream");
    }
}
