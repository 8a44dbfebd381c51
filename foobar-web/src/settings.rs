use std::collections::BTreeMap;
use std::path::PathBuf;

use foobar_core::config::settings;
use foobar_core::{List, Period, Size};
use serde::Deserialize;

settings! {
    /// `[web]`: where the server listens, and what it grants to a connection.
    pub struct WebSettings in "web" {
        /// Where to listen: `HOST:PORT`, `unix:/path/of/socket` or `fd:N`, a listening socket that this process inherited. Everybody may connect to a Unix socket (mode 0666): its folder says who reaches it.
        pub listen: List<String> = r#"["127.0.0.1:8080"]"#,
        /// Worker threads, at most 1024; one for each core if absent.
        pub workers: Option<usize>,
        /// Connections that one worker holds at a time. For a further one, the one that has been idle longest is closed; if none is idle, it waits.
        pub worker_connections: usize = "4096",
        /// How long a connection may be idle between two requests; with `"0"` every answer closes its connection.
        pub keepalive_timeout: Period = r#""75s""#,
        /// Requests that one connection may carry; the last answer closes it.
        pub keepalive_requests: u64 = "1000",
        /// Time for the whole head of a request, from its first byte; for the first request from the connection's start. Then: 408; a client that has sent nothing is closed without an answer.
        pub client_header_timeout: Period = r#""10s""#,
        /// Time between two reads of a request's body. Then: 408.
        pub client_body_timeout: Period = r#""30s""#,
        /// Time between two writes to a client that takes nothing. Then the connection is reset.
        pub send_timeout: Period = r#""30s""#,
        /// Bytes a second that a request body or a response must reach while the server waits for the client; `"0"` for no minimum.
        pub min_rate: Size = r#""500B""#,
        /// Time that the server waits for a client before `min_rate` counts.
        pub min_rate_grace: Period = r#""5s""#,
        /// The largest request body; a larger one is answered 413. `"0"` for no limit.
        pub client_max_body_size: Size = r#""1MiB""#,
        /// The longest request line, at most 60KiB; a longer one is answered 414.
        pub max_request_line: Size = r#""8KiB""#,
        /// The most header fields of a request, at most 10000; more are answered 431.
        pub max_headers: usize = "100",
        /// The bytes of all header fields of a request together, at most 256KiB; more are answered 431.
        pub max_header_size: Size = r#""32KiB""#,
        /// Where requests are logged: `"stdout"`, `"off"` or the path of a file, which is appended to. Within a second after it was moved away lines go to a new one, so a rotation needs no signal.
        pub access_log: String = r#""stdout""#,
        /// How requests are logged: `combined` as in nginx, or `json`, one object a line.
        pub log_format: LogFormat = r#""combined""#,
    }
}

settings! {
    /// `[sites.NAME]`: one virtual host. NAME is only a label.
    pub struct SiteSettings in "sites.*" {
        /// Host names this site answers to: exact, `"*.foobar.com"` or `"www.foobar.*"`. Exact beats wildcard, the longest wildcard wins.
        pub server_name: List<String> = "[]",
        /// Whether this site answers to names that no site has. A sole site does; with several and no default they get 421.
        pub default: bool = "false",
        /// The `www.` in front of the site's names: `keep`, or redirect with 301 to the name where it was added (`add`) or removed (`remove`). Both names are this site's then.
        pub www: Www = r#""keep""#,
        /// The folder whose files are served; no files if absent.
        pub root: Option<PathBuf>,
        /// The files that stand for a folder, in order of preference.
        pub index: List<String> = r#"["index.html"]"#,
        /// The character set added to text types; `""` for none.
        pub charset: String = r#""utf-8""#,
        /// The most ranges of one request that are answered.
        pub max_ranges: usize = "16",
        /// What is tried for a path without a route, in this order: `file`, `index` (the index file of a folder), `app`, which can only be the last.
        pub try_files: List<String> = r#"["file", "index", "app"]"#,
        /// Pages for errors of the server's own, not for what the application wrote: statuses, then a file under `root` of at most 1MiB: `"500 502 503 504 /50x.html"`. A client whose `Accept` names JSON and not `text/html` gets the problem detail (RFC 9457) instead.
        pub error_page: List<String> = "[]",
        /// The largest request body of this site, instead of `web.client_max_body_size`; `"0"` for no limit.
        pub client_max_body_size: Option<Size>,
        ;
        /// Answers for paths, decoded: `"/prefix/"` or `"= /exact"`. Exact beats prefix, the longest prefix wins.
        pub routes: BTreeMap<String, RouteSettings>,
    }
}

settings! {
    /// `[sites.NAME.routes."PATH"]`: exactly one of `files`, `app`, `redirect` and `respond`.
    pub struct RouteSettings in "sites.*.routes.*" {
        /// Serves this folder, the route's path cut off, as with nginx's `alias`; an exact path (`"= /favicon.ico"`) serves this one file.
        pub files: Option<PathBuf>,
        /// Hands the request to the application.
        pub app: bool = "false",
        /// Redirects to exactly this URL or path; the request's path and query are not appended.
        pub redirect: Option<String>,
        /// Answers with this status, from 200 to 599.
        pub respond: Option<u16>,
        /// The status of `redirect`: 301, 302, 303, 307 or 308.
        pub status: u16 = "301",
        /// The body of `respond`.
        pub body: String = r#""""#,
        /// The type of that body.
        pub content_type: String = r#""text/plain; charset=utf-8""#,
        /// The largest request body of this route, instead of the site's; `"0"` for no limit.
        pub client_max_body_size: Option<Size>,
    }
}

/// How a line of the access log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// nginx's `combined`.
    Combined,
    /// One JSON object a line.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "combined" => Ok(Self::Combined),
            "json" => Ok(Self::Json),
            _ => Err("write \"combined\" or \"json\""),
        }
    }
}

/// What happens to the `www.` in front of a site's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Www {
    /// Names are as they are.
    Keep,
    /// `foobar.com` is redirected to `www.foobar.com`.
    Add,
    /// `www.foobar.com` is redirected to `foobar.com`.
    Remove,
}

impl TryFrom<String> for Www {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "keep" => Ok(Self::Keep),
            "add" => Ok(Self::Add),
            "remove" => Ok(Self::Remove),
            _ => Err("write \"keep\", \"add\" or \"remove\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foobar_core::config::Loader;

    #[test]
    fn a_word_that_is_no_choice_is_an_error_that_lists_the_choices() {
        let loader = Loader::default().section::<WebSettings>().section::<SiteSettings>();
        let loader =
            loader.set("web.log_format".to_owned(), "comined", "test").set("sites.a.www".to_owned(), "ad", "test");
        let config = loader.load().expect("the keys are known");
        let error = config.section::<WebSettings>().expect_err("there is no such format").to_string();
        assert_eq!(error, "test: `web.log_format`: \"comined\" is not accepted: write \"combined\" or \"json\"");
        let error = config.at::<BTreeMap<String, SiteSettings>>("sites").expect_err("there is no such way").to_string();
        assert!(
            error.ends_with("`sites.a.www`: \"ad\" is not accepted: write \"keep\", \"add\" or \"remove\""),
            "{error}"
        );
    }
}
