use super::*;
use http::{Request, Uri};

fn site(names: &[&str]) -> SiteSettings {
    SiteSettings { server_name: names.iter().map(|name| (*name).to_owned()).collect(), ..SiteSettings::default() }
}

fn compile(sites: impl IntoIterator<Item = SiteSettings>) -> Result<Sites, Error> {
    let sites = sites.into_iter().enumerate().map(|(index, site)| (format!("s{index}"), site)).collect();
    let web = WebSettings::default();
    let files = Files::compile(&web, crate::file_source::FileSources::default()).expect("the defaults are good");
    Sites::compile(&web, &sites, &files, false, Arc::default())
}

/// The number of the site that answers for `host`; `Err` is the status of the refusal or the redirect's target.
fn choose(sites: &Sites, host: &str) -> Result<usize, String> {
    let request = Request::builder().uri("/a?b").header("host", host);
    let mut request = request.body(()).expect("the request is well-formed").into_parts().0;
    match sites.choose(&mut request, Scheme::Http, None) {
        Ok(SiteMatch::Site(site)) => {
            Ok(sites.sites.iter().position(|other| std::ptr::eq(other, site)).expect("it is one"))
        }
        Ok(SiteMatch::Redirect(_, _, location)) => Err(location.to_str().expect("a URL is text").to_owned()),
        Ok(SiteMatch::Challenge(_, answer)) => Err(answer),
        Err(problem) => Err(problem.status().as_str().to_owned()),
    }
}

#[test]
fn exact_beats_wildcard_the_longest_wildcard_wins_and_a_leading_one_beats_a_trailing_one() {
    let sites = compile([
        site(&["foobar.com"]),
        site(&["*.foobar.com"]),
        site(&["*.a.foobar.com"]),
        site(&["www.*"]),
        site(&["www.foobar.*"]),
        site(&["x.foobar.com"]),
    ]);
    let sites = sites.expect("the sites are good");
    for (host, index) in [
        ("foobar.com", 0),
        ("FOOBAR.com.:80", 0),
        ("b.foobar.com", 1),
        ("a.foobar.com", 1),
        ("c.b.a.foobar.com", 2),
        ("www.foobar.com", 1),
        ("www.foobar.org", 4),
        ("www.foobar.co.uk", 4),
        ("www.other.org", 3),
        ("x.foobar.com", 5),
    ] {
        assert_eq!(choose(&sites, host), Ok(index), "{host}");
    }
    for unknown in ["other.com", "foobar.com.evil.org", "xfoobar.com", "127.0.0.1"] {
        assert_eq!(choose(&sites, unknown), Err("421".into()), "{unknown}");
    }
}

#[test]
fn the_default_site_answers_to_unknown_names_and_a_sole_site_is_the_default() {
    let mut second = site(&["b.com"]);
    second.default = true;
    let sites = compile([site(&["a.com"]), second.clone()]).expect("the sites are good");
    assert_eq!((choose(&sites, "a.com"), choose(&sites, "c.com")), (Ok(0), Ok(1)));
    let sole = compile([site(&["a.com"])]).expect("the site is good");
    assert_eq!(choose(&sole, "anything"), Ok(0));
    assert_eq!(choose(&sole, "any thing"), Err("400".into()));
    let third = SiteSettings { server_name: site(&["c.com"]).server_name, ..second.clone() };
    assert!(compile([second, third]).err().expect("two defaults").to_string().contains("`sites.s1.default`"));
}

#[test]
fn the_www_is_added_or_removed_for_the_names_of_the_site_only() {
    let mut added = site(&["foobar.com"]);
    added.www = Www::Add;
    let sites = compile([added]).expect("the site is good");
    assert_eq!(choose(&sites, "foobar.com:8080"), Err("http://www.foobar.com:8080/a?b".into()));
    assert_eq!(choose(&sites, "www.foobar.com"), Ok(0));
    assert_eq!(choose(&sites, "127.0.0.1:8080"), Ok(0));

    let mut removed = site(&["foobar.com"]);
    removed.www = Www::Remove;
    let sites = compile([removed, site(&["other.com"])]).expect("the sites are good");
    assert_eq!(choose(&sites, "www.foobar.com"), Err("http://foobar.com/a?b".into()));
    assert_eq!(choose(&sites, "foobar.com"), Ok(0));
    assert_eq!(choose(&sites, "www.other.com"), Err("421".into()));
}

#[test]
fn a_name_that_www_adds_may_not_be_another_sites_whichever_comes_first() {
    let mut added = site(&["a.com"]);
    added.www = Www::Add;
    let other = site(&["www.a.com"]);
    for (sites, key) in [([added.clone(), other.clone()], "sites.s0.www"), ([other, added.clone()], "sites.s1.www")] {
        let error = compile(sites).err().expect("a clash").to_string();
        let other = if key == "sites.s0.www" { "sites.s1" } else { "sites.s0" };
        assert_eq!(error, format!("`{key}`: \"www.a.com\" is another site's name already, that of [{other}]"));
    }
    added.server_name = ["a.com", "www.a.com"].map(str::to_owned).into_iter().collect();
    assert!(compile([added]).is_ok());
}

#[test]
fn bad_names_are_errors_that_name_their_key() {
    for bad in ["", "*", "*.", "a.*.b", "foo*.com", "a b", "a:80"] {
        let error = compile([site(&[bad])]).err().expect(bad).to_string();
        assert!(error.starts_with("`sites.s0.server_name`: "), "{error}");
    }
    let error = compile([site(&["a.com"]), site(&["A.com"])]).err().expect("the same name twice");
    assert_eq!(
        error.to_string(),
        "`sites.s1.server_name`: \"A.com\" is another site's name already, that of [sites.s0]"
    );
}

#[test]
fn the_host_of_an_absolute_target_is_what_counts() {
    let sites = compile([site(&["a.com"]), site(&["b.com"])]).expect("the sites are good");
    let request = Request::builder().uri(Uri::from_static("http://b.com/")).header("host", "a.com");
    let mut request = request.body(()).expect("the request is well-formed").into_parts().0;
    assert!(
        matches!(sites.choose(&mut request, Scheme::Http, None), Ok(SiteMatch::Site(site)) if std::ptr::eq(site, &sites.sites[1]))
    );
}

#[test]
fn the_overview_has_the_routes_in_the_order_in_which_they_are_tried() {
    let mut site = site(&["a.com", "*.b.com"]);
    for path in ["/long/prefix/", "= /x", "~ ^/short", "/p", "~* ^/much/longer", "= /exact"] {
        let route = crate::RouteSettings { respond: Some(200), ..crate::RouteSettings::default() };
        site.routes.insert(path.to_owned(), route);
    }
    let overview = compile([site]).expect("the site is good").overview().remove(0);
    assert_eq!(
        (overview.label.as_str(), overview.names.join(" "), overview.otherwise.as_str()),
        ("s0", "a.com *.b.com".to_owned(), "404")
    );
    let routes: Vec<_> = overview.routes.iter().map(|route| (route.path.as_str(), route.target.as_str())).collect();
    let expected = ["= /exact", "= /x", "~* ^/much/longer", "~ ^/short", "/long/prefix/", "/p"];
    assert_eq!(routes, expected.map(|path| (path, "respond 200")));
}

#[test]
fn a_name_that_a_site_has_twice_is_warned_of() {
    let warned = |names: &[&str]| warnings(&WebSettings::default(), &BTreeMap::from([("a".to_owned(), site(names))]));
    assert!(warned(&["a.com", "b.com"]).is_empty());
    let Warning { key, message } = warned(&["a.com", "b.com", "A.com"]).remove(0);
    assert_eq!((key.as_str(), message.as_str()), ("sites.a.server_name", "\"A.com\" is there twice"));
}

#[test]
fn a_list_that_nothing_asks_for_and_a_coding_that_nothing_keeps_are_warned_of() {
    let mut web = WebSettings { file_cache_size: foobar_core::Size::bytes(0), ..WebSettings::default() };
    let site = SiteSettings { autoindex: crate::Autoindex::Html, ..site(&["a.com"]) };
    let of = |web: &WebSettings| {
        let warnings = warnings(web, &BTreeMap::from([("a".to_owned(), site.clone())]));
        warnings.into_iter().map(|warning| warning.key).collect::<Vec<_>>()
    };
    assert_eq!(of(&web), ["sites.a.autoindex", "sites.a.compress"]);
    web.file_cache_size = foobar_core::Size::bytes(1);
    assert_eq!(of(&web), ["sites.a.autoindex"]);
}

/// What names of a kind are called, each of them by its number, and what they lead to.
type Kind = (&'static str, fn(usize) -> String, Option<usize>);

/// Prints how long it takes by itself, among few names and among many.
#[test]
#[ignore = "it measures: benches/tls/names runs it"]
fn the_time_to_find_the_site_of_a_name() {
    const TIMES: usize = 1 << 22;
    for count in [1, 10_000] {
        let numbers = 0..count;
        let given = numbers.clone().flat_map(|number| [exact(number), format!("*.w{number}.example.com")]);
        let given: Vec<String> = given.collect();
        let sites = compile([site(&given.iter().map(String::as_str).collect::<Vec<_>>())]).unwrap();
        let kinds: [Kind; 3] = [
            ("exact", exact, Some(0)),
            ("wildcard", |number| format!("www.w{number}.example.com"), Some(0)),
            ("unknown", |number| format!("x{number}.example.com"), None),
        ];
        for (kind, name, found) in kinds {
            let names: Vec<String> = numbers.clone().map(|number| name(number * 7919 % count)).collect();
            let begun = std::time::Instant::now();
            for name in names.iter().cycle().take(TIMES) {
                assert_eq!(std::hint::black_box(&sites).named(std::hint::black_box(name)), found);
            }
            println!("{kind} name of {count}: {:.1} ns", begun.elapsed().as_secs_f64() * 1e9 / TIMES as f64);
        }
    }
}

fn exact(number: usize) -> String {
    format!("n{number}.example.com")
}
