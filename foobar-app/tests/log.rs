//! What the application tier logs. One test alone in its process: the subscriber is the process's.

use std::io::Write;
use std::sync::{Arc, Mutex};

use foobar_app::actix_web::web::{self, ServiceConfig};
use foobar_app::actix_web::{HttpResponse, ResponseError};
use foobar_app::testing::Client;
use foobar_app::{App, Error};

struct Failing;

impl App for Failing {
    fn routes(&self, routes: &mut ServiceConfig) {
        let refuse =
            async || -> Result<&str, Error> { Err(Error::internal(std::io::Error::other("the disk is gone"))) };
        let page = async || Err::<&str, _>(Page);
        routes
            .route("/page", web::get().to(page))
            .route("/line", web::get().to(async || HttpResponse::Ok().insert_header(("x-a", "b\r\nx-c: d")).body("e")))
            .route("/panic", web::get().to(async || -> &str { panic!("on purpose") }))
            .route("/refuse", web::get().to(refuse));
    }
}

/// An error that the client sees as a page.
#[derive(Debug)]
struct Page;

impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the printer is on fire")
    }
}

impl ResponseError for Page {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::InternalServerError().content_type("text/html").body("<p>Sorry</p>")
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("no one panics with the lock"));
        String::from_utf8(bytes).expect("the log is text")
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no one panics with the lock").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_cause_and_the_request_id_and_a_client_error_is_not() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let client = Client::new(Failing, None).await;
    for (path, cause) in [
        ("/panic", "the handler panicked: on purpose"),
        ("/refuse", "the disk is gone"),
        ("/page", "the printer is on fire"),
        ("/line", "failed to parse header value"),
    ] {
        let answer = client.get(path).await;
        let (id, log) = (answer.header("x-request-id").unwrap(), lines.take());
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("ERROR") && log.contains(cause) && log.contains(id) && log.contains(path), "{log}");
    }
    assert_eq!(client.get("/nowhere").await.status(), 404);
    assert_eq!(lines.take(), "");
}
