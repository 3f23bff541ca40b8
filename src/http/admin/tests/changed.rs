//! What an administrator changes.

use super::*;

#[tokio::test]
async fn a_client_goes_through_its_life() {
    let world = world().await;
    let api = offline(&world.ledger);
    let at = format!("/clients/{}", world.client);
    let post = |act: &'static str| {
        let (api, target) = (&api, format!("{at}/{act}"));
        async move { text(api, Method::POST, &target, None).await }
    };
    assert_eq!(post("approve").await.0, 409);
    assert_eq!(post("disable").await.0, 200);
    assert_eq!(get(&world, &at).await.1["client_status"], "disabled");
    assert_eq!(post("enable").await.0, 200);
    let rotated: Value = serde_json::from_str(&post("rotate-secret").await.1).unwrap();
    assert_eq!(rotated["client_secret"].as_str().unwrap().len(), 86);
    assert!(get(&world, &at).await.1.get("client_secret").is_none());
    assert_eq!(ask(&api, Method::DELETE, &at, None).await.0, 200);
    assert_eq!(get(&world, &at).await.0, 404);
    let (_, story) = get(&world, &format!("/explain/client/{}", world.client)).await;
    assert_eq!(story["state"]["word"], "DELETED");
}

#[tokio::test]
async fn a_site_is_made_and_configured_once_and_with_care() {
    let world = world().await;
    let api = offline(&world.ledger);
    let make = |name: &str| json!({ "name": name, "public_url": "https://op.test", "profile": "openemr" });
    assert_eq!(ask(&api, Method::POST, "/sites", Some(make("token"))).await.0, 400);
    let (status, made) = ask(&api, Method::POST, "/sites", Some(make("clinic"))).await;
    assert_eq!((status, &made["issuer"]), (201, &json!("https://op.test/oauth2/clinic")));
    assert_eq!(ask(&api, Method::POST, "/sites", Some(make("clinic"))).await.0, 409);
    let (status, set) = ask(&api, Method::PATCH, "/sites/clinic", Some(json!({ "access_seconds": "600" }))).await;
    assert_eq!((status, &set["settings"]["access_seconds"]), (200, &json!(600)));
    for wrong in [json!({ "access_seconds": "soon" }), json!({ "acces_seconds": "600" }), json!({ "code_seconds": "301" })] {
        assert_eq!(ask(&api, Method::PATCH, "/sites/clinic", Some(wrong.clone())).await.0, 400, "{wrong}");
    }
    assert_eq!(ask(&api, Method::PATCH, "/sites/clinic", Some(json!({ "access_seconds": 600 }))).await.0, 409);
    let detail = async |wrong: Value| ask(&api, Method::PATCH, "/sites/clinic", Some(wrong)).await.1["detail"].clone();
    let beginning = "There is no such setting, or it cannot have this value";
    assert_eq!(detail(json!({ "dcr.mode": "ajar" })).await, format!("{beginning}: dcr.mode is one of open, token, disabled"));
    assert_eq!(detail(json!({ "profile": "best" })).await, format!("{beginning}: profile is one of standard, openemr, iehr"));
    assert_eq!(detail(json!({ "acces_seconds": 600 })).await, format!("{beginning}: there is no acces_seconds"));
    let costs = get(&world, "/sites/clinic").await.1["costs"].clone();
    assert!(costs["code_seconds"].as_str().is_some_and(|sentence| sentence.contains("longer than a minute")), "{costs}");
    assert_eq!(costs.get("access_seconds"), None);
    let (_, after) = ask(&api, Method::PATCH, "/sites/clinic", Some(json!({ "profile": "standard", "title": "T" }))).await;
    assert_eq!(after["costs"], json!({}));
}

#[tokio::test]
async fn a_key_takes_over_and_the_one_that_signs_is_not_retired() {
    let world = world().await;
    let api = offline(&world.ledger);
    let first = get(&world, "/keys").await.1["keys"][0]["kid"].as_str().unwrap().to_owned();
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), None).await.0, 409);
    let (status, shown) = ask(&api, Method::POST, "/keys", Some(json!({ "alg": "RS256" }))).await;
    assert_eq!((status, &shown["state"]), (201, &json!("published")));
    assert!(shown["until"].as_str() > shown["since"].as_str(), "{shown}");
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), None).await.0, 409, "the one before still signs");
    let (status, signs) = ask(&api, Method::POST, "/keys", Some(json!({ "alg": "RS256", "now": true }))).await;
    assert_eq!((status, &signs["state"]), (201, &json!("signing")));
    assert_eq!(ask(&api, Method::POST, "/keys", Some(json!({ "alg": "RS256", "now": "yes" }))).await.0, 400);
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), None).await.0, 409, "tokens that are good were signed with it");
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), Some(json!({ "force": true }))).await.0, 200);
    assert_eq!(ask(&api, Method::POST, "/keys", Some(json!({ "alg": "none" }))).await.0, 400);
}
