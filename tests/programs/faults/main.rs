//! Faults between a site and its database, under load: what clients were told is held against what the database holds.
//!
//!     cargo build --examples
//!     target/debug/examples/faults                    every trial for some seconds
//!     target/debug/examples/faults mysql/black-hole   those whose names begin so
//!     target/debug/examples/faults --rounds 100       again and again
//!
//! The site is the program `proving`, the server MariaDB or what `FOOBAR_MYSQLD` names. The table of results is
//! printed at the end; the exit code is 1 where something was found.

mod database;
mod disk;
mod faults;
mod http;
mod ledger;
mod load;
mod network;
mod patience;
mod request;
mod scene;
mod server;
mod site;
mod table;
mod trial;
mod verdict;
mod watch;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command, value_parser};
use foobar::BoxError;

use crate::ledger::Sabotage;
use crate::table::Table;
use crate::trial::{Options, Report, Trial};

fn main() -> ExitCode {
    match run(&command().get_matches()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn command() -> Command {
    let number = |name, default| Arg::new(name).long(name).default_value(default);
    Command::new("faults")
        .arg(Arg::new("names").num_args(0..).help("The beginnings of the names of trials, such as mysql/black-hole"))
        .arg(number("seconds", "1.5").value_parser(value_parser!(f64)).help("How long each fault lasts, at least"))
        .arg(number("rounds", "1").value_parser(value_parser!(u32)).help("How often each trial is run"))
        .arg(number("lanes", "3").value_parser(value_parser!(usize)).help("How many trials run at the same time"))
        .arg(Arg::new("sabotage").long("sabotage").value_parser(sabotage).help("Falsify the database before the check"))
}

fn sabotage(name: &str) -> Result<Sabotage, &'static str> {
    Sabotage::of(name).ok_or("it is lose, double or undo")
}

/// Runs the trials that are asked for and prints what came of them; whether all is well.
fn run(arguments: &ArgMatches) -> Result<bool, BoxError> {
    disk::have_mounts()?;
    let value = "each has a default";
    let options = Options {
        lasts: Duration::try_from_secs_f64(*arguments.get_one("seconds").expect(value))?,
        rounds: *arguments.get_one("rounds").expect(value),
        sabotage: arguments.get_one("sabotage").copied(),
    };
    let names: Vec<&String> = arguments.get_many("names").unwrap_or_default().collect(); // none: all
    let trials: Vec<Trial> = all().into_iter().filter(|trial| is_asked_for(trial, &names)).collect();
    if trials.is_empty() {
        let known = all().iter().map(Trial::name).collect::<Vec<_>>().join(", ");
        return Err(format!("there is no such trial; these are known: {known}").into());
    }
    let table = in_lanes(trials, *arguments.get_one("lanes").expect(value), options);
    println!("{table}");
    table.violations().for_each(|violation| eprintln!("FAILED {violation}"));
    Ok(table.violations().next().is_none())
}

fn all() -> Vec<Trial> {
    let of = |fault: &'static faults::Fault| fault.engines.iter().map(move |&engine| Trial { fault, engine });
    faults::FAULTS.iter().flat_map(of).collect()
}

fn is_asked_for(trial: &Trial, names: &[&String]) -> bool {
    names.is_empty() || names.iter().any(|name| trial.name().starts_with(*name))
}

/// Runs some trials at a time; each lane keeps a server for those that need one.
fn in_lanes(trials: Vec<Trial>, lanes: usize, options: Options) -> Table {
    let waiting = Mutex::new(trials.into_iter().enumerate());
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                let mut server = None;
                let next = || waiting.lock().expect("nothing panics while it holds them").next();
                while let Some((number, trial)) = next() {
                    let start = Instant::now();
                    let report = trial.run(options, &mut server);
                    tell(&trial, &report, start.elapsed());
                    done.lock().expect("nothing panics while it holds them").insert(number, (trial, report));
                }
            });
        }
    });
    Table(done.into_inner().expect("nothing panicked").into_values().collect())
}

fn tell(trial: &Trial, report: &Report, took: Duration) {
    let told = report.told.as_ref().map(|told| format!(", /readyz: {told}")).unwrap_or_default();
    let untried = report.untried.map(|why| format!(", not tried: {why}")).unwrap_or_default();
    eprintln!("{} took {took:.1?}{told}{untried}", trial.name());
}
