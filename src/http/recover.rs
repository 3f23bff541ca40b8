//! What warp's routes refuse by themselves, as our JSON instead of plain text (STYLE.md §5.3).

use super::{Response, reply};
use http::StatusCode;
use std::convert::Infallible;
use warp::{
    Rejection,
    reject::{LengthRequired, MethodNotAllowed, PayloadTooLarge, UnsupportedMediaType},
};

/// The answer to a request that no route took.
pub async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    Ok(answer(&rejection))
}

fn answer(rejection: &Rejection) -> Response {
    if rejection.is_not_found() {
        return reply::not_found();
    }
    if rejection.find::<MethodNotAllowed>().is_some() {
        return reply::request_error(StatusCode::METHOD_NOT_ALLOWED, "This address does not take that method.");
    }
    if rejection.find::<PayloadTooLarge>().is_some() || rejection.find::<LengthRequired>().is_some() {
        return reply::request_error(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
    }
    if rejection.find::<UnsupportedMediaType>().is_some() {
        return reply::request_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The Content-Type is not one that this address reads.");
    }
    // Anything else is a parameter, header field or body that a filter of ours could not read.
    tracing::debug!(?rejection, "a filter refused the request");
    reply::request_error(StatusCode::BAD_REQUEST, "The request could not be read.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::reply::tests::text;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use warp::Filter;

    async fn get(path: &str) -> (u16, String) {
        let post = warp::path!("post").and(warp::post()).map(|| reply::empty(StatusCode::OK));
        let number = warp::path!("number").and(warp::header::<u32>("x-number")).map(|_| reply::empty(StatusCode::OK));
        let routes = post.or(number).unify().recover(recover);
        let service = TowerToHyperService::new(warp::service(routes));
        let request = http::Request::get(path).body(String::new()).unwrap();
        let response = service.call(request).await.unwrap();
        (response.status().as_u16(), text(response).await)
    }

    #[tokio::test]
    async fn no_rejection_is_answered_in_plain_text() {
        for (path, status) in [("/", 404), ("/post", 405), ("/number", 400)] {
            let (answered, body) = get(path).await;
            assert_eq!(answered, status);
            assert!(serde_json::from_str::<serde_json::Value>(&body).unwrap()["error_description"].is_string(), "{body}");
        }
    }
}
