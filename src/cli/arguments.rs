use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches};
use foobar_core::config::{Config, Loader, key};
use foobar_db::Engine;
use foobar_web::{CertificateCommand, Revocation};

use super::control::Order;
use crate::StartError;
use crate::composition::Parts;
use crate::program::{FOOBAR, Program};
use crate::settings::{self, DEFAULT_SITE};

/// The command line, parsed.
#[derive(Clone)]
pub(super) struct Arguments {
    pub(super) command: Command,
    config: Option<PathBuf>,
    root: Option<String>,
    /// Configuration keys that options set: key, value, option.
    values: Vec<(&'static str, String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Serve,
    Check,
    /// Asks this resolver, or those of the system.
    CheckDns(Option<SocketAddr>),
    Doctor,
    Config,
    Reference,
    Migrate(Migrate),
    /// Copies the database into this file.
    Backup(PathBuf),
    Vacuum,
    Routes,
    Certificates(Option<CertificateCommand>),
    /// An order to a server that runs.
    Control(Order),
    Zone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Migrate {
    Status,
    Run,
    Down,
    Redo,
    /// Goes on with one that began and did not end, with this statement or where it stopped.
    Resume(Option<u32>),
    /// Notes that the one of this name has run.
    MarkDone(String),
    Unlock,
    /// Holds those that are pending, or these files, against the rules of the lint; of the engine of the database, or this one.
    Check {
        files: Vec<PathBuf>,
        engine: Option<Engine>,
    },
    /// Makes one of this name.
    New(String),
}

impl Arguments {
    /// Parses those of a program, whose configuration is in `file` where nobody says otherwise.
    pub(super) fn parse(arguments: Vec<OsString>, parts: &Parts, file: &str) -> Result<Self, clap::Error> {
        let verbs = parts.verbs.iter().map(|verb| clap::Command::new(verb.name).about(verb.about));
        let matches = syntax(parts.program, file).subcommands(verbs).try_get_matches_from(arguments)?;
        if let Some(verb) = parts.verbs.iter().find(|verb| matches.subcommand_name() == Some(verb.name)) {
            let message = format!("`{}` takes no options before it\n", verb.name);
            return Err(clap::Error::raw(ErrorKind::UnknownArgument, message));
        }
        let matches = &matches;
        let values = VALUES.iter().filter_map(|(option, key, ..)| {
            let given: Vec<&String> = matches.get_many(option)?.collect();
            let text = given.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(",");
            Some((*key, text, format!("--{option}")))
        });
        Ok(Self {
            command: Command::of(matches),
            config: matches.get_one::<String>("config").map(PathBuf::from),
            root: matches.get_one("root").cloned(),
            values: values.collect(),
        })
    }

    /// The configuration with everything that the command line says.
    pub(super) fn load(&self, mut loader: Loader) -> Result<Config, StartError> {
        let found = PathBuf::from(loader.file_name());
        loader = match &self.config {
            Some(path) if is_missing(path) => return Err(StartError::NoConfigFile(path.clone())),
            Some(path) => loader.file(path),
            None if !loader.has_file() && !is_missing(&found) => loader.file(found),
            None => loader,
        };
        loader = loader.environment(std::env::vars_os());
        for (key, value, option) in &self.values {
            loader = loader.set(*key, value, option);
        }
        if let Some(root) = &self.root {
            let site = sole_site(&loader.clone().load()?)?;
            loader = loader.set(key(&["sites", &site, "root"]), root, "--root");
        }
        Ok(settings::load(loader)?)
    }
}

/// Of a link that leads nowhere, and where it cannot be known, reading the file says why.
fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

impl Command {
    fn of(matches: &ArgMatches) -> Self {
        match matches.subcommand() {
            Some(("check", check)) if check.get_flag("dns") => Self::CheckDns(check.get_one("resolver").copied()),
            Some(("check", _)) => Self::Check,
            Some(("doctor", _)) => Self::Doctor,
            Some(("config", config)) if config.get_flag("reference") => Self::Reference,
            Some(("config", _)) => Self::Config,
            Some(("routes", _)) => Self::Routes,
            Some(("zone", _)) => Self::Zone,
            Some(("certificates", certificates)) => Self::Certificates(certificate_command(certificates)),
            Some(("migrate", migrate)) => Self::Migrate(match migrate.subcommand() {
                Some(("status", _)) => Migrate::Status,
                Some(("down", _)) => Migrate::Down,
                Some(("redo", _)) => Migrate::Redo,
                Some(("resume", resume)) => Migrate::Resume(resume.get_one("from").copied()),
                Some(("mark-done", mark)) => Migrate::MarkDone(name_of(mark)),
                Some(("unlock", _)) => Migrate::Unlock,
                Some(("check", check)) => Migrate::Check {
                    files: check.get_many("FILE").into_iter().flatten().cloned().collect(),
                    engine: check.get_one("engine").copied(),
                },
                Some(("new", new)) => Migrate::New(name_of(new)),
                _ => Migrate::Run,
            }),
            Some(("backup", backup)) => Self::Backup(backup.get_one("FILE").cloned().unwrap_or_default()), // it is required
            Some(("vacuum", _)) => Self::Vacuum,
            Some((name, order)) => {
                let name = order.subcommand_name().map_or(name.to_owned(), |word| format!("{name} {word}"));
                Order::of(&name).map_or(Self::Serve, Self::Control)
            }
            None => Self::Serve,
        }
    }
}

/// Options that set a configuration key: name, key, value name, help.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("listen", "web.listen", "ADDR", "Address to serve: HOST:PORT, unix:PATH or fd:N; may be given again"),
    ("database", "database.url", "URL", "Database: sqlite:PATH or mysql://USER:PASSWORD@HOST/NAME"),
    ("workers", "web.workers", "N", "Worker threads [default: one per core]"),
    ("access-log", "web.access_log", "FILE", "Access log: a file, `stdout` or `off`"),
];

fn syntax(program: Option<Program>, file: &str) -> clap::Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).global(true)
    };
    let values = VALUES.iter().map(|(name, _, value, help)| {
        let action = if *name == "listen" { ArgAction::Append } else { ArgAction::Set };
        option(name, value, help).action(action)
    });
    let (name, version) = program.map_or(("foobar", format!("built on {FOOBAR}")), |program| {
        (program.name, format!("{} (built on {FOOBAR})", program.version))
    });
    clap::Command::new(name)
        .version(version)
        .about("Serves a site: static files, an application and its database")
        .arg(option("config", "FILE", "").help(format!("Configuration file [default: {file}, if it is there]")))
        .arg(option("root", "DIR", "Folder of static files of the only site"))
        .args(values)
        .subcommand(command("serve", "Serves until SIGTERM, SIGQUIT or SIGINT; the default"))
        .subcommand(command("check", "Parses the configuration and opens what it names, without serving").args(names()))
        .subcommand(command("doctor", "Says of everything around the program whether it is well, and what to do"))
        .subcommand(command("config", "Prints every effective value and where it came from").arg(reference()))
        .subcommand(migrate())
        .subcommand(
            command("backup", "Copies a database of SQLite into a new file, while it serves").arg(backup_file()),
        )
        .subcommand(command("vacuum", "Gives the space that a database of SQLite does not use back to the disk"))
        .subcommand(command("routes", "Lists the sites and their routes, and those of the application"))
        .subcommand(certificates())
        .subcommand(command("zone", "Prints the zone of the sites' names as a file for a name server"))
        .subcommands(orders())
}

/// The orders to a server that runs, in their order. Those of two words are one command with a command for each.
fn orders() -> impl Iterator<Item = clap::Command> {
    Order::ALL.into_iter().filter_map(|order| match order {
        Order::Maintenance(true) => Some(maintenance()),
        Order::Maintenance(false) => None,
        _ => Some(command(order.name(), order.about())),
    })
}

fn maintenance() -> clap::Command {
    command("maintenance", "Keeps clients out, with a page for maintenance")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([true, false].map(|on| command(if on { "on" } else { "off" }, Order::Maintenance(on).about())))
}

fn command(name: &'static str, about: &'static str) -> clap::Command {
    clap::Command::new(name).about(about)
}

fn migrate() -> clap::Command {
    command("migrate", "Runs the migrations that the database has not seen")
        .subcommand(command("run", "Runs them; the default"))
        .subcommand(command("status", "Lists them and whether they have run, and changes nothing"))
        .subcommand(
            command("check", "Says what of the pending ones the program that runs meanwhile may not bear").args(lint()),
        )
        .subcommand(command("down", "Takes the last one back, by its down.sql"))
        .subcommand(command("redo", "Takes the last one back and runs it again"))
        .subcommand(
            command("resume", "Goes on with one whose process ended in its midst, and runs what follows")
                .arg(statement_argument()),
        )
        .subcommand(
            command("mark-done", "Notes that one has run, without running it")
                .arg(Arg::new("NAME").required(true).help("Its name or version, as `migrate status` lists it")),
        )
        .subcommand(command("unlock", "Forgets a process that ran them on another server and is gone for good"))
        .subcommand(
            command("new", "Makes the folder of a migration, with its up.sql and down.sql").arg(name_argument()),
        )
}

fn backup_file() -> Arg {
    Arg::new("FILE")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf))
        .help("The file, which must not be there yet")
}

fn name_of(matches: &ArgMatches) -> String {
    matches.get_one("NAME").cloned().unwrap_or_default() // it is required
}

fn statement_argument() -> Arg {
    let number = clap::value_parser!(u32).range(1..);
    let help = "The statement of its up.sql to go on with, from 1 [default: the one at which it stopped]";
    Arg::new("from").long("from").value_name("STATEMENT").value_parser(number).help(help)
}

/// What `migrate check` reads.
fn lint() -> [Arg; 2] {
    let files = Arg::new("FILE").action(ArgAction::Append).value_parser(clap::value_parser!(PathBuf));
    let engine = Arg::new("engine").long("engine").value_name("ENGINE").value_parser(|word: &str| match word {
        "sqlite" => Ok(Engine::Sqlite),
        "mysql" => Ok(Engine::Mysql),
        _ => Err("write sqlite or mysql"),
    });
    [
        files.help("Instead of the pending ones: files of SQL, or folders with an up.sql in them or beneath"),
        engine.help("Whose SQL it is: sqlite or mysql [default: the engine of the database]"),
    ]
}

fn certificates() -> clap::Command {
    command("certificates", "Lists the sites' certificates: names, issuers, ends, next orders")
        .subcommand(command("renew", "Has one ordered now").arg(certificate_argument()))
        .subcommand(
            command("revoke", "Has its authority declare one void, and another one ordered")
                .arg(certificate_argument())
                .arg(reason_argument()),
        )
        .subcommand(
            command("change-account-key", "Gives another key to the account at an authority")
                .arg(Arg::new("ISSUER").help("NAME of `[acme.NAME]` [default: the authority of `[acme]`]")),
        )
}

/// What `check` asks of DNS.
fn names() -> [Arg; 2] {
    let dns = Arg::new("dns").long("dns").action(ArgAction::SetTrue);
    let resolver = Arg::new("resolver").long("resolver").value_name("ADDRESS").requires("dns").value_parser(resolver);
    [
        dns.help("Asks instead whether the names of the sites lead to this server"),
        resolver.help("Whom `--dns` asks: ADDRESS or ADDRESS:PORT [default: those of /etc/resolv.conf]"),
    ]
}

fn resolver(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse().or_else(|_no_port| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)));
    address.map_err(|_| "write an address, such as 9.9.9.9, [2620:fe::fe]:53 or 127.0.0.1:5353".to_owned())
}

fn certificate_argument() -> Arg {
    Arg::new("SITE").required(true).help("The label of the site, or one of its names")
}

fn reason_argument() -> Arg {
    let reason = |word: &str| Revocation::try_from(word.to_owned());
    let help = "Why: unspecified, key-compromise, affiliation-changed, superseded, cessation-of-operation";
    Arg::new("reason").long("reason").value_name("REASON").value_parser(reason).help(help)
}

fn certificate_command(matches: &ArgMatches) -> Option<CertificateCommand> {
    let (name, matches) = matches.subcommand()?;
    let site = || matches.get_one::<String>("SITE").cloned().unwrap_or_default(); // it is required
    Some(match name {
        "renew" => CertificateCommand::Renew(site()),
        "revoke" => CertificateCommand::Revoke(site(), matches.get_one::<Revocation>("reason").copied()),
        _ => CertificateCommand::ChangeAccountKey(matches.get_one::<String>("ISSUER").cloned()),
    })
}

fn name_argument() -> Arg {
    Arg::new("NAME").required(true).value_parser(migration_name).help("What it does, such as add_prices")
}

/// The name of a migration is one of a folder, and of a row.
fn migration_name(name: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    match name.chars().all(is_plain) && name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        true if name.len() <= LONGEST_NAME => Ok(name.to_owned()),
        true => Err(format!("it is longer than {LONGEST_NAME} letters")),
        false => Err("write letters, digits, `_` and `-`, with a letter first, such as add_prices".to_owned()),
    }
}

/// With its version it fits into the table of migrations.
const LONGEST_NAME: usize = 100;

fn reference() -> Arg {
    Arg::new("reference").long("reference").action(ArgAction::SetTrue).help("Prints the manual of all keys instead")
}

/// The site that `--root` means.
fn sole_site(config: &Config) -> Result<String, StartError> {
    let mut names = settings::site_names(config)?.into_iter();
    match (names.next(), names.next()) {
        (name, None) => Ok(name.unwrap_or_else(|| DEFAULT_SITE.to_owned())),
        _ => Err(config.error("sites", "there are several: set sites.NAME.root instead of --root").into()),
    }
}
