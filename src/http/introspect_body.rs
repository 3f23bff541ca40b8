//! What introspection says in its two dialects (SPEC.md h, DESIGN.md §6): one writer for the endpoint, which tells of now, and for the
//! admin API, which tells what the endpoint would have said then.

use crate::ledger::{Failure, Site};
use crate::query::{Status, TokenFacts, visible_scope};
use crate::terms::UserId;
use serde_json::{Map, Value, json};

/// Who is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// RFC 7662: nothing but `active` about a token that is not.
    Rfc,
    /// The thread's clients, which read `status`.
    Seed,
}

/// The body about a token. `facts` are those that the asker may see: a client sees its own tokens only, unless an administrator made it
/// a resource server (THREATS.md A39). `username` is looked up only if it is told.
pub fn body(
    site: &Site,
    status: Status,
    facts: Option<&TokenFacts>,
    dialect: Dialect,
    username: impl FnOnce(&UserId) -> Result<Option<Value>, Failure>,
) -> Result<Value, Failure> {
    let Some(facts) = facts else { return Ok(unknown(dialect)) };
    match (status, dialect) {
        (Status::Active, _) => active(site, facts, facts.user.as_ref().map(username).transpose()?.flatten()),
        (Status::Unknown, _) => Ok(unknown(dialect)),
        (Status::Expired | Status::Revoked, Dialect::Rfc) => Ok(unknown(dialect)),
        (Status::Expired | Status::Revoked, Dialect::Seed) => {
            let mut body = outline(site, facts);
            body.insert("active".into(), false.into());
            body.insert("status".into(), status.word().into());
            Ok(Value::Object(body))
        }
    }
}

/// The body about a token that is not known, or to a client that may not know.
pub fn unknown(dialect: Dialect) -> Value {
    match dialect {
        Dialect::Rfc => json!({ "active": false }),
        Dialect::Seed => json!({ "active": false, "status": Status::Unknown.word() }),
    }
}

/// The thread's members (SPEC.md h).
fn outline(site: &Site, facts: &TokenFacts) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("scope".into(), visible_scope(&facts.scope, site.name()).to_string().into());
    body.insert("client_id".into(), facts.client.as_str().into());
    body.insert("exp".into(), facts.expires_at.unix_seconds().into());
    body.insert("sub".into(), site.subject(facts.user, &facts.client, facts.sector.as_ref()).into());
    body
}

/// RFC 7662 §2.2, with the thread's `status` as an extension.
fn active(site: &Site, facts: &TokenFacts, username: Option<Value>) -> Result<Value, Failure> {
    let mut body = outline(site, facts);
    body.insert("active".into(), true.into());
    body.insert("status".into(), Status::Active.word().into());
    body.insert("iss".into(), site.issuer().into());
    body.insert("aud".into(), facts.audience.clone().unwrap_or_else(|| facts.client.to_string()).into());
    body.insert("iat".into(), facts.issued_at.unix_seconds().into());
    body.insert("nbf".into(), facts.issued_at.unix_seconds().into());
    body.insert("site".into(), site.name().as_str().into());
    if let Some(jti) = facts.jti {
        body.insert("jti".into(), jti.to_string().into());
        body.insert("token_type".into(), "Bearer".into());
    }
    body.extend(username.map(|username| ("username".to_owned(), username)));
    Ok(Value::Object(body))
}
