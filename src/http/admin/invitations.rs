//! Initial access tokens (RFC 7591 §3): `GET` and `POST /admin/v1/invitations`, `DELETE /admin/v1/invitations/{invitation}`. The token
//! stands in the response that made it and nowhere else.

use super::call::{Admin, Call, only};
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::command::{InviteClient, RevokeInvitation};
use crate::event::RegistrationMode;
use crate::http::{Response, reply};
use crate::ledger::draw_secret;
use crate::projection::Invitation;
use crate::terms::{InvitationId, Timestamp};
use http::StatusCode;
use serde_json::{Map, Value, json};
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let list = route(admin, warp::path!("invitations").and(warp::get()).boxed(), list);
    let invite = route(admin, warp::path!("invitations").and(warp::post()).boxed(), invite);
    let revoke = route_of(admin, warp::path!("invitations" / String).and(warp::delete()).boxed(), revoke);
    list.or(invite).unify().or(revoke).unify().boxed()
}

/// GET /admin/v1/invitations
async fn list(call: Call) -> Answer {
    let site = call.site()?;
    let mut invitations: Vec<Invitation> = site.read(|state| state.invitations.iter().cloned().collect());
    invitations.sort_by_key(|invitation| (invitation.issued_at, invitation.id));
    let now = call.ledger().now();
    let views: Vec<Value> = invitations.iter().map(|invitation| view(invitation, now)).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "invitations": views })))
}

fn view(invitation: &Invitation, now: Timestamp) -> Value {
    let state = match invitation {
        Invitation { revoked: true, .. } => "revoked",
        Invitation { expires_at, .. } if now >= *expires_at => "expired",
        Invitation { uses_left: 0, .. } => "used up",
        Invitation { .. } => "open",
    };
    json!({
        "invitation": invitation.id,
        "state": state,
        "uses_left": invitation.uses_left,
        "issued_at": invitation.issued_at,
        "expires_at": invitation.expires_at,
        "changed_by": invitation.changed,
    })
}

/// One client, within a week.
const USES: u64 = 1;
const LIFETIME_SECONDS: u64 = 7 * 86_400;

/// POST /admin/v1/invitations with `uses` and `lifetime_seconds`, or without.
async fn invite(call: Call) -> Answer {
    let site = call.site()?;
    let members = call.object()?;
    only(&members, &["uses", "lifetime_seconds"])?;
    let closed = site.read(|state| state.site.as_ref().is_some_and(|of| of.settings.dcr_mode == RegistrationMode::Disabled));
    if closed {
        let next = format!("writ site set {} dcr.mode=token", site.name());
        return Err(Problem::conflict(format!("dcr.mode is disabled, so that nobody could register with the invitation: {next}")));
    }
    let token = draw_secret::<32>();
    let uses = u32::try_from(number(&members, "uses", USES)?).unwrap_or(u32::MAX);
    let lifetime_seconds = number(&members, "lifetime_seconds", LIFETIME_SECONDS)?;
    let command = InviteClient { token: token.digest(), uses, lifetime_seconds, by: call.actor.clone() };
    let (invitation, expires_at) = call.ledger().carry_out(&site, command, call.facts()).await?;
    let body = json!({
        "invitation": invitation,
        "initial_access_token": token.expose(),
        "uses_left": uses,
        "expires_at": expires_at,
        "registration_endpoint": format!("{}/registration", site.issuer()),
    });
    Ok(reply::no_store(reply::json(StatusCode::CREATED, &body)))
}

fn number(members: &Map<String, Value>, name: &str, otherwise: u64) -> Result<u64, Problem> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(otherwise),
        Some(value) => value.as_u64().ok_or_else(|| Problem::malformed(format!("the member '{name}' must be a number"))),
    }
}

/// DELETE /admin/v1/invitations/{invitation}
async fn revoke(call: Call, id: String) -> Answer {
    let site = call.site()?;
    let unknown = |_| Problem::unknown(format!("no invitation with that id at site {}: writ client invitations", site.name()));
    let invitation: InvitationId = id.parse().map_err(unknown)?;
    call.ledger().carry_out(&site, RevokeInvitation { invitation, by: call.actor.clone() }, call.facts()).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "invitation": invitation, "state": "revoked" })))
}
