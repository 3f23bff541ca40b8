//! A53: what clients have us fetch, and what strangers have clients' addresses asked for.

use crate::front;
use crate::harness::{Behaviour, Browser, ClientKey, KeyServer, Signer};
use serde_json::json;

#[tokio::test]
async fn a53_who_fills_the_places_of_one_errand_leaves_the_others_theirs() {
    let site = front::server().await.site("default");
    let key = ClientKey::new("ES256", "first");
    let keys = KeyServer::start(Behaviour::keys(&[key.jwk()])).await;
    let honest = Signer::published(&site, key, &keys.url).await;
    // At the very address at which the honest client's keys are, as two tenants of one host are.
    let silent = KeyServer::start(Behaviour::silent()).await;
    let stranger = front::client(&site, json!({ "request_uris": [silent.url.as_str()] })).await;
    let waiting: Vec<_> = (0..8)
        .map(|n| {
            let request = stranger.authorization().with("request_uri", &format!("{}#{n}", silent.url));
            tokio::spawn(async move { Browser::new().open_as_program(&request.url()).await })
        })
        .collect();
    silent.until_heard(8).await;
    Signer::assert_believed(&honest.knock(&honest.assertion()).await);
    for waiting in waiting {
        drop(waiting.await.unwrap());
    }
}
