//! Answers of the admin API are JSON, refusals too: `{"message": "…"}`.

use axum::{
    Json,
    extract::{FromRequestParts, Query, rejection::QueryRejection},
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub type Answer = Result<Json<Value>, Refusal>;

#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    message: String,
}

pub fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, message: message.into() }
}

pub fn not_found(message: impl Into<String>) -> Refusal {
    Refusal { status: StatusCode::NOT_FOUND, message: message.into() }
}

/// What was written could not be made durable.
pub fn failed(error: std::io::Error) -> Refusal {
    Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, message: error.to_string() }
}

pub fn method_not_allowed() -> Refusal {
    Refusal { status: StatusCode::METHOD_NOT_ALLOWED, message: "This path has other methods: see the Allow header.".to_owned() }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "message": self.message }))).into_response()
    }
}

/// An answer that may be long, into which all is written at once. `size` is how long it will be, roughly.
pub fn written(answer: &impl Serialize, size: usize) -> Response {
    let mut text = Vec::with_capacity(size);
    match serde_json::to_writer(&mut text, answer) {
        Ok(()) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => failed(error.into()).into_response(),
    }
}

/// The parameters of the query. A misspelt one is refused: as a filter it would let everything through.
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Parameters(parameters)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => Err(bad_request(error.body_text())),
            Err(error) => Err(bad_request(error.to_string())),
        }
    }
}
