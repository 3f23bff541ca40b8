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
async fn what_is_gone_or_was_never_there_is_not_called_so_already() {
    let world = world().await;
    let api = offline(&world.ledger);
    let detail = async |method: Method, target: &str, body: Option<Value>| {
        let (status, answer) = ask(&api, method, target, body).await;
        (status, answer["detail"].as_str().unwrap_or_default().to_owned())
    };
    let consents = |client: &str| format!("/users/alice/consents/{client}");
    let (status, said) = detail(Method::DELETE, &consents("nope"), None).await;
    assert_eq!((status, said.starts_with("no client 'nope'")), (404, true), "{said}");
    assert_eq!(detail(Method::DELETE, &format!("/clients/{}", world.client), None).await.0, 200);
    let of_the_deleted = consents(world.client.as_str());
    assert_eq!(detail(Method::DELETE, &of_the_deleted, None).await.0, 200, "what was allowed to it can still be taken back");
    assert_eq!(detail(Method::DELETE, &of_the_deleted, None).await.0, 404);
    let user = get(&world, "/users/alice").await.1["user"].as_str().unwrap().to_owned();
    let erase = format!("/users/{user}/erase");
    assert_eq!(detail(Method::POST, &erase, None).await.0, 200);
    assert_eq!(detail(Method::POST, &erase, None).await, (409, "It is so already".to_owned()));
    let erased = (404, "There is no such user at this site: the user is erased".to_owned());
    for act in ["enable", "disable", "unlock", "sign-out"] {
        assert_eq!(detail(Method::POST, &format!("/users/{user}/{act}"), None).await, erased, "{act}");
    }
    let password = json!({ "password": "correct horse" });
    assert_eq!(detail(Method::PUT, &format!("/users/{user}/password"), Some(password)).await, erased);
}

#[tokio::test]
async fn a_user_is_made_only_with_claims_that_can_be_told() {
    let world = world().await;
    let api = offline(&world.ledger);
    for (claims, said) in [
        (json!({ "sub": "evil" }), "there is no claim 'sub' about a person in OpenID Connect Core §5.1, nor is it fhirUser"),
        (json!({ "": "x" }), "there is no claim '' about a person in OpenID Connect Core §5.1, nor is it fhirUser"),
        (json!({ "email": "b@c.d", "email_verified": "yes" }), "the claim 'email_verified' must be true or false"),
        (json!({ "birthdate": [1] }), "the claim 'birthdate' must be a date as 1985-12-10, or a year"),
    ] {
        let (status, told) = ask(&api, Method::POST, "/users", Some(json!({ "username": "bob", "claims": claims }))).await;
        assert_eq!((status, &told["detail"]), (400, &json!(said)));
    }
    assert_eq!(log(&world, "type=user.created").await.len(), 1, "nothing was recorded");
    let claims = json!({ "email": "b@c.d", "email_verified": true, "fhirUser": "https://f/Patient/1" });
    assert_eq!(ask(&api, Method::POST, "/users", Some(json!({ "username": "bob", "claims": claims }))).await.0, 201);
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
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), None).await.1["detail"], "It is so already");
    assert_eq!(ask(&api, Method::POST, "/keys", Some(json!({ "alg": "none" }))).await.0, 400);
}
