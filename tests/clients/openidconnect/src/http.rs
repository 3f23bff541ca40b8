//! The one function by which the library and the browser reach the server.

use openidconnect::http::Uri;
use openidconnect::{HttpRequest, HttpResponse};
use std::time::Duration;
use ureq::{Agent, Error};

/// A request with its body.
pub type Exchange = HttpRequest;

/// Sends a request; redirects and refusals are answers like any other. The server under test listens on loopback http and the library
/// wants https for revocation, so this stands where a proxy would end TLS.
pub fn send(mut request: HttpRequest) -> Result<HttpResponse, Error> {
    if request.uri().scheme_str() == Some("https") {
        let plain = request.uri().to_string().replacen("https:", "http:", 1);
        *request.uri_mut() = plain.parse::<Uri>().map_err(|error| Error::BadUri(error.to_string()))?;
    }
    let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).max_redirects_will_error(false);
    let agent: Agent = config.timeout_global(Some(Duration::from_secs(30))).build().into();
    let (parts, mut body) = agent.run(request)?.into_parts();
    Ok(HttpResponse::from_parts(parts, body.read_to_vec()?))
}
