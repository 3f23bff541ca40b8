//! Every route on one screen: hot ones first, grouped by their first segment, each boxed (ENGINE.md §3).

use super::context::{At, Context, unknown_site};
use super::recover::recover;
use super::switched_off::{is_switched_off, switched_off};
use super::{
    Inbound, Response, authorize, client_configuration, consent, discovery, inbound, introspect, jwks, login, logout, registration, reply,
    revoke, session_state, tiles, token, userinfo,
};
use std::sync::Arc;
use warp::filters::BoxedFilter;
use warp::{Filter, path};

/// The routes of the public listener.
pub fn public(context: Context) -> BoxedFilter<(Response,)> {
    let c = &context;
    let hot = on(c, &["introspect"], introspect::endpoint)
        .or(on(c, &["token"], token::endpoint))
        .unify()
        .or(on(c, &["password"], token::password_path))
        .unify()
        .or(on(c, &["userinfo"], userinfo::endpoint))
        .unify()
        .or(on(c, &["revoke"], revoke::endpoint))
        .unify()
        .boxed();
    let browser = on(c, &["authorize"], authorize::endpoint)
        .or(on(c, &["provider", "login"], login::endpoint))
        .unify()
        .or(on(c, &["login"], login::endpoint))
        .unify()
        .or(on(c, &["consent"], consent::endpoint))
        .unify()
        .or(on(c, &["logout"], logout::endpoint))
        .unify()
        .or(on(c, &["check-session"], session_state::endpoint))
        .unify()
        .boxed();
    let documents = on(c, &["jwk"], jwks::endpoint)
        .or(on(c, &["jwks"], jwks::endpoint))
        .unify()
        .or(on(c, &[".well-known", "openid-configuration"], discovery::endpoint))
        .unify()
        .boxed();
    let clients = on(c, &["registration"], registration::endpoint).or(client_route(c)).unify().boxed();
    let oauth2 = path("oauth2").and(hot.or(browser).unify().or(documents).unify().or(clients).unify()).boxed();
    let well_known = rfc_8414(c).or(tlog(c)).unify().boxed();
    oauth2.or(well_known).unify().recover(recover).unify().boxed()
}

/// `{METHOD} /oauth2/{site}/{segments}`, and for the site `default` also without its name.
fn on<F, Fut>(context: &Context, segments: &'static [&'static str], endpoint: F) -> BoxedFilter<(Response,)>
where
    F: Fn(At) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send,
{
    let tail = || segments.iter().fold(warp::any().boxed(), |before, segment| before.and(path(*segment)).boxed());
    let named = path::param::<String>().and(tail()).and(path::end()).boxed();
    let siteless = tail().and(path::end()).map(|| "default".to_owned()).boxed();
    let context = context.clone();
    named.or(siteless).unify().and(inbound()).then(move |site, inbound| answer(context.clone(), site, inbound, endpoint.clone())).boxed()
}

/// `{GET, PUT, DELETE} /oauth2/{site}/client/{opaque}` (RFC 7592 §2).
fn client_route(context: &Context) -> BoxedFilter<(Response,)> {
    let named = path::param::<String>().and(path("client")).and(path::param::<String>()).and(path::end()).boxed();
    let siteless = path("client").and(path::param::<String>()).and(path::end()).map(|opaque| ("default".to_owned(), opaque)).untuple_one();
    let context = context.clone();
    let answer = move |site: String, opaque: String, inbound| {
        let endpoint = move |at| client_configuration::endpoint(at, opaque.clone());
        answer(context.clone(), site, inbound, endpoint)
    };
    named.or(siteless.boxed()).unify().and(inbound()).then(answer).boxed()
}

/// `GET /.well-known/oauth-authorization-server/oauth2/{site}` (RFC 8414 §3.1).
fn rfc_8414(context: &Context) -> BoxedFilter<(Response,)> {
    let path = warp::path!(".well-known" / "oauth-authorization-server" / "oauth2" / String);
    let context = context.clone();
    path.and(inbound()).then(move |site, inbound| answer(context.clone(), site, inbound, discovery::endpoint)).boxed()
}

/// `GET /writ/{site}/…`: checkpoint and tiles (C2SP tlog-tiles).
fn tlog(context: &Context) -> BoxedFilter<(Response,)> {
    let context = context.clone();
    let resource = path("writ").and(path::param::<String>()).and(path::tail()).and(inbound());
    resource.then(move |site: String, _, inbound| tiles::answer(context.at(&site, inbound))).boxed()
}

async fn answer<F, Fut>(context: Context, site: String, inbound: Arc<Inbound>, endpoint: F) -> Response
where
    F: Fn(At) -> Fut,
    Fut: Future<Output = Response>,
{
    // warp takes a slash at the end for nothing; a path matches exactly or not at all (SPEC.md a.0).
    if inbound.path.ends_with('/') {
        return reply::not_found();
    }
    match context.at(&site, inbound) {
        Some(at) if is_switched_off(&at) => switched_off(&at).await,
        Some(at) => endpoint(at).await,
        None => unknown_site(),
    }
}
