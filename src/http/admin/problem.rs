//! What went wrong with a call, as RFC 9457 tells it: a fixed title for the kind, a detail that names the next step, `corr` to find
//! it in the log, and `code`, the one word by which programs tell the kinds apart.

use crate::audit::{EvidenceError, FilterError, StoryError, WhenError};
use crate::command::Refused;
use crate::event::Refusal;
use crate::http::Response;
use crate::http::reply::{content, no_store};
use crate::ledger::{Failure, SiteError};
use crate::replay::{PathError, ReplayError};
use crate::terms::RequestId;
use http::StatusCode;
use serde_json::{Value, json};

/// What a handler gives.
pub(super) type Answer = Result<Response, Problem>;

/// What went wrong.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
}

impl Problem {
    pub(super) fn malformed(detail: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "malformed", title: "The request cannot be read", detail }
    }
    pub(super) fn unknown(detail: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "unknown", title: "There is no such thing", detail }
    }
    pub(super) fn conflict(detail: String) -> Self {
        Self { status: StatusCode::CONFLICT, code: "conflict", title: "It cannot be done as things are", detail }
    }
    pub(super) fn incomplete(detail: String) -> Self {
        Self { status: StatusCode::GONE, code: "incomplete", title: "A part of it is gone for ever", detail }
    }
    pub(super) fn not_permitted() -> Self {
        let detail = "the admin API is answered on the data directory's Unix socket only".to_owned();
        Self { status: StatusCode::FORBIDDEN, code: "not_permitted", title: "You may not do this", detail }
    }
    pub(super) fn no_such_address() -> Self {
        Self::unknown("the admin API has nothing at this address, or does not take this method there".to_owned())
    }

    /// The problem in a line of a stream whose head has been sent.
    pub(super) fn told(&self) -> Value {
        json!({ "code": self.code, "detail": self.detail })
    }

    pub(super) fn response(self, corr: RequestId) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "corr": corr,
        });
        no_store(content(self.status, "application/problem+json", body.to_string()))
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let (status, code, title) = match failure {
            Failure::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "The server is too busy"),
            Failure::ClockUntrusted => (StatusCode::SERVICE_UNAVAILABLE, "clock", "The clock is not trusted"),
            Failure::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopped", "The log has stopped"),
            Failure::Unreadable(_) | Failure::Contradiction(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "integrity", "The log cannot be read")
            }
            Failure::Checkpoint(_) => (StatusCode::INTERNAL_SERVER_ERROR, "checkpoint", "There is no checkpoint"),
            Failure::Vault(_) => (StatusCode::INTERNAL_SERVER_ERROR, "vault", "The vault failed"),
        };
        let next = if code == "clock" { ": if the wall clock is right, writ clock accept" } else { "" };
        Self { status, code, title, detail: format!("{failure}{next}") }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let reply = refused.refusal.reply();
        let detail = match refused.detail {
            Some(about) => format!("{}: {about}", reply.description),
            None => reply.description.to_owned(),
        };
        if [Refusal::UserUnknown, Refusal::ClientUnknown, Refusal::KeyUnknown, Refusal::InvitationUnknown].contains(&refused.refusal) {
            return Self::unknown(detail);
        }
        match reply.status == 409 {
            true => Self::conflict(detail),
            false => Self::malformed(detail),
        }
    }
}

impl From<SiteError> for Problem {
    fn from(error: SiteError) -> Self {
        match error {
            SiteError::Refused(refused) => refused.into(),
            SiteError::Failure(failure) => failure.into(),
        }
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        match error {
            FilterError::NoSuchUser | FilterError::NoSuchClient => Self::unknown(error.to_string()),
            FilterError::Unknown(_) | FilterError::Malformed { .. } => Self::malformed(error.to_string()),
            FilterError::Failure(failure) => failure.into(),
        }
    }
}

impl From<EvidenceError> for Problem {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::NoSuchField { .. } => Self::malformed(error.to_string()),
            EvidenceError::Erased(_) => Self::incomplete(error.to_string()),
            EvidenceError::Failure(failure) => failure.into(),
        }
    }
}

impl From<StoryError> for Problem {
    fn from(error: StoryError) -> Self {
        match error {
            StoryError::Unknown { .. } => Self::unknown(error.to_string()),
            StoryError::OtherKind { .. } => Self::malformed(error.to_string()),
            StoryError::Failure(failure) => failure.into(),
        }
    }
}

impl From<WhenError> for Problem {
    fn from(error: WhenError) -> Self {
        match error {
            WhenError::Unknown { .. } => Self::unknown(error.to_string()),
            WhenError::Future(_) => Self::malformed(error.to_string()),
            WhenError::Failure(failure) => failure.into(),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Failure(failure) => failure.into(),
            ReplayError::Stopped => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: "stopped",
                title: "The server is stopping",
                detail: error.to_string(),
            },
        }
    }
}

impl From<PathError> for Problem {
    fn from(error: PathError) -> Self {
        match error {
            PathError::Absent(_) => Self::unknown(error.to_string()),
            PathError::NoSuchKind { .. } | PathError::Condition { .. } => Self::malformed(error.to_string()),
        }
    }
}
