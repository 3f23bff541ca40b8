//! End-users: `GET` and `POST /admin/v1/users`, `GET /admin/v1/users/{user}`, `POST /admin/v1/users/{user}/{act}`,
//! `PUT /admin/v1/users/{user}/password`. A user is named by id or username; who they are is shown only for a reason.

use super::call::{Admin, Call, decoded, only, text};
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::audit::Identify;
use crate::audit::filter::find_user;
use crate::command::{ChangeUser, UserChange, WithdrawConsent};
use crate::http::{Inbound, Response, inbound, reply};
use crate::ledger::{Failure, Site, SiteError};
use crate::projection::User;
use crate::query::check_claim;
use crate::terms::{ClientId, Role, Secret, UserId};
use crate::vault::PasswordText;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let list = route(admin, warp::path!("users").and(warp::get()).boxed(), list);
    let create = route(admin, warp::path!("users").and(warp::post()).boxed(), create);
    let show = route_of(admin, warp::path!("users" / String).and(warp::get()).boxed(), show);
    let password = route_of(admin, warp::path!("users" / String / "password").and(warp::put()).boxed(), set_password);
    let withdraw = warp::path!("users" / String / "consents" / String).and(warp::delete()).and(inbound());
    let (admin, other) = (admin.clone(), admin.clone());
    let withdraw = withdraw.then(move |user: String, client: String, inbound: Arc<Inbound>| {
        super::call::answer(other.clone(), inbound, move |call| async move { stop(call, &decoded(&user)?, &decoded(&client)?).await })
    });
    let act = warp::path!("users" / String / String).and(warp::post()).and(inbound());
    let act = act.then(move |user: String, act: String, inbound: Arc<Inbound>| {
        super::call::answer(admin.clone(), inbound, move |call| async move { change(call, &decoded(&user)?, &act).await })
    });
    list.or(create).unify().or(show).unify().or(password).unify().or(withdraw.boxed()).unify().or(act.boxed()).unify().boxed()
}

/// GET /admin/v1/users
async fn list(call: Call) -> Answer {
    let site = call.site()?;
    let reading = call.reading("users")?;
    let mut users: Vec<User> = site.read(|state| state.users.iter().cloned().collect());
    users.sort_by_key(|user| user.claims_at);
    let views = users.iter().map(|user| view(&call, &site, user)).collect::<Result<Vec<Value>, _>>()?;
    call.note_read(&site, &reading, u64::try_from(views.len()).unwrap_or(u64::MAX)).await?;
    Ok(reply::no_store(reply::json(StatusCode::OK, &json!({ "users": views }))))
}

/// GET /admin/v1/users/{user}
async fn show(call: Call, named: String) -> Answer {
    let site = call.site()?;
    let reading = call.reading("user")?;
    let id = find(&call, &site, &named)?;
    let user = site.read(|state| state.users.by_id(&id).cloned()).ok_or_else(|| no_user(&site))?;
    let view = view(&call, &site, &user)?;
    call.note_read(&site, &reading, 1).await?;
    Ok(reply::no_store(reply::json(StatusCode::OK, &view)))
}

fn view(call: &Call, site: &Site, user: &User) -> Result<Value, Problem> {
    let word = match user {
        User { erased: true, .. } => "erased",
        User { disabled: Some(_), .. } => "disabled",
        User { locked: true, .. } => "locked",
        User { .. } => "enabled",
    };
    let who = match call.identify()? {
        Identify::Open => json!(call.ledger().claims_of_user(site, &user.id).map_err(Problem::from)?),
        Identify::Withhold => Value::Null,
    };
    Ok(json!({
        "user": user.id,
        "role": user.role,
        "state": word,
        "has_password": user.credential.is_some(),
        "created_by": user.claims_at,
        "changed_by": user.changed,
        "claims": who,
    }))
}

/// DELETE /admin/v1/users/{user}/consents/{client}: the person's permission is taken back, and every token under it is dead.
async fn stop(call: Call, named: &str, client: &str) -> Answer {
    let site = call.site()?;
    let user = find(&call, &site, named)?;
    let unknown = || Problem::unknown(format!("no client '{client}' at site {}: writ client list", site.name()));
    let id: ClientId = client.parse().map_err(|_| unknown())?;
    let command = WithdrawConsent { user, client: id.clone(), by: call.actor.clone() };
    match call.ledger().carry_out(&site, command, call.facts()).await {
        // What was allowed to a client that is gone can be taken back; only who has nothing of it is told that it is not there.
        Err(SiteError::Refused(_)) if site.read(|state| state.clients.by_id(&id).is_none()) => return Err(unknown()),
        withdrawn => withdrawn?,
    }
    Ok(reply::json(StatusCode::OK, &json!({ "user": user, "client": client, "consent": "withdrawn" })))
}

/// The user with this id or username.
fn find(call: &Call, site: &Site, named: &str) -> Result<UserId, Problem> {
    find_user(call.ledger(), site, named).ok_or_else(|| no_user(site))
}

fn no_user(site: &Site) -> Problem {
    Problem::unknown(format!("no user of that id or name at site {}: writ user list", site.name()))
}

/// POST /admin/v1/users {"username", "password", "role", "claims"}
async fn create(call: Call) -> Answer {
    let site = call.site()?;
    let body = call.object()?;
    only(&body, &["username", "password", "role", "claims"])?;
    let username = text(&body, "username")?.trim().to_owned();
    if !(1..=255).contains(&username.chars().count()) || username.chars().any(char::is_control) {
        return Err(Problem::malformed("a username has 1 to 255 characters and no control characters".to_owned()));
    }
    let password = match body.get("password") {
        None => None,
        Some(_) => Some(new_password(&body)?),
    };
    let role = match body.get("role") {
        None => Role::Users,
        Some(_) => Role::from_either(text(&body, "role")?)
            .ok_or_else(|| Problem::malformed("the member 'role' is 'users' or 'patient'".to_owned()))?,
    };
    let claims = match body.get("claims") {
        None => Map::new(),
        Some(Value::Object(claims)) => claims.clone(),
        Some(_) => return Err(Problem::malformed("the member 'claims' must be an object".to_owned())),
    };
    let wrong = claims.iter().find_map(|(name, value)| check_claim(name, value).err());
    if let Some(error) = wrong {
        return Err(Problem::malformed(error.to_string()));
    }
    let created = call.ledger().create_user(&site, &username, password, role, claims, call.actor.clone(), call.facts()).await?;
    Ok(reply::json(StatusCode::CREATED, &json!({ "user": created, "role": role, "state": "enabled" })))
}

/// PUT /admin/v1/users/{user}/password {"password"}
async fn set_password(call: Call, named: String) -> Answer {
    let site = call.site()?;
    let body = call.object()?;
    only(&body, &["password"])?;
    let password = new_password(&body)?;
    let user = find(&call, &site, &named)?;
    call.ledger().set_password(&site, user, password, call.actor.clone(), call.facts()).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "user": user, "password": "set" })))
}

fn new_password(body: &Map<String, Value>) -> Result<PasswordText, Problem> {
    let typed = Secret::new(text(body, "password")?.to_owned());
    PasswordText::parse_new(&typed).map_err(|error| Problem::malformed(error.to_string()))
}

/// POST /admin/v1/users/{user}/(disable|enable|unlock|sign-out|erase)
async fn change(call: Call, named: &str, act: &str) -> Answer {
    let site = call.site()?;
    let change = match act {
        "disable" => UserChange::Disable,
        "enable" => UserChange::Enable,
        "unlock" => UserChange::Unlock,
        "sign-out" => UserChange::SignOut,
        "erase" => UserChange::Erase,
        _ => return Err(Problem::no_such_address()),
    };
    let user = find(&call, &site, named)?;
    match change {
        UserChange::Erase => call.ledger().erase_user(&site, user, call.actor.clone(), call.facts()).await?,
        UserChange::SignOut => call.ledger().sign_out_user(&site, user, call.actor.clone(), call.facts()).await?,
        UserChange::Disable | UserChange::Enable | UserChange::Unlock | UserChange::SetPassword(_) => {
            call.ledger().carry_out(&site, ChangeUser { user, change, by: call.actor.clone() }, call.facts()).await?;
        }
    }
    let now = site.read(|state| state.users.by_id(&user).cloned());
    let now = now.ok_or_else(|| Failure::Contradiction("a user who was changed is gone".to_owned()))?;
    Ok(reply::no_store(reply::json(StatusCode::OK, &view(&call, &site, &now)?)))
}
