//! `request` and `request_uri`: parameters that come as a JWT (RFC 9101, OpenID Connect Core §6).

use super::Params;
use super::context::At;
use crate::event::Refusal;
use crate::ledger::{Failure, SentObject};
use crate::terms::{ClientId, ResponseType};
use serde_json::{Map, Value};

/// The request's parameters with those of its request object, which supersede the ones beside it; nothing if it has none, or if
/// the site takes none: then the request is refused as a whole.
///
/// # Errors
/// Outside, there is no room for reading it now; inside, it is refused.
pub async fn unfolded(at: &At, params: &Params) -> Result<Result<Option<Params>, Refusal>, Failure> {
    let sent = match (params.get("request"), params.get("request_uri")) {
        (None, None) => return Ok(Ok(None)),
        (Some(_), Some(_)) if takes_objects(at) => return Ok(Err(Refusal::RequestObjectTwice)),
        (Some(_), _) | (None, Some(_)) if !takes_objects(at) => return Ok(Ok(None)),
        (Some(object), _) => SentObject::ByValue(object),
        (None, Some(uri)) => SentObject::ByReference(uri),
    };
    let id = params.get("client_id").and_then(|id| id.parse::<ClientId>().ok());
    let client = id.and_then(|id| at.site.read(|state| state.clients.by_id(&id).filter(|client| client.is_enabled()).cloned()));
    // Nobody's object is read: who asks is refused for that.
    let Some(client) = client else { return Ok(Ok(None)) };
    let inside = match at.ledger.read_request_object(&at.site, &client, sent).await? {
        Ok(inside) => inside,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(superseded(params, &inside).map(Some))
}

fn takes_objects(at: &At) -> bool {
    at.site.read(|state| state.site.as_ref().is_some_and(|site| site.settings.authorize_request_objects))
}

fn superseded(params: &Params, inside: &Map<String, Value>) -> Result<Params, Refusal> {
    let inside: Vec<(String, String)> = inside.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect();
    let own = inside.iter().find(|(name, _)| name == "response_type").map(|(_, value)| value.as_str());
    // OpenID Connect Core §6.1: what stands in both places says the same; the words of a type have no order.
    let differs = own.zip(params.get("response_type")).is_some_and(|(own, beside)| {
        let (own, beside) = (ResponseType::read(own).ok_or(own), ResponseType::read(beside).ok_or(beside));
        own != beside
    });
    if differs {
        return Err(Refusal::RequestObjectMismatch);
    }
    let is_inside = |name: &str| inside.iter().any(|(own, _)| own == name);
    let beside = params.iter().filter(|(name, _)| !matches!(*name, "request" | "request_uri") && !is_inside(name));
    let beside = beside.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let inside = inside.iter().filter(|(_, value)| !value.is_empty()).cloned();
    Ok(Params::from(beside.chain(inside).collect::<Vec<_>>()))
}

/// A parameter as it would stand in a query: numbers and truths in words, objects as JSON (OpenID Connect Core §6.1).
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(outside: &[(&str, &str)], inside: Value) -> Result<Vec<(String, String)>, Refusal> {
        let params = Params::from(outside.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>());
        let params = superseded(&params, inside.as_object().unwrap())?;
        Ok(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn what_stands_in_the_object_supersedes_what_stands_beside_it() {
        let outside = [("client_id", "c"), ("state", "beside"), ("nonce", "n"), ("prompt", "none"), ("request", "x"), ("max_age", "7")];
        let inside = json!({"state": "inside", "max_age": 60, "claims": {"userinfo": {"name": null}}, "prompt": "", "ui_locales": null});
        let pairs = merged(&outside, inside).unwrap();
        let of = |name: &str| pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        assert_eq!((of("client_id"), of("nonce"), of("state")), (Some("c"), Some("n"), Some("inside")));
        assert_eq!((of("max_age"), of("claims")), (Some("60"), Some("{\"userinfo\":{\"name\":null}}")));
        assert_eq!((of("request"), of("prompt"), of("ui_locales")), (None, None, None), "an empty parameter is as good as none");
    }

    #[test]
    fn a_response_type_stands_in_both_places_alike_or_in_one() {
        assert!(merged(&[("response_type", "code id_token")], json!({"response_type": "id_token code"})).is_ok());
        assert!(merged(&[], json!({"response_type": "code"})).is_ok());
        assert!(merged(&[("response_type", "code")], json!({})).is_ok());
        let other = merged(&[("response_type", "code")], json!({"response_type": "token"}));
        assert_eq!(other, Err(Refusal::RequestObjectMismatch));
    }
}
