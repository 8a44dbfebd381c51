use std::ops::Deref;

use foobar_app::App;
#[cfg(feature = "accounts")]
use foobar_app::User;
use foobar_app::testing::{self, TestDb};

/// Calls an application in process; a [`TestClient`](testing::Client) otherwise.
pub struct Client {
    client: testing::Client,
    database: TestDb,
}

/// Calls `app` in process: no socket, no web tier, a fresh SQLite database with the application's migrations run.
///
/// # Panics
///
/// If the application does not start; the panic says why.
#[cfg(feature = "sqlite")]
pub async fn client(app: impl App) -> Client {
    client_on(TestDb::sqlite().await, app).await
}

/// Like [`client`], on a database of your choice, such as `TestDb::mysql().await`.
///
/// # Panics
///
/// If the application does not start; the panic says why.
pub async fn client_on(database: TestDb, app: impl App) -> Client {
    let client = testing::Client::new(app, Some((*database).clone())).await;
    Client { client, database }
}

impl Client {
    /// The application's database.
    pub const fn database(&self) -> &TestDb {
        &self.database
    }
}

#[cfg(feature = "accounts")]
impl Client {
    /// Signs this client in as the user of this address with these roles, whose account is made if there is none; see
    /// [`TestClient::sign_in`](testing::Client::sign_in).
    pub async fn sign_in(&self, address: &str, roles: &[&str]) -> User {
        self.client.sign_in(&self.database, address, roles).await
    }
}

impl Deref for Client {
    type Target = testing::Client;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}
