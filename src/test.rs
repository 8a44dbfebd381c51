//! For tests: an application or a whole server in process, on a database of its own.
//!
//! ```
//! use foobar::{App, web};
//!
//! struct Hello;
//!
//! impl App for Hello {
//!     fn routes(&self, routes: &mut web::ServiceConfig) {
//!         routes.route("/", web::get().to(async || "Hello!"));
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let client = foobar::test::client(Hello).await;
//! assert_eq!(client.get("/").await.text(), "Hello!");
//! # }
//! ```
//!
//! A form, the database behind it, and the same on both engines; in a test the function is `#[tokio::test]`:
//!
//! ```
//! # #[cfg(all(feature = "sqlite", feature = "mysql"))] mod shown {
//! use diesel::prelude::*;
//! use foobar::test::TestDb;
//! use foobar::{App, Db, Error, Migrations, Server, embed_migrations, web};
//!
//! diesel::table! { ledger (id) { id -> Integer, note -> Text } }
//!
//! #[derive(serde::Deserialize)]
//! struct Entry {
//!     note: String,
//! }
//!
//! async fn add(db: Db, entry: web::Form<Entry>) -> Result<&'static str, Error> {
//!     let note = entry.into_inner().note;
//!     db.write(move |conn| diesel::insert_into(ledger::table).values((ledger::id.eq(1), ledger::note.eq(&note))).execute(conn)).await?;
//!     Ok("added")
//! }
//!
//! struct Books;
//!
//! impl App for Books {
//!     fn routes(&self, routes: &mut web::ServiceConfig) {
//!         routes.route("/entries", web::post().to(add));
//!     }
//!
//!     fn migrations(&self) -> Migrations {
//!         Migrations::new(embed_migrations!("tests/programs/migrations"))
//!     }
//! }
//!
//! # pub
//! async fn an_entry_is_kept() {
//!     for client in [foobar::test::client(Books).await, foobar::test::client_on(TestDb::mysql().await, Books).await] {
//!         let answer = client.post("/entries").form(&[("note", "paper")]).await;
//!         assert_eq!((answer.status().as_u16(), &*answer.text()), (200, "added"));
//!         let count = client.database().read(|conn| ledger::table.count().get_result::<i64>(conn));
//!         assert_eq!(count.await.unwrap(), 1);
//!     }
//! }
//!
//! # pub
//! async fn the_whole_server_has_its_error_pages() {
//!     let site = foobar::test::site(Server::new().app(Books)).await;
//!     assert_eq!(site.get("/nothing").await.status(), 404);
//! }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! #     shown::an_entry_is_kept().await;
//! #     shown::the_whole_server_has_its_error_pages().await;
//! # }
//! ```
//!
//! [`client`] calls the application alone; [`site`] goes through the web tier too: hosts, routes, static files, error
//! pages, `X-Accel-Redirect`, limits of bodies. Both keep [cookies](foobar_app::testing::Client#cookies), send [forms
//! with files](Multipart), read answers [piece by piece](TestStream) and open [WebSockets](TestWebSocket).

mod client;
mod site;

#[cfg(feature = "sqlite")]
pub use client::client;
pub use client::{Client, client_on};
#[cfg(feature = "accounts")]
pub use foobar_app::testing::totp_code;
pub use foobar_app::testing::{
    Client as TestClient, Event, Message, Multipart, TestDb, TestHead, TestRequest, TestResponse, TestStream,
    TestWebSocket, Transport,
};
#[cfg(feature = "mysql")]
pub use foobar_db::testing::{MysqlServer, ServerError};
#[cfg(feature = "sqlite")]
pub use site::site;
pub use site::{Site, site_on};
