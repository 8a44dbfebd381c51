use crate::{Error, diesel};

/// What a query given to [`Db::try_read`](crate::Db::try_read) or [`Db::try_write`](crate::Db::try_write) may fail
/// with.
///
/// Every type is one that can be made of a database's error and of Diesel's and may move between threads: an enum of
/// your own, `Box<dyn std::error::Error + Send + Sync>`, [`Error`] itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a query",
    label = "not the error of a query",
    note = "an error of `try_read` and `try_write` implements `From<foobar::DbError>` and \
            `From<foobar::diesel::result::Error>`, and is `Send`; `thiserror` writes both by `#[from]`",
    note = "`foobar::Error` belongs to its request and does not leave its thread: give the query an enum of your own, and \
            make an answer of it in the handler"
)]
pub trait QueryError: From<Error> + From<diesel::result::Error> + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<E: From<Error> + From<diesel::result::Error> + Send + 'static> QueryError for E {}
