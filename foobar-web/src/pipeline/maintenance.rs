use foobar_core::{Problem, Response};
use http::StatusCode;
use http::request::Parts;

use super::logged::Record;
use super::{Failure, Kind, Pipeline, RequestContext};
use crate::site::Site;

impl Pipeline {
    /// Whether this client gets the page for maintenance in place of what it asks for.
    pub(super) fn is_kept_out(&self, site: &Site, request: &Parts, arrival: &RequestContext) -> bool {
        self.door.is_in_maintenance()
            && !self.maintenance.allow(arrival.connection.remote)
            && !site.answers_in_maintenance(request.uri.path())
    }

    /// The page for maintenance.
    pub(super) async fn keep_out(&self, site: &Site, request: &Parts, record: &Record) -> Response {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(self.maintenance.retry_after);
        let problem = problem.detail("The site is under maintenance. Come back later.");
        let added = site.routes.of_site().added(b"/");
        let failure = Failure { added: Some(added.clone()), kind: Kind::Answer, ..Failure::from(problem) };
        let mut response = self.fail(failure, &request.headers, record.id());
        site.error_pages.apply_for_maintenance(&mut response, &request.headers).await;
        super::add(&mut response, added); // to a page of the site's own, which has no policy
        response
    }
}
