/// Who is signed in: an argument of a handler, where the application has [accounts](crate::App::accounts).
///
/// Where nobody is signed in, a request for a page leads to the sign-in page (303), with the place to go back to as `next` in
/// its query; every other request gets 401. One for a page is a `GET` or `HEAD` whose `Accept` names `text/html`, and JSON
/// not above it: as a browser sends it, and `client.page(..)` in a test.
/// `Option<User>` takes both. While the database does not answer, the request gets 503 in any case, and the handler does
/// not run: nobody who is signed in sees the page of a stranger.
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::{Error, User};
///
/// async fn orders(user: User) -> String {
///     format!("The orders of {}", user.address)
/// }
///
/// async fn edit(user: User) -> Result<&'static str, Error> {
///     user.require("editor")?; // 403 without that role
///     Ok("…")
/// }
/// ```
///
/// A profile of your own is a table of yours whose key is [`id`](Self::id).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The account's.
    pub id: i64,
    /// The address, in small letters.
    pub address: String,
    /// What the user may do, in words of the application's own.
    pub roles: Vec<String>,
    /// Whether a link that was sent to the address has been used.
    pub confirmed: bool,
    /// What tells the password that the account had when it was looked up from any other.
    pub(super) password: String,
}

impl User {
    /// Whether the user has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// What the user may do, and whether a code is asked for at the sign-in: with others a session goes on under a new
    /// token.
    pub(super) fn rights(&self, is_asked_for_code: bool) -> String {
        let factors = if is_asked_for_code { "password and code" } else { "password" };
        format!("{factors}: {}", self.roles.join(" "))
    }
}
