use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use foobar_core::{ClientAbort, ConnectInfo, Period, RequestBody, Scheme, Size};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::application::{Gate, application};
use super::requests::Contents;
use super::worker;
use crate::pipeline::{Offered, RequestContext};
use crate::worker::Worker;
use crate::{RouteSettings, SiteSettings, WebSettings};

/// The last request that a connection may carry.
pub(crate) const MOST_REQUESTS: usize = 40;
/// Where all connections come from.
pub(crate) const HERE: ConnectInfo = ConnectInfo { remote: None, local: None, scheme: Scheme::Http };

/// What the connections have in common.
pub(crate) struct Server {
    pub(crate) worker: Rc<Worker>,
    pub(crate) gate: Gate,
    pub(crate) contents: Contents,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn new(runtime: &Runtime) -> Self {
        let (gate, contents, folder) = (Gate::default(), Contents::new(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("a.bin"), &contents.kept).unwrap();
        std::fs::write(folder.path().join("b.bin"), &contents.read).unwrap();
        let respond = |body: &Bytes| RouteSettings {
            respond: Some(200),
            body: str::from_utf8(body).unwrap().to_owned(),
            ..RouteSettings::default()
        };
        let routes = [
            ("/small", respond(&contents.small)),
            ("/large", respond(&contents.large)),
            ("/long", respond(&contents.long)),
            ("/old", RouteSettings { redirect: Some("/small".to_owned()), ..RouteSettings::default() }),
            ("/app/", RouteSettings { app: true, ..RouteSettings::default() }),
        ];
        let site = SiteSettings {
            root: Some(folder.path().to_owned()),
            try_files: ["file", "=404"].map(str::to_owned).into_iter().collect(),
            routes: routes.map(|(path, route)| (path.to_owned(), route)).into(),
            ..SiteSettings::default()
        };
        let web = WebSettings {
            access_log: "off".to_owned(),
            min_rate: Size::bytes(0),
            keepalive_requests: MOST_REQUESTS as u64,
            file_cache_max_file: Size::bytes(100_000),
            file_cache_valid: Period::new(Duration::from_secs(1 << 30)),
            file_cache_watch: false,
            ..WebSettings::default()
        };
        let worker = runtime.block_on(worker(&web, site, Some(application(gate.clone()))));
        for path in ["/a.bin", "/b.bin", "/missing"] {
            let (mut request, ()) = http::Request::get(path).header("host", "a").body(()).unwrap().into_parts();
            let arrival = RequestContext { connection: HERE, tls: None, since: Instant::now() };
            let (body, abort) = (RequestBody::empty(), ClientAbort::of(&request.method));
            let offered = Offered { body, abort, hints: None, upgrade: None };
            runtime.block_on(worker.pipeline.serve(&mut request, offered, arrival)); // which is not at hand the first time
        }
        Self { worker, gate, contents, _folder: folder }
    }
}
