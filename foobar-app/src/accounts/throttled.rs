//! What a client is told that has to wait.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};

/// Somebody has failed to sign in, or has asked for what costs, too often.
#[derive(Debug, thiserror::Error)]
#[error("You have tried this too often. Try again in {}.", wait(*seconds))]
pub(super) struct Throttled {
    pub(super) seconds: i64,
}

fn wait(seconds: i64) -> String {
    match seconds.unsigned_abs().div_ceil(60) {
        0 | 1 => "1 minute".to_owned(),
        minutes @ 2..120 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes.div_ceil(60)),
    }
}

impl ResponseError for Throttled {
    fn status_code(&self) -> StatusCode {
        StatusCode::TOO_MANY_REQUESTS
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        response.insert_header((RETRY_AFTER, self.seconds.to_string())).body(self.to_string())
    }
}

/// Too many passwords wait to be hashed.
#[derive(Debug, thiserror::Error)]
#[error("Too many people sign in at this moment. Try again in a few seconds.")]
pub(super) struct Busy;

impl ResponseError for Busy {
    fn status_code(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        response.insert_header((RETRY_AFTER, "5")).body(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_wait_is_told_no_more_than_is_needed() {
        for (seconds, expected) in [
            (1, "1 minute"),
            (30, "1 minute"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (900, "15 minutes"),
            (7140, "119 minutes"),
            (7141, "2 hours"),
            (7200, "2 hours"),
            (7201, "3 hours"),
            (86_400, "24 hours"),
        ] {
            assert_eq!(wait(seconds), expected, "{seconds}");
        }
    }
}
