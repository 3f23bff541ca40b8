//! What the introspection endpoint would have said of a token at a point of the site's history, and why (AUDIT.md §8.3):
//! `GET /admin/v1/tokens/{id}/introspection?at&as_client`, and `POST /admin/v1/tokens/introspection` with the token itself as the body,
//! because a token never stands in a URL.
//!
//! The view is that of the token's own client, or of `as_client`: its dialect follows from how that client sends its credentials, and
//! from the site's setting then. A person's `username` is told only where people may be shown (`identify`); otherwise it is named under
//! `withheld`, and under `erased` if nobody can open it any more.

use super::call::{Admin, Call};
use super::introspect_then::Then;
use super::past::{point, replaying, told, when};
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::audit::story::grouped;
use crate::audit::{Identify, Point, When, chain, deletion};
use crate::http::{Response, reply};
use crate::ledger::{Failure, Ledger, Site};
use crate::projection::State;
use crate::query::{Introspection, TokenName};
use crate::replay::{Watch, state_at};
use crate::terms::{ClientId, Secret};
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let presented = route(admin, warp::path!("tokens" / "introspection").and(warp::post()).boxed(), of_token);
    let named = route_of(admin, warp::path!("tokens" / String / "introspection").and(warp::get()).boxed(), of_id);
    presented.or(named).unify().boxed()
}

/// GET /admin/v1/tokens/{id}/introspection: `id` is `tok_…`, `grt_…` or `grt_…#2`.
async fn of_id(call: Call, id: String) -> Answer {
    let name = id.parse().map_err(|error: crate::terms::ParseError| Problem::malformed(format!("'{id}' is {error}")))?;
    tell(call, name).await
}

/// POST /admin/v1/tokens/introspection, the body being an access token or a refresh token.
async fn of_token(call: Call) -> Answer {
    let site = call.site()?;
    let token = Secret::new(std::str::from_utf8(&call.inbound.body).unwrap_or_default().trim().to_owned());
    let presented = call.ledger().present(&site, token.expose());
    let name = presented.name().ok_or_else(|| Problem::unknown(format!("site {} did not issue that token", site.name())))?;
    tell(call, name).await
}

async fn tell(call: Call, name: TokenName) -> Answer {
    let site = call.site()?;
    let reading = call.reading("introspect")?;
    let asked = Asked { name, when: when(&call, "at")?, as_client: as_client(&call)?, identify: call.identify()? };
    let told = replaying(&call, &site, &Arc::new(Watch::default()), move |ledger, site, watch| asked.answer(ledger, site, watch)).await?;
    let rows = told.get("because").and_then(Value::as_array).map_or(0, Vec::len);
    call.note_read(&site, &reading, u64::try_from(rows).unwrap_or(u64::MAX)).await?;
    Ok(reply::no_store(reply::json(StatusCode::OK, &told)))
}

fn as_client(call: &Call) -> Result<Option<ClientId>, Problem> {
    let named = call.params.get("as_client");
    named.map(|id| id.parse().map_err(|_| Problem::malformed(format!("'{id}' is not the id of a client")))).transpose()
}

struct Asked {
    name: TokenName,
    when: When,
    /// Whose view it is, if not the token's own client's.
    as_client: Option<ClientId>,
    identify: Identify,
}

impl Asked {
    fn answer(&self, ledger: &Ledger, site: &Site, watch: &Watch) -> Result<Value, Problem> {
        let point = point(ledger, site, &self.when)?;
        let state = state_at(ledger, site, point.events, point.t, watch)?;
        let found = ledger.introspect_then(site, &state, &self.name, point.t)?;
        if found.facts.is_none() {
            self.must_be_known(site)?;
        }
        let asker = self.as_client.as_ref().or(found.facts.as_ref().map(|facts| &facts.client));
        if let Some(absent) = self.as_client.as_ref().filter(|id| state.clients.by_id(id).is_none()) {
            return Err(Problem::unknown(format!("there was no client {absent} then")));
        }
        let then = Then { ledger, site, state: &state, found: &found, identify: self.identify };
        let sent = then.sent(asker)?;
        let mut answer = Map::new();
        answer.insert("at".into(), told(point));
        answer.insert("token".into(), self.name.to_string().into());
        answer.insert("as_client".into(), json!(asker));
        answer.insert("status".into(), sent.status.as_u16().into());
        answer.insert("body".into(), sent.body);
        answer.insert("because".into(), json!(because(ledger, site, &found, &state, point)?));
        answer.extend(sent.left_out.map(|why| (why.to_owned(), json!(["username"]))));
        Ok(Value::Object(answer))
    }

    /// A token that was not known then must be one by now: otherwise somebody has mistyped it.
    fn must_be_known(&self, site: &Site) -> Result<(), Problem> {
        let known = match &self.name {
            TokenName::Access(token) => site.count_of(&token.to_string(), 0..site.durable().events),
            TokenName::Refresh { grant, .. } => site.count_of(&grant.to_string(), 0..site.durable().events),
        };
        let events = grouped(site.durable().events);
        let next = ". If you have the token itself: writ introspect -";
        match known {
            0 => Err(Problem::unknown(format!("no token with that id in site {} ({events} events){next}", site.name()))),
            _ => Ok(()),
        }
    }
}

/// The events that decided it, each with what led to it: the deciding one first, the root last. A key that was taken back decides first.
fn because(ledger: &Ledger, site: &Site, found: &Introspection, state: &State, point: Point) -> Result<Vec<u64>, Failure> {
    let facts = found.facts.as_ref();
    let disowned_by = facts.and_then(|facts| state.keys.disowned_by(&facts.kid?, facts.expires_at));
    let gone = facts.filter(|facts| state.clients.by_id(&facts.client).is_none());
    let decided_by = match (disowned_by.or(found.decided_by), gone) {
        (Some(seq), _) => Some(seq),
        (None, Some(facts)) => deletion(ledger, site, &facts.client, point.events)?.map(|record| record.seq),
        (None, None) => None,
    };
    let led = decided_by.map_or(Ok(Vec::new()), |seq| chain(ledger, site, seq))?;
    Ok(led.into_iter().map(|seq| seq.0).collect())
}
