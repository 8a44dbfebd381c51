use std::cell::OnceCell;

use bytes::Bytes;
use foobar_core::{BoxError, Problem, RequestInfo, Response, RoutePattern};
use http::StatusCode;
use http::request::Parts;
use http_body::Body;

use super::accel::{self, Accel};
use super::handed_over::HandedOver;
use super::logged::Record;
use super::{Answer, Failure, Offered, Pipeline, RequestContext, answer_with};
use crate::gate::TurnedAway;
use crate::reply;
use crate::site::Site;

impl Pipeline {
    /// What the application answers, or the file that it names in its place.
    pub(super) async fn by_application<B>(
        &self,
        site: &Site,
        request: &mut Parts,
        offered: Offered<B>,
        arrival: &RequestContext,
        record: &Record,
        body_limit: u64,
    ) -> Result<Answer, Failure>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let Offered { body, abort, hints, upgrade } = offered;
        let in_flight = self.door.enter(Some(&abort)).await.map_err(paused)?;
        let info = RequestInfo {
            id: record.id(),
            connection: Some(arrival.connection),
            abort: Some(abort),
            hints,
            assets: Some(site.assets.clone()),
            certificate: arrival.tls.as_ref().and_then(|tls| tls.certificate.clone()),
            upgrade,
            pattern: OnceCell::new(),
        };
        let handed_over = HandedOver::new(&*self.handler, request, body, body_limit, &info);
        let mut response = handed_over.response(request, info.id).await?;
        let told = response.extensions_mut().remove::<RoutePattern>();
        if let Some(pattern) = info.pattern.get().or(told.as_ref()) {
            record.is_for(self.patterns.route(site.routes.of_site().id, pattern.as_str()));
        }
        let in_flight = Some(in_flight).filter(|_| !is_endless(&response));
        let mut answer = Answer { response: keep_detail(response), is_by_handler: true, in_flight };
        if !accel::speaks(&answer.response) {
            return Ok(answer);
        }
        self.complete(&mut answer);
        match Accel::of(&answer.response) {
            None => Ok(accel::take(answer.response).into()),
            Some(accel) => Box::pin(follow(accel, site, request)).await.map(Answer::from),
        }
    }
}

fn paused(TurnedAway { retry_after }: TurnedAway) -> Failure {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(retry_after);
    problem.detail("The site pauses for a moment. Try again.").into()
}

/// Whether an answer may go on for as long as its client likes: a pause does not wait for it.
fn is_endless(response: &Response) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS || reply::is_event_stream(response.headers())
}

/// The file that the application names.
async fn follow(mut accel: Accel, site: &Site, request: &Parts) -> Result<Response, Failure> {
    match accel.serve(&site.routes, request).await.map_err(Failure::from).and_then(|reply| answer_with(reply, || None))
    {
        Ok(mut response) => {
            accel.announce(&mut response);
            Ok(response)
        }
        Err(mut failure) => {
            failure.headers.extend(accel.cookies());
            Err(failure)
        }
    }
}

/// What the application says of an error in a sentence is an answer of its own, which no page replaces.
fn keep_detail(mut response: Response) -> Response {
    if response.extensions().get().is_some_and(Problem::has_detail) {
        response.extensions_mut().remove::<Problem>();
    }
    response
}
