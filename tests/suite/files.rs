//! A file becomes a database that can be asked, wherever it was uploaded.

use app::Demo;
use serde_json::Value;
use testkit::{Client, ScriptedLlm, World};

const CSV: &str = "Month;Revenue\nJanuary;10,5\nFebruary;20,25\n";
const SQL: &str = "SELECT SUM(Revenue) AS revenue FROM Budget_2025";

async fn world(distributed: bool, llm: &ScriptedLlm) -> World {
    let pairs = [("ASKLINE_LLM__PROVIDERS", format!("[{}]", llm.provider("scripted")))];
    if distributed { World::distributed(&pairs).await } else { World::embedded(&pairs).await }
}

/// Uploads a file as a new connection: the status and the answer.
pub async fn upload(demo: &Demo, name: &str, file_name: &str, bytes: &[u8]) -> (u16, Value) {
    let mut body = format!(
        "--line\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n--line\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--line--\r\n");
    let sent = reqwest::Client::new()
        .post(format!("{}/v1/connections/files", demo.url))
        .bearer_auth(&demo.token)
        .header("content-type", "multipart/form-data; boundary=line")
        .body(body)
        .send()
        .await
        .unwrap();
    (sent.status().as_u16(), sent.json().await.unwrap())
}

async fn a_file_is_imported_and_asked(distributed: bool) {
    let llm = ScriptedLlm::answering(SQL, "30.75 in all.").await;
    let world = world(distributed, &llm).await;
    let (status, made) = upload(&world.demo, "Budget", "Budget 2025.csv", CSV.as_bytes()).await;
    assert_eq!(status, 201, "{made}");
    let imported = world.client().follow(made["response_id"].as_str().unwrap()).await;
    assert_eq!(imported.status(), "completed", "{:#?}", imported.terminal());
    assert!(imported.text().contains("1 table with 2 columns"), "{}", imported.text());
    let connection = made["connection"]["id"].as_str().unwrap();
    let question = serde_json::json!({"input": "What is the revenue of all months?", "connection": connection});
    let answered = Client::new(&world.demo.url, &world.demo.token).ask_with(question.clone()).await;
    assert_eq!(answered.check().status(), "completed", "{:#?}", answered.terminal());
    assert_eq!(answered.of("response.askline.rows").next().unwrap()["rows"], serde_json::json!([[30.75]]));
    // A machine that does not have the file fetches it from the store.
    let placed = world.folder.path().join("files");
    std::fs::remove_dir_all(&placed).unwrap();
    let again = Client::new(&world.demo.url, &world.demo.token).ask_with(question).await;
    assert_eq!(again.check().status(), "completed", "{:#?}", again.terminal());
    assert!(placed.exists());
    let (status, taken) = upload(&world.demo, "Budget", "other.csv", CSV.as_bytes()).await;
    assert_eq!((status, taken["error"]["code"].as_str()), (409, Some("name_taken")));
    world.stop().await;
}

async fn a_file_that_cannot_be_read_says_what_to_do(distributed: bool) {
    let llm = ScriptedLlm::answering(SQL, "Nothing.").await;
    let world = world(distributed, &llm).await;
    let (_, made) = upload(&world.demo, "Broken", "broken.csv", b"a,b\n1,2,3\n").await;
    let failed = world.client().follow(made["response_id"].as_str().unwrap()).await;
    let (code, message) = failed.error();
    assert_eq!(code, "file_unusable");
    assert!(message.contains("row 2 has 3 values") && message.contains("correct the row"), "{message}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_and_asked_embedded() {
    a_file_is_imported_and_asked(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_and_asked_distributed() {
    a_file_is_imported_and_asked(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_says_what_to_do_embedded() {
    a_file_that_cannot_be_read_says_what_to_do(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_says_what_to_do_distributed() {
    a_file_that_cannot_be_read_says_what_to_do(true).await;
}
