//! www.foobar.com, the example site, on SQLite and on MariaDB: the built program, over HTTP.

mod accounts; // who may sign in, and a database that goes away

use foobar::test::TestDb;
use serde_json::Value;

use crate::support::Program;

/// The site, started on an empty database.
struct Site {
    program: Program,
    folder: tempfile::TempDir,
}

impl Site {
    fn start(database: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), database)
    }

    fn start_in(folder: tempfile::TempDir, database: &str) -> Self {
        let program = Program::start(Program::example("site", folder.path()).args(["--database", database]));
        Self { program, folder }
    }

    /// Ends it and starts it again.
    fn restart(self, database: &str) -> Self {
        let Self { program, folder } = self;
        drop(program);
        Self::start_in(folder, database)
    }

    fn get(&self, target: &str) -> crate::support::Answer {
        self.program.get(target)
    }

    fn json(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{target}");
        serde_json::from_slice(&answer.body).unwrap()
    }
}

/// Runs a test on SQLite and on MariaDB.
async fn on_both(test: impl Fn(&Site)) {
    test(&Site::start("sqlite:site.db"));
    test(&Site::start(TestDb::mysql().await.url()));
}

#[tokio::test]
async fn every_page_is_there_with_its_type_and_a_strict_policy() {
    on_both(|site| {
        for (path, kind, words) in [
            ("/", "text/html; charset=utf-8", "Foobar"),
            ("/products", "text/html; charset=utf-8", "200"),
            ("/products/1", "text/html; charset=utf-8", "</h1>"),
            ("/about", "text/html; charset=utf-8", "<h1"),
            ("/sitemap.xml", "application/xml", "http://127.0.0.1:8080/products/200"),
            ("/robots.txt", "text/plain; charset=utf-8", "sitemap.xml"),
            ("/site.css", "text/css; charset=utf-8", "prefers-color-scheme"),
            ("/favicon.svg", "image/svg+xml; charset=utf-8", "<svg"),
        ] {
            let answer = site.get(path);
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
            assert!(answer.text().contains(words), "{path} has no {words:?}");
            let policy = answer.header("content-security-policy");
            assert!(
                !kind.starts_with("text/html")
                    || policy.is_some_and(|policy| policy.starts_with("default-src 'self';"))
            );
        }
        assert_eq!(site.get("/favicon.ico").header("content-type"), Some("image/vnd.microsoft.icon"));
    })
    .await;
}

#[tokio::test]
async fn the_style_of_every_page_is_kept_by_browsers_until_it_changes() {
    on_both(|site| {
        for path in ["/", "/products", "/about", "/nowhere"] {
            let page = site.get(path).text().to_owned();
            let (_, rest) = page.split_once("<link rel=\"stylesheet\" href=\"").expect(path);
            let style = site.get(&rest[..rest.find('"').unwrap()]);
            assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
            assert!(style.text().contains("prefers-color-scheme"), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_page_needs_a_script_or_breaks_the_policy() {
    on_both(|site| {
        for path in ["/", "/products", "/products/7", "/about", "/nowhere"] {
            let page = site.get(path).text().to_owned();
            for broken in ["<script", "<style", " style=", " onclick=", "javascript:"] {
                assert!(!page.contains(broken), "{path} has {broken}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_api_lists_two_hundred_products_page_by_page_and_one_by_one() {
    on_both(|site| {
        let mut seen = std::collections::BTreeSet::new();
        for page in 1.. {
            let listing = site.json(&format!("/api/products?page={page}"));
            seen.extend(listing["products"].as_array().unwrap().iter().map(|product| product["id"].as_i64().unwrap()));
            if page == listing["pages"].as_i64().unwrap() {
                break;
            }
        }
        assert_eq!(seen.len(), 200);
        assert_eq!(site.json("/api/products/7")["id"], 7);
    })
    .await;
}

#[tokio::test]
async fn a_search_finds_by_name_and_escapes_what_was_asked() {
    on_both(|site| {
        let name = site.json("/api/products/7")["name"].as_str().unwrap().to_owned();
        let word = name.split(' ').next_back().unwrap();
        let found = site.json(&format!("/api/products?q={word}"));
        assert!(
            found["products"]
                .as_array()
                .unwrap()
                .iter()
                .all(|product| product.to_string().to_lowercase().contains(&word.to_lowercase()))
        );
        assert!(!found["products"].as_array().unwrap().is_empty());
        let page = site.get("/products?q=%3Cscript%3Ealert(1)%3C/script%3E");
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("<script"), "{}", page.text());
        assert_eq!(site.json("/api/products?q=%25")["products"].as_array().unwrap().len(), 0, "% is no wildcard");
    })
    .await;
}

#[tokio::test]
async fn what_does_not_exist_is_404_as_a_page_of_the_site_or_as_a_problem() {
    on_both(|site| {
        let page = site.get("/no/such/page");
        assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
        assert!(page.text().contains("href=\"/\""), "the site's own page");
        for path in ["/products/999999", "/products/0", "/products/abc", "/nowhere"] {
            assert_eq!(site.get(path).status, 404, "{path}");
        }
        let problem = site.get("/api/products/999999");
        assert_eq!((problem.status, problem.header("content-type")), (404, Some("application/problem+json")));
        let problem: Value = serde_json::from_slice(&problem.body).unwrap();
        assert_eq!((&problem["status"], &problem["title"]), (&404.into(), &"Not Found".into()));
    })
    .await;
}

#[tokio::test]
async fn odd_pages_and_searches_are_answered_and_never_500() {
    on_both(|site| {
        for query in
            ["page=0", "page=-1", "page=99999999999999999999", "page=abc", "page=", "q=%00", "q=%ff", "q='%3B--"]
        {
            for path in ["/products", "/api/products"] {
                let status = site.get(&format!("{path}?{query}")).status;
                assert!([200, 400, 404].contains(&status), "{path}?{query}: {status}");
            }
        }
        let long = "x".repeat(5000);
        assert!(site.get(&format!("/products?q={long}")).status < 500);
    })
    .await;
}

#[tokio::test]
async fn a_second_start_keeps_the_data_and_two_first_starts_fill_once() {
    let database = TestDb::mysql().await;
    let folder = tempfile::tempdir().unwrap();
    let start = || Program::start(Program::example("site", folder.path()).args(["--database", database.url()]));
    let (one, two) = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(start), scope.spawn(start));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!(one.get("/products/200").status, 200);
    assert_eq!(two.get("/products/201").status, 404);
    drop((one, two));
    assert_eq!(start().get("/products/201").status, 404);
}

#[test]
fn the_www_name_and_the_bare_name_and_localhost_show_the_site() {
    let site = Site::start("sqlite:site.db");
    for host in ["www.foobar.com", "127.0.0.1:8080", "localhost"] {
        let mut client = site.program.client();
        client.send(format!("GET /about HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.answer("GET").status, 200, "{host}");
    }
}
