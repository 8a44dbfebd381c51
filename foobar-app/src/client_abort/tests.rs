use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest};
use foobar_core::{ClientAbort, MakeHandler, Request, RequestBody, Tier};
use http::Method;

use super::*;
use crate::{AppSettings, Runtime};

async fn answer(request: HttpRequest) -> String {
    request.extensions().get::<ClientAbort>().expect("the web tier gives it").runs_to_end().to_string()
}

fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/", web::route().to(answer))
        .route("/cancelled", web::route().to(answer).wrap(cancel_with_client()))
        .service(web::resource("/whole").wrap(run_to_end()).to(answer))
        .service(
            web::scope("/scope")
                .wrap(run_to_end())
                .route("", web::route().to(answer))
                .route("/cancelled", web::route().to(answer).wrap(cancel_with_client())),
        );
}

fn request(method: &Method, path: &str) -> (Request, ClientAbort) {
    let mut request = Request::new(RequestBody::empty());
    *request.method_mut() = method.clone();
    *request.uri_mut() = path.parse().expect("it is a path");
    let abort = ClientAbort::of(method);
    request.extensions_mut().insert(abort.clone());
    (request, abort)
}

#[test]
fn what_is_said_next_to_the_handler_holds() {
    let runtime = Runtime::new(crate::routes(routes), None, &AppSettings::default());
    let tier = std::sync::Arc::new(runtime);
    let worker = std::sync::Arc::clone(&tier);
    let work = async move {
        tier.start().await.expect("nothing is in the way");
        let handler = tier.make().await.expect("the routes are sound");
        for (method, path, runs_to_end) in [
            ("GET", "/", false),
            ("POST", "/", true),
            ("POST", "/cancelled", false),
            ("GET", "/whole", true),
            ("GET", "/scope", true),
            ("POST", "/scope/cancelled", false),
        ] {
            let (request, abort) = request(&method.parse().expect("it is a method"), path);
            let answer = handler.handle(request).await;
            assert_eq!((answer.status().as_u16(), abort.runs_to_end()), (200, runs_to_end), "{method} {path}");
        }
    };
    worker.block_on(Box::pin(work)).expect("a runtime can be made");
}
