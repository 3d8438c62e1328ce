//! The audit on the command line.

use super::{COUNT, Mode, execute};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::binary;

/// The program on an embedded installation: exit code, what it printed, what it said.
fn askline(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(binary());
    command.args(arguments).env("ASKLINE_EMBEDDED__DATA_DIR", folder).stdin(Stdio::null());
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_listed_noted_and_checked_on_the_command_line() {
    let world = Mode::Embedded.world(&[]).await;
    let transcript = world.client().ask(COUNT).await;
    assert_eq!(transcript.check().status(), "completed");
    let folder = world.folder.path();
    let run = |arguments: &[&str]| askline(folder, arguments);

    let (url, token) = (world.demo.url.as_str(), world.demo.token.as_str());
    let (code, listed, said) =
        run(&["audit", "list", "--turn", transcript.id(), "--since", "1h", "--json", "--url", url, "--token", token]);
    assert_eq!(code, Some(0), "{said}");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let verdicts: Vec<_> = listed["data"].as_array().unwrap().iter().map(|row| row["verdict"].clone()).collect();
    assert_eq!(verdicts, ["done", "execute"], "newest first");
    let (code, lines, said) = run(&["audit", "list", "--operator", "--business", "biz_demo", "--limit", "1"]);
    assert_eq!((code, lines.lines().count()), (Some(0), 1), "{lines}{said}");
    assert!(said.contains("older ones"), "{said}");

    let (code, heads, said) = run(&["audit", "head"]);
    assert_eq!(code, Some(0), "{said}");
    let words: Vec<_> = heads.split_whitespace().collect();
    assert_eq!((words[0], words[1], words.len()), ("biz_demo", "2", 3), "{heads}");
    let head = words[2];

    let (code, told, said) = run(&["audit", "verify", "--head", head]);
    assert_eq!(code, Some(0), "{told}{said}");
    assert!(told.contains("biz_demo: sound: 2 rows"), "{told}");
    let (code, told, _) = run(&["audit", "verify", "--head", &"f".repeat(64), "--json"]);
    assert_eq!(code, Some(1));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["sound"], &told["hashes_not_found"][0]), (&Value::from(false), &"f".repeat(64).into()));

    let url = Mode::Embedded.store_url(&world);
    let statements = ["DROP TRIGGER audit_is_never_updated", "UPDATE audit SET user_id = 'usr_other' WHERE seq = 1"];
    execute(&url, &statements).await;
    let (code, told, _) = run(&["audit", "verify", "--business", "biz_demo"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("NOT AS WRITTEN") && told.contains("Row 1 (aud_"), "{told}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_cannot_look_is_no_finding() {
    let empty = tempfile::tempdir().unwrap();
    let (code, _, said) = askline(empty.path(), &["audit", "verify"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("not there yet"), "{said}");
    assert_eq!(askline(empty.path(), &["migrate"]).0, Some(0));
    let (code, _, said) = askline(empty.path(), &["audit", "verify"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, _, said) = askline(empty.path(), &["audit", "verify", "--business", "biz_none"]);
    assert!(code == Some(2) && said.contains("no audit of biz_none"), "{said}");
    let (code, _, said) = askline(empty.path(), &["audit", "verify", "--head", "abc"]);
    assert!(code == Some(2) && said.contains("no hash"), "{said}");
}
