//! What `check` says of a value that means nothing: file, line, key, and what is accepted.

use crate::support::Program;

/// What is wrong in a configuration of these lines, which `check` refuses.
fn refusal(lines: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("foobar.toml"), lines).unwrap();
    let (code, _, error) = super::run(Program::foobar(folder.path()).arg("check"));
    assert_eq!(code, 2, "{lines}: {error}");
    error
}

/// Lines in front of the one with the mistake, the key, how it is written, and the value; in `[]` where it is a list of one.
struct Key {
    section: &'static str,
    key: &'static str,
    name: &'static str,
    is_list: bool,
    /// What is nonsense, or a variable that is none.
    nonsense: &'static [&'static str],
    accepted: &'static str,
}

const SITE: &str = "[sites.a]\nroot = '.'\n";
const ROUTE: &str = "[sites.a.routes.'/r/']\nfiles = '.'\n";
const PLAIN_ROUTE: &str = "[sites.a]\n[sites.a.routes.'/r/']\n";

const KEYS: [Key; 14] = [
    Key {
        section: SITE,
        key: "add_header",
        name: "sites.a.add_header",
        is_list: true,
        nonsense: &["nonsense", "* X-A", "* X-A: $host", "font X-A: b", "* Content-Length: 5"],
        accepted: "such as \"X-Frame-Options: DENY\"|fields take none|is no pattern; write a media type|is for the connection",
    },
    Key {
        section: ROUTE,
        key: "add_header",
        name: "sites.a.routes.\"/r/\".add_header",
        is_list: true,
        nonsense: &["nonsense", "* X-A: ${uri}"],
        accepted: "such as \"X-Frame-Options: DENY\"|fields take none",
    },
    Key {
        section: SITE,
        key: "try_files",
        name: "sites.a.try_files",
        is_list: true,
        nonsense: &["nonsense", "$foo.html", "$args", "$", "/../a"],
        accepted: "accepted are \"file\" (or \"$uri\")",
    },
    Key {
        section: ROUTE,
        key: "try_files",
        name: "sites.a.routes.\"/r/\".try_files",
        is_list: true,
        nonsense: &["nonsense", "$foo"],
        accepted: "accepted are \"file\" (or \"$uri\")",
    },
    Key {
        section: PLAIN_ROUTE,
        key: "redirect",
        name: "sites.a.routes.\"/r/\".redirect",
        is_list: false,
        nonsense: &["nonsense", "/$foo", "/$", "/$1", "https://$uri"],
        accepted: "write a path of this site|accepted are $request_uri|stands a host",
    },
    Key {
        section: SITE,
        key: "links",
        name: "sites.a.links",
        is_list: false,
        nonsense: &["nonsense", "$uri", "Inside"],
        accepted: "write \"inside\", \"any\" or \"off\"",
    },
    Key {
        section: ROUTE,
        key: "links",
        name: "sites.a.routes.\"/r/\".links",
        is_list: false,
        nonsense: &["nonsense", "$uri"],
        accepted: "write \"inside\", \"any\" or \"off\"",
    },
    Key {
        section: SITE,
        key: "types",
        name: "sites.a.types",
        is_list: true,
        nonsense: &["nonsense", "text/$uri a", "text/a"],
        accepted: "write a media type and extensions",
    },
    Key {
        section: ROUTE,
        key: "types",
        name: "sites.a.routes.\"/r/\".types",
        is_list: true,
        nonsense: &["nonsense", "$uri a"],
        accepted: "write a media type and extensions",
    },
    Key {
        section: SITE,
        key: "default_type",
        name: "sites.a.default_type",
        is_list: false,
        nonsense: &["nonsense", "$uri/x"],
        accepted: "such as \"text/plain\"",
    },
    Key {
        section: SITE,
        key: "error_page",
        name: "sites.a.error_page",
        is_list: true,
        nonsense: &["nonsense", "404 /$uri", "404", "200 /x.html"],
        accepted: "write statuses from 400 to 599 and a file",
    },
    Key {
        section: ROUTE,
        key: "error_page",
        name: "sites.a.routes.\"/r/\".error_page",
        is_list: false,
        nonsense: &["nonsense", "$uri", "404 /404.html"],
        accepted: "write \"off\"",
    },
    Key {
        section: "[web]\n",
        key: "trusted_proxies",
        name: "web.trusted_proxies",
        is_list: true,
        nonsense: &["nonsense", "$remote_addr", "10.0.0.0/99", "10.0.0.1/8"],
        accepted: "write an address (\"127.0.0.1\"",
    },
    Key {
        section: "[server]\n",
        key: "shutdown_delay",
        name: "server.shutdown_delay",
        is_list: false,
        nonsense: &["nonsense", "$time", "-1s", "5"],
        accepted: "write for example \"250ms\"",
    },
];

#[test]
fn check_says_of_every_value_that_means_nothing_where_it_stands_and_what_is_accepted() {
    for key in &KEYS {
        let line = key.section.lines().count() + 1;
        // An empty list is a good one; an empty entry means nothing.
        for value in key.nonsense.iter().chain(&[""]) {
            let written = if key.is_list { format!("['{value}']") } else { format!("'{value}'") };
            let error = refusal(&format!("{}{} = {written}\n", key.section, key.key));
            assert!(error.starts_with(&format!("error: foobar.toml:{line}: `{}`: ", key.name)), "{written}: {error}");
            assert!(error.contains(&format!("{value:?}")), "{written}: {error}");
            assert!(key.accepted.split('|').any(|accepted| error.contains(accepted)), "{written}: {error}");
        }
    }
}

#[test]
fn check_says_of_every_route_that_no_path_can_have_what_a_route_is() {
    for (route, accepted) in [
        ("nonsense", "a route is \"/prefix/\", \"= /exact\", \"~ pattern\""),
        ("", "a route is"),
        ("$uri", "a route is"),
        ("~", "there is no pattern; a route is"),
        ("~* ", "there is no pattern; a route is"),
        ("~ (", "is no pattern: unclosed group; write a regular expression"),
        ("~ ^/(?<host>.*)$", "has a group `host`, as one of the variables is named"),
        ("= ", "a route is"),
        ("/a//b", "write \"/a/b\""),
    ] {
        let error = refusal(&format!("[sites.a]\n[sites.a.routes.'{route}']\nrespond = 200\n"));
        assert!(error.starts_with("error: foobar.toml:2: `sites.a.routes."), "{route}: {error}");
        assert!(error.contains(accepted), "{route}: {error}");
    }
}
