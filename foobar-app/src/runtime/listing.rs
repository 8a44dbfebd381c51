//! The routes of an application, as actix-web has registered them: it tells them to a request.

use std::cell::RefCell;
use std::future::ready;
use std::rc::Rc;

use actix_http::body::BoxBody;
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::HttpResponse;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use actix_web::introspection::{IntrospectionNode, IntrospectionTree, ResourceType};
use actix_web::web::Data;
use foobar_core::BoxError;

use crate::AppRoute;

/// The routes of `app`, none of which is asked.
pub(super) async fn list<S>(app: actix_web::App<S>) -> Result<Vec<AppRoute>, BoxError>
where
    S: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
{
    let routes = Rc::new(RefCell::new(Vec::new()));
    let found = Rc::clone(&routes);
    let app = app.wrap_fn(move |request, _application| {
        if let Some(tree) = request.app_data::<Data<IntrospectionTree>>() {
            collect(&tree.root, &mut found.borrow_mut());
        }
        ready(Ok(request.into_response(HttpResponse::NoContent().finish())))
    });
    let service = app.into_factory().new_service(AppConfig::default()).await.map_err(no_service)?;
    service.call(actix_http::Request::new()).await.map_err(|error| error.to_string())?;
    let mut routes = routes.take();
    routes.sort_by(|one: &AppRoute, other| one.path.cmp(&other.path));
    Ok(routes)
}

/// What actix-web says where it cannot make a service, which is nothing.
pub(super) fn no_service((): ()) -> BoxError {
    "a service of the application could not be made".into()
}

fn collect(node: &IntrospectionNode, routes: &mut Vec<AppRoute>) {
    if matches!(node.kind, ResourceType::Resource) {
        let methods = node.methods.iter().filter_map(|method| method.as_str().parse().ok()); // both crates know the same
        routes.push(AppRoute::new(node.full_path.clone(), methods));
    }
    node.children.iter().for_each(|child| collect(child, routes));
}
