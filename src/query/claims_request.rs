//! The `claims` parameter: single claims asked for by name (OpenID Connect Core §5.5).

use super::claims::claims_shown_by;
use crate::event::{AskedClaims, Refusal};
use crate::projection::{Client, Site};
use crate::terms::{Acr, strict_json};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a `claims` parameter asks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct ClaimsRequest {
    /// The claims that the client may see, by where they are to be told.
    pub(super) asked: AskedClaims,
    /// The subjects who may answer; anybody, if there are none.
    pub(super) subjects: Vec<String>,
    /// Whether the strength of the sign-in is to be told.
    pub(super) acr: bool,
}

/// The longest parameter.
const LENGTH_MAX: usize = 4096;
/// So many claims may be asked for in one place.
const CLAIMS_MAX: usize = 64;

impl ClaimsRequest {
    /// Reads the parameter. What it asks for beyond what a scope of the client's could show is left out, as unknown claims are: a
    /// client sees no more by asking for it piece by piece.
    ///
    /// # Errors
    /// [`Refusal::ParameterMalformed`] if it has not the form of OpenID Connect Core §5.5, [`Refusal::AcrUnmet`] if a strength of the
    /// sign-in is essential that no sign-in here has.
    pub(super) fn read(text: Option<&str>, client: &Client, site: &Site) -> Result<Self, Refusal> {
        let Some(text) = text else { return Ok(Self::default()) };
        if text.len() > LENGTH_MAX {
            return Err(Refusal::ParameterTooLong);
        }
        let Some(Value::Object(members)) = strict_json(text.as_bytes()) else { return Err(Refusal::ParameterMalformed) };
        let (userinfo, id_token) = (wishes(&members, "userinfo")?, wishes(&members, "id_token")?);
        let open = open_to(client, site);
        let named = |wishes: &[(String, Wish)]| -> Vec<String> {
            let names = wishes.iter().map(|(name, _)| name.as_str()).filter(|name| open.contains(name));
            names.map(str::to_owned).collect::<BTreeSet<String>>().into_iter().collect()
        };
        let of = |name: &'static str| id_token.iter().chain(&userinfo).filter(move |(own, _)| own == name).map(|(_, wish)| wish);
        // How somebody signed in is told in the ID token alone (§5.5.1.1).
        let acr = || id_token.iter().filter(|(name, _)| name == "acr").map(|(_, wish)| wish);
        let unmet = |wish: &Wish| wish.essential && !wish.values.is_empty() && !Acr::ALL.iter().any(|acr| wish.names(acr.as_str()));
        if acr().any(unmet) {
            return Err(Refusal::AcrUnmet);
        }
        let subjects = of("sub").flat_map(|wish| &wish.values).map(|value| value.as_str().unwrap_or_default().to_owned()).collect();
        let acr = acr().next().is_some();
        Ok(Self { asked: AskedClaims { userinfo: named(&userinfo), id_token: named(&id_token) }, subjects, acr })
    }
}

/// What is said of one claim.
struct Wish {
    essential: bool,
    /// One of these, if there are any.
    values: Vec<Value>,
}

impl Wish {
    fn names(&self, value: &str) -> bool {
        self.values.iter().any(|own| own.as_str() == Some(value))
    }
    fn read(value: &Value) -> Result<Self, Refusal> {
        let members = match value {
            Value::Null => return Ok(Self { essential: false, values: Vec::new() }),
            Value::Object(members) => members,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return Err(Refusal::ParameterMalformed),
        };
        let essential = match members.get("essential") {
            None => false,
            Some(essential) => essential.as_bool().ok_or(Refusal::ParameterMalformed)?,
        };
        let listed = match members.get("values") {
            None => Vec::new(),
            Some(values) => values.as_array().ok_or(Refusal::ParameterMalformed)?.clone(),
        };
        Ok(Self { essential, values: listed.into_iter().chain(members.get("value").cloned()).collect() })
    }
}

fn wishes(members: &Map<String, Value>, place: &str) -> Result<Vec<(String, Wish)>, Refusal> {
    let claims = match members.get(place) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(claims)) if claims.len() <= CLAIMS_MAX => claims,
        Some(_) => return Err(Refusal::ParameterMalformed),
    };
    claims.iter().map(|(name, value)| Ok((name.clone(), Wish::read(value)?))).collect()
}

/// The claims behind the scopes that the client registered, as far as the site still offers them.
fn open_to(client: &Client, site: &Site) -> BTreeSet<&'static str> {
    claims_shown_by(&client.metadata.scope.intersection(&site.settings.scopes))
}
