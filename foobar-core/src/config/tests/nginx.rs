//! Directives of nginx that are written as keys.

use super::message;

#[test]
fn a_directive_of_nginx_is_told_what_it_is_here() {
    for (text, key, directive, counterpart) in [
        ("worker_processes = 4\n", "worker_processes", "worker_processes", "write `web.workers`"),
        ("[web]\nworker_processes = 4\n", "web.worker_processes", "worker_processes", "write `web.workers`"),
        ("[sites.a]\ngzip = 'on'\n", "sites.a.gzip", "gzip", "write `sites.NAME.compress`"),
        (
            "[sites.a.routes.'/b']\nproxy_pass = 'x'\n",
            "sites.a.routes.\"/b\".proxy_pass",
            "proxy_pass",
            "the application is in",
        ),
        ("[http]\nsendfile = 'on'\n", "http.sendfile", "http", "its directives are keys of"),
        (
            "[sites.a.location.'/b']\nroot = 'x'\n",
            "sites.a.location.\"/b\".root",
            "location",
            "write a section [sites.NAME.routes",
        ),
        ("[upstream.a]\nserver = 'x'\n", "upstream.a.server", "upstream", "this is no proxy"),
    ] {
        let (message, expected) =
            (message(text, &[]), format!("unknown key `{key}`; `{directive}` is nginx's: {counterpart}"));
        assert!(message.contains(&expected), "{message}\n{expected}");
    }
}
