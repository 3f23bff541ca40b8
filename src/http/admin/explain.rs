//! Stories: `GET /admin/v1/explain/{kind}/{id}`, and `POST /admin/v1/explain/token` with the token itself as the body, because a
//! token never stands in a URL.

use super::call::{Admin, Call, decoded};
use super::problem::{Answer, Problem};
use super::route;
use crate::audit::{Kind, story};
use crate::command::RefreshFact;
use crate::http::{Inbound, Response, inbound, reply};
use crate::ledger::Presented;
use crate::terms::Secret;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let presented = route(admin, warp::path!("explain" / "token").and(warp::post()).boxed(), of_token);
    let admin = admin.clone();
    let named = warp::path!("explain" / String / String).and(warp::get()).and(inbound());
    let named = named.then(move |kind: String, id: String, inbound: Arc<Inbound>| {
        super::call::answer(admin.clone(), inbound, move |call| async move { of_id(call, &kind, &decoded(&id)?).await })
    });
    presented.or(named.boxed()).unify().boxed()
}

/// GET /admin/v1/explain/{kind}/{id}
async fn of_id(call: Call, kind: &str, id: &str) -> Answer {
    let kinds = || Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    let kind = kind.parse().map_err(|_| Problem::malformed(format!("'{kind}' has no story; these have: {}", kinds())))?;
    tell(call, kind, id, None).await
}

/// POST /admin/v1/explain/token, the body being an access token or a refresh token.
async fn of_token(call: Call) -> Answer {
    let site = call.site()?;
    let text = std::str::from_utf8(&call.inbound.body).unwrap_or_default().trim();
    let token = Secret::new(text.to_owned());
    match call.ledger().present(&site, token.expose()) {
        Presented::Access(signed) => {
            let id = signed.token.to_string();
            tell(call, Kind::Token, &id, Some(json!({ "as": "access token" }))).await
        }
        Presented::Refresh(RefreshFact::Genuine { grant, generation }) => {
            let current =
                site.read(|state| state.grants.by_id(&grant).and_then(|grant| grant.tokens.as_ref()).and_then(|tokens| tokens.generation));
            let presented = json!({ "as": "refresh token", "generation": generation, "current": current });
            tell(call, Kind::Grant, &grant.to_string(), Some(presented)).await
        }
        Presented::OtherJwt => Err(Problem::unknown(format!("that is signed by site {}, but it is not an access token", site.name()))),
        Presented::BadSignature | Presented::Refresh(RefreshFact::Foreign) => {
            Err(Problem::unknown(format!("site {} did not issue that token: its signature is not ours", site.name())))
        }
        Presented::Unreadable => Err(Problem::malformed("that is neither an access token nor a refresh token".to_owned())),
    }
}

async fn tell(call: Call, kind: Kind, id: &str, presented: Option<Value>) -> Answer {
    let site = call.site()?;
    let reading = call.reading(&format!("explain {kind}"))?;
    let mut told = story(call.ledger(), &site, kind, id, call.identify()?)?;
    if let Some(presented) = presented {
        told.insert("presented".into(), presented);
    }
    let rows = told.get("events").and_then(Value::as_array).map_or(0, Vec::len);
    call.note_read(&site, &reading, u64::try_from(rows).unwrap_or(u64::MAX)).await?;
    Ok(reply::no_store(reply::json(StatusCode::OK, &told)))
}
