use super::client::Client;
use crate::session::{InDatabase, SessionRecord, SessionStore};
use crate::{AccountOptions, Context, Db, User};

impl Client {
    /// Signs this client in as the user of this address with these roles: makes the account in `db` if it has none, and a
    /// session, without a password or a page. The session's cookie has its default name, and sessions are in the
    /// database.
    ///
    /// # Panics
    ///
    /// If the application has no accounts there, or the address is none.
    pub async fn sign_in(&self, db: &Db, address: &str, roles: &[&str]) -> User {
        let context = Context::new(Some(db.clone()));
        let context = context.with_accounts(Some(AccountOptions::new("/")), true);
        let accounts = context.accounts().expect("they are on a database");
        let user =
            accounts.add_as_it_is(address, roles).await.unwrap_or_else(|error| panic!("no account is made: {error}"));
        let user = user.unwrap_or_else(|refusal| panic!("{address} {}", refusal.problem));
        let now = crate::clock::now();
        let record = SessionRecord {
            user: Some(user.id),
            created: now,
            seen: now,
            expires: i64::MAX,
            ..SessionRecord::default()
        };
        let token = InDatabase::new(db.clone()).create(record).await;
        let token = token.unwrap_or_else(|error| panic!("no session is made: {error}"));
        self.set_cookie(&format!("session={token}; Path=/"));
        self.set_cookie(&format!("__Host-session={token}; Path=/; Secure"));
        user
    }
}
