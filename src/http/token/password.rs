//! `grant_type=password` (RFC 6749 §4.3.2, SPEC.md a.5, e.4): `username`, `password`, `user_role`, and `email` for patients.

use super::super::client_credentials::{client_proof, refuse, refuse_about, unproven};
use super::super::context::{At, failed};
use super::super::{Params, Response};
use super::{missing, scope_asked_for, submit};
use crate::command::{ClientProof, EmailFact, PasswordFact, RedeemPassword, Refused, looks_at_password};
use crate::event::{Endpoint, PasswordGrant, Refusal};
use crate::ledger::Failure;
use crate::terms::{ClientId, NamedScope, Role, ScopeSet, Secret};

/// `named` is the client that the request names.
pub(super) async fn redeem(at: &At, params: &Params, named: Option<ClientId>) -> Response {
    // A grant that is switched off is as good as none: whose request it is does not matter.
    let grant = at.site.read(|state| state.site.as_ref().map(|site| site.settings.password_grant)).unwrap_or_default();
    if grant == PasswordGrant::Off {
        return refuse(at, Endpoint::Token, Refusal::GrantTypeUnsupported, named).await;
    }
    let client_auth = match client_proof(at, params).await {
        Ok(proof) => proof,
        Err(why) => return unproven(at, Endpoint::Token, why).await,
    };
    let client = client_auth.client.clone();
    let asked = match Asked::read(at, params, grant) {
        Ok(asked) => asked,
        Err(refused) => return refuse_about(at, Endpoint::Token, refused, client).await,
    };
    match command(at, asked, client_auth).await {
        Ok(command) => submit(at, client, command, |issued| issued).await,
        Err(failure) => failed(failure).await,
    }
}

/// What the request says of the person.
struct Asked<'a> {
    username: &'a str,
    password: Secret,
    role: Role,
    email: Option<&'a str>,
    scope: ScopeSet,
}

impl<'a> Asked<'a> {
    fn read(at: &At, params: &'a Params, grant: PasswordGrant) -> Result<Self, Refused> {
        let username = params.get("username").ok_or_else(|| missing("username"))?;
        let password = params.secret("password").ok_or_else(|| missing("password"))?;
        let email = params.get("email");
        let role = role(params.get("user_role"), email.is_some(), grant)?;
        if role == Role::Patient && email.is_none() {
            return Err(missing("email"));
        }
        let scope = scope_asked_for(at, params.get("scope").unwrap_or(NamedScope::Openid.as_str()))?;
        Ok(Self { username, password, role, email: email.filter(|_| role == Role::Patient), scope })
    }
}

/// Either spelling (SPEC.md k-47). A standard client never names a role, so what else it says decides (SPEC.md k-48).
fn role(named: Option<&str>, has_email: bool, grant: PasswordGrant) -> Result<Role, Refused> {
    match (named, grant) {
        (Some(named), _) => Role::from_either(named).ok_or_else(|| Refused::about(Refusal::ParameterMalformed, "user_role")),
        (None, _) if has_email => Ok(Role::Patient),
        (None, PasswordGrant::Users | PasswordGrant::Both) => Ok(Role::Users),
        (None, PasswordGrant::Patient | PasswordGrant::Off) => Err(missing("user_role")),
    }
}

/// Looks at the password, and then at the address, whoever the name belongs to: what is wrong takes no other time than what is right.
/// For a client that may not send passwords none is looked at.
async fn command(at: &At, asked: Asked<'_>, client_auth: ClientProof) -> Result<RedeemPassword, Failure> {
    let Asked { username, password, role, email, scope } = asked;
    let now = at.ledger.now();
    let login = at.ledger.login_of(&at.site, username);
    let password = match at.site.read(|state| looks_at_password(state, &client_auth, role, now)) {
        true => at.ledger.check_password(&at.site, &login, &password, Some(at.inbound.peer.ip)).await?,
        false => PasswordFact::Unchecked,
    };
    let email = match (email, password) {
        (None, _) | (Some(_), PasswordFact::Unchecked) => None,
        (Some(email), PasswordFact::Ok(_) | PasswordFact::Wrong) => Some(match at.ledger.has_email(&at.site, &login, email)? {
            true => EmailFact::Ok,
            false => EmailFact::Wrong,
        }),
    };
    Ok(RedeemPassword { login, role, password, email, scope, client_auth })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_no_role_is_a_patient_with_an_address_and_staff_without() {
        let of = |named, has_email, grant| role(named, has_email, grant).map_err(|refused| refused.refusal);
        let (users, patient) = (Ok(Role::Users), Ok(Role::Patient));
        for grant in [PasswordGrant::Users, PasswordGrant::Both] {
            assert_eq!((of(None, false, grant), of(None, true, grant)), (users, patient));
        }
        assert_eq!(of(None, false, PasswordGrant::Patient), Err(Refusal::ParameterMissing));
        for (named, role) in [("users", users), ("api", users), ("patient", patient), ("portal-api", patient)] {
            assert_eq!([of(Some(named), true, PasswordGrant::Both), of(Some(named), false, PasswordGrant::Both)], [role, role]);
        }
        assert_eq!(of(Some("admin"), true, PasswordGrant::Both), Err(Refusal::ParameterMalformed));
    }
}
