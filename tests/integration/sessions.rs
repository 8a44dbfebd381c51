//! Sessions and requests of other sites, of a whole server.

use std::path::Path;
use std::process::Command;

use foobar::actix_web::web::ServiceConfig;
use foobar::{App, Chain, Error, Reloaded, Running, Server, Session, Sessions, StartError, test, web};

use crate::support::Client;

struct Shop(Sessions);

impl App for Shop {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .route("/put", web::post().to(put))
            .route("/get", web::get().to(get))
            .route("/hooks/{name}", web::post().to(async || "taken"));
    }

    fn sessions(&self) -> Sessions {
        self.0.clone()
    }
}

async fn put(session: Session) -> Result<&'static str, Error> {
    session.insert("basket", "tea")?;
    Ok("put")
}

async fn get(session: Session) -> Result<String, Error> {
    Ok(session.get("basket")?.unwrap_or_default())
}

const KEY: &str = "a key of the tests that is longer than 32 characters";

async fn refusal(server: Server) -> String {
    let started = server.set("web.listen", "127.0.0.1:0").set("admin.listen", "off").start().await;
    let Err(error) = started else { panic!("it starts") };
    assert!(matches!(error, StartError::Setting { .. }), "{error:?}");
    Chain(&error).to_string()
}

#[tokio::test]
async fn sessions_in_cookies_need_a_key_and_the_error_says_where_it_stands() {
    let missing = refusal(Server::new().app(Shop(Sessions::in_cookie()))).await;
    assert!(missing.contains("session.keys") && missing.contains("there is no key to encrypt them"), "{missing}");
    let short = refusal(Server::new().app(Shop(Sessions::in_cookie())).set("session.keys", "hunter2")).await;
    assert!(short.contains("session.keys") && short.contains("fewer than 32 characters"), "{short}");
    assert!(!short.contains("hunter2"), "{short}");
}

#[tokio::test]
async fn the_settings_of_sessions_count() {
    for sessions in [Sessions::in_database(), Sessions::in_cookie()] {
        let server = Server::new().app(Shop(sessions)).set("session.cookie", "basket").set("session.keys", KEY);
        let site = test::site(server).await;
        site.post("/put").await;
        assert_eq!(site.get("/get").await.text(), "tea");
        assert!(site.cookie("basket").is_some());
    }
    for key in ["session.lifetime", "session.idle_timeout"] {
        let server = Server::new().app(Shop(Sessions::in_cookie())).set("session.keys", KEY).set(key, "0");
        let site = test::site(server).await;
        site.post("/put").await;
        assert_eq!(site.get("/get").await.text(), "", "it has ended at once");
    }
}

#[tokio::test]
async fn an_application_with_sessions_in_the_database_has_one_without_a_word_of_configuration() {
    let site = test::site(Server::new().app(Shop(Sessions::in_database()))).await;
    site.post("/put").await;
    let listed = site.database().migration_status(&foobar::Migrations::none()).await.unwrap();
    assert!(listed.is_empty(), "it is not among the application's own: {listed:?}");
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_through_the_web_tier_but_where_a_route_is_open() {
    let site = test::site(Server::new().app(Shop(Sessions::in_database())).cross_site("/hooks/{name}")).await;
    let send = |path: &str| site.post(path).header("origin", "https://evil.test").send();
    let refused = send("/put").await;
    assert_eq!((refused.status().as_u16(), refused.header("set-cookie")), (403, None));
    assert_eq!(send("/hooks/paid").await.text(), "taken");
    assert_eq!(site.post("/put").header("origin", "http://localhost").await.text(), "put");
}

/// The field that sets the cookie, and what a request with the cookie gets.
fn over(scheme: &str, port: u16, options: &[&str]) -> (String, String) {
    let curl = |more: &[&str], path: &str| {
        let mut command = Command::new("curl");
        command.args(["-sSk", "--max-time", "60"]).args(options).args(more);
        let output = command.arg(format!("{scheme}://localhost:{port}{path}")).output().expect("curl is installed");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let told = curl(&["-X", "POST", "-D", "-"], "/put");
    let field = told.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{told}"));
    let cookie = field.split(';').next().expect("there is a first part");
    (field.to_owned(), curl(&["-H", &format!("Cookie: {cookie}")], "/get"))
}

async fn listening(settings: &[(&str, &str)]) -> (Running, u16) {
    let server =
        Server::new().app(Shop(Sessions::in_database())).set("admin.listen", "off").set("web.access_log", "off");
    let server = server.set("database.url", "sqlite::memory:");
    let running = settings.iter().fold(server, |server, (key, value)| server.set(key, *value)).start().await.unwrap();
    let port = running.addresses()[0].to_string().rsplit(':').next().unwrap().parse().unwrap();
    (running, port)
}

#[tokio::test]
async fn over_real_tls_the_cookie_is_secure_and_of_the_host_alone() {
    let folder = tempfile::tempdir().unwrap();
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = [("own.pem", issued.cert.pem()), ("own.key", issued.signing_key.serialize_pem())];
    let [certificate, key] = files.map(|(name, text)| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    });
    let (running, port) = listening(&[
        ("web.listen", "127.0.0.1:0 ssl"),
        ("sites.a.ssl_certificate", &certificate),
        ("sites.a.ssl_certificate_key", &key),
    ])
    .await;
    for version in ["--http1.1", "--http2"] {
        let (field, found) = over("https", port, &[version]);
        assert!(field.starts_with("__Host-session=") && field.ends_with("; SameSite=Lax; Secure"), "{field}");
        assert_eq!(found, "tea", "{version}");
    }
    running.stop().await;
}

#[tokio::test]
async fn through_a_trusted_proxy_that_speaks_tls_the_cookie_is_secure_and_through_another_it_is_not() {
    for (proxies, is_secure) in [("127.0.0.1", true), ("192.0.2.1", false)] {
        let (running, port) = listening(&[("web.listen", "127.0.0.1:0"), ("web.trusted_proxies", proxies)]).await;
        let (field, found) = over("http", port, &["-H", "X-Forwarded-Proto: https"]);
        assert_eq!(
            (field.starts_with("__Host-session="), field.contains("; Secure")),
            (is_secure, is_secure),
            "{field}"
        );
        assert_eq!(found, "tea", "{proxies}");
        running.stop().await;
    }
}

/// A server whose settings of sessions can change, with sessions in cookies.
struct Changing {
    folder: tempfile::TempDir,
    running: Running,
}

impl Changing {
    async fn start(session: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), session);
        let server = Server::new().app(Shop(Sessions::in_cookie())).config_file(folder.path().join("foobar.toml"));
        let server = server.set("web.listen", "127.0.0.1:0").set("admin.listen", "off").set("web.access_log", "off");
        Self { running: server.start().await.unwrap(), folder }
    }

    async fn reload(&self, session: &str) -> Reloaded {
        write(self.folder.path(), session);
        self.running.reload().await.unwrap()
    }

    fn client(&self) -> Client {
        Client::connect(self.running.addresses()[0].to_string().trim_start_matches("http://"))
    }

    /// What is found by a cookie, which is `name=token`.
    fn found(&self, cookie: &str) -> String {
        self.client().request("GET", "/get", &format!("Cookie: {cookie}\r\n"), b"").text().to_owned()
    }

    /// Begins a session; its cookie.
    fn begin(&self) -> String {
        let answer = self.client().request("POST", "/put", "", b"");
        answer.header("set-cookie").expect("it sets one").split(';').next().unwrap().to_owned()
    }
}

fn write(folder: &Path, session: &str) {
    std::fs::write(folder.join("foobar.toml"), format!("[session]\n{session}\n")).unwrap();
}

#[tokio::test]
async fn the_keys_of_sessions_change_at_a_reload() {
    const NEW: &str = "another key of the tests that is longer than 32 characters";
    let site = Changing::start(&format!("keys = ['{KEY}']")).await;
    let old = site.begin();
    let reloaded = site.reload(&format!("keys = ['{NEW}', '{KEY}']")).await;
    assert_eq!((reloaded.changed, reloaded.unchanged), (vec!["session.keys".to_owned()], vec![]));
    assert_eq!(site.found(&old), "tea", "the old key still opens it");
    let new = site.begin();
    site.reload(&format!("keys = ['{NEW}']")).await;
    let found = (site.found(&old), site.found(&new));
    assert_eq!(found, (String::new(), "tea".to_owned()), "the new key has encrypted the new one");
    site.running.stop().await;
}

#[tokio::test]
async fn the_cookie_and_the_times_of_sessions_change_at_a_reload() {
    let keys = format!("keys = ['{KEY}']\n");
    let site = Changing::start(&keys).await;
    let cookie = site.begin();
    site.reload(&format!("{keys}cookie = 'basket'")).await;
    assert!(site.begin().starts_with("basket="));
    site.reload(&format!("{keys}idle_timeout = '0'")).await;
    assert_eq!(site.found(&cookie), "", "it has ended at once");
    site.reload(&keys).await;
    assert_eq!(site.found(&cookie), "tea");
    site.running.stop().await;
}

#[tokio::test]
async fn keys_that_are_too_short_are_no_configuration_to_reload() {
    let site = Changing::start(&format!("keys = ['{KEY}']")).await;
    let cookie = site.begin();
    for (keys, words) in [("['hunter2']", "fewer than 32 characters"), ("[]", "there is no key to encrypt them")] {
        write(site.folder.path(), &format!("keys = {keys}"));
        let error = Chain(&site.running.reload().await.unwrap_err()).to_string();
        assert!(error.contains("foobar.toml:2") && error.contains("session.keys") && error.contains(words), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert_eq!(site.found(&cookie), "tea");
    }
    site.running.stop().await;
}
