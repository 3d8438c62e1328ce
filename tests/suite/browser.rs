//! Scripts that drive the page in a real browser. Chromium must be there: `make test` installs it.

use app::Demo;
use std::path::Path;
use tokio::process::Command;

/// Runs a script of `tests/browser` against a running Askline. Screenshots go to the folder of artifacts.
pub async fn drive(name: &str, demo: &Demo, more: &[(&str, &str)]) {
    let artifacts = std::env::var("ASKLINE_TEST_ARTIFACTS").unwrap_or_else(|_| "/tmp/askline-artifacts".into());
    std::fs::create_dir_all(&artifacts).unwrap();
    let output = Command::new("node")
        .arg(name)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("browser"))
        .envs([("BASE_URL", demo.url.as_str()), ("EMAIL", &demo.email), ("PASSWORD", &demo.password)])
        .env("SCREENSHOT_DIR", &artifacts)
        .envs(more.iter().copied())
        .output()
        .await
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}: {}{}", said(&output.stdout), said(&output.stderr));
    let pictures = std::fs::read_dir(&artifacts).unwrap().count();
    assert!(pictures > 0, "screenshots lie in {artifacts}");
}
