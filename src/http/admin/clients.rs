//! Clients: `GET` and `POST /admin/v1/clients`, `GET`, `PATCH` and `DELETE /admin/v1/clients/{client}`,
//! `POST /admin/v1/clients/{client}/{act}`. A secret stands in the response that made it and nowhere else.

use super::call::{Admin, Call, decoded, truth};
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::command::{ChangeClient, ClientChange, ConfigureClient, RegisterClient};
use crate::event::{ClientStatus, Edition};
use crate::http::registration::{RequestedClient, parse_metadata};
use crate::http::{Inbound, Response, inbound, reply};
use crate::ledger::{Site, draw_bytes, draw_secret};
use crate::projection::Client;
use crate::terms::{ClientId, Secret};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let list = route(admin, warp::path!("clients").and(warp::get()).boxed(), list);
    let register = route(admin, warp::path!("clients").and(warp::post()).boxed(), register);
    let show = route_of(admin, warp::path!("clients" / String).and(warp::get()).boxed(), show);
    let delete = route_of(admin, warp::path!("clients" / String).and(warp::delete()).boxed(), delete);
    let set = route_of(admin, warp::path!("clients" / String).and(warp::patch()).boxed(), set);
    let admin = admin.clone();
    let act = warp::path!("clients" / String / String).and(warp::post()).and(inbound());
    let act = act.then(move |client: String, act: String, inbound: Arc<Inbound>| {
        super::call::answer(admin.clone(), inbound, move |call| async move { change(call, &decoded(&client)?, &act).await })
    });
    list.or(register).unify().or(show).unify().or(delete).unify().or(set).unify().or(act.boxed()).unify().boxed()
}

/// GET /admin/v1/clients
async fn list(call: Call) -> Answer {
    let site = call.site()?;
    let mut clients: Vec<Client> = site.read(|state| state.clients.iter().cloned().collect());
    clients.sort_by(|a, b| (a.registered_at, &a.id).cmp(&(b.registered_at, &b.id)));
    let views: Vec<Value> = clients.iter().map(view).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "clients": views })))
}

/// GET /admin/v1/clients/{client}
async fn show(call: Call, id: String) -> Answer {
    let site = call.site()?;
    let client = find(&site, &id)?;
    Ok(reply::json(StatusCode::OK, &view(&client)))
}

/// The client as RFC 7591 §3.2.1 shows it, without secrets.
fn view(client: &Client) -> Value {
    let mut view = json!(client.metadata);
    if let Some(view) = view.as_object_mut() {
        view.insert("client_id".into(), json!(client.id));
        view.insert("client_id_issued_at".into(), json!(client.registered_at.unix_seconds()));
        view.insert("client_status".into(), json!(client.status));
        view.insert("changed_by".into(), json!(client.changed));
        if let Value::Object(privileges) = json!(client.privileges) {
            view.extend(privileges);
        }
    }
    view
}

fn find(site: &Site, id: &str) -> Result<Client, Problem> {
    let found = id.parse::<ClientId>().ok().and_then(|id| site.read(|state| state.clients.by_id(&id).cloned()));
    found.ok_or_else(|| Problem::unknown(format!("no client with that id at site {}: writ client list", site.name())))
}

/// POST /admin/v1/clients with the metadata of RFC 7591 §2; an administrator's client needs no approval.
async fn register(call: Call) -> Answer {
    let site = call.site()?;
    let settings = site.read(|state| state.site.as_ref().map(|of| of.settings.clone()));
    let settings = settings.ok_or_else(|| Problem::conflict("the site is not yet there".to_owned()))?;
    let RequestedClient { metadata, contacts } = parse_metadata(&call.object()?, &settings)?;
    let secret: Option<Secret> = metadata.has_secret().then(draw_secret::<64>);
    let registration_token = draw_secret::<32>();
    let command = RegisterClient {
        client: ClientId::from_bytes(draw_bytes()),
        metadata,
        secret: secret.as_ref().map(Secret::digest),
        registration_token: registration_token.digest(),
        initial_token: None,
        sector_document: None,
        by: call.actor.clone(),
        edition: Edition::CURRENT,
        contacts,
    };
    let client = command.client.clone();
    let (_, path) = call.ledger().register_client(&site, command, call.facts()).await?;
    let mut body = view(&find(&site, client.as_str())?);
    if let Some(body) = body.as_object_mut() {
        if let Some(secret) = &secret {
            body.insert("client_secret".into(), secret.expose().into());
            body.insert("client_secret_expires_at".into(), 0.into());
        }
        body.insert("registration_access_token".into(), registration_token.expose().into());
        body.insert("registration_client_uri".into(), format!("{}/client/{}", site.issuer(), path.segment()).into());
    }
    Ok(reply::no_store(reply::json(StatusCode::CREATED, &body)))
}

/// PATCH /admin/v1/clients/{client} {"grant_types": ["authorization_code", "password"], "legacy_secretless": "refresh"}: a text is
/// taken for a list where there is one, its words separated by commas.
async fn set(call: Call, id: String) -> Answer {
    let site = call.site()?;
    let client = find(&site, &id)?;
    let now = view(&client);
    let typed = |(name, value): (String, Value)| {
        let value = typed(&value, now.get(&name)).unwrap_or(value);
        (name, value)
    };
    let change = call.object()?.into_iter().map(typed).collect();
    let command = ConfigureClient { client: client.id, change, edition: Edition::CURRENT, by: call.actor.clone() };
    call.ledger().carry_out(&site, command, call.facts()).await?;
    Ok(reply::json(StatusCode::OK, &view(&find(&site, &id)?)))
}

/// A text read as the kind of value that the member has.
fn typed(value: &Value, like: Option<&Value>) -> Option<Value> {
    let text = value.as_str()?;
    match like? {
        Value::Array(_) => Some(text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(Value::from).collect()),
        Value::Bool(_) => truth(text).map(Value::from),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
    }
}

/// DELETE /admin/v1/clients/{client}
async fn delete(call: Call, id: String) -> Answer {
    let site = call.site()?;
    let client = find(&site, &id)?.id;
    let command = ChangeClient { client: client.clone(), change: ClientChange::Delete, by: call.actor.clone(), presented_token: None };
    call.ledger().change_client(&site, command, call.facts()).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "client_id": client, "client_status": "deleted" })))
}

/// POST /admin/v1/clients/{client}/(approve|disable|enable|rotate-secret)
async fn change(call: Call, id: &str, act: &str) -> Answer {
    let site = call.site()?;
    let secret = draw_secret::<64>();
    let change = match act {
        "approve" => ClientChange::Approve,
        "disable" => ClientChange::Disable,
        "enable" => ClientChange::Enable,
        "rotate-secret" => ClientChange::RotateSecret(secret.digest()),
        _ => return Err(Problem::no_such_address()),
    };
    let before = find(&site, id)?;
    if let ClientChange::RotateSecret(_) = change
        && !before.metadata.has_secret()
    {
        return Err(Problem::conflict("the client has no secret".to_owned()));
    }
    if change == ClientChange::Enable && before.status == ClientStatus::PendingApproval {
        return Err(Problem::conflict("the client waits for approval: writ client approve".to_owned()));
    }
    let command = ChangeClient { client: before.id.clone(), change, by: call.actor.clone(), presented_token: None };
    call.ledger().carry_out(&site, command, call.facts()).await?;
    let mut body = view(&find(&site, id)?);
    if let (Some(body), ClientChange::RotateSecret(_)) = (body.as_object_mut(), change) {
        body.insert("client_secret".into(), secret.expose().into());
        body.insert("client_secret_expires_at".into(), 0.into());
    }
    Ok(reply::no_store(reply::json(StatusCode::OK, &body)))
}
