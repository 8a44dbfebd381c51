#![expect(unreachable_pub, reason = "`settings!` declares public structs")]

mod declared;
mod environment;
mod nginx;
mod program;
mod types;

use super::*;
use crate::{List, Period, Secret, Size};
use std::collections::BTreeMap;
use std::io::Write;

settings! {
    /// `[web]`
    pub struct Web in "web" {
        /// Where.
        pub listen: List<String> = r#"["127.0.0.1:8080"]"#,
        /// How long.
        pub keepalive_timeout: Period = r#""75s""#,
        /// How much.
        pub client_max_body_size: Size = r#""1MiB""#,
        /// How many.
        pub workers: Option<usize>,
        /// How large.
        pub sizes: List<Size> = "[]",
        /// Secret.
        pub key: Option<Secret>,
    }
}

settings! {
    /// `[sites.NAME]`
    pub struct Site in "sites.*" {
        /// Folder.
        pub root: Option<PathBuf>,
        /// Index.
        pub index: List<String> = r#"["index.html"]"#,
        ;
        /// Routes.
        pub routes: BTreeMap<String, Route>,
    }
}

settings! {
    /// `[sites.NAME.routes."PATH"]`
    pub struct Route in "sites.*.routes.*" {
        /// Status.
        pub respond: Option<u16>,
        /// Text.
        pub content: Option<String>,
    }
}

fn loader() -> Loader {
    Loader::default().section::<Web>().section::<Site>().section::<Route>()
}

#[test]
fn the_keys_of_a_section_may_be_those_of_named_tables_in_it_too() {
    let loader = || loader().section_in::<Web>("web.*");
    let text = "[web]\nworkers = 1\n[web.b]\nkey = \"hunter2\"\n[web.a]\nworkers = 2\n";
    let config = load_with(loader(), text, &[("FOOBAR__WEB__B__WORKERS", "3")]).unwrap();
    assert_eq!(config.tables("web"), ["a", "b"]);
    let workers = |section: &str| config.at::<Web>(section).unwrap().workers;
    assert_eq!([workers("web"), workers("web.a"), workers("web.b")], [Some(1), Some(2), Some(3)]);
    assert_eq!(config.at::<Web>("web.b").unwrap().keepalive_timeout.as_secs(), 75);
    assert!(config.entries().iter().any(|entry| entry.key == "web.b.key" && entry.value == "\"***\""));
    let error = |text: &str| load_with(loader(), text, &[]).err().unwrap().to_string();
    for (text, words) in [("[web]\nworker = 1", "web.workers"), ("[web.a]\nworker = 1", "web.a.workers")] {
        assert!(error(text).contains(words), "{}", error(text));
    }
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load_with(loader(), text, environment)
}

fn load_with(loader: Loader, text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut file = tempfile(text);
    file.flush().expect("a temporary file takes bytes");
    let variables = environment.iter().map(|(name, value)| (name.into(), value.into()));
    loader.file(file.path()).environment(variables).load()
}

fn tempfile(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::with_suffix("foobar.toml").expect("the temporary folder is writable");
    file.write_all(text.as_bytes()).expect("a temporary file takes bytes");
    file
}

/// The error without the folder of the file.
fn message(text: &str, environment: &[(&str, &str)]) -> String {
    message_of(loader(), text, environment)
}

fn message_of(loader: Loader, text: &str, environment: &[(&str, &str)]) -> String {
    let config = load_with(loader, text, environment);
    let error = match config {
        Err(error) => error,
        Ok(config) => match (config.section::<Web>(), config.at::<BTreeMap<String, Site>>("sites")) {
            (Err(error), _) | (_, Err(error)) => error,
            _ => panic!("no error"),
        },
    };
    let message = error.to_string();
    message.rsplit_once("foobar.toml").map_or(message.clone(), |(_, rest)| format!("foobar.toml{rest}"))
}

#[test]
fn the_environment_overrides_the_file_and_the_command_line_overrides_both() {
    let file = tempfile("[web]\nlisten = ['a:1']\nworkers = 1\nkeepalive_timeout = '1s'\n");
    let variables = [("FOOBAR__WEB__LISTEN", "b:1, b:2"), ("FOOBAR__WEB__WORKERS", "2")];
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    let config = loader().file(file.path()).environment(variables).set("web.workers", "3", "--workers").load();
    let web: Web = config.expect("the configuration is good").section().expect("the section is good");
    assert_eq!(
        (&web.listen[..], web.workers, web.keepalive_timeout.as_secs()),
        (&["b:1".into(), "b:2".into()][..], Some(3), 1)
    );
}

#[test]
fn a_preset_of_the_program_gives_way_to_the_file() {
    let file = tempfile("[web]\nworkers = 1\n");
    let config = loader().preset("web.workers", "7").preset("web.keepalive_timeout", "9s").file(file.path()).load();
    let config = config.expect("the configuration is good");
    let web: Web = config.section().expect("the section is good");
    assert_eq!((web.workers, web.keepalive_timeout.as_secs()), (Some(1), 9));
    assert_eq!(config.origin("web.keepalive_timeout"), "program");
}

#[test]
fn a_preset_with_a_star_is_the_default_of_every_section_and_makes_none() {
    let sites = |text: &str| -> BTreeMap<String, Site> {
        let file = tempfile(text);
        let config = loader().preset("sites.*.root", "public").file(file.path()).load();
        config.expect("the configuration is good").at("sites").expect("the sites are good")
    };
    assert!(sites("").is_empty());
    let two = sites("[sites.a]\n[sites.b]\nroot = 'own'\n");
    assert_eq!((&two["a"].root, &two["b"].root), (&Some("public".into()), &Some("own".into())));
    let error = loader().preset("sites.*.rot", "public").load().err().expect("there is no such key");
    assert!(error.to_string().contains("did you mean"), "{error}");
}

#[test]
fn every_value_tells_where_it_came_from_and_secrets_are_hidden() {
    let config = load("[web]\nworkers = 2\n", &[("FOOBAR__WEB__KEY", "hunter2")]).expect("the configuration is good");
    let entries = config.entries();
    let entry = |key: &str| entries.iter().find(|entry| entry.key == key).expect(key).clone();
    assert!(entry("web.workers").origin.ends_with("foobar.toml:2"), "{entries:?}");
    assert_eq!((entry("web.key").value.as_str(), entry("web.key").origin.as_str()), ("\"***\"", "FOOBAR__WEB__KEY"));
    assert_eq!(entry("web.listen").origin, "default");
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
    assert_eq!(
        message("[web]\n\nlissten = 1\n", &[]),
        "foobar.toml:3: unknown key `web.lissten`; did you mean `web.listen`?"
    );
    assert_eq!(
        message("", &[("FOOBAR__WBE__LISTEN", "x")]),
        "FOOBAR__WBE__LISTEN: unknown key `wbe.listen`; did you mean `web.listen`?"
    );
    assert_eq!(
        message("[sites.www]\nrout = 'x'\n", &[]),
        "foobar.toml:2: unknown key `sites.www.rout`; did you mean `sites.www.root`?"
    );
    assert!(message("[wbe]\n", &[]).ends_with("unknown key `wbe`; did you mean `web`?"));
    assert!(message("[sitse.www]\n", &[]).ends_with("did you mean `sites.www`?"));
    assert!(message("[sites.www.ruotes]\n", &[]).ends_with("did you mean `sites.www.routes`?"));
    let undeclared = "nobody has declared a section [nonsense]; a program does so with";
    assert!(message("[nonsense]\n", &[]).starts_with(&format!("foobar.toml:1: unknown key `nonsense`; {undeclared}")));
    assert!(message("[nonsense]\nlisten = 1\n", &[]).contains(undeclared));
    assert_eq!(message("web = 3\n", &[]), "foobar.toml:1: `web`: this is a section, not a value");
}

#[test]
fn only_a_name_that_is_near_is_suggested() {
    let unknown = |key: &str| message(&format!("[sites.www.routes.\"/a.b/\"]\n{key} = 'x'\n"), &[]);
    let route = "foobar.toml:2: unknown key `sites.www.routes.\"/a.b/\".";
    assert_eq!(unknown("bcdy"), format!("{route}bcdy`"));
    assert_eq!(unknown("respnod"), format!("{route}respnod`; did you mean `sites.www.routes.\"/a.b/\".respond`?"));
    let of_site = "is a key of [sites.www], not of [sites.www.routes.\"/a.b/\"]";
    for key in ["root", "index"] {
        assert_eq!(unknown(key), format!("{route}{key}`; `{key}` {of_site}"));
    }
    assert_eq!(message("[web]\nbody = 1\n", &[]), "foobar.toml:2: unknown key `web.body`");
}

#[test]
fn a_key_of_another_section_is_told_where_it_stands() {
    let elsewhere = "is a key of [web], not of";
    assert_eq!(
        message("[sites.www]\n\nlisten = 'x'\n", &[]),
        format!("foobar.toml:3: unknown key `sites.www.listen`; `listen` {elsewhere} [sites.www]")
    );
    assert_eq!(
        message("", &[("FOOBAR__SITES__WWW__KEEPALIVE_TIMEOUT", "x")]),
        format!(
            "FOOBAR__SITES__WWW__KEEPALIVE_TIMEOUT: unknown key `sites.www.keepalive_timeout`; `keepalive_timeout` {elsewhere} [sites.www]"
        )
    );
    assert_eq!(
        message("[web]\nroot = '.'\n", &[]),
        "foobar.toml:2: unknown key `web.root`; `root` is a key of [sites.NAME], not of [web]"
    );
    assert_eq!(
        message("listen = 'x'\n", &[]),
        "foobar.toml:1: unknown key `listen`; `listen` is nginx's: write `web.listen`, for all sites together"
    );
}

#[test]
fn a_bad_item_of_a_list_is_refused_with_its_own_line_and_value() {
    assert_eq!(
        message("[sites.\"a.b\"]\nroot = '.'\nindex = ['a', ['b']]\n", &[]),
        "foobar.toml:3: `sites.\"a.b\".index`: [\"b\"] is not accepted: found an array, expected a string; its default is [\"index.html\"]"
    );
    let lines = "[web]\nlisten = [\n  'a',\n  ['b'],\n]\n";
    assert!(message(lines, &[]).starts_with("foobar.toml:4: `web.listen`: [\"b\"] is not accepted: "));
}

#[test]
fn an_error_of_a_text_with_commas_says_that_they_separate_items() {
    let sizes = |value: &str| load("", &[("FOOBAR__WEB__SIZES", value)]).expect("the key is known").section::<Web>();
    assert_eq!(sizes("1KiB, 2").expect("the sizes are good").sizes[..], [Size::bytes(1024), Size::bytes(2)]);
    let error = |value: &str| sizes(value).expect_err("it is no size").to_string();
    assert!(error("1KiB, lots").starts_with("FOOBAR__WEB__SIZES: `web.sizes`: \"1KiB, lots\" is not accepted: "));
    assert!(error("1KiB, lots").ends_with("; commas separate items"));
    assert!(!error("lots").contains("commas"));
}

#[test]
fn a_list_in_the_environment_may_be_an_array() {
    let listen = |value: &str| {
        let config = load("", &[("FOOBAR__WEB__LISTEN", value)]).expect("the keys are known");
        let listen = config.section::<Web>().map(|web| web.listen.to_vec()).map_err(|error| error.to_string());
        (listen, config.is_divided("web.listen"))
    };
    let list = |items: &[&str]| Ok(items.iter().map(|item| (*item).to_owned()).collect());
    assert_eq!(listen("[\"a, b\", 'c']"), (list(&["a, b", "c"]), false));
    assert_eq!(listen("[::1]:80"), (list(&["[::1]:80"]), false));
    assert_eq!(listen("a, [::1]:80"), (list(&["a", "[::1]:80"]), true));
    let error = listen("[\"a\"").0.expect_err("it does not end");
    assert!(error.starts_with("FOOBAR__WEB__LISTEN: `web.listen`: ") && error.contains("like an array"), "{error}");
}

#[test]
fn a_bad_value_is_refused_with_its_line_and_what_is_accepted() {
    assert_eq!(
        message("[web]\nclient_max_body_size = 'lots'\n", &[]),
        "foobar.toml:2: `web.client_max_body_size`: \"lots\" is not accepted: \"lots\" is not a size; \
         write for example \"512\", \"8KiB\" or \"10MiB\""
    );
    assert!(
        message("[web]\nworkers = 'many'\n", &[])
            .starts_with("foobar.toml:2: `web.workers`: \"many\" is not accepted: ")
    );
    assert!(
        message("[sites.www.routes.\"/a.b\"]\nrespond = 'x'\n", &[])
            .starts_with("foobar.toml:2: `sites.www.routes.\"/a.b\".respond`: \"x\" is not accepted: ")
    );
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    assert!(message("[sites.a]\n[web\n", &[]).starts_with("foobar.toml:2: not TOML: "));
    let number = message("[web]\nworkers = 99999999999999999999999\n", &[]);
    assert!(number.starts_with("foobar.toml:2: not TOML: "), "{number}");
}

#[test]
fn no_error_quotes_the_text_of_the_file() {
    for text in [
        "[web]\nkey = \"hunter2\n",
        "[web]\nkey = hunter2\n",
        "[web]\nkey = [\"hunter2\"]\n",
        "[web]\nkey.x = \"hunter2\"\n",
    ] {
        let message = message(text, &[]);
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn nothing_that_holds_a_secret_shows_it_when_it_is_debugged() {
    let config = load("[web]\nkey = \"hunter2\"\n", &[]).expect("the configuration is good");
    let web: Web = config.section().expect("the section is good");
    assert_eq!(format!("{:?}", web.key), "Some(***)");
    assert!(!format!("{web:?}").contains("hunter2"));
}

#[test]
fn a_variable_that_is_not_text_or_given_twice_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let bad = std::ffi::OsString::from_vec(vec![0xff]);
    let error = loader().environment([("FOOBAR__WEB__LISTEN".into(), bad.clone())]).load().err().expect("not text");
    assert_eq!(error.to_string(), "FOOBAR__WEB__LISTEN: the value is not UTF-8");
    assert!(loader().environment([("OTHER".into(), bad.clone()), (bad.clone(), bad)]).load().is_ok());
    let file = tempfile("b");
    let twice = [("FOOBAR__WEB__KEY", "a"), ("FOOBAR__WEB__KEY_FILE", file.path().to_str().unwrap())];
    assert_eq!(message("", &twice), "FOOBAR__WEB__KEY and FOOBAR__WEB__KEY_FILE are both set; set one");
}

#[test]
fn a_file_of_a_secret_that_has_no_end_or_no_writer_is_refused_and_not_waited_for() {
    let folder = ::tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [&*fifo, std::path::Path::new("/dev/zero")] {
        let variable = ("FOOBAR__WEB__KEY_FILE".into(), path.into());
        let error = loader().environment([variable]).load().err().expect("it is no file");
        let told = crate::Chain(&error).to_string();
        let why = "it is no regular file but a FIFO, a socket or a device";
        assert_eq!(told, format!("FOOBAR__WEB__KEY_FILE: cannot read {}: {why}", path.display()));
    }
}

#[test]
fn a_site_may_be_labelled_with_its_name() {
    let text = "[sites.\"www.foobar.com\"]\n\nrot = '.'\n";
    assert_eq!(
        message(text, &[]),
        "foobar.toml:3: unknown key `sites.\"www.foobar.com\".rot`; did you mean `sites.\"www.foobar.com\".root`?"
    );
    let name = key(&["sites", "www.foobar.com", "root"]);
    assert_eq!(name, "sites.\"www.foobar.com\".root");
    let config = loader().set(name.clone(), "public", "--root").load().expect("the configuration is good");
    assert_eq!(config.origin(&name), "--root");
}

#[test]
fn keys_without_a_value_are_listed() {
    let config = load("[sites.www]\n", &[]).expect("the configuration is good");
    assert_eq!(config.absent(), ["web.workers", "web.key", "sites.www.root"]);
}

#[test]
fn defaults_fill_every_site_and_routes_may_have_dots() {
    let config = load("[sites.www.routes.\"/a.b\"]\nrespond = 204\n", &[]).expect("the configuration is good");
    let sites: BTreeMap<String, Site> = config.at("sites").expect("the sites are good");
    assert_eq!((&sites["www"].index[..], &sites["www"].root), (&["index.html".to_owned()][..], &None));
    let web: Web = config.section().expect("the section is good");
    assert_eq!(web.client_max_body_size, Size::bytes(1 << 20));
    assert_eq!(sites["www"].routes["/a.b"].respond, Some(204));
}

#[test]
fn a_secret_may_come_from_a_file() {
    let secret = tempfile("hunter2\n");
    let path = secret.path().to_str().expect("the temporary folder has a plain name");
    let config = load("", &[("FOOBAR__WEB__KEY_FILE", path)]).expect("the configuration is good");
    let web: Web = config.section().expect("the section is good");
    assert_eq!(web.key.expect("it is set").expose(), "hunter2");
    assert!(load("", &[("FOOBAR__WEB__KEY_FILE", "/nonexistent")]).is_err());
}

#[test]
fn a_key_or_a_table_that_is_there_twice_is_named_with_both_places() {
    for (text, expected) in [
        (
            "[web]\nlisten = \"a\"\n# b\nlisten = \"c\"\n",
            "foobar.toml:4: not TOML: `listen` is there twice, first in line 2",
        ),
        ("[a]\nx = 1\n[web]\n[a]\ny = 2\n", "foobar.toml:4: not TOML: `a` is there twice, first in line 1"),
        ("[sites.a]\n[sites.b]\n[sites.a]\n", "foobar.toml:3: not TOML: `a` is there twice, first in line 1"),
        (
            "[web]\nkey = \"hunter2\"\nkey = \"hunter3\"\n",
            "foobar.toml:3: not TOML: `key` is there twice, first in line 2",
        ),
    ] {
        assert_eq!(message(text, &[]), expected);
    }
}

#[test]
fn a_key_in_capitals_is_told_its_name() {
    assert_eq!(
        message("[web]\nLISTEN = \"a\"\n", &[]),
        "foobar.toml:2: unknown key `web.LISTEN`; did you mean `web.listen`?"
    );
    assert!(message("[Web]\nlisten = \"a\"\n", &[]).ends_with("did you mean `web.listen`?"));
}

#[test]
fn a_variable_of_ours_but_for_its_underscores_or_capitals_is_told_its_name() {
    let warnings = |name: &str| load("", &[(name, "a")]).expect("it is not read").warnings().to_vec();
    for (stray, meant) in [
        ("FOOBAR_WEB_LISTEN", "FOOBAR__WEB__LISTEN"),
        ("FOOBAR_WEB__LISTEN", "FOOBAR__WEB__LISTEN"),
        ("foobar__web__listen", "FOOBAR__WEB__LISTEN"),
        ("FOOBAR_WEB_CLIENT_MAX_BODY_SIZE", "FOOBAR__WEB__CLIENT_MAX_BODY_SIZE"),
        ("FOOBAR_WEB_KEY_FILE", "FOOBAR__WEB__KEY_FILE"),
        ("FOOBAR_SITES_MY_SHOP_ROOT", "FOOBAR__SITES__MY_SHOP__ROOT"),
    ] {
        let expected = format!("{stray}: this variable is not read; write {meant}, with two");
        assert!(warnings(stray)[0].starts_with(&expected), "{:?}", warnings(stray));
    }
    for other in ["FOOBAR_MYSQLD", "FOOBAR", "WEB_LISTEN", "FOOBAR_WEB_LISTENER"] {
        assert!(warnings(other).is_empty(), "{other}");
    }
    let half = message("", &[("FOOBAR__WEB_LISTEN", "a")]);
    assert!(half.starts_with("FOOBAR__WEB_LISTEN: unknown key `web_listen`; write FOOBAR__WEB__LISTEN,"), "{half}");
}

#[test]
fn a_variable_of_the_usual_name_is_told_that_of_the_program() {
    let warnings = |name: &str| {
        let config = load_with(loader().name("my-site"), "", &[(name, "secret value")]);
        config.expect("it is not read").warnings().to_vec()
    };
    for (stray, meant) in [
        ("FOOBAR__WEB__LISTEN", "MY_SITE__WEB__LISTEN"),
        ("FOOBAR__WEB__LISTENER", "MY_SITE__WEB__LISTENER"),
        ("FOOBAR_WEB_LISTEN", "MY_SITE__WEB__LISTEN"),
    ] {
        let expected =
            format!("{stray}: this variable is not read, as those of this program begin with MY_SITE__; write {meant}");
        assert_eq!(warnings(stray), [expected]);
    }
    for other in ["FOOBAR_MYSQLD", "FOOBAR", "FOOBARS__WEB__LISTEN", "SITE__WEB__LISTEN"] {
        assert!(warnings(other).is_empty(), "{other}");
    }
}

#[test]
fn two_variables_of_one_key_are_both_named() {
    let twice = [("FOOBAR__WEB__LISTEN", "a"), ("FOOBAR__WEB__Listen", "b")];
    assert_eq!(message("", &twice), "FOOBAR__WEB__LISTEN and FOOBAR__WEB__Listen are both set; set one");
}
