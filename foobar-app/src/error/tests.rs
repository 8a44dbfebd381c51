mod passed_on;

use super::*;
use actix_web::body::MessageBody;

fn of(error: impl Into<Error>) -> (u16, Option<String>) {
    let error = error.into();
    (error.status().as_u16(), error.detail)
}

#[test]
fn what_has_to_move_between_threads_keeps_an_error_of_the_database_and_the_words_of_any_other() {
    let of = |error: Error| BoxError::from(error);
    assert!(of(foobar_db::Error::NoUrl.into()).is::<foobar_db::Error>());
    assert_eq!(of(Error::not_found("there is no product 7")).to_string(), "there is no product 7");
    assert_eq!(of(Error::internal("a stone")).to_string(), "a stone");
    assert_eq!(of(Error::conflict("taken").caused_by("another one")).to_string(), "taken: another one");
}

#[test]
fn the_status_of_a_database_error_says_whether_to_try_again() {
    assert_eq!(of(foobar_db::Error::Query(diesel::result::Error::NotFound)), (404, None));
    assert_eq!(of(diesel::result::Error::NotFound), (404, None));
    assert_eq!(of(foobar_db::Error::Busy { database: String::new(), limit: std::time::Duration::ZERO }), (503, None));
    assert_eq!(of(foobar_db::Error::Query(diesel::result::Error::RollbackTransaction)), (500, None));
    let response = Error::from(foobar_db::Error::Closed).error_response();
    assert!(response.headers().get("retry-after").is_some_and(|seconds| seconds == "1"));
}

#[test]
fn an_unknown_outcome_does_not_invite_to_send_it_again() {
    let (database, source) = (String::new(), diesel::result::Error::BrokenTransactionManager);
    let error = Error::from(foobar_db::Error::OutcomeUnknown { database, source });
    let response = error.error_response();
    assert_eq!((response.status().as_u16(), response.headers().get("retry-after")), (500, None));
    assert_eq!(error.detail(), Some(OUTCOME_UNKNOWN));
}

#[test]
fn a_violated_unique_constraint_is_a_conflict_that_shows_nothing_internal() {
    let violated = || {
        let details = Box::new("UNIQUE constraint failed: users.secret".to_owned());
        diesel::result::Error::DatabaseError(DatabaseErrorKind::UniqueViolation, details)
    };
    let expected = (409, "This exists already.".to_owned());
    assert_eq!(response(violated()), expected);
    assert_eq!(response(foobar_db::Error::Query(violated())), expected);
}

#[test]
fn an_error_of_the_request_keeps_its_status_and_any_other_is_500() {
    assert_eq!(of(PayloadError::Overflow).0, 413);
    assert_eq!(of(teapot()).0, 418);
    assert_eq!(of(std::io::Error::from(std::io::ErrorKind::NotFound)), (500, None));
    assert_eq!(Error::internal("broken").status(), StatusCode::INTERNAL_SERVER_ERROR);
}

fn teapot() -> actix_web::Error {
    actix_web::error::InternalError::new("short and stout", StatusCode::IM_A_TEAPOT).into()
}

fn response(error: impl Into<Error>) -> (u16, String) {
    let response = error.into().error_response();
    let status = response.status().as_u16();
    let body = response.into_body().try_into_bytes().expect("it is at hand");
    (status, String::from_utf8(body.to_vec()).expect("it is text"))
}

#[test]
fn the_response_holds_what_the_client_may_know_and_never_the_cause() {
    assert_eq!(response(std::io::Error::other("secret")), (500, "Internal Server Error".to_owned()));
    assert_eq!(response(Error::not_found("no tea").caused_by("secret")), (404, "no tea".to_owned()));
    assert_eq!(response(diesel::result::Error::NotFound), (404, "Not Found".to_owned()));
    assert_eq!(response(teapot()), (418, "short and stout".to_owned()));
}

#[test]
fn the_common_statuses_have_names() {
    let errors = [Error::bad_request("a"), Error::forbidden("b"), Error::conflict("c"), Error::unprocessable("d")];
    let found = errors.map(|error| (error.status().as_u16(), error.to_string()));
    assert_eq!(found, [(400, "a"), (403, "b"), (409, "c"), (422, "d")].map(|(code, text)| (code, text.to_owned())));
}

#[test]
fn a_member_that_cannot_be_told_makes_it_a_500_that_says_so() {
    let no_json = std::collections::HashMap::from([((1, 2), 3)]);
    for (error, cause) in [
        (Error::conflict("secret").with("odd", no_json), "`odd` cannot be JSON"),
        (Error::conflict("secret").with("status", 200), "cannot change `status`"),
        (Error::conflict("secret").with("detail", "other"), "cannot change `detail`"),
    ] {
        assert!(error.status() == 500 && error.to_string().contains(cause), "{error}");
        assert_eq!(response(error).1, "Internal Server Error");
    }
}

#[test]
fn an_actix_error_as_a_cause_does_not_answer() {
    assert_eq!(response(Error::internal(teapot())).0, 500);
    assert_eq!(response(Error::not_found("no tea").caused_by(teapot())), (404, "no tea".to_owned()));
}
