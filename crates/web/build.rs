//! Makes sure that there is a page to embed. The page itself is built by npm (`app/`), never from here.

use std::path::Path;
use std::{fs, io};

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>Askline: the page was not built</title></head>
<body>
<h1>The page was not built</h1>
<p>This Askline was compiled without its browser page. The API works. To get the page, run
<code>make demo</code> or <code>make web</code> in the checkout and start Askline again.</p>
</body>
</html>
";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=app/dist");
    let index = Path::new("app/dist/index.html");
    if index.exists() {
        return Ok(());
    }
    fs::create_dir_all("app/dist")?;
    fs::write(index, NOT_BUILT)
}
