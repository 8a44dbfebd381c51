//! The configuration of a tier, section by section. It must not know what is made of it.

mod acme;
mod choices;
mod dns;

use std::collections::BTreeMap;
use std::path::PathBuf;

use foobar_core::config::settings;
use foobar_core::{List, Period, Size, TrustedProxy};

use crate::{Coding, Links};

pub use self::acme::AcmeSettings;
pub use self::choices::{Autoindex, Challenge, Http2, Https, LogFormat, NoErrorPage, VerifyClient, Www};
pub use self::dns::DnsSettings;

settings! {
    /// `[web]`: where the server listens, and what it grants to a connection.
    pub struct WebSettings in "web" {
        /// Where to listen: `HOST:PORT`, `unix:/path/of/socket`, `unix:@name` for a Unix socket without a file (Linux)
        /// or `fd:N`, a listening socket that this process inherited. After it may stand `ssl`: its connections speak
        /// TLS, as in `"0.0.0.0:443 ssl"`; and `proxy_protocol`: each begins with a header of the PROXY protocol,
        /// version 1 or 2 (at most 4096 bytes), before TLS and within `ssl_handshake_timeout`. Only `trusted_proxies`
        /// may connect there then, and what their header says is who connected. One without a header, or from anybody
        /// else, is closed. Everybody may connect to a Unix socket (mode 0666): its folder says who reaches it; one
        /// without a file everybody reaches on this machine.
        pub listen: List<String> = r#"["127.0.0.1:8080"]"#,
        /// Worker threads, at most 1024; one for each core if absent.
        pub workers: Option<usize>,
        /// Connections that one worker holds at a time. For a further one, the one that has been idle longest is
        /// closed; if none is idle, it waits for the first that is answered, whose answer says `Connection: close`.
        pub worker_connections: usize = "4096",
        /// The proxies in front of this server: addresses (`"127.0.0.1"`, `"::1"`), networks (`"10.0.0.0/8"`), or
        /// `"unix"` for connections over a Unix socket. Who asked is then what they say: in the access log, in
        /// `connections_per_address`, in the scheme that `www`, `https` and `hsts` go by, and to the application; their
        /// `X-Request-Id` names the request, if it is up to 64 letters, digits and `-_.:+/=@`. The client is the last
        /// address of `X-Forwarded-For` that is no trusted proxy, scheme and host are those of `X-Forwarded-Proto` and
        /// `-Host` that belong to it; where none of the three is sent, `Forwarded` (RFC 7239) says it. The application
        /// gets these fields with the one value that was found to be true, and `X-Real-IP` and its like with the same
        /// address; what else is said of the origin is removed, such as `X-Forwarded-Port`. What a proxy says of other
        /// things stays, such as `X-Forwarded-User`. Of anybody else all of these fields are removed. So a proxy must
        /// add to the fields that it uses, or set them, and remove the others.
        pub trusted_proxies: List<TrustedProxy> = "[]",
        /// Connections that one client address may have open, over all workers; a further one is closed at once. Behind
        /// `trusted_proxies` it is the client's requests that are being answered, and a further one gets 429. An IPv6
        /// network of 64 bits counts as one address. `0` for no bound.
        pub connections_per_address: usize = "0",
        /// How long a connection may be idle between two requests; with `"0"` every answer closes its connection.
        pub keepalive_timeout: Period = r#""75s""#,
        /// Requests that one connection may carry; the last answer closes it.
        pub keepalive_requests: u64 = "1000",
        /// Versions of TLS that are spoken: `TLSv1.2`, `TLSv1.3`. There is no key for cipher suites: all that are
        /// offered are strong.
        pub ssl_protocols: List<String> = r#"["TLSv1.2", "TLSv1.3"]"#,
        /// Time for the whole TLS handshake, and for a PROXY header before it, from the connection's start. Then the
        /// connection is closed.
        pub ssl_handshake_timeout: Period = r#""5s""#,
        /// Whether clients get tickets, by which they resume a session; the keys change every six hours.
        pub ssl_session_tickets: bool = "true",
        /// Files with the keys of tickets, where several machines serve the same sites: 48 or 80 bytes each, as in
        /// nginx (`openssl rand 80`). The first encrypts, all decrypt; changed files are read without a restart.
        /// Whoever has such a file can read what was sent: give it the mode 0600, and change it daily. Without any, the
        /// server makes its own keys.
        pub ssl_session_ticket_key: List<PathBuf> = "[]",
        /// Whether a TLS client that asks for a name that no site has is refused (`unrecognized_name`). The default
        /// site's certificate is used where it is for that name, and with `false` in any case. A client that gives no
        /// name gets that certificate too.
        pub ssl_reject_handshake: bool = "true",
        /// Whether HTTP/2 is spoken: `true` to clients of an `ssl` address that ask for it in the TLS handshake (ALPN),
        /// `"cleartext"` also to clients that begin with it on any other address (prior knowledge), such as a proxy;
        /// `false` to nobody. Whoever does not ask for it gets HTTP/1.
        pub http2: Http2 = "true",
        /// Requests that one HTTP/2 connection may have in hand at a time, at most 1024.
        pub http2_max_concurrent_streams: u32 = "128",
        /// Time for the whole head of a request, from its first byte; for the first request from the connection's
        /// start. Then: 408; a client that has sent nothing is closed without an answer.
        pub client_header_timeout: Period = r#""10s""#,
        /// Time between two reads of a request's body. Then: 408.
        pub client_body_timeout: Period = r#""30s""#,
        /// Time in which a client takes nothing of its answer. Then the connection is reset.
        pub send_timeout: Period = r#""30s""#,
        /// Bytes a second that a request body or a response must reach while the server waits for the client; `"0"` for
        /// no minimum.
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
        /// Requests for the application that a pause (`foobar pause`) holds at a time, at most 100000; a further one is
        /// answered 503, with `Retry-After`. Files, redirects and fixed answers are not held.
        pub pause_requests: usize = "1000",
        /// How long a pause holds a request; then: 503. So long `foobar pause` waits for the requests that the
        /// application has, up to 50s.
        pub pause_wait: Period = r#""30s""#,
        /// After which time a pause ends by itself that nobody ends (`foobar resume`), at most 1h.
        pub pause_timeout: Period = r#""60s""#,
        /// Who is served during maintenance (`foobar maintenance on`): clients, written as in `trusted_proxies`. All
        /// others get the site's `maintenance_page`.
        pub maintenance_allow: List<TrustedProxy> = "[]",
        /// When clients are told to come again during maintenance (`Retry-After`).
        pub maintenance_retry_after: Period = r#""5m""#,
        /// Where requests are logged: `"stdout"`, `"off"` or the path of a file, which is appended to (not `syslog:`
        /// and the like). Within a second after it was moved away lines go to a new one, so a rotation needs no signal.
        pub access_log: String = r#""stdout""#,
        /// How requests are logged: `combined` as in nginx, `combined_id`, the same with the request id in quotes at
        /// its end, or `json`, one object a line: `time` (UTC with milliseconds, as in RFC 3339), `request_id`,
        /// `remote` (the client's address), `host`, `request` (the request line), `status`, `bytes` (of the answer's
        /// content that were sent), `duration` (seconds from the first byte of the request to the end of its answer,
        /// with six decimals), `referer`, `user_agent`. What a request does not have is `"-"`. JSON is UTF-8; a byte
        /// that is not is written as the character of its number.
        pub log_format: LogFormat = r#""combined""#,
        /// Which parameters of a query the access log does not tell: those whose names have one of these words.
        /// Their values are written as `[FILTERED]`, in the request line and in `Referer`. A word of at least 5 letters
        /// counts anywhere in a name (`accesstoken`, `tokenvalue`). One of 3 or 4 counts where a part of a name begins
        /// or ends with it, and parts end at signs, figures and capitals: `code` hides `otp-code`, `resetCode`,
        /// `passcode` and `country_code`. A shorter one is a whole part. Ordinary words are shown, such as `postcode`,
        /// `keyword` and `tokenizer`. Several written together are one (`apikey` is in `api_key`). Only what follows
        /// a `?` is looked at, and in a path that of a URL that is encoded in it: write no secret into a path. `[]`
        /// hides nothing.
        pub access_log_hide: List<String> =
            r#"["token", "password", "passwd", "secret", "code", "otp", "signature", "key", "apikey"]"#,
        /// Memory for files and what is known of them, shared by all workers; `"0"` turns the cache off: then every
        /// request looks at the disk, and nothing is compressed. A file counts with its content and about 2KiB, and
        /// with 1KiB more where it can be compressed and for each coding that there is; long names and header fields
        /// count too. Contents that slow clients are still being sent after the cache has let go of them may take a
        /// quarter more, at most 16MiB or one `file_cache_max_file`; while they do, further files are sent from the
        /// disk, and a list of a folder may be answered 503.
        pub file_cache_size: Size = r#""64MiB""#,
        /// The largest file that is kept in memory, in each of its codings, and at most a quarter of `file_cache_size`;
        /// a larger one is kept open.
        pub file_cache_max_file: Size = r#""1MiB""#,
        /// Files that are kept open because they are larger.
        pub file_cache_descriptors: usize = "512",
        /// How long what was found is taken as true where the system does not tell of changes: behind links, with
        /// several names (hard links), mounted within a root, on a network, without `file_cache_watch`. A folder that
        /// takes the place of a `root` is seen within the same time. What the system does tell of is looked at again
        /// after 60s, or this time if it is longer; only then is a hard link noticed that was made in another folder
        /// meanwhile, and what was written through it. `"0"` turns the cache off.
        pub file_cache_valid: Period = r#""1s""#,
        /// Whether the system tells of changes (inotify), so that they are seen at once.
        pub file_cache_watch: bool = "true",
        /// Threads that read files which are not in the system's memory, at most 512; they end when they are idle. At
        /// most half of them list folders; with `1`, reads wait for lists. Compression has up to two threads beside
        /// them.
        pub file_threads: usize = "8",
        /// The folder of what outlives the process: the certificates that the server gets by itself, and their keys. It
        /// is made at the start with the mode 0700, where a site needs it, and may not lie in a folder that is served.
        /// If absent, `$STATE_DIRECTORY`, which systemd sets by `StateDirectory=`, else `state` in the working folder.
        pub state_dir: Option<PathBuf>,
        ;
        /// `[acme]`, which is a section of its own in a configuration.
        pub acme: AcmeSettings,
        /// `[acme.NAME]`, by their names.
        pub acme_named: BTreeMap<String, AcmeSettings>,
    }
}

settings! {
    /// `[sites.NAME]`: one virtual host. NAME is only a label.
    pub struct SiteSettings in "sites.*" {
        /// Host names this site answers to: exact, `"*.foobar.com"` or `"www.foobar.*"`. Exact beats wildcard, the
        /// longest wildcard wins. Letters beyond ASCII may be written as they are: `"bücher.de"`.
        pub server_name: List<String> = "[]",
        /// Whether this site answers to names that no site has. A sole site does; with several and no default they get
        /// 421.
        pub default: bool = "false",
        /// The site's certificate for TLS: a PEM file, in which the certificates that signed it follow. Several, such
        /// as one by ECDSA and one by RSA for old clients, may stand side by side; each client gets the cheapest that
        /// it can verify. Changed files are used without a restart; where they cannot be used, the log says so once,
        /// and those of before stay in use. Or `"internal"`, for development: at the start the server makes a
        /// certificate for the site's names, `localhost` and the loopback addresses, signed by an authority of its own,
        /// which it keeps in `web.state_dir`; the log says how clients trust it. Or `"auto"`: the server gets a
        /// certificate for the site's names from the authority of `[acme]`, which has to reach it under each of them at
        /// port 80 (or 443, where it listens there and not at 80), and renews it in time. It keeps it in
        /// `web.state_dir`; until there is one, clients see one that nobody has signed, and are not sent to HTTPS.
        /// `"auto:NAME"` is the authority of `[acme.NAME]`.
        pub ssl_certificate: List<PathBuf> = "[]",
        /// The private key of each `ssl_certificate`: a PEM file without a password, which only its owner should be
        /// able to read.
        pub ssl_certificate_key: List<PathBuf> = "[]",
        /// Whether clients show a certificate of their own in the TLS handshake: `off`, `optional` (one that is shown
        /// has to be good) or `on`: without a good one the handshake fails, and the site is reached over TLS alone, but
        /// for `/.well-known/acme-challenge/`. What it says is given to the application (`ClientCertificate`), never in
        /// a field. Each handshake verifies it, so there are no session tickets. A request for a site on a connection
        /// that was made for another one with other rules is answered 421, and clients ask again on one of its own.
        pub ssl_verify_client: VerifyClient = r#""off""#,
        /// The authorities whose certificates clients may show: PEM files. Changed files are used without a restart, as
        /// with `ssl_certificate`.
        pub ssl_client_certificate: List<PathBuf> = "[]",
        /// Lists of the certificates that these authorities have revoked: PEM or DER files. With any, there has to be
        /// one that has not expired for each authority in a chain. Changed files are used without a restart.
        pub ssl_crl: List<PathBuf> = "[]",
        /// Whether names that no site has, and that lead to this one, the default site, may have certificates too, such
        /// as the domains of customers: by `ssl_certificate = "auto"`, where the application allows it
        /// (`App::allows_certificate`). It is asked when a client of TLS wants such a name, of which there are 10000 at
        /// most. Until its certificate is there, TLS clients of a name are refused, and its requests over HTTP
        /// answered.
        pub ssl_on_demand: bool = "false",
        /// What a site with a certificate does with requests over HTTP, if the server listens for TLS: `redirect` (with
        /// 308, but for `/.well-known/acme-challenge/`) or `keep`; `redirect` if absent.
        pub https: Option<Https>,
        /// For how long browsers are told to use HTTPS alone (`Strict-Transport-Security`), in each answer over HTTPS,
        /// that of `web.trusted_proxies` too, which does not say it itself: `"365d"`, `"365d includeSubDomains"` or
        /// `"365d includeSubDomains preload"`; `"0"` takes it back, `""` says nothing.
        pub hsts: String = r#""""#,
        /// The `www.` in front of the site's names: `keep`, or redirect with 301 to the name where it was added (`add`)
        /// or removed (`remove`). Both names are this site's then.
        pub www: Www = r#""keep""#,
        /// The folder whose files are served, or `"embed:NAME"` for files inside the program; no files if absent. Names
        /// that begin with a dot are not served, but for `/.well-known/`. Which links are followed says `links`.
        pub root: Option<PathBuf>,
        /// Which symbolic links are followed in `root`: `inside` those that end inside of it, relative or absolute,
        /// also where they leave it on the way, `any`, `off` none. One that is not followed is 404, and the log names
        /// it. `root` itself may be a link. For files elsewhere there are routes with `files`.
        pub links: Links = r#""inside""#,
        /// The files that stand for a folder, in order of preference.
        pub index: List<String> = r#"["index.html"]"#,
        /// The character set added to text types; `""` for none.
        pub charset: String = r#""utf-8""#,
        /// The most ranges of one request that are answered; to more, and to ranges that are together longer than the
        /// file, the whole file is sent. Ranges that overlap or touch become one. 0 turns ranges off. Updaters such as
        /// zsync and zchunk ask for more than a hundred.
        pub max_ranges: usize = "256",
        /// What is tried for a path without a route, in this order: `file`, `index` (the index file of a folder, or its
        /// list), `"/fallback.html"` (this file under `root`, with 200, if it is there), and as the last `app` or a
        /// status such as `"=404"`. As in nginx, `"$uri"` is `file`, `"$uri/"` is `index`, and one `$uri` in a name
        /// stands for the path: `"$uri.html"`, `"$uri/index.html"`, `"/cache$uri.html"`; `"/static$uri/"` is the index
        /// of the folder there. A query behind a file, `"?$args"`, is for nginx and means nothing.
        pub try_files: List<String> = r#"["file", "index", "app"]"#,
        /// The list of a folder without an index file, if `try_files` has `index`: `off`, `html`, `json` (as nginx
        /// writes it), or `on`: JSON for a client whose `Accept` prefers it. Folders come first, each kind by name;
        /// hidden names are left out. What of a name is not UTF-8 is shown as U+FFFD; in JSON such an entry has an
        /// `href`, which leads to it. Names with control characters, which no request can hold, are left out, and
        /// `X-Names-Left-Out` and the page say how many. A list has 10000 entries; where there are more, the page says
        /// so and `Link: <?page=2>; rel=\"next\"` names the next part, in JSON too. Lists are compressed as files are
        /// (`compress`).
        pub autoindex: Autoindex = r#""off""#,
        /// `Cache-Control` of files, by rules `"PATTERN VALUE"` of which the first that fits counts. PATTERN is a media
        /// type (`text/html`, `image/*`), an extension (`.pdf`), `fingerprinted` or `*`; fingerprinted is a name with a
        /// hash after a hyphen, an underscore or a dot: at least 8 hexadecimal digits, letters and figures mixed
        /// (`app.3f2a9c1b.js`), 16 where they begin the name, or 8 base64url characters after a hyphen or a dot that
        /// look drawn and not written (`main-BX3f9a2c.js`, never `HomePage.js`). Of the scripts, styles and fonts that
        /// a bundler writes, at least 95 of 100 are found. What may be a part number too (`STM32F4X`) is a hash in
        /// those and none in images and documents, which people name so: of 10 images of Vite 6 are found, of esbuild
        /// none. For a bundler's folder a route with `"* immutable"` misses none; VALUE is directives (`public,
        /// max-age=60`), a length of time (`30d` for `max-age=2592000`), `immutable` (`public, max-age=31536000,
        /// immutable`) or `off`. With a length of time and `immutable` goes `Expires`, as by nginx's `expires`.
        /// Directives with commas need a list, `["* public, max-age=60"]`: one text is divided at its commas.
        pub cache_control: List<String> = "[]",
        /// `Content-Disposition` of files, by rules as in `cache_control`, in a list or one text divided at its commas;
        /// VALUE is `attachment`, `inline` or `off`. The file's name is added.
        pub content_disposition: List<String> = "[]",
        /// Header fields, added always as by nginx's `add_header … always`: to files, whole, in part or not modified,
        /// and to every other answer of the server's own, such as a redirect, a list, `respond` or an error; not to the
        /// application's, which says its own. By rules `"PATTERN Name: value"` with the patterns of `cache_control`,
        /// which an answer without a file is held against by the last part of its path; of the rules for one field the
        /// first that fits counts, and `off` as the value leaves it out: `["font/* Access-Control-Allow-Origin: *",
        /// "text/html Content-Security-Policy: default-src 'self'"]`. `"* X-Content-Type-Options: nosniff"` stands at
        /// the end of every list. The page of an error and a list of a folder keep their own `Content-Security-Policy`.
        /// `Content-Encoding` (`gzip`, `br`, `zstd`) is for files alone and says that they hold their content in it:
        /// such a file is sent as it is, to every client, with the media type of its name without `.gz`, `.br` or
        /// `.zst`: `[".wasm.br Content-Encoding: br", ".svgz Content-Encoding: gzip"]`. Fields that frame a message or
        /// that the server or another key says are refused. What is said to caches in a field of its own, such as
        /// `CDN-Cache-Control`, goes to no error and, of the site's rules, to no file of an `internal` route. Values
        /// with commas need a list: one text is divided at its commas.
        pub add_header: List<String> = "[]",
        /// Media types of extensions, before those that are known: `"text/markdown md markdown"`.
        pub types: List<String> = "[]",
        /// The media type of files whose name tells none.
        pub default_type: String = r#""application/octet-stream""#,
        /// The codings of which siblings are sent: beside `app.js` an `app.js.br`, `.zst` or `.gz` that is smaller and
        /// not older.
        pub precompressed: List<Coding> = r#"["br", "zstd", "gzip"]"#,
        /// The codings that files are compressed in when a client asks for one: once, then they are kept in the cache;
        /// never for ranges. A file that is too large for the cache (`web.file_cache_max_file`) is not compressed; a
        /// name that says compressed (`.png`, `.gz`) neither, nor are siblings looked for.
        pub compress: List<Coding> = r#"["br", "zstd", "gzip"]"#,
        /// The smallest file that is compressed. The largest is what the cache takes into memory
        /// (`web.file_cache_max_file`), at most 8MiB.
        pub compress_min_size: Size = r#""1KiB""#,
        /// The media types that are compressed; a `*` stands for anything.
        pub compress_types: List<String> = r#"["text/*", "*/javascript", "application/json", "*+json", "application/xml", "*+xml", "application/wasm", "font/ttf", "font/otf", "application/vnd.ms-fontobject", "image/vnd.microsoft.icon", "image/x-icon", "image/bmp"]"#,
        /// Bytes a second that a file is sent with to one client, as long as there is more of it; `"0"` for no limit.
        pub limit_rate: Size = r#""0""#,
        /// The bytes of a file that are sent before `limit_rate` counts.
        pub limit_rate_after: Size = r#""0""#,
        /// Pages for errors of the server's own, not for what the application wrote, nor for an error of the
        /// application that has a sentence for the client: statuses, then a file under `root` of at most 1MiB: `"500
        /// 502 503 504 /50x.html"`; one text is divided at its commas. What is refused before its site is known, such
        /// as 414, has the page of the default site. A client gets it whose `Accept` names `text/html`, at least as
        /// high as JSON; others (`*/*`) get the problem detail (RFC 9457). A page that is not there yet at the start is
        /// a warning, and is sent as soon as it is there.
        pub error_page: List<String> = "[]",
        /// The page during maintenance (`foobar maintenance on`): a file under `root` of at most 1MiB,
        /// `"/maintenance.html"`, for the clients that would get an `error_page`; without one, that of 503. What it
        /// shows of the site, such as a picture, needs a route with `in_maintenance`.
        pub maintenance_page: Option<String>,
        /// The largest request body of this site, instead of `web.client_max_body_size`; `"0"` for no limit.
        pub client_max_body_size: Option<Size>,
        ;
        /// Answers for paths, decoded: `"/prefix/"`, `"= /exact"`, or a regular expression, `"~ pattern"`, without
        /// regard to case `"~* pattern"`. Exact beats pattern, and a pattern a prefix, as in nginx; a path that is not
        /// UTF-8 is matched by its bytes; the longest pattern wins, the longest prefix wins.
        pub routes: BTreeMap<String, RouteSettings>,
    }
}

settings! {
    /// `[sites.NAME.routes."PATH"]`: exactly one of `files`, `app`, `redirect` and `respond`. PATH is decoded:
    /// `"/prefix/"`, `"= /exact"`, or a regular expression, `"~ pattern"` or without regard to case `"~* pattern"`.
    pub struct RouteSettings in "sites.*.routes.*" {
        /// Serves this folder, or `"embed:NAME"`, the route's path cut off, as with nginx's `alias` (of a pattern
        /// nothing is cut off, as with `root`); `"/prefix"` without its slash is redirected into it; an exact path (`"=
        /// /favicon.ico"`) serves this one file.
        pub files: Option<PathBuf>,
        /// Which links are followed in `files`, instead of the site's `links`.
        pub links: Option<Links>,
        /// What is tried for a path under `files`, as the site's `try_files`; `"/fallback.html"` is a file under
        /// `files`.
        pub try_files: Option<List<String>>,
        /// Whether only the application can send these files, by `X-Accel-Redirect`; a client that asks for them gets
        /// 404. The path in that field is this route's, encoded as in a URL. Of the application's response its cookies,
        /// `Content-Type`, `Content-Disposition`, `Content-Language`, `Cache-Control`, `Expires`, `Vary` and its
        /// security and CORS fields are kept; one of an empty `Cache-Control` says nothing. Where it says neither
        /// `Cache-Control` nor `Expires`, the file has what this route's own `cache_control` says, else `private,
        /// no-cache`; and that also in place of a rule that lets a cache keep what sets a cookie, and for a file of a
        /// route that is not internal, whose rules are for those who ask for it themselves. The site's `cache_control`
        /// and `autoindex` do not count here. `X-Accel-Limit-Rate` sets the bytes a second, also of a response without
        /// `X-Accel-Redirect`. No `X-Accel-` field reaches a client. `Range` and conditions of a request count for GET
        /// and HEAD.
        pub internal: bool = "false",
        /// The list of a folder, instead of the site's `autoindex`, which an internal route does not have: its lists
        /// are `private, no-cache`.
        pub autoindex: Option<Autoindex>,
        /// The rules of `Cache-Control`, instead of the site's. An internal route has none of the site's, and says
        /// `private, no-cache` of what none of its own fits.
        pub cache_control: Option<List<String>>,
        /// The rules of `Content-Disposition`, instead of the site's.
        pub content_disposition: Option<List<String>>,
        /// The rules of header fields, instead of the site's; also of a route with `redirect` or `respond`.
        pub add_header: Option<List<String>>,
        /// Media types of extensions, instead of the site's `types`.
        pub types: Option<List<String>>,
        /// The media type of files whose name tells none, instead of the site's.
        pub default_type: Option<String>,
        /// Bytes a second, instead of the site's `limit_rate`.
        pub limit_rate: Option<Size>,
        /// The bytes before `limit_rate` counts, instead of the site's.
        pub limit_rate_after: Option<Size>,
        /// Hands the request to the application.
        pub app: bool = "false",
        /// Redirects to this URL or path, with nginx's variables: `$request_uri` (path and query as they were sent),
        /// `$uri` (the decoded path, encoded again), `$args` (the query; without one a `?` before it is left out),
        /// `$host` (that of the request, without its port), `$scheme`, and on a route by pattern its captures, `$1` to
        /// `$9` or `$name`: `"https://$host$request_uri"`, `"/users/$1?$args"`. Nothing else of the request is
        /// appended; a `$` itself is written `%24`. A host is written out or `$host`: what a request says leads to no
        /// other one, and a path without a host stays on this origin.
        pub redirect: Option<String>,
        /// Answers with this status, from 200 to 599; without a `body`, an error has the page of such an error.
        pub respond: Option<u16>,
        /// The status of `redirect`: 301, 302, 303, 307 or 308.
        pub status: u16 = "301",
        /// The body of `respond`.
        pub body: String = r#""""#,
        /// The type of that body.
        pub content_type: String = r#""text/plain; charset=utf-8""#,
        /// `"off"`: errors of this route have none of the site's pages.
        pub error_page: Option<NoErrorPage>,
        /// Whether it answers during maintenance too, as one does where a balancer looks whether the server is well.
        pub in_maintenance: bool = "false",
        /// The largest request body of this route, instead of the site's; `"0"` for no limit.
        pub client_max_body_size: Option<Size>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foobar_core::config::Loader;

    fn proxies(value: &str) -> Result<List<TrustedProxy>, String> {
        let loader = Loader::default().section::<WebSettings>().set("web.trusted_proxies", value, "--set");
        let section = loader.load().expect("the key is known").section::<WebSettings>();
        section.map(|settings| settings.trusted_proxies).map_err(|error| error.to_string())
    }

    #[test]
    fn the_proxies_are_a_list_and_a_bad_one_is_an_error_that_says_what_is_accepted() {
        assert!(WebSettings::default().trusted_proxies.is_empty());
        let all = ["10.0.0.0/8", "::1", "unix"].map(|text| TrustedProxy::try_from(text.to_owned()));
        let all: List<_> = all.into_iter().collect::<Result<_, _>>().expect("they are proxies");
        assert_eq!(proxies("10.0.0.0/8, ::1, unix"), Ok(all));
        for bad in ["10.0.0.0/8, localhost", "10.0.0.1/8", "*", "[\"\"]"] {
            let error = proxies(bad).expect_err(bad);
            for part in ["web.trusted_proxies", "127.0.0.1", "10.0.0.0/8", "unix"] {
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn a_word_that_is_no_choice_is_an_error_that_lists_the_choices() {
        let loader = Loader::default().section::<WebSettings>().section::<SiteSettings>();
        let loader =
            loader.set("web.log_format".to_owned(), "comined", "test").set("sites.a.www".to_owned(), "ad", "test");
        let config = loader.load().expect("the keys are known");
        let error = config.section::<WebSettings>().expect_err("there is no such format").to_string();
        assert_eq!(
            error,
            "test: `web.log_format`: \"comined\" is not accepted: write \"combined\", \"combined_id\" or \"json\""
        );
        let error = config.at::<BTreeMap<String, SiteSettings>>("sites").expect_err("there is no such way").to_string();
        assert!(
            error.ends_with("`sites.a.www`: \"ad\" is not accepted: write \"keep\", \"add\" or \"remove\""),
            "{error}"
        );
    }
}
