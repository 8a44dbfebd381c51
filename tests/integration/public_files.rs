//! The files of an application: `Server::public`, `asset` and `send_file`, with the tiers as they are composed.

use std::fs;
use std::os::unix::ffi::OsStringExt;

use axum::Router;
use axum::routing;
use foobar::actix_web::{HttpRequest, Responder};
use foobar::test;
use foobar::{App, Chain, Context, Error, Running, Server, StartError, web};
use tempfile::TempDir;

use crate::support::{Answer, Client};

struct Site;

impl App for Site {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/page", web::get().to(page)).route("/file", web::get().to(file));
    }
}

async fn page(request: HttpRequest) -> Result<String, Error> {
    Ok(foobar::asset(request.query_string())?)
}

/// The file of the name in the query, where a name that is not UTF-8 stands too.
async fn file(request: HttpRequest) -> impl Responder {
    let name = percent_decoded(request.query_string());
    foobar::send_file("/secret/", std::ffi::OsString::from_vec(name)).download_as("Ümläut \"1\".pdf")
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut digit = || (bytes.next().unwrap() as char).to_digit(16).unwrap() as u8;
        decoded.push(if byte == b'%' { digit() << 4 | digit() } else { byte });
    }
    decoded
}

/// A folder with `public` and `secret`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("public/site.css", "body {}"), ("secret/a b.pdf", "%PDF-1.7"), ("outside", "secret")] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let name = std::ffi::OsString::from_vec(b"caf\xe9.txt".to_vec());
    fs::write(folder.path().join("secret").join(name), "latin").unwrap();
    folder
}

async fn start(server: Server) -> Result<Running, StartError> {
    let server = server.set("web.listen", "127.0.0.1:0").set("web.access_log", "off").set("admin.listen", "off");
    server.start().await
}

fn get(running: &Running, target: &str) -> Answer {
    let address = running.addresses()[0].to_string();
    Client::connect(address.trim_start_matches("http://")).get(target)
}

const IMMUTABLE: Option<&str> = Some("public, max-age=31536000, immutable");

fn assert_is_kept_for_ever(running: &Running, name: &str) {
    let page = get(running, &format!("/page?{name}"));
    let url = page.text();
    assert!(page.status == 200 && url.len() == name.len() + 34 && url.ends_with(".css"), "{}: {url}", page.status);
    let file = get(running, url);
    assert_eq!((file.status, file.header("cache-control")), (200, IMMUTABLE));
    assert_eq!(file.body, get(running, &format!("/{name}")).body);
}

#[tokio::test]
async fn a_folder_is_public_in_one_call_and_a_page_names_its_files() {
    let folder = folder();
    let running = start(Server::new().public(folder.path().join("public")).app(Site)).await.unwrap();
    assert_eq!(get(&running, "/site.css").text(), "body {}");
    assert_is_kept_for_ever(&running, "site.css");
    running.stop().await;
}

#[tokio::test]
async fn so_is_what_is_inside_the_program() {
    let running = start(Server::new().public(foobar::embed!("examples/site/public")).app(Site)).await.unwrap();
    assert_eq!(get(&running, "/site.css").text(), include_str!("../../examples/site/public/site.css"));
    assert_is_kept_for_ever(&running, "site.css");
    running.stop().await;
}

#[tokio::test]
async fn the_configuration_can_put_them_elsewhere() {
    let folder = folder();
    let elsewhere = folder.path().join("public").display().to_string();
    let server = Server::new().public("no such folder").app(Site).set("sites.default.root", elsewhere);
    let running = start(server).await.unwrap();
    assert_is_kept_for_ever(&running, "site.css");
    running.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_ends_the_start_and_is_named() {
    let folder = folder();
    for path in ["publik", "outside"] {
        let path = folder.path().join(path);
        let error = start(Server::new().public(path.clone()).app(Site)).await.err().unwrap();
        let text = Chain(&error).to_string();
        assert!(text.contains(&format!("`sites.default.root`: cannot open {}", path.display())), "{text}");
        assert!(text.contains("No such file") || text.contains("Not a directory"), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_mistake_of_the_program_that_no_visitor_sees() {
    let folder = folder();
    let running = start(Server::new().public(folder.path().join("public")).app(Site)).await.unwrap();
    for name in ["sit.css", "../outside", ""] {
        let answer = get(&running, &format!("/page?{name}"));
        assert_eq!(answer.status, 500, "{name:?}");
        assert!(!answer.text().contains("public") && !answer.text().contains("asset"), "{}", answer.text());
    }
    running.stop().await;
}

#[tokio::test]
async fn a_service_names_them_too() {
    let folder = folder();
    let router = Router::new().route("/page", routing::get(async || foobar::asset("site.css").unwrap()));
    let running = start(Server::new().public(folder.path().join("public")).service(router)).await.unwrap();
    assert_is_kept_for_ever(&running, "site.css");
    running.stop().await;
}

#[tokio::test]
async fn where_no_site_is_known_a_file_has_its_plain_name() {
    let client = test::client(Site).await;
    assert_eq!(client.get("/page?css/site.css").await.text(), "/css/site.css");
    assert_eq!(client.get("/page?../site.css").await.status(), 500);
}

fn private(folder: &TempDir) -> Server {
    Server::new().public(folder.path().join("public")).private("/secret/", folder.path().join("secret")).app(Site)
}

/// Says where the folder of the private route in the query is.
async fn place(context: Context, request: HttpRequest) -> Result<String, Error> {
    Ok(context.private_folder(request.query_string())?.display().to_string())
}

fn placed() -> Server {
    Server::new().app(foobar::routes(|routes| _ = routes.route("/place", web::get().to(place))))
}

#[tokio::test]
async fn the_application_knows_where_a_private_folder_is_whoever_has_said_so() {
    let folder = folder();
    let [secret, public] = ["secret", "public"].map(|name| folder.path().join(name));
    let server = placed().private("/secret/", secret.clone());
    let running = start(server).await.unwrap();
    for route in ["/secret/", "/secret"] {
        assert_eq!(get(&running, &format!("/place?{route}")).text(), secret.display().to_string());
    }
    assert_eq!(get(&running, "/place?/other/").status, 500);
    running.stop().await;
    let elsewhere = public.display().to_string();
    let server = placed().private("/secret/", secret).set("sites.default.routes.\"/secret/\".files", &*elsewhere);
    let running = start(server).await.unwrap();
    assert_eq!(get(&running, "/place?/secret/").text(), elsewhere);
    running.stop().await;
    let error = Context::new(None).private_folder("/secret/").unwrap_err().to_string();
    assert!(error.contains("`Server::private(\"/secret/\", FOLDER)`"), "{error}");
}

#[tokio::test]
async fn a_private_folder_in_one_that_clients_are_served_from_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (public, secret) = (folder.path().join("public"), folder.path().join("public/deep/secret"));
    fs::create_dir_all(&secret).unwrap();
    let roundabout = folder.path().join("public/../public/deep/secret");
    for secret in [&secret, &roundabout, &public] {
        let server = Server::new().public(public.clone()).private("/hidden/", secret.clone()).app(Site);
        let error = Chain(&start(server).await.err().unwrap()).to_string();
        assert!(error.contains("`sites.default.root`: clients can ask for what is in"), "{error}");
    }
    let route = "sites.default.routes.\"/all/\".files";
    let server = Server::new().private("/hidden/", secret).app(Site).set(route, public.display().to_string());
    let error = Chain(&start(server).await.err().unwrap()).to_string();
    assert!(error.contains("`sites.default.routes.\"/all/\".files`: clients can ask"), "{error}");
}

#[tokio::test]
async fn a_private_folder_in_a_public_one_that_no_path_leads_to_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let public = folder.path().join("public");
    for (route, place) in [("/invoices/", "invoices"), ("/in", "in/voices"), ("/hidden/", "deep/.secret")] {
        let secret = public.join(place);
        fs::create_dir_all(&secret).unwrap();
        fs::write(secret.join("a.txt"), "secret").unwrap();
        fs::write(public.join("page.txt"), "page").unwrap();
        let running = start(Server::new().public(public.clone()).private(route, secret)).await.unwrap();
        assert_eq!(get(&running, "/page.txt").text(), "page");
        let inside = format!("{}/a.txt", route.trim_end_matches('/'));
        for path in [format!("/{place}/a.txt"), format!("/{place}//a.txt"), format!("//{place}/a.txt"), inside] {
            assert_eq!(get(&running, &path).status, 404, "{path}");
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn every_site_has_the_private_folder_and_two_cannot_have_another() {
    let folder = folder();
    let [secret, public] = ["secret", "public"].map(|name| folder.path().join(name));
    let two = || {
        let server = Server::new().private("/secret/", secret.clone()).app(Site);
        server.set("sites.a.server_name", "a.test").set("sites.b.default", "true")
    };
    let running = start(two()).await.unwrap();
    assert_eq!(get(&running, "/file?a%20b.pdf").text(), "%PDF-1.7");
    running.stop().await;
    let other = public.display().to_string();
    let error = start(two().set("sites.b.routes.\"/secret/\".files", other)).await.err().unwrap();
    let text = Chain(&error).to_string();
    let expected = format!(
        "`sites.b.routes.\"/secret/\".files`: the application has one folder for this private route, and another site \
         has it in {}",
        secret.display()
    );
    assert!(text.contains(&expected), "{text}");
}

#[tokio::test]
async fn a_private_folder_that_is_not_there_ends_the_start_and_is_named() {
    let error = start(placed().private("/secret/", "no such folder")).await.err().unwrap();
    let text = Chain(&error).to_string();
    assert!(text.contains("`sites.default.routes.\"/secret/\".files`: cannot open no such folder"), "{text}");
}

#[tokio::test]
async fn a_handler_sends_a_file_that_clients_cannot_ask_for() {
    let folder = folder();
    let running = start(private(&folder)).await.unwrap();
    assert_eq!(get(&running, "/secret/a%20b.pdf").status, 404);
    let file = get(&running, "/file?a%20b.pdf");
    assert_eq!((file.status, file.text()), (200, "%PDF-1.7"));
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("cache-control", "private, no-cache"),
        (
            "content-disposition",
            "attachment; filename=\"_ml_ut _1_.pdf\"; filename*=UTF-8''%C3%9Cml%C3%A4ut%20%221%22.pdf",
        ),
    ] {
        assert_eq!(file.header(name), Some(value));
    }
    assert_eq!(file.header("x-accel-redirect"), None);
    assert_eq!(get(&running, "/file?caf%e9.txt").text(), "latin");
    running.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_out_of_the_folder_or_nowhere_is_not_found() {
    let folder = folder();
    let running = start(private(&folder)).await.unwrap();
    for name in
        ["", "..", "../outside", "%2e%2e/outside", "x/../a%20b.pdf", "/etc/passwd", "a%0d%0aX:%20y", "a%00", "none.pdf"]
    {
        let answer = get(&running, &format!("/file?{name}"));
        assert_eq!(answer.status, 404, "{name}");
        assert_eq!((answer.header("x"), answer.header("content-disposition")), (None, None), "{name}");
    }
    running.stop().await;
}

#[tokio::test]
async fn in_process_the_answer_says_which_file_it_is() {
    let client = test::client(Site).await;
    let answer = client.get("/file?a%20b.pdf").await;
    assert_eq!((answer.status().as_u16(), answer.header("x-accel-redirect")), (200, Some("/secret/a%20b.pdf")));
    assert_eq!(client.get("/file?../x").await.status(), 404);
}
