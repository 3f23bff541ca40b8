//! Which flows a client registers for: `response_types`, and the `grant_types` that belong to them (OpenID Connect Registration §2,
//! RFC 7591 §2.1).

use super::metadata::unacceptable;
use super::reader::Reader;
use crate::command::{Refused, with_implied};
use crate::event::Settings;
use crate::terms::{GrantType, ResponseType};

/// What a client may ask for, and in exchange for what.
pub(super) struct Flows {
    pub(super) response_types: Vec<String>,
    pub(super) grant_types: Vec<GrantType>,
}

/// Reads both members. What is left out follows from the other; what contradicts the other is refused (RFC 7591 §2.1).
pub(super) fn flows(read: &Reader<'_>, settings: &Settings) -> Result<Flows, Refused> {
    let asked = grant_types(read, settings)?;
    let at_front = |types: &Vec<GrantType>| types.iter().any(|own| matches!(own, GrantType::AuthorizationCode | GrantType::Implicit));
    let response_types = match read.list("response_types")? {
        Some(words) if !words.is_empty() || asked.as_ref().is_none_or(at_front) => response_types(words, settings)?,
        None if asked.as_ref().is_none_or(at_front) => vec![ResponseType::Code.to_string()],
        // A client that sends nobody to the authorization endpoint gets no response from there.
        Some(_) | None => Vec::new(),
    };
    let mut needed: Vec<GrantType> = response_types.iter().filter_map(|words| ResponseType::read(words)).flat_map(needs).collect();
    needed.sort();
    needed.dedup();
    let grant_types = asked.unwrap_or_else(|| needed.clone());
    if let Some(missing) = needed.iter().find(|needed| !grant_types.contains(needed)) {
        return Err(unacceptable(format!("grant_types must have {missing}, which the response_types need")));
    }
    match grant_types.iter().all(|grant_type| *grant_type == GrantType::RefreshToken) {
        true => Err(unacceptable("grant_types must have one that a refresh can follow")),
        false => Ok(Flows { response_types, grant_types: with_implied(grant_types) }),
    }
}

/// The table of OpenID Connect Registration §2.
fn needs(response_type: ResponseType) -> impl Iterator<Item = GrantType> {
    let code = response_type.has_code().then_some(GrantType::AuthorizationCode);
    let front = response_type.is_at_front().then_some(GrantType::Implicit);
    code.into_iter().chain(front)
}

/// Kept as they were sent, since a client may compare what comes back.
fn response_types(words: Vec<String>, settings: &Settings) -> Result<Vec<String>, Refused> {
    let read: Vec<Option<ResponseType>> = words.iter().map(|words| ResponseType::read(words)).collect();
    let allowed = |response_type: &Option<ResponseType>| response_type.is_some_and(|response_type| settings.allows(response_type));
    if let Some((words, _)) = words.iter().zip(&read).find(|(_, response_type)| !allowed(response_type)) {
        return Err(unacceptable(format!("Unsupported response_types value : {words}")));
    }
    let has_repeats = read.iter().enumerate().any(|(at, own)| read.iter().take(at).any(|before| before == own));
    match words.is_empty() || has_repeats {
        true => Err(unacceptable("response_types is empty or has repeats")),
        false => Ok(words),
    }
}

fn grant_types(read: &Reader<'_>, settings: &Settings) -> Result<Option<Vec<GrantType>>, Refused> {
    let Some(words) = read.list("grant_types")? else { return Ok(None) };
    let unsupported = |word: &String| unacceptable(format!("Unsupported grant_types value : {word}"));
    let implicit = settings.authorize_implicit || settings.authorize_hybrid;
    let parsed = words.iter().map(|word| match word.parse() {
        Ok(GrantType::Implicit) if !implicit => Err(unsupported(word)),
        Ok(grant_type) => Ok(grant_type),
        Err(_) => Err(unsupported(word)),
    });
    parsed.collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Edition, Profile};
    use serde_json::{Value, json};

    fn read(body: Value, change: impl Fn(&mut Settings)) -> Result<(Vec<String>, String), String> {
        let Value::Object(members) = body else { unreachable!() };
        let mut settings = Settings::of(Profile::Standard, "Test", Edition::CURRENT);
        change(&mut settings);
        let flows = flows(&Reader(&members), &settings).map_err(|refused| refused.detail.unwrap_or_default())?;
        let grants: Vec<&str> = flows.grant_types.iter().map(|grant_type| grant_type.as_str()).collect();
        Ok((flows.response_types, grants.join(" ")))
    }
    fn all(settings: &mut Settings) {
        (settings.authorize_implicit, settings.authorize_hybrid) = (true, true);
    }

    #[test]
    fn each_response_type_brings_the_grant_types_it_needs() {
        for (response_type, grants) in [
            ("code", "authorization_code refresh_token"),
            ("id_token", "implicit"),
            ("token", "implicit"),
            ("token id_token", "implicit"),
            ("code token", "authorization_code refresh_token implicit"),
            ("id_token code", "authorization_code refresh_token implicit"),
            ("code id_token token", "authorization_code refresh_token implicit"),
        ] {
            let flows = read(json!({ "response_types": [response_type] }), all);
            assert_eq!(flows, Ok((vec![response_type.to_owned()], grants.to_owned())), "as sent: {response_type}");
        }
        assert_eq!(read(json!({}), all).unwrap().1, "authorization_code refresh_token");
    }

    #[test]
    fn what_a_site_does_not_answer_is_not_registered_there() {
        let on =
            |implicit, hybrid| move |settings: &mut Settings| (settings.authorize_implicit, settings.authorize_hybrid) = (implicit, hybrid);
        for response_type in ResponseType::ALL {
            let body = || json!({ "response_types": [response_type.as_str()] });
            let is_code = *response_type == ResponseType::Code;
            assert_eq!(read(body(), on(false, false)).is_ok(), is_code, "{response_type}");
            assert_eq!(read(body(), on(true, false)).is_ok(), is_code || !response_type.has_code(), "{response_type}");
            assert_eq!(read(body(), on(false, true)).is_ok(), response_type.has_code(), "{response_type}");
        }
        assert!(read(json!({ "grant_types": ["authorization_code", "implicit"] }), on(false, false)).is_err());
        assert!(read(json!({ "grant_types": ["authorization_code", "implicit"] }), on(true, false)).is_ok());
    }

    #[test]
    fn a_client_without_people_or_browser_has_no_response_types() {
        for (asked, grants) in [
            (json!(["client_credentials"]), "client_credentials"),
            (json!(["password"]), "refresh_token password"),
            (json!(["password", "client_credentials"]), "refresh_token client_credentials password"),
        ] {
            for response_types in [Value::Null, json!([])] {
                let flows = read(json!({ "grant_types": asked, "response_types": response_types }), all);
                assert_eq!(flows, Ok((vec![], grants.to_owned())), "{asked} {response_types}");
            }
            assert!(read(json!({ "grant_types": asked, "response_types": ["code"] }), all).is_err(), "{asked}");
        }
        assert!(read(json!({ "grant_types": ["refresh_token"] }), all).is_err());
        assert!(read(json!({ "grant_types": [] }), all).is_err());
    }

    #[test]
    fn the_two_members_may_not_contradict_each_other() {
        for (response_types, grant_types) in [
            (json!(["code"]), json!(["implicit"])),
            (json!(["code"]), json!(["refresh_token"])),
            (json!(["id_token"]), json!(["authorization_code"])),
            (json!(["code token"]), json!(["authorization_code"])),
            (json!(["code", "code"]), Value::Null),
            (json!(["id_token token", "token id_token"]), Value::Null),
            (json!([]), Value::Null),
            (json!(["none"]), Value::Null),
        ] {
            let body = json!({ "response_types": response_types, "grant_types": grant_types });
            assert!(read(body.clone(), all).is_err(), "{body}");
        }
    }
}
