use std::num::NonZeroU64;

use foobar_core::Size;

use super::candidate::Candidate;
use super::*;
use crate::reply::Pace;
use crate::{Autoindex, Links, RouteSettings};

type Change = fn(&mut RouteSettings);

fn site(routes: &[(&str, Change)]) -> SiteSettings {
    let mut site = SiteSettings::default();
    for (path, change) in routes {
        let mut route = RouteSettings::default();
        change(&mut route);
        site.routes.insert((*path).to_owned(), route);
    }
    site
}

fn no_sources() -> Files {
    Files::compile(&crate::settings::WebSettings::default(), crate::file_source::FileSources::default())
        .expect("the defaults are good")
}

fn compile(site: &SiteSettings) -> Result<Routes, Error> {
    Routes::compile(&no_sources(), ("sites.a", site), None, (&RouteIds::default(), "a"), true, 10)
}

/// The status that `path` is answered with; 0 where the application answers.
fn status(routes: &Routes, path: &str) -> u16 {
    match &routes.find(path.as_bytes()).target {
        Target::Respond { status, .. } | Target::Redirect { status, .. } => status.as_u16(),
        Target::TryFiles { .. } => 0,
    }
}

#[test]
fn exact_beats_prefix_the_longest_prefix_wins_and_a_prefix_ends_with_a_segment() {
    let routes = compile(&site(&[
        ("/a/", |r| r.respond = Some(201)),
        ("/a/b", |r| r.respond = Some(202)),
        ("= /a/b/c", |r| r.respond = Some(203)),
        ("/old", |r| r.redirect = Some("/new".into())),
    ]));
    let routes = routes.expect("the routes are good");
    let expected =
        [("/a/", 201), ("/a/x", 201), ("/a/b", 202), ("/a/b/", 202), ("/a/bc", 201), ("/a/b/c", 203), ("/a/b/c/", 202)];
    for (path, answer) in expected.into_iter().chain([("/a", 0), ("/", 0), ("/old", 301), ("/older", 0)]) {
        assert_eq!(status(&routes, path), answer, "{path}");
    }
}

#[test]
fn exact_beats_pattern_the_longest_pattern_wins_and_a_pattern_beats_a_prefix() {
    let routes = compile(&site(&[
        ("= /a/1", |r| r.respond = Some(201)),
        (r"~ ^/a/\d+$", |r| r.respond = Some(202)),
        (r"~ ^/a/\d\d\d$", |r| r.respond = Some(203)),
        (r"~* \.PHP$", |r| r.respond = Some(204)),
        ("/a/", |r| r.respond = Some(205)),
    ]));
    let routes = routes.expect("the routes are good");
    for (path, answer) in [("/a/1", 201), ("/a/22", 202), ("/a/333", 203), ("/a/x.php", 204), ("/a/x", 205), ("/b", 0)]
    {
        assert_eq!(status(&routes, path), answer, "{path}");
    }
}

#[test]
fn a_pattern_that_is_none_is_an_error_that_names_its_key_in_one_line() {
    for (path, message) in [
        ("~ ^/(a", "`sites.a.routes.\"~ ^/(a\"`: \"^/(a\" is no pattern: unclosed group; write a regular expression"),
        ("~", "there is no pattern; a route is"),
        ("~*  ", "there is no pattern"),
        (r"~ ^/(a)\1$", "backreferences are not supported"),
        ("~ ^/(?=a)", "look-around"),
        ("^~ /a", "a route is \"/prefix/\""),
        ("~ ^/(?<args>.*)$", "`sites.a.routes.\"~ ^/(?<args>.*)$\"`: \"^/(?<args>.*)$\" has a group `args`, as one of"),
        ("~* ^/(?<lang>..)/(?P<host>.*)$", "has a group `host`"),
        ("~ ^/(?<uri>.*)$", "has a group `uri`"),
        ("~ ^/(?<request_uri>.*)$", "has a group `request_uri`"),
        ("~ ^/(?<scheme>.*)$", "has a group `scheme`"),
    ] {
        let error = compile(&site(&[(path, |r| r.respond = Some(200))])).err().expect(path).to_string();
        assert!(error.contains(message) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_route_inherits_the_body_limit_or_has_its_own() {
    let routes = compile(&site(&[("/up/", |r| {
        r.app = true;
        r.client_max_body_size = Some(Size::bytes(99));
    })]));
    let routes = routes.expect("the routes are good");
    assert_eq!((routes.find(b"/up/x").body_limit, routes.find(b"/").body_limit), (99, 10));
}

#[test]
fn the_fast_path_may_take_every_route_but_the_applications_and_those_that_need_the_scheme_or_host() {
    let routes = compile(&site(&[
        ("/app/", |r| r.app = true),
        ("/fixed", |r| r.respond = Some(200)),
        ("/old", |r| r.redirect = Some("/new".into())),
        ("/moved", |r| r.redirect = Some("/new$uri".into())),
        ("/tls", |r| r.redirect = Some("https://$host$request_uri".into())),
    ]));
    let routes = routes.expect("the routes are good");
    for (path, is_fast) in
        [("/moved", true), ("/tls", false), ("/app/x", false), ("/fixed", true), ("/old", true), ("/", true)]
    {
        assert_eq!(routes.find(path.as_bytes()).is_fast, is_fast, "{path}");
    }
}

#[test]
fn a_route_that_no_decoded_path_matches_is_an_error_that_says_what_would() {
    let error = |path| compile(&site(&[(path, |r| r.respond = Some(200))])).err().expect(path).to_string();
    assert!(error("/c%20d/").ends_with("a route is a decoded and normal path; write \"/c d/\""));
    assert!(error("= /a/%2e/b").ends_with("; write \"= /a/b\""));
    assert!(error("/a%2fb").ends_with("; write \"/a%2Fb\""));
    assert!(error("/100%25").ends_with("; write \"/100%\""));
    assert!(
        compile(&site(&[("/c d/", |r| r.app = true), ("/a%2Fb", |r| r.app = true), ("/100%", |r| r.app = true)]))
            .is_ok()
    );
}

#[test]
fn a_bad_route_is_an_error_that_names_its_key() {
    let error = |path: &'static str, change: Change| {
        compile(&site(&[(path, change)])).err().expect("the route is bad").to_string()
    };
    assert!(error("/a", |_| {}).starts_with("`sites.a.routes.\"/a\"`: a route has exactly one of"));
    assert!(error("/a", |r| (r.app, r.respond) = (true, Some(200))).contains("exactly one of"));
    assert!(error("a", |r| r.respond = Some(200)).contains("a route is \"/prefix/\", \"= /exact\", \"~ pattern\" or"));
    assert!(error("/a", |r| r.respond = Some(100)).contains("a status is from 200 to 599"));
    assert!(error("/a", |r| r.redirect = Some("/a\r\nX: y".into())).contains("is no URL"));
    assert!(error("/a", |r| (r.redirect, r.status) = (Some("/b".into()), 200)).contains(".status`"));
    assert!(error("/a", |r| r.files = Some("/nonexistent".into())).contains("cannot open /nonexistent"));
}

#[test]
fn a_route_has_its_own_limit_rate_and_limit_rate_after() {
    let (folder, files) = (tempfile::tempdir().expect("the temporary folder is writable"), no_sources());
    let mut site = SiteSettings::default();
    (site.limit_rate, site.limit_rate_after) = (Size::bytes(100), Size::bytes(9));
    let paced = |rate, after| NonZeroU64::new(rate).map(|rate| Pace { rate, after });
    let mut route = RouteSettings::default();
    let pace = |site: &SiteSettings, route: &RouteSettings| {
        let folder = Folder::new(&files, folder.path(), 0, ("sites.a", site), Some(("sites.a.routes./", route)));
        folder.options(true, true).expect("the settings are good").pace
    };
    assert_eq!(pace(&site, &route), paced(100, 9));
    route.limit_rate = Some(Size::bytes(50));
    assert_eq!(pace(&site, &route), paced(50, 9));
    route.limit_rate_after = Some(Size::bytes(0));
    assert_eq!(pace(&site, &route), paced(50, 0));
    route.limit_rate = Some(Size::bytes(0));
    assert_eq!(pace(&site, &route), None);
}

/// What `try_files` is compiled to, and its end.
fn tried(steps: &[&str]) -> Result<(String, Fallback), String> {
    let (folder, files) = (tempfile::tempdir().expect("the temporary folder is writable"), no_sources());
    let try_files = steps.iter().map(|step| (*step).to_owned()).collect();
    let site = SiteSettings { try_files, ..SiteSettings::default() };
    let root = Folder::new(&files, folder.path(), 0, ("sites.a", &site), None);
    let routes = Routes::compile(&no_sources(), ("sites.a", &site), Some(&root), (&RouteIds::default(), "a"), true, 10)
        .map_err(|error| error.to_string())?;
    let Target::TryFiles { candidates, fallback } = &routes.find(b"/x").target else { panic!("a site tries") };
    let name = |candidate: &Candidate| match candidate {
        Candidate::Folder { .. } => "folder".to_owned(),
        Candidate::File { name, .. } => name.clone(),
        Candidate::Around { before, after, .. } => format!("{before}*{after}"),
        Candidate::Under { before, .. } => format!("{before}*/"),
    };
    Ok((candidates.iter().map(name).collect::<Vec<_>>().join(" "), *fallback))
}

#[test]
fn what_is_tried_is_in_order_and_neighbours_are_one_look() {
    let not_found = Fallback::Status(StatusCode::NOT_FOUND);
    for (steps, places, last) in [
        (&["file", "index", "app"][..], "folder", Fallback::App),
        (&["index", "file"], "folder", not_found),
        (
            &["/maintenance.html", "file", "/b c.html", "index", "=503"],
            "/maintenance.html folder /b c.html folder",
            Fallback::Status(StatusCode::SERVICE_UNAVAILABLE),
        ),
        (&["/index.html"], "/index.html", not_found),
        (&["$uri", "$uri/", "$uri.html", "${uri}/index.html", "=404"], "folder *.html */index.html", not_found),
        (&["/cache$uri.html", "/cache/$uri", "index"], "/cache*.html /cache* folder", not_found),
        (&["${uri}", "${uri}/", "${uri}.html"], "folder *.html", not_found),
        (&["/static$uri/", "/static/${uri}/", "/$uri/"], "/static*/ /static*/ folder", not_found),
        (&["$uri?$args", "$uri.html?${args}", "$uri/index.html$is_args$args"], "folder *.html */index.html", not_found),
        (&["/index.html?$query_string", "/b.html?$args"], "/index.html /b.html", not_found),
        (&["=204"], "", Fallback::Status(StatusCode::NO_CONTENT)),
        (&[], "", not_found),
    ] {
        assert_eq!(tried(steps), Ok((places.to_owned(), last)), "{steps:?}");
    }
}

#[test]
fn a_step_that_cannot_be_tried_is_an_error_that_says_what_can() {
    for (steps, message) in [
        (&["=404", "file"][..], "\"=404\" is the last step: it answers for every path"),
        (&["app", "=404"], "\"app\" is the last step: it answers for every path"),
        (&["=99"], "\"=99\" cannot be tried; accepted are \"file\" (or \"$uri\")"),
        (&["= 404"], "cannot be tried"),
        (&["/"], "cannot be tried"),
        (&["/a/"], "cannot be tried"),
        (&["/../a"], "cannot be tried"),
        (&["/a//b"], "cannot be tried"),
        (&["$uris"], "cannot be tried; accepted are \"file\" (or \"$uri\")"),
        (&["$request_uri"], "cannot be tried"),
        (&["/$foo.html"], "cannot be tried"),
        (&["/a$"], "cannot be tried"),
        (&["$uri.."], "cannot be tried"),
        (&["$uri."], "cannot be tried"),
        (&["$uri/../a"], "cannot be tried"),
        (&["$uri//a"], "cannot be tried"),
        (&["$uri/a/"], "cannot be tried"),
        (&["a$uri"], "cannot be tried"),
        (&["/../a$uri"], "cannot be tried"),
        (&["$uri$uri"], "cannot be tried"),
        (&["$uri.html?a=b"], "cannot be tried"),
        (&["/a.html?$args&b=c"], "cannot be tried"),
        (&["/../a$uri/"], "cannot be tried"),
        (&["a$uri/"], "cannot be tried"),
        (&["?$args"], "cannot be tried"),
        (&["/?$args"], "cannot be tried"),
        (&["@app"], "cannot be tried"),
    ] {
        let error = tried(steps).expect_err("it is bad");
        assert!(error.starts_with("`sites.a.try_files`: ") && error.contains(message), "{error}");
    }
}

#[test]
fn a_fallback_needs_a_root() {
    let try_files = ["/index.html".to_owned()].into_iter().collect();
    let site = SiteSettings { try_files, ..SiteSettings::default() };
    let error = compile(&site).err().expect("there is no root").to_string();
    assert_eq!(error, "`sites.a.try_files`: \"/index.html\" is a file, and there is no `root`");
}

#[test]
fn settings_of_files_belong_to_routes_with_files() {
    let error = |change: Change| {
        let site = site(&[("/a", |r| r.respond = Some(200))]);
        let mut routes = site.routes.clone();
        routes.values_mut().for_each(change);
        compile(&SiteSettings { routes, ..site }).err().expect("there are no files").to_string()
    };
    let changes: [(&str, Change); 10] = [
        ("links", |r| r.links = Some(Links::Any)),
        ("try_files", |r| r.try_files = Some(["file".to_owned()].into_iter().collect())),
        ("internal", |r| r.internal = true),
        ("autoindex", |r| r.autoindex = Some(Autoindex::On)),
        ("cache_control", |r| r.cache_control = Some(std::iter::empty().collect())),
        ("content_disposition", |r| r.content_disposition = Some(std::iter::empty().collect())),
        ("types", |r| r.types = Some(std::iter::empty().collect())),
        ("default_type", |r| r.default_type = Some("text/plain".to_owned())),
        ("limit_rate", |r| r.limit_rate = Some(Size::bytes(1))),
        ("limit_rate_after", |r| r.limit_rate_after = Some(Size::bytes(1))),
    ];
    for (key, change) in changes {
        let message = format!("`sites.a.routes.\"/a\".{key}`: this is for a route with `files`");
        assert_eq!(error(change), message);
    }
}

#[test]
fn the_routes_with_files_are_listed_as_they_are_written() {
    let files: Change = |route| route.files = Some("/".into());
    let routes = compile(&site(&[("/protected/", files), ("/a/", files), ("/app/", |route| route.app = true)]));
    assert_eq!(routes.expect("the routes are good").with_files(), "\"/a/\", \"/protected/\"");
    assert_eq!(compile(&site(&[])).expect("there are none").with_files(), "none");
}
