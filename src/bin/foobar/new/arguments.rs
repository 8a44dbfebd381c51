use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::package::{Kind, Shape};

/// What was asked for.
pub(super) struct Arguments {
    pub(super) name: String,
    pub(super) foobar: Option<String>,
    pub(super) shape: Shape,
}

impl Arguments {
    pub(super) fn parse(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let matches = syntax().try_get_matches_from([OsString::from("foobar new")].into_iter().chain(arguments))?;
        Ok(Self {
            name: matches.get_one("NAME").cloned().unwrap_or_default(), // it is required
            foobar: matches.get_one("foobar").cloned(),
            shape: Shape { kind: kind(&matches), has_database: !matches.get_flag("no-database") },
        })
    }
}

fn kind(matches: &ArgMatches) -> Kind {
    match (matches.get_flag("api"), matches.get_flag("axum")) {
        (true, _) => Kind::Api,
        (_, true) => Kind::Axum,
        _ => Kind::Pages,
    }
}

fn syntax() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("foobar new")
        .bin_name("foobar new")
        .about(super::ABOUT)
        .arg(Arg::new("NAME").required(true).help("Of the package and of its folder, such as my-site"))
        .arg(Arg::new("foobar").long("foobar").value_name("PATH|GIT-URL").help(FOOBAR))
        .arg(flag("no-database", "Without a database"))
        .arg(flag("api", "JSON instead of pages").conflicts_with("axum"))
        .arg(flag("axum", "Pages by axum instead of actix-web"))
        .after_help(AFTER)
}

const FOOBAR: &str = "Where the package gets Foobar from [default: the sources that this program was built from]";

const AFTER: &str = "Without options it makes pages by actix-web, with a database. --no-database goes with each of the \
     others; --api and --axum exclude each other.";
