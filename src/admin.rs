//! The listener for operators is a web tier of one worker with a handler of its own: no second HTTP server.

mod process;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use foobar_core::{
    BoxError, BoxFuture, Chain, MakeHandler, Metrics, Readiness, Request, Response, ResponseBody, Tier, handler_fn,
    panics,
};
use foobar_web::{
    Address, Error, PassedSocket, ServerName, SiteSettings, Turn, Warning, Web, WebBuilder, WebSettings, WebTier,
};
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, StatusCode};

use crate::lifecycle::Lifecycle;
use crate::program::{FOOBAR, Program};
use crate::settings::{AdminSettings, is_issued};

use process::Process;

/// The listener for operators: `/livez`, `/readyz` and `/metrics` on a web tier of one worker.
///
/// It starts before the other tiers and is drained after them.
pub(crate) struct Admin {
    web: Web,
    /// Where to listen instead if the address is taken; only where nobody chose the address.
    elsewhere: Option<Web>,
    moved: OnceLock<()>,
}

/// What the answers are made from.
struct State {
    names: Vec<ServerName>,
    tiers: Vec<Arc<dyn Tier>>,
    lifecycle: Arc<Lifecycle>,
    process: Process,
    program: Option<Program>,
}

impl Admin {
    /// Listens and answers to the names of the settings besides addresses and `localhost`.
    pub(crate) fn new(
        settings: &AdminSettings,
        may_move: bool,
        web: WebBuilder,
        tiers: Vec<Arc<dyn Tier>>,
        lifecycle: Arc<Lifecycle>,
        program: Option<Program>,
    ) -> Result<Self, Error> {
        let names = settings.server_name.to_vec();
        let state = Arc::new(State { names, tiers, lifecycle, process: Process::new(), program });
        let elsewhere = may_move.then(|| listener("127.0.0.1:0", settings, web.clone(), &state)).transpose()?;
        Ok(Self { web: listener(&settings.listen, settings, web, &state)?, elsewhere, moved: OnceLock::new() })
    }

    /// What will not work as somebody may expect.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let of_admin = |Warning { key, message }| Warning { key: admin_key(&key), message };
        self.web.warnings().into_iter().map(of_admin).collect()
    }

    /// Tries the address, unless nobody chose it.
    pub(crate) fn check(&self) -> Result<(), BoxError> {
        if self.elsewhere.is_some() { Ok(()) } else { self.web.check().map_err(of_admin) }
    }

    pub(crate) fn address(&self) -> Option<Address> {
        self.active().addresses().into_iter().next()
    }

    /// Takes these sockets, as a web tier does.
    pub(crate) fn inherit(&self, sockets: Vec<PassedSocket>) {
        self.web.inherit(sockets);
    }

    pub(crate) fn pass_on(&self) -> io::Result<Vec<PassedSocket>> {
        self.active().pass_on()
    }

    /// As those of a web tier.
    pub(crate) fn not_taken(&self) -> Vec<String> {
        self.web.not_taken()
    }

    /// The same.
    pub(crate) async fn close(&self, addresses: &[String]) -> Result<(), BoxError> {
        self.active().close(addresses).await
    }

    pub(crate) fn set_turn(&self, turn: Turn) {
        self.web.set_turn(turn);
        self.elsewhere.iter().for_each(|web| web.set_turn(turn));
    }

    fn active(&self) -> &Web {
        match (&self.elsewhere, self.moved.get()) {
            (Some(elsewhere), Some(())) => elsewhere,
            _ => &self.web,
        }
    }

    async fn listen(&self) -> Result<(), BoxError> {
        let Err(error) = self.web.start().await else { return Ok(()) };
        let error = of_admin(error);
        let Some(elsewhere) = &self.elsewhere else { return Err(error) };
        elsewhere.start().await?;
        self.moved.get_or_init(|| ());
        let address = self.address().map(|address| address.to_string());
        tracing::warn!(error = %Chain(&*error), address, "the admin listener takes a free port instead");
        Ok(())
    }
}

impl Tier for Admin {
    fn name(&self) -> &'static str {
        "admin"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.listen())
    }

    fn readiness(&self) -> Readiness {
        self.active().readiness()
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        self.active().drain(deadline)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`admin.listen`: cannot listen on {address}; {advice}")]
struct AdminListen {
    address: String,
    advice: &'static str,
    source: io::Error,
}

/// The web tier knows its addresses as `web.listen`.
fn of_admin(error: BoxError) -> BoxError {
    match error.downcast::<Error>().map(|error| *error) {
        Ok(Error::Listen { address, advice, source }) => AdminListen { address, advice, source }.into(),
        Ok(other) => with_admin_key(other).into(),
        Err(error) => error,
    }
}

fn with_admin_key(error: Error) -> Error {
    match error {
        Error::Setting { key, message } => Error::Setting { key: admin_key(&key), message },
        Error::Open { key, path, source } => Error::Open { key: admin_key(&key), path, source },
        other => other,
    }
}

/// The key that the operator has written for one of the web tier.
fn admin_key(key: &str) -> String {
    key.strip_prefix("sites.admin.").map_or_else(|| "admin.listen".to_owned(), |own| format!("admin.{own}"))
}

fn listener(address: &str, admin: &AdminSettings, web: WebBuilder, state: &Arc<State>) -> Result<Web, Error> {
    if address.split_ascii_whitespace().skip(1).any(|word| word == "ssl") && admin.ssl_certificate.is_empty() {
        let message = "it needs a certificate for TLS; set `admin.ssl_certificate` and `admin.ssl_certificate_key`";
        return Err(Error::Setting { key: "admin.listen".to_owned(), message: message.to_owned() });
    }
    if let Some(word) = admin.ssl_certificate.iter().find(|path| is_issued(path)) {
        let word = word.display();
        let message = format!("\"{word}\" is for sites; name the file of a certificate, such as \"./{word}\"");
        return Err(Error::Setting { key: "admin.ssl_certificate".to_owned(), message });
    }
    let mut settings = WebSettings::default();
    settings.listen = std::iter::once(address.to_owned()).collect();
    settings.workers = Some(1);
    "off".clone_into(&mut settings.access_log);
    let state = state.clone();
    let handler: Arc<dyn MakeHandler> = Arc::new(handler_fn(move |request| {
        let state = state.clone();
        async move { state.answer(&request) }
    }));
    let mut site = SiteSettings::default();
    site.ssl_certificate.clone_from(&admin.ssl_certificate);
    site.ssl_certificate_key.clone_from(&admin.ssl_certificate_key);
    let sites = BTreeMap::from([("admin".to_owned(), site)]);
    web.app(handler).build(&settings, &sites).map_err(with_admin_key)
}

impl State {
    fn answer(&self, request: &Request) -> Response {
        if !self.is_for_us(request) {
            let words = "This listener answers to an IP address, localhost and the names in admin.server_name.\n";
            return text(StatusCode::MISDIRECTED_REQUEST, words.to_owned());
        }
        let mut response = match (request.uri().path(), request.method()) {
            (path, &Method::OPTIONS) if PATHS.contains(&path) => empty(StatusCode::NO_CONTENT),
            (path, &Method::GET | &Method::HEAD) => return self.answer_get(path),
            (path, _) if PATHS.contains(&path) => text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned()),
            _ => return nothing(),
        };
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        response
    }

    fn answer_get(&self, path: &str) -> Response {
        match path {
            "/livez" => text(StatusCode::OK, "alive\n".to_owned()),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics(),
            _ => nothing(),
        }
    }

    /// Whether `Host` is an address, `localhost` or one of the names.
    fn is_for_us(&self, request: &Request) -> bool {
        let Some(host) = request.headers().get(HOST) else { return true };
        let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()); // neither is a name of ours
        authority.is_some_and(|authority| {
            let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
            let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
            is_address || name == "localhost" || self.names.iter().any(|known| known.is(&name))
        })
    }

    fn ready(&self) -> Response {
        if self.lifecycle.is_over() {
            let mut response = text(StatusCode::OK, "another program serves in the place of this one\n".to_owned());
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close")); // the next question is for that
            return response;
        }
        let not_ready = self.lifecycle.not_ready().map(|reason| format!("server: not ready: {reason}\n"));
        let states: Vec<_> = self.tiers.iter().map(|tier| (tier.name(), readiness(&**tier))).collect();
        let ready = not_ready.is_none() && states.iter().all(|(_, state)| state.is_ready());
        let lines = states.iter().map(|(name, state)| format!("{name}: {state}\n"));
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let concerns = self.tiers.iter().flat_map(|tier| concerns(&**tier));
        text(status, not_ready.into_iter().chain(lines).chain(concerns).collect())
    }

    /// Whether each tier is ready, by its name; of several with one name, whether all are.
    fn readiness(&self) -> BTreeMap<&'static str, bool> {
        let mut all = BTreeMap::new();
        for tier in &self.tiers {
            *all.entry(tier.name()).or_insert(true) &= readiness(&**tier).is_ready();
        }
        all
    }

    /// How far the turns of programs are on the same sockets.
    fn upgrade_metrics(&self, metrics: &mut Metrics) {
        let seconds = |time: Option<Duration>| time.map_or(0.0, |time| time.as_secs_f64());
        let help = "For how long an upgrade has been under way; 0 where there is none.";
        metrics.gauge("foobar_upgrade_seconds", help, &[], seconds(self.lifecycle.upgrading_for()));
        let help = "For how long the program before has drained; 0 where there is none.";
        metrics.gauge("foobar_before_draining_seconds", help, &[], seconds(self.lifecycle.before_for()));
    }

    fn metrics(&self) -> Response {
        let mut metrics = Metrics::default();
        let of_program = |program: &Program| [("program", program.name), ("program_version", program.version)];
        let mut versions = vec![("version", FOOBAR.version)];
        versions.extend(self.program.iter().flat_map(of_program));
        let help = "Which version of Foobar this is, and which program of which version is built on it; always 1.";
        metrics.gauge("foobar_build_info", help, &versions, 1);
        self.process.metrics(&mut metrics);
        let help = "The number of the configuration in use: the first is 1, each reload adds 1.";
        metrics.gauge("foobar_configuration_version", help, &[], self.lifecycle.configuration());
        let help = "How many programs have served here in turn, each in the place of the one before, with this one.";
        metrics.gauge("foobar_generation", help, &[], self.lifecycle.generation());
        self.upgrade_metrics(&mut metrics);
        for (tier, ready) in self.readiness() {
            metrics.gauge("foobar_ready", "Whether a tier is ready.", &[("tier", tier)], u8::from(ready));
        }
        for tier in &self.tiers {
            if let Err(panic) = panics::catch(|| tier.metrics(&mut metrics)) {
                tracing::error!(tier = tier.name(), "its metrics {panic}");
            }
        }
        let mut response = text(StatusCode::OK, metrics.into_text());
        let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, format);
        response
    }
}

/// A tier that panics is not ready; what the others say is told all the same.
fn readiness(tier: &dyn Tier) -> Readiness {
    panics::catch(|| tier.readiness()).unwrap_or_else(|panic| Readiness::not(panic.to_string()))
}

/// Lines of what an operator should look at.
fn concerns(tier: &dyn Tier) -> Vec<String> {
    let concerns = panics::catch(|| tier.concerns()).unwrap_or_else(|panic| vec![panic.to_string()]);
    concerns.iter().map(|concern| format!("{}: look at this: {concern}\n", tier.name())).collect()
}

/// Where something is.
const PATHS: [&str; 3] = ["/livez", "/readyz", "/metrics"];

fn nothing() -> Response {
    text(StatusCode::NOT_FOUND, "/livez, /readyz and /metrics are here.\n".to_owned())
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response
}

fn text(status: StatusCode, text: String) -> Response {
    let mut response = empty(status);
    *response.body_mut() = ResponseBody::full(text);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
