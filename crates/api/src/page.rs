//! The browser page.

use crate::error::ApiError;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use web::Asset;

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Every path that nothing else serves: a file of the page, or the page itself, which routes the rest.
pub async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path.starts_with("/v1/") || !matches!(method, Method::GET | Method::HEAD) {
        return no_endpoint().into_response();
    }
    match web::asset(path) {
        Some(asset) => file(asset, &headers),
        None if names_a_file(path) => no_endpoint().into_response(),
        None => file(web::index(), &headers),
    }
}

pub async fn wrong_method() -> ApiError {
    let message = "This address does not take this method. GET /openapi.json lists what there is.";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

fn no_endpoint() -> ApiError {
    let message = "There is nothing at this address. GET /openapi.json lists what there is.";
    ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
}

fn names_a_file(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

fn file(asset: Asset, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == asset.etag));
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { asset.body.into_owned().into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(if asset.immutable { FOR_EVER } else { "no-cache" }));
    if let Ok(tag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
