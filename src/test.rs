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
//! [`client`] calls the application alone; [`site`] goes through the web tier too: hosts, routes, static files, error
//! pages, `X-Accel-Redirect`, limits of bodies. Both keep [cookies](foobar_app::testing::Client#cookies), send [forms
//! with files](Multipart), read answers [piece by piece](TestStream) and open [WebSockets](TestWebSocket).

mod client;
mod site;

#[cfg(feature = "sqlite")]
pub use client::client;
pub use client::{Client, client_on};
pub use foobar_app::testing::{
    Client as TestClient, Event, Message, Multipart, TestDb, TestHead, TestRequest, TestResponse, TestStream,
    TestWebSocket, Transport,
};
#[cfg(feature = "mysql")]
pub use foobar_db::testing::{MysqlServer, ServerError};
#[cfg(feature = "sqlite")]
pub use site::site;
pub use site::{Site, site_on};
