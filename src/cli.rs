//! The command line that every program built on a [`Server`](crate::Server) has.

mod arguments;
mod calendar;
mod certificates;
mod check;
mod check_dns;
mod control;
mod control_socket;
mod doctor;
mod installed_log;
mod migrate;
mod migrate_check;
mod migrate_new;
mod output;
mod reloads;
mod routes;
mod runtime;
mod serve;
mod service_manager;
mod signals;
mod stopping;
mod upgrade;
mod upkeep;
mod zone;

use std::ffi::OsString;
use std::process::ExitCode;

use foobar_app::Context;
use foobar_core::config::{Config, ConfigError, Loader};
use tokio::runtime::Handle;

use crate::composition::{Composition, Parts};
use crate::program::Verb;
use crate::reference;
use crate::reload::ReadConfig;
use crate::settings::AllSettings;

use arguments::{Arguments, Command, Migrate};
use output::{Exit, complain, fail, out};

pub(crate) fn run(loader: Loader, parts: Parts, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    if Handle::try_current().is_ok() {
        return complain(INSIDE_A_RUNTIME).into();
    }
    install_provider();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some((verb, rest)) = verb(&parts.verbs, &arguments) {
        return (verb.run)(rest);
    }
    let arguments = match Arguments::parse(arguments, &parts, &loader.file_name()) {
        Ok(arguments) => arguments,
        Err(usage) => {
            let exit = if usage.use_stderr() { Exit::Usage } else { Exit::Success };
            drop(usage.print()); // without a standard error there is nobody to tell
            return exit.into();
        }
    };
    if let Command::Migrate(Migrate::New(name)) = &arguments.command {
        return migrate_new::run(&parts, name).into(); // it needs neither settings nor a database
    }
    if arguments.command == Command::Doctor {
        return doctor::run(arguments.load(loader), parts).into(); // it tells what is wrong with the configuration among others
    }
    if let Command::Control(order) = arguments.command {
        // What is wrong with the rest is told by the server, to its log too.
        return match arguments.load(loader.leave_unknown()).and_then(|config| Ok(config.section()?)) {
            Ok(settings) => control::send(order, &settings).into(),
            Err(error) => fail(&error).into(),
        };
    }
    let command_line = arguments.clone();
    let read: ReadConfig = Box::new(move || command_line.load(loader.clone()));
    match read() {
        Ok(config) => command(arguments.command, config, read, parts).into(),
        Err(error) => fail(&error).into(),
    }
}

/// The command that the program brings, if it is one, and what follows its name. `help` before it is `--help` after it.
fn verb(verbs: &[Verb], arguments: &[OsString]) -> Option<(Verb, Vec<OsString>)> {
    let (first, rest) = arguments.get(1..)?.split_first()?;
    let find = |name: &OsString| verbs.iter().find(|verb| name == verb.name).copied();
    match rest {
        [name] if first == "help" => Some((find(name)?, vec!["--help".into()])),
        rest => Some((find(first)?, rest.to_vec())),
    }
}

const INSIDE_A_RUNTIME: &str = "`Server::run` makes its own runtime and was called inside another one: write \
    `fn main() -> ExitCode`, without `async` and without `#[actix_web::main]` or `#[tokio::main]`; a program that needs its \
    own runtime calls `Server::start`";

/// The MySQL driver makes its TLS by the provider of the process, and panics where two are compiled in and none is
/// chosen: a program's own HTTP client may bring the second. One that the program has chosen before stays.
fn install_provider() {
    #[cfg(feature = "mysql")]
    let provider = foobar_db::crypto_provider();
    #[cfg(not(feature = "mysql"))]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    _ = provider.install_default(); // an error is the one that is there already
}

fn command(command: Command, config: Config, read: ReadConfig, mut parts: Parts) -> Exit {
    let layers = std::mem::take(&mut parts.layers);
    match command {
        Command::Serve => serve::run(config, read, parts, layers),
        Command::Config => match parse(&config, &parts) {
            Ok(()) => print_config(&config),
            Err(error) => fail(&error.into()),
        },
        Command::Reference => out(reference::of_program(&config).trim_end()),
        Command::Routes => routes::run(&config, parts),
        Command::CheckDns(resolver) => check_dns::run(&config, resolver),
        Command::Zone => zone::run(&config),
        Command::Migrate(Migrate::Check { files, engine }) if !files.is_empty() => {
            migrate_check::of_files(&config, &parts, &files, engine)
        }
        _ => match Composition::compile_dry(config, parts) {
            Err(error) => fail(&error),
            Ok(composition) => match command {
                Command::Migrate(action) => migrate::run(&composition, &action, layers),
                Command::Backup(file) => upkeep::backup(&composition, &file),
                Command::Vacuum => upkeep::vacuum(&composition),
                Command::Certificates(None) => certificates::run(&composition),
                Command::Certificates(Some(command)) => certificates::change(&composition, &command),
                _ => check::run(&composition),
            },
        },
    }
}

/// Parses every section, also those of the program.
fn parse(config: &Config, parts: &Parts) -> Result<(), ConfigError> {
    AllSettings::parse(config)?;
    parts.declared.read_settings(config, Context::new(None)).map(drop)
}

/// Prints every effective value as TOML with its origin, then the keys that have none.
fn print_config(config: &Config) -> Exit {
    for entry in config.entries() {
        out(format_args!("{} = {}  # {}", entry.key, entry.value, entry.origin));
    }
    for key in config.absent() {
        out(format_args!("# {key} is not set"));
    }
    Exit::Success
}
