//! object_store, which Polars, delta-rs and others read S3 with: its variables, and one client for as long as there are questions.
use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStore, RetryConfig};
use std::io::BufRead;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut store = None;
    for line in std::io::stdin().lock().lines() {
        line.expect("a question");
        match call(&mut store).await {
            Ok(()) => println!("ok listed"),
            Err(error) => println!("error {}", error.to_string().replace('\n', " ")),
        }
    }
}

async fn call(store: &mut Option<AmazonS3>) -> Result<(), object_store::Error> {
    if store.is_none() {
        *store = Some(open()?);
    }
    let listed = store.as_ref().expect("a store").list(None).next().await;
    listed.map_or(Ok(()), |object| object.map(|_| ()))
}

fn open() -> Result<AmazonS3, object_store::Error> {
    // Three minutes of tries are its default.
    let retry = RetryConfig { max_retries: 1, retry_timeout: Duration::from_secs(5), ..Default::default() };
    AmazonS3Builder::from_env()
        .with_endpoint(std::env::var("AWS_ENDPOINT_URL_S3").expect("an address of S3"))
        // A bucket at an address of its own is listed by `GET /`, which is what the emulator answers.
        .with_virtual_hosted_style_request(true)
        .with_bucket_name("conformance")
        .with_allow_http(true)
        .with_retry(retry)
        .build()
}
