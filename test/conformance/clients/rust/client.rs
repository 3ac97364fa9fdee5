//! The AWS SDK for Rust, its default chains, and one client for as long as there are questions.
use aws_config::meta::region::ProvideRegion;
use aws_sdk_sts::error::DisplayErrorContext;
use aws_sdk_sts::Client;
use std::io::BufRead;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut client = None;
    for line in std::io::stdin().lock().lines() {
        let answer = match line.expect("a question").as_str() {
            "region" => region().await,
            _ => call(&mut client).await,
        };
        match answer {
            Ok(text) => println!("ok {text}"),
            Err(text) => println!("error {}", text.replace('\n', " ")),
        }
    }
}

async fn region() -> Result<String, String> {
    let region = aws_config::default_provider::region::DefaultRegionChain::builder().build().region().await;
    region.map(|region| region.to_string()).ok_or_else(|| "no region".to_owned())
}

async fn call(client: &mut Option<Client>) -> Result<String, String> {
    if client.is_none() {
        *client = Some(Client::new(&aws_config::load_from_env().await));
    }
    let answer = client.as_ref().expect("a client").get_caller_identity().send().await;
    let identity = answer.map_err(|error| DisplayErrorContext(error).to_string())?;
    Ok(identity.arn().unwrap_or_default().to_owned())
}
