//! Names that no site has, such as the domains of customers.

use std::sync::{Arc, Mutex};

use foobar::{App, BoxError, Context, Running, web};

use super::scene::{Scene, seconds};
use crate::support::until;

/// An application that allows names that begin with `shop.`, until they are closed, and notes which it was asked for.
#[derive(Clone, Default)]
struct Shops {
    asked: Arc<Mutex<Vec<String>>>,
    closed: Arc<Mutex<bool>>,
}

impl App for Shops {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/", web::get().to(async || "hello"));
    }

    async fn allows_certificate(&self, _context: &Context, name: &str) -> Result<bool, BoxError> {
        self.asked.lock().unwrap().push(name.to_owned());
        match name {
            "failing.test" => Err("the database is down".into()),
            "panic.test" => panic!("no"),
            _ => Ok(name.starts_with("shop.") && !*self.closed.lock().unwrap()),
        }
    }
}

impl Shops {
    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }
}

/// A server with this application in this process, whose site is `a.test`.
async fn start(scene: &Scene, shops: &Shops) -> Running {
    let server = scene.server("a.test").app(shops.clone()).set("sites.a.ssl_on_demand", "true");
    server.start().await.unwrap()
}

fn over_http(scene: &Scene, name: &str) -> String {
    scene.curl(&scene.authority, &["-i", &format!("http://{name}:{}/", scene.http)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_site_has_gets_a_certificate_where_the_application_allows_it() {
    let (scene, shops) = (Scene::new(), Shops::default());
    let running = start(&scene, &shops).await;
    scene.until_served("a.test");
    let before = over_http(&scene, "shop.one.test");
    assert!(before.starts_with("HTTP/1.1 200 "), "it has no certificate: {before}");
    scene.until_served("shop.one.test");
    let after = over_http(&scene, "shop.one.test");
    assert!(after.starts_with("HTTP/1.1 308 "), "{after}");

    let mut refused = String::new();
    for stranger in ["stranger.test", "stranger.test", "localhost", "failing.test", "panic.test", "stranger.test"] {
        refused = scene.over_tls(stranger);
        assert!(!refused.contains("hello"), "{stranger}: {refused}");
    }
    assert!(refused.contains("unrecognized name"), "{refused}");
    scene.until_served("shop.two.test");
    let expected = ["failing.test", "panic.test", "shop.one.test", "shop.two.test", "stranger.test"];
    assert_eq!(shops.asked(), expected, "each once, and not what no authority signs");
    assert_eq!(scene.pebble.orders(), 3);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_start_serves_such_names_at_once_and_asks_again_before_a_renewal() {
    let (scene, shops) = (Scene::new(), Shops::default());
    let running = start(&scene, &shops).await;
    scene.until_served("shop.one.test");
    running.stop().await;

    let running = start(&scene, &shops).await;
    let answer = scene.over_tls("shop.one.test");
    assert!(answer.contains("hello"), "{answer}");
    assert_eq!((shops.asked().len(), scene.pebble.orders()), (1, 2));
    let record = scene.folder.path().join("state/on-demand/shop.one.test.json");
    let mut content = until("its authority has said when to renew it, which is the last that is written", || {
        let content: serde_json::Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
        content["ask_at"].is_u64().then_some(content)
    });
    running.stop().await;

    *shops.closed.lock().unwrap() = true;
    content["last_order"] = 0.into();
    content["renew_at"] = 0.into();
    std::fs::write(&record, content.to_string()).unwrap();
    let running = start(&scene, &shops).await;
    until("it is forgotten", || (!record.exists()).then_some(()));
    let answer = scene.over_tls("shop.one.test");
    assert!(!answer.contains("hello"), "{answer}");
    assert_eq!(scene.pebble.orders(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_lists_such_certificates_after_those_of_the_sites() {
    let (scene, shops) = (Scene::new(), Shops::default());
    let running = start(&scene, &shops).await;
    for name in ["shop.two.test", "shop.one.test"] {
        scene.until_served(name);
    }
    running.stop().await;
    let mut command = scene.command("a.test");
    let output = command.env("FOOBAR__SITES__A__SSL_ON_DEMAND", "true").arg("certificates").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = told.lines().filter(|line| line.starts_with("site ")).collect();
    assert_eq!(names, ["site a  a.test", "site a  shop.one.test", "site a  shop.two.test"], "{told}");
    let one = told.split("site a  ").nth(2).unwrap();
    assert!(one.contains("issuer       CN=Pebble") && one.contains("expires      ") && !one.contains("error"), "{one}");
    assert!(one.lines().any(|line| line.starts_with("  next order   ") && line.contains("(in ")), "{one}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_such_a_name_is_renewed_and_revoked_by_commands_while_the_server_runs() {
    let (scene, shops) = (Scene::new(), Shops::default());
    let running = start(&scene, &shops).await;
    scene.until_served("shop.one.test");
    let file = scene.folder.path().join("state/on-demand/shop.one.test.pem");
    for (arguments, told) in [
        (&["renew", "Shop.One.Test"][..], "shop.one.test is ordered within a minute"),
        (&["revoke", "shop.one.test"], "the certificate for shop.one.test is void"),
    ] {
        let before = std::fs::read(&file).unwrap();
        let mut command = scene.command("a.test");
        command.env("FOOBAR__SITES__A__SSL_ON_DEMAND", "true").arg("certificates").args(arguments);
        let output = command.output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).starts_with(told), "{output:?}");
        until("another one is there", || (std::fs::read(&file).unwrap() != before).then_some(()));
    }
    until("the authority has noted it", || scene.pebble.was_asked("POST /revoke-cert").then_some(()));
    scene.until_served("shop.one.test");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_have_the_first_end_of_such_certificates_and_how_many_orders_have_failed() {
    let (scene, shops) = (Scene::new(), Shops::default());
    let admin = format!("{}:{}", scene.place.address, scene.place.port());
    let server = scene.server("a.test").app(shops).set("sites.a.ssl_on_demand", "true");
    let running = server.set("admin.listen", admin.clone()).start().await.unwrap();
    scene.pebble.leads_elsewhere("shop.elsewhere.test");
    assert!(!scene.over_tls("shop.elsewhere.test").contains("hello"));
    scene.until_served("shop.one.test");
    let metrics = until("the failure is counted", || {
        let metrics = scene.curl(&scene.authority, &[&format!("http://{admin}/metrics")]);
        metrics.contains("foobar_web_certificates_on_demand_failed{site=\"a\"} 1").then_some(metrics)
    });
    assert!(metrics.contains("foobar_web_certificates_on_demand{site=\"a\"} 1"), "{metrics}");
    let name = "foobar_web_certificates_on_demand_expiry_timestamp_seconds{site=\"a\"} ";
    let expires: u64 = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap();
    assert!(expires > seconds(24.0), "{expires}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ssl_on_demand_nobody_is_asked() {
    let (scene, shops) = (Scene::new(), Shops::default());
    let running = scene.server("a.test").app(shops.clone()).start().await.unwrap();
    assert!(!scene.over_tls("shop.one.test").contains("hello"));
    scene.until_served("a.test");
    assert!(!scene.over_tls("shop.one.test").contains("hello"));
    assert_eq!((shops.asked().len(), scene.pebble.orders()), (0, 1));
    running.stop().await;
}
