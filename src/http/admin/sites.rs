//! Sites: `GET` and `POST /admin/v1/sites`, `GET` and `PATCH /admin/v1/sites/{site}`.

use super::call::{Admin, Call, only, text, truth};
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::command::ConfigureSite;
use crate::event::{Edition, FLAGS, Flag, Profile, Takes};
use crate::http::{Response, reply};
use crate::ledger::Site;
use crate::terms::SiteName;
use http::StatusCode;
use serde_json::{Map, Value, json};
use url::Url;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let list = route(admin, warp::path!("sites").and(warp::get()).boxed(), list);
    let create = route(admin, warp::path!("sites").and(warp::post()).boxed(), create);
    let show = route_of(admin, warp::path!("sites" / String).and(warp::get()).boxed(), show);
    let configure = route_of(admin, warp::path!("sites" / String).and(warp::patch()).boxed(), configure);
    list.or(create).unify().or(show).unify().or(configure).unify().boxed()
}

/// GET /admin/v1/sites
async fn list(call: Call) -> Answer {
    let sites: Vec<Value> = call.ledger().sites().iter().map(|site| summary(site)).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "sites": sites })))
}

fn summary(site: &Site) -> Value {
    site.read(|state| {
        let of = state.site.as_ref();
        json!({
            "site": site.name(),
            "issuer": of.map(|of| of.issuer.clone()),
            "profile": of.map(|of| of.settings.profile),
            "title": of.map(|of| of.settings.title.clone()),
            "checkpoint_key": state.checkpoint_key(),
            "users": state.users.iter().count(),
            "clients": state.clients.iter().count(),
            "events": site.durable().events,
        })
    })
}

/// POST /admin/v1/sites {"name", "public_url", "profile", "title"}: the issuer is `{public_url}/oauth2/{name}` for ever.
async fn create(call: Call) -> Answer {
    let body = call.object()?;
    only(&body, &["name", "public_url", "profile", "title"])?;
    let name = site_name(text(&body, "name")?)?;
    let issuer = format!("{}/oauth2/{name}", public_url(text(&body, "public_url")?)?);
    let profile = match body.get("profile") {
        None => Profile::Standard,
        Some(_) => text(&body, "profile")?.parse().map_err(|_| profiles())?,
    };
    if let Some(served) = call.admin.public_url.as_deref().filter(|served| !is_served_under(&issuer, served)) {
        let next = format!("writ site add {name} --public-url {served}, or start the server without --public-url");
        return Err(Problem::conflict(format!("the server serves only what lies under {served}, and {issuer} does not: {next}")));
    }
    let title = body.get("title").and_then(Value::as_str).unwrap_or(name.as_str()).to_owned();
    let site = call.ledger().create_site(&name, issuer, profile, title, call.actor.clone()).await?;
    if let Some(hosts) = &call.admin.hosts {
        hosts.allow_url(&site.issuer());
    }
    Ok(reply::json(StatusCode::CREATED, &summary(&site)))
}

/// Whether a server that was told this public URL serves an issuer.
pub fn is_served_under(issuer: &str, public_url: &str) -> bool {
    issuer.strip_prefix(public_url).is_some_and(|path| path.starts_with('/'))
}

fn profiles() -> Problem {
    let all: Vec<&str> = Profile::ALL.iter().map(|profile| profile.as_str()).collect();
    Problem::malformed(format!("the member 'profile' is one of {}", all.join(", ")))
}

fn site_name(text: &str) -> Result<SiteName, Problem> {
    let name = text.parse::<SiteName>().ok().filter(|name| !name.is_reserved() && *name != SiteName::server());
    let detail = "a site's name has 1 to 64 characters of A-Z a-z 0-9 . - and is not a word that stands in paths, as token or admin";
    name.ok_or_else(|| Problem::malformed(detail.to_owned()))
}

/// The URL under which the server is reached, without a slash at its end: https, or http on this machine.
pub(super) fn public_url(text: &str) -> Result<String, Problem> {
    let malformed = |why: &str| Problem::malformed(format!("'{text}' cannot be the public URL: {why}"));
    let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| malformed("it has no host"))?;
    let this_machine = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    if url.scheme() != "https" && !(url.scheme() == "http" && this_machine) {
        return Err(malformed("it must use https, or http on a loopback address"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(malformed("it must not have a query, a fragment or user information"));
    }
    if url.path() != "/" {
        return Err(malformed("it must not have a path"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// GET /admin/v1/sites/{site}
async fn show(call: Call, name: String) -> Answer {
    let site = call.site_named(&name)?;
    Ok(reply::json(StatusCode::OK, &whole(&site)))
}

fn whole(site: &Site) -> Value {
    let mut view = summary(site);
    if let Some(view) = view.as_object_mut() {
        let settings = json!(site.read(|state| state.site.as_ref().map(|of| of.settings.clone())));
        view.insert("costs".into(), costs(&settings));
        view.insert("settings".into(), settings);
    }
    view
}

/// What the settings cost in safety, by their names.
fn costs(settings: &Value) -> Value {
    let cost = |flag: &Flag| Some((flag.name.to_owned(), flag.cost(settings.get(flag.name)?)?.into()));
    Value::Object(FLAGS.iter().filter_map(cost).collect())
}

/// PATCH /admin/v1/sites/{site} {"access_seconds": 600}: texts are taken for numbers and truth values where the setting is one, and an
/// empty one for nothing where the setting is a page.
async fn configure(call: Call, name: String) -> Answer {
    let site = call.site_named(&name)?;
    let body = call.object()?;
    let now = site.read(|state| state.site.as_ref().and_then(|of| serde_json::to_value(&of.settings).ok()));
    let typed = |(name, value): (String, Value)| {
        let like = now.as_ref().and_then(|now| now.get(&name));
        let value = if is_no_page(&name, &value) { Value::Null } else { typed(&value, like).unwrap_or(value) };
        (name, value)
    };
    let change: Map<String, Value> = body.into_iter().map(typed).collect();
    call.ledger().carry_out(&site, ConfigureSite { change, edition: Edition::CURRENT, by: call.actor.clone() }, call.facts()).await?;
    Ok(reply::json(StatusCode::OK, &whole(&site)))
}

fn is_no_page(name: &str, value: &Value) -> bool {
    value.as_str() == Some("") && Flag::named(name).is_some_and(|flag| matches!(flag.takes, Takes::Page))
}

/// A text read as the kind of value that the setting has.
fn typed(value: &Value, like: Option<&Value>) -> Option<Value> {
    let text = value.as_str()?;
    match like? {
        Value::Number(_) => text.parse::<u64>().ok().map(Value::from),
        Value::Bool(_) => truth(text).map(Value::from),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_https_or_on_this_machine() {
        for (text, plain) in [("https://auth.example.org/", "https://auth.example.org"), ("http://127.0.0.1:9080", "http://127.0.0.1:9080")]
        {
            assert_eq!(public_url(text).unwrap(), plain);
        }
        for text in ["http://auth.example.org", "https://a/b", "https://u@a", "https://a?x", "https://a#x", "auth.example.org", "ftp://a"] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_site_is_never_named_like_a_path_or_like_the_server() {
        assert!(site_name("clinic-7.a").is_ok());
        for text in ["token", "admin", "_server", "a b", ""] {
            assert!(site_name(text).is_err(), "{text}");
        }
    }
}
