//! Settings of a program's own, and what a program says of its configuration.

use std::path::Path;
use std::process::Command;

use foobar::config::{Period, Secret};
use foobar::{App, Chain, Context, Section, Server, Settings, StartError, web};

use crate::support::{Client, Program};

/// The example `guestbook`, which has names of its own for its configuration.
fn guestbook(folder: &Path) -> Command {
    let mut command = Program::example("guestbook", folder);
    command.env("GUESTBOOK__WEB__LISTEN", "127.0.0.1:0").env("GUESTBOOK__ADMIN__LISTEN", "127.0.0.1:0");
    command.env("GUESTBOOK__WEB__ACCESS_LOG", "off");
    command
}

/// A command of it with this file: exit code, standard output, standard error.
fn run(file: &str, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("guestbook.toml"), file).unwrap();
    let output = guestbook(folder.path()).args(arguments).envs(environment.iter().copied()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn handlers_and_the_context_have_the_settings_from_defaults_file_and_environment() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("guestbook.toml"), "[guestbook]\nper_page = 5\n").unwrap();
    std::fs::write(folder.path().join("password"), "hunter2\n").unwrap();
    let program = Program::start(guestbook(folder.path()).env("GUESTBOOK__GUESTBOOK__PASSWORD_FILE", "password"));
    let page = program.get("/");
    assert!(page.text().contains("<h1>Guestbook</h1>") && page.text().contains("The newest 5 entries"), "{page:?}");
    assert_eq!(program.get("/moderation").text(), "moderated\n");
    assert_eq!(program.get("/robots.txt").text(), "User-agent: *\n", "a default of every site");
}

#[test]
fn config_prints_them_with_their_origins_and_no_secret() {
    let password = ("GUESTBOOK__GUESTBOOK__PASSWORD", "hunter2");
    let (code, output, error) = run("[guestbook]\nper_page = 5\n", &["config"], &[password]);
    assert_eq!(code, 0, "{error}");
    for line in [
        "guestbook.title = \"Guestbook\"  # the program's defaults:4",
        "guestbook.per_page = 5  # guestbook.toml:2",
        "guestbook.password = \"***\"  # GUESTBOOK__GUESTBOOK__PASSWORD",
        "sites.default.try_files = [\"app\"]  # the program's defaults:8",
    ] {
        assert!(output.lines().any(|shown| shown == line), "{line}\n{output}");
    }
    assert!(!output.contains("hunter2"), "{output}");
    let (_, output, _) = run("", &["config"], &[]);
    assert!(output.contains("guestbook.per_page = 20  # default\n"), "{output}");
    assert!(output.contains("# guestbook.password is not set\n"), "{output}");
}

#[test]
fn the_reference_of_the_program_lists_them() {
    let (code, output, _) = run("", &["config", "--reference"], &[]);
    assert_eq!(code, 0);
    assert!(output.starts_with("# Configuration\n\nEvery key of `guestbook.toml`"), "{output}");
    assert!(output.contains("GUESTBOOK__WEB__LISTEN") && !output.contains("FOOBAR__"), "{output}");
    let (_, own) = output.split_once("\n## `[guestbook]` — Of this program\n").expect("it is a section");
    assert_eq!(
        own.trim(),
        "| Key | Default | Meaning |\n|---|---|---|\n| `title` | `\"Guestbook\"` | The words above it. |\n\
         | `per_page` | `20` | How many entries a page has. |\n\
         | `password` | — | The password of the moderators; without it nobody moderates. |\n\n\
         `per_page`: More than 100 are too many to read."
    );
}

#[test]
fn what_is_wrong_with_them_stops_the_start_with_file_line_and_key() {
    for (file, expected) in [
        (
            "[guestbook]\nper_pgae = 5\n",
            "guestbook.toml:2: unknown key `guestbook.per_pgae`; did you mean `guestbook.per_page`?",
        ),
        ("[guestbook]\n\nper_page = 'many'\n", "guestbook.toml:3: `guestbook.per_page`: \"many\" is not accepted: "),
        (
            "[guestbook]\nper_page = true\n",
            "guestbook.toml:2: `guestbook.per_page`: true is not accepted: found a boolean, expected an integer",
        ),
        ("[guestbook]\nper_page = 2.9\n", "guestbook.toml:2: `guestbook.per_page`: 2.9 is not accepted: found a float"),
        (
            "[guestbook]\nper_page = -1\n",
            "guestbook.toml:2: `guestbook.per_page`: -1 is not accepted: it is negative, expected an integer from 0 to ",
        ),
        ("[guestbook]\ntitle = 5\n", "guestbook.toml:2: `guestbook.title`: 5 is not accepted: found an integer, "),
        ("[guestbok]\n", "guestbook.toml:1: unknown key `guestbok`; did you mean `guestbook`?"),
        ("[web]\nworkers = true\n", "guestbook.toml:2: `web.workers`: true is not accepted: found a boolean, "),
        (
            "[guestbook]\npassword = [\"hunter2\"]\n",
            "guestbook.toml:2: `guestbook.password`: the value, which is a secret, is not",
        ),
        (
            "[\"gästebuch\"]\nper_page = 5\n",
            "guestbook.toml:2: unknown key `\"gästebuch\".per_page`; nobody has declared a section [gästebuch]",
        ),
        ("guestbook = 5\n", "guestbook.toml:1: `guestbook`: this is a section, not a value"),
    ] {
        for command in ["serve", "check", "config"] {
            let (code, _, error) = run(file, &[command], &[]);
            assert_eq!(code, 2, "{error}");
            assert!(error.starts_with(&format!("error: {expected}")), "{expected}\n{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
    let (code, _, error) = run("", &[], &[("GUESTBOOK__GUESTBOOK__PER_PAGE", "-1")]);
    assert_eq!(code, 2);
    assert!(error.starts_with("error: GUESTBOOK__GUESTBOOK__PER_PAGE: `guestbook.per_page`: \"-1\" is not"), "{error}");
}

#[test]
fn a_section_that_nobody_declared_says_how_to_declare_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("foobar.toml"), "[shop]\ncurrency = \"EUR\"\n").unwrap();
    let output = Program::foobar(folder.path()).args(["check", "--root", "."]).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: foobar.toml:2: unknown key `shop.currency`; nobody has declared a section [shop]; a program does so with \
         `Server::settings::<T>(\"shop\")`\n"
    );
}

#[test]
fn a_program_has_its_name_in_version_and_banner_and_its_file_and_variables_by_config_name() {
    let version = env!("CARGO_PKG_VERSION");
    let (code, output, _) = run("", &["--version"], &[("GUESTBOOK__WEB__LISTEN", "nowhere")]);
    assert_eq!((code, output), (0, format!("guestbook {version} (built on Foobar {version})\n")));
    let (_, help, _) = run("", &["--help"], &[]);
    assert!(help.contains("[default: guestbook.toml, if it is there]"), "{help}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("foobar.toml"), "this is of another program").unwrap();
    let program = Program::start(guestbook(folder.path()).env("FOOBAR__NONSENSE__KEY", "of another program"));
    assert_eq!(program.banner[0], format!("program        guestbook {version}, built on Foobar {version}"));
    assert_eq!(program.banner[1], format!("listening on   http://{}", program.address));
    assert_eq!(program.banner.last().unwrap(), "configuration  defaults, no file");
}

foobar::settings! {
    /// Of a shop.
    struct Shop {
        /// What it counts in.
        currency: String = "EUR",
        /// How long a basket is kept.
        basket: Period = "30d",
        /// Of the bank.
        key: Option<Secret>,
        /// What it sends to.
        countries: Vec<String> = ["de", "at"],
        /// How much it owes.
        balance: i64 = -5,
    }
}

fn server(app: impl App) -> Server {
    Server::new().app(app).set("web.listen", "127.0.0.1:0").set("web.access_log", "off").set("admin.listen", "off")
}

fn shop() -> Server {
    server(foobar::routes(|routes| {
        routes.route("/", web::get().to(prices));
    }))
}

async fn prices(shop: Settings<Shop>, context: Context) -> String {
    let same = context.settings::<Shop>().unwrap();
    format!("{} {:?} {:?} {}", shop.currency, *same.basket, shop.countries, shop.balance)
}

async fn first_page(server: Server) -> (u16, String) {
    let running = server.start().await.unwrap();
    let address = running.addresses()[0].to_string();
    let answer = Client::connect(address.trim_start_matches("http://")).get("/");
    running.stop().await;
    (answer.status, answer.text().to_owned())
}

#[tokio::test]
async fn a_server_in_a_program_has_them_too() {
    let server = shop().settings::<Shop>("shop").preset("shop.currency", "CHF");
    assert_eq!(first_page(server).await, (200, "CHF 2592000s [\"de\", \"at\"] -5".to_owned()));
}

#[tokio::test]
async fn a_handler_that_takes_settings_that_nobody_declared_is_500_and_the_context_says_what_to_do() {
    assert_eq!(first_page(shop()).await.0, 500);
    let error = Context::new(None).settings::<Shop>().unwrap_err().to_string();
    assert!(error.contains("Server::settings::<") && error.contains("Shop>(\"NAME\")"), "{error}");
    let context = Context::new(None).with_settings(String::from("given"));
    assert_eq!(*context.settings::<String>().unwrap(), "given");
}

#[derive(serde::Deserialize)]
struct Words(#[expect(dead_code, reason = "it is never read")] Vec<String>);

impl Section for Words {}

foobar::settings! {
    /// With a default that is none.
    struct Broken {
        currency: Option<String> = String::new(),
    }
}

#[tokio::test]
async fn what_a_program_declares_twice_or_wrongly_is_refused_at_its_start() {
    let cases = [
        (shop().settings::<Shop>("shop").settings::<Words>("shop"), "two settings are named [shop]"),
        (shop().settings::<Shop>("shop").settings::<Shop>("shop"), "are declared twice; once is enough"),
        (shop().settings::<Shop>("shop").settings::<Shop>("till"), "is the type of two settings, [shop] and [till]"),
        (shop().settings::<Shop>("web"), "it is a section of Foobar's own; choose another name"),
        (shop().settings::<Shop>("sites"), "it is a section of Foobar's own; choose another name"),
        (shop().settings::<Shop>("My Shop"), "\"My Shop\" is no name"),
        (shop().settings::<Words>("words"), "a section is a table"),
        (shop().settings::<Broken>("broken"), "the default of `currency` is not TOML: String::new()"),
        (shop().config_name("My Shop"), "the name of the configuration: \"My Shop\" is no name"),
    ];
    for (server, expected) in cases {
        let error = server.start().await.err().unwrap();
        let message = Chain(&error).to_string();
        assert!(message.contains(expected), "{expected}\n{message}");
        assert!(!error.is_configuration(), "the program is to blame: {message}");
    }
}

#[tokio::test]
async fn an_error_in_the_programs_defaults_names_them_and_the_line() {
    let error = shop().settings::<Shop>("shop").defaults("[shop]\n\ncurency = \"CHF\"\n").start().await.err().unwrap();
    assert!(matches!(error, StartError::Config(_)));
    assert_eq!(
        Chain(&error).to_string(),
        "the program's defaults:3: unknown key `shop.curency`; did you mean `shop.currency`?"
    );
}
