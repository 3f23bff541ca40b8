//! What an event says, in half a line for people. The words an event is known by stand in its type; these are the particulars.

use crate::event::{
    AuditEvent, ClientEvent, CodeEvent, ConsentEvent, Count, Event, GrantEvent, IssuedTokens, KeyEvent, LoginEvent, LogoutEvent,
    LogoutFailure, Record, RefreshEvent, RequestEvent, ServerEvent, SessionEvent, SiteEvent, TokenEvent, UserEvent,
};
use crate::ledger::Site;
use crate::terms::{Actor, ClientId, ScopeSet};
use serde_json::{Map, Value};

/// The particulars of an event; `disclosed` holds what was opened of its sealed fields. `of` is what the story is about anyway, a
/// client's words: it need not be said on every line.
pub fn facts(record: &Record, disclosed: &Map<String, Value>, site: &Site, of: Option<&str>) -> String {
    let mut words = event_words(&record.event, site);
    words.retain(|word| Some(word.as_str()) != of);
    if let Actor::Os(uid) = record.actor {
        words.push(format!("by os:{uid}"));
    }
    let opened = |name: &str| disclosed.get(name).and_then(Value::as_str);
    words.extend(opened("username").map(|name| format!("“{name}”")));
    words.extend(opened("net.ip").map(|ip| format!("from {ip}")));
    words.retain(|word| !word.is_empty());
    words.join("  ")
}

/// A client as people know it: by its name, and by the beginning of its id.
pub fn client_words(site: &Site, id: &ClientId) -> String {
    let name = site.read(|state| state.clients.by_id(id).and_then(|client| client.metadata.client_name.clone()));
    name.map_or_else(|| short(id.as_str()), |name| cut(&name, 28))
}

/// The beginning of a long id.
pub fn short(id: &str) -> String {
    cut(id, 12)
}

/// At most so many characters, the last one `…` where there were more.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

fn event_words(event: &Event, site: &Site) -> Vec<String> {
    match event {
        Event::Audit(AuditEvent::Read { query, rows, .. }) => vec![query.clone(), counted(*rows, "event")],
        Event::Audit(AuditEvent::Exported { format, from, to, events, .. }) => {
            vec![format.clone(), counted(*events, "event"), format!("#{} to #{}", from.0, to.0.saturating_sub(1))]
        }
        Event::Client(event) => client_event(event, site),
        Event::Code(event) => code_event(event, site),
        Event::Consent(event) => consent_event(event, site),
        Event::Grant(GrantEvent::Revoked { grant, client, reason, .. }) => {
            vec![grant.to_string(), spaced(reason.as_str()), client_words(site, client)]
        }
        Event::Grant(GrantEvent::AllRevoked { client, user, reason }) => {
            vec![format!("user {}", short(&user.to_string())), spaced(reason.as_str()), client_words(site, client)]
        }
        Event::Key(KeyEvent::Generated { kid, alg, .. }) => vec![kid.to_string(), alg.to_string()],
        Event::Key(KeyEvent::Rotated { kid, before, alg, signs_from }) => {
            let from = signs_from.map(|at| format!("from {at}"));
            [format!("{} → {}", short(&before.to_string()), kid), alg.to_string()].into_iter().chain(from).collect()
        }
        Event::Key(KeyEvent::Retired { kid }) => vec![kid.to_string()],
        Event::Login(event) => login_event(event, site),
        Event::Logout(event) => logout_event(event, site),
        Event::Refresh(event) => refresh_event(event, site),
        Event::Request(RequestEvent::Refused { endpoint, reason, client, times }) => {
            let client = client.as_ref().map(|client| client_words(site, client)).unwrap_or_default();
            vec![endpoint.to_string(), spaced(reason.as_str()), client, times.as_ref().map(times_words).unwrap_or_default()]
        }
        Event::Server(event) => server_event(event),
        Event::Session(SessionEvent::Started { session, user, .. } | SessionEvent::Renewed { session, user, .. }) => {
            vec![session.to_string(), format!("user {}", short(&user.to_string()))]
        }
        Event::Session(SessionEvent::Ended { session, reason, .. }) => vec![session.to_string(), reason.to_string()],
        Event::Site(SiteEvent::Created { issuer, settings, .. }) => vec![issuer.clone(), settings.profile.to_string()],
        Event::Site(SiteEvent::Configured { before, after }) => changes(before, after),
        Event::Token(event) => token_event(event, site),
        Event::User(event) => user_event(event),
    }
}

fn client_event(event: &ClientEvent, site: &Site) -> Vec<String> {
    let named = |client: &ClientId| vec![client_words(site, client)];
    match event {
        ClientEvent::Registered { client, metadata, status, .. } => {
            let name = metadata.client_name.as_deref().map_or_else(|| short(client.as_str()), |name| cut(name, 28));
            vec![name, status.to_string(), scopes(&metadata.scope)]
        }
        ClientEvent::Updated { client, before, after, .. } | ClientEvent::Configured { client, before, after } => {
            let mut words = named(client);
            words.extend(changes(before, after));
            words
        }
        ClientEvent::Invited { invitation, uses, .. } => vec![invitation.to_string(), counted(u64::from(*uses), "registration")],
        ClientEvent::InvitationRevoked { invitation } => vec![invitation.to_string()],
        ClientEvent::SecretRotated { client, .. }
        | ClientEvent::Approved { client }
        | ClientEvent::Disabled { client }
        | ClientEvent::Enabled { client }
        | ClientEvent::Deleted { client } => named(client),
        ClientEvent::AssertionUsed { client, endpoint, alg, .. } => {
            vec![endpoint.to_string(), alg.to_string(), client_words(site, client)]
        }
        ClientEvent::AuthFailed { client, reason, endpoint } => {
            vec![
                endpoint.to_string(),
                spaced(reason.as_str()),
                client.as_ref().map(|client| client_words(site, client)).unwrap_or_default(),
            ]
        }
    }
}

fn code_event(event: &CodeEvent, site: &Site) -> Vec<String> {
    match event {
        CodeEvent::Issued { code, client, scope, .. } => vec![code.to_string(), client_words(site, client), scopes(scope)],
        CodeEvent::Redeemed { code, client, .. } => vec![code.to_string(), client_words(site, client)],
        CodeEvent::Replayed { code, client, .. } => vec![format!("{code} came back after it was redeemed"), client_words(site, client)],
    }
}

fn consent_event(event: &ConsentEvent, site: &Site) -> Vec<String> {
    match event {
        ConsentEvent::Granted { consent, client, scope, .. } | ConsentEvent::Denied { consent, client, requested_scope: scope, .. } => {
            vec![consent.to_string(), client_words(site, client), scopes(scope)]
        }
        ConsentEvent::Revoked { client, .. } => vec![client_words(site, client)],
    }
}

fn login_event(event: &LoginEvent, site: &Site) -> Vec<String> {
    let for_client = |client: &Option<ClientId>| client.as_ref().map(|client| format!("for {}", client_words(site, client)));
    match event {
        LoginEvent::Succeeded { user, amr, client, .. } => {
            let how = amr.iter().map(|method| if method == "pwd" { "password" } else { method.as_str() }).collect::<Vec<_>>().join("+");
            vec![how, format!("user {}", short(&user.to_string())), for_client(client).unwrap_or_default()]
        }
        LoginEvent::Failed { user, reason, client, .. } => {
            let who = user.as_ref().map_or_else(|| "nobody we know".to_owned(), |user| format!("user {}", short(&user.to_string())));
            vec![spaced(reason.as_str()), who, for_client(client).unwrap_or_default()]
        }
    }
}

fn logout_event(event: &LogoutEvent, site: &Site) -> Vec<String> {
    let failed = |attempt: &u32, reason: &LogoutFailure, status: &Option<u16>| {
        let answer = status.map(|status| format!("status {status}")).unwrap_or_default();
        vec![format!("attempt {attempt}"), spaced(reason.as_str()), answer]
    };
    let (client, mut words) = match event {
        LogoutEvent::Requested { client, session, .. } => {
            (client, vec![session.map_or_else(|| "all sessions".to_owned(), |session| session.to_string())])
        }
        LogoutEvent::Signed(signed) => (&signed.client, vec![format!("attempt {}", signed.attempt)]),
        LogoutEvent::Delivered { client, attempt, status, .. } => (client, vec![format!("attempt {attempt}"), format!("status {status}")]),
        LogoutEvent::Failed { client, attempt, reason, status, next_at, .. } => {
            let mut words = failed(attempt, reason, status);
            words.push(format!("again at {next_at}"));
            (client, words)
        }
        LogoutEvent::Abandoned { client, attempt, reason, status, .. } => (client, failed(attempt, reason, status)),
    };
    words.push(client_words(site, client));
    words
}

fn refresh_event(event: &RefreshEvent, site: &Site) -> Vec<String> {
    match event {
        RefreshEvent::Rotated(tokens) => issued(tokens, site),
        RefreshEvent::Retried { token, generation, .. } => vec![token.to_string(), format!("generation {generation} handed out again")],
        RefreshEvent::ReuseDetected { generation, current, client, .. } => {
            vec![format!("generation {generation} came back, {current} was current"), client_words(site, client)]
        }
    }
}

fn server_event(event: &ServerEvent) -> Vec<String> {
    match event {
        ServerEvent::Created { instance, .. } => vec![format!("instance {instance}")],
        ServerEvent::Started { version, pid } => vec![format!("writ {version}"), format!("process {pid}")],
        ServerEvent::Stopped {} => Vec::new(),
        ServerEvent::SiteAdded { name } => vec![name.to_string()],
        ServerEvent::ClockStepped { wall, kept } => vec![format!("the wall clock says {wall}"), format!("kept {kept}")],
        ServerEvent::ClockAccepted { wall } => vec![wall.to_string()],
    }
}

fn token_event(event: &TokenEvent, site: &Site) -> Vec<String> {
    match event {
        TokenEvent::Granted(tokens) => issued(tokens, site),
        TokenEvent::IdTokenIssued(issued) => vec![issued.grant.to_string(), client_words(site, &issued.client), scopes(&issued.scope)],
        TokenEvent::Denied { client, grant_type, reason, .. } => {
            vec![grant_type.to_string(), spaced(reason.as_str()), client_words(site, client)]
        }
        TokenEvent::Revoked { token, client, .. } => vec![token.to_string(), client_words(site, client)],
        TokenEvent::Introspected { token, asker, active, times, .. } => {
            vec![token.to_string(), format!("active: {active} → {}", client_words(site, asker)), times_words(times)]
        }
        TokenEvent::UserinfoRead { token, times, .. } => vec![token.to_string(), times_words(times)],
        TokenEvent::ForgeryDetected { token, kid, times } => {
            let forged = format!("{token} is signed by {} and unknown to the log", short(&kid.to_string()));
            std::iter::once(forged).chain(times.as_ref().map(times_words)).collect()
        }
    }
}

fn user_event(event: &UserEvent) -> Vec<String> {
    match event {
        UserEvent::Created { user, role, .. } => vec![user.to_string(), role.to_string()],
        UserEvent::Locked { user, failures } => vec![user.to_string(), format!("after {failures} failures")],
        UserEvent::PasswordReset { user, .. }
        | UserEvent::Disabled { user }
        | UserEvent::Enabled { user }
        | UserEvent::Unlocked { user }
        | UserEvent::Erased { user } => vec![user.to_string()],
    }
}

fn issued(tokens: &IssuedTokens, site: &Site) -> Vec<String> {
    let generation = tokens.generation.map(|generation| format!("generation {generation}")).unwrap_or_default();
    vec![tokens.token.to_string(), generation, client_words(site, &tokens.client), scopes(&tokens.scope)]
}

fn scopes(scope: &ScopeSet) -> String {
    counted(u64::try_from(scope.len()).unwrap_or_default(), "scope")
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn times_words(times: &Count) -> String {
    if times.count > 1 { format!("{} times", times.count) } else { String::new() }
}

/// Each changed member as it was and as it is.
fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("{name} removed"));
    let changed = after.iter().map(|(name, value)| match before.get(name) {
        Some(was) => format!("{name} {} → {}", cut(&was.to_string(), 24), cut(&value.to_string(), 24)),
        None => format!("{name} = {}", cut(&value.to_string(), 24)),
    });
    changed.chain(gone).collect()
}

/// A word of the wire as people write it.
fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(cut("üüüü", 4), "üüüü");
        assert_eq!(cut("üüüüü", 4), "üüü…");
        assert_eq!(short("0123456789ab"), "0123456789ab");
        assert_eq!(short("0123456789abc"), "0123456789a…");
    }

    #[test]
    fn a_change_says_what_was_and_what_is() {
        let map =
            |pairs: &[(&str, u64)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect::<Map<_, _>>();
        assert_eq!(changes(&map(&[("a", 1), ("b", 2)]), &map(&[("a", 3), ("c", 4)])), ["a 1 → 3", "c = 4", "b removed"]);
    }
}
