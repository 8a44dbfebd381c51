use std::fmt;
use std::future::pending;
use std::io::Write;
use std::pin::{Pin, pin};
use std::sync::Arc;

use foobar_core::config::Config;
use foobar_core::log::BoxedLayer;
use foobar_core::{Tier, panics};
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{error::Elapsed, timeout};

use super::control::Control;
use super::installed_log::{self, InstalledLog};
use super::output::{Exit, complain, fail, out};
use super::reloads::Reloads;
use super::runtime::Runtimes;
use super::service_manager::{News, ServiceManager};
use super::signals::{EarlySignals, Order, Signals};
use super::stopping::{Asked, cut_off, drain, stop};
use super::upgrade::{Given, Takeover, Upgrades};
use crate::composition::{Composition, Parts};
use crate::dns::NameServer;
use crate::program::{FOOBAR, Program};
use crate::reload::ReadConfig;
use crate::settings::AllSettings;
use crate::{Running, StartError};

/// Serves until a signal, then drains; a second signal stops at once. What this process was given is taken first.
pub(super) fn run(config: Config, read: ReadConfig, parts: Parts, layers: Vec<BoxedLayer>) -> Exit {
    match Given::take(&config) {
        Ok(given) => run_with(given, config, read, parts, layers),
        Err(error) => complain(error),
    }
}

/// The log comes before all else, so that it has all that goes wrong after it.
fn run_with(given: Given, config: Config, read: ReadConfig, parts: Parts, layers: Vec<BoxedLayer>) -> Exit {
    let prepared = Runtimes::new().and_then(|runtimes| Ok((runtimes.enter(EarlySignals::install)?, runtimes)));
    let (early, runtimes) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return complain(format_args!("cannot make a tokio runtime: {error}")),
    };
    let settings = config.section().map_err(StartError::from);
    let log = match settings.map_err(|error| fail(&error)).and_then(|it| InstalledLog::install(&config, &it, layers)) {
        Ok(log) => log,
        Err(exit) => return exit,
    };
    let access_log = installed_log::check_access_log(&config); // opening a FIFO would wait for a reader
    let composition = match access_log.and_then(|_opened| Composition::compile(config, parts)) {
        Ok(composition) => composition,
        Err(error) => return log.fail(&error),
    };
    let AllSettings { log: log_settings, web, .. } = &composition.settings;
    log.warn_of_clash(&composition.config, log_settings, &web.access_log);
    raise_descriptor_limit();
    report_panics();
    given.warn_of_stray();
    runtimes.run(async |tasks| serve(composition, given, read, (early, tasks), &log).await)
}

/// A panic that nobody catches goes to the log, like everything else.
fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        if !panics::is_caught(info) {
            tracing::error!(thread = std::thread::current().name(), "{info}");
        }
    }));
}

/// Each connection and each file takes a descriptor; the soft limit of 1024 that shells and service managers give is
/// for programs that use `select`.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, limit = limit.current, "cannot raise the limit of open files");
    }
}

/// A mistake in a program that root runs is a mistake of root.
fn warn_of_root() {
    if geteuid().is_root() {
        tracing::warn!(
            "this server runs as root: give it a user of its own; ports below 1024 need CAP_NET_BIND_SERVICE alone"
        );
    }
}

async fn serve(
    mut composition: Composition,
    given: Given,
    read: ReadConfig,
    (early, tasks): (EarlySignals, Handle),
    log: &InstalledLog,
) -> Exit {
    let mut signals = match early.install_all() {
        Ok(signals) => signals,
        Err(error) => return log.complain(format_args!("cannot handle signals: {error}")),
    };
    let manager = match ServiceManager::find() {
        Ok(manager) => manager,
        Err(error) => return log.complain(format_args!("no thread for the news of the service manager: {error}")),
    };
    let Given { sockets, control: given, takeover, .. } = given;
    composition.inherit(sockets.web, sockets.admin);
    if let Some(takeover) = &takeover {
        composition.follow(takeover.generation, takeover.is_drained, takeover.is_in_maintenance);
    }
    let (config, settings) = (&composition.config, &composition.settings);
    let control = match Control::open(config, &settings.control, given) {
        Ok(control) => control,
        Err(error) => return log.fail(&error),
    };
    let banner = Banner::new(&composition, log);
    let names = composition.names.clone();
    let upgrades = Upgrades::new(*settings.control.upgrade_timeout, names, control.as_ref().map(Control::socket));
    let patience = *settings.server.shutdown_timeout;
    let tiers = composition.tiers();
    let lifecycle = Arc::clone(&composition.lifecycle);
    let mut starting = pin!(composition.start(tasks, read));
    tokio::select! {
        started = &mut starting => match started {
            Ok(running) => {
                let server = Serving { running: Arc::new(running), control, upgrades, manager, tiers: &tiers, log };
                server.run(takeover, signals, &banner).await
            }
            Err(error) => log.fail(&error),
        },
        () = signals.stop() => {
            lifecycle.stop();
            drop(control);
            abandon(timeout(patience, starting), signals, &tiers, log).await
        }
    }
}

/// A signal before the end of the start: what has been begun, such as a migration, is finished, and then all stops.
async fn abandon(
    starting: impl Future<Output = Result<Started, Elapsed>>,
    mut signals: Signals,
    tiers: &[Arc<dyn Tier>],
    log: &InstalledLog,
) -> Exit {
    tracing::info!("stopping once the start has ended; a second signal stops at once");
    tokio::select! {
        started = starting => match started {
            Ok(Ok(running)) => stop(&running, signals, tiers, log, Asked::BySignal, pending()).await,
            Ok(Err(error)) => log.fail(&error),
            Err(_) => {
                let failure = log.complain("the start did not end within server.shutdown_timeout");
                if cut_off(tiers).await { Exit::CutOff } else { failure }
            }
        },
        () = signals.stop() => if cut_off(tiers).await { Exit::CutOff } else { Exit::Success },
    }
}

type Started = Result<Running, StartError>;

/// A server that has started, and all that it is told by.
struct Serving<'a> {
    running: Arc<Running>,
    control: Option<Control>,
    upgrades: Upgrades,
    manager: ServiceManager,
    tiers: &'a [Arc<dyn Tier>],
    log: &'a InstalledLog,
}

impl Serving<'_> {
    /// In the place of another program, once it is this one's turn.
    async fn run(self, takeover: Option<Takeover>, mut signals: Signals, banner: &Banner) -> Exit {
        warn_of_root();
        if let Some(takeover) = takeover {
            let hears_orders = self.control.as_ref().is_some_and(|control| control.socket().is_inherited());
            let outcome = tokio::select! {
                outcome = takeover.take_turn(&self.running, hears_orders) => outcome,
                error = self.running.failed() => return self.end_failed(&error, signals, pending()).await,
                () = signals.stop() => {
                    return stop(&self.running, signals, self.tiers, self.log, Asked::BySignal, pending()).await;
                }
            };
            if let Err(error) = outcome {
                self.log.complain(format_args!("cannot take the place of the program before: {error}"));
                drain(&self.running, signals, self.tiers, Asked::Never, pending()).await;
                return Exit::Failure;
            }
            self.control.iter().for_each(|control| control.socket().keep_file(false));
        }
        banner.print(&self.running);
        self.manager.tell(News::Serving);
        self.run_until_end(signals).await
    }

    /// Serves until a signal to stop, until a tier whose start went on has failed, or until another program serves.
    async fn run_until_end(mut self, mut signals: Signals) -> Exit {
        let control = self.control.take(); // the socket goes with those who hear
        let Self { running, upgrades, manager, tiers, log, .. } = &self;
        let (wanted, new_program, reloads) = (Notify::new(), Notify::new(), Reloads::new(log, manager));
        let mut ordered: Orders<'_> = Box::pin(hear(control, running, &reloads, upgrades));
        let mut reloading = pin!(reload_when(&wanted, running, &reloads)); // what is wanted meanwhile is one more
        let mut upgrading = pin!(upgrade_when(&new_program, running, upgrades));
        let mut living = pin!(manager.say_that_it_lives());
        loop {
            let (order, asked) = tokio::select! {
                order = signals.next() => (order, Asked::BySignal),
                () = &mut reloading => continue, // it never ends
                () = &mut upgrading => continue, // the same
                () = &mut ordered => continue,   // the same
                () = &mut living => continue,    // the same
                () = upgrades.over() => (Order::Stop, Asked::Never),
                error = running.failed() => {
                    settle(running, upgrades, &mut signals, &mut ordered).await;
                    manager.tell(News::Stopping);
                    return self.end_failed(&error, signals, ordered).await;
                }
            };
            match order {
                Order::Stop => {
                    settle(running, upgrades, &mut signals, &mut ordered).await;
                    if !running.is_over() {
                        manager.tell(News::Stopping); // else the service goes on
                    }
                    return stop(running, signals, tiers, log, asked, ordered).await;
                }
                Order::Reload => wanted.notify_one(),
                Order::Upgrade => new_program.notify_one(),
                Order::Reopen => {
                    running.reopen_logs();
                    log.reopen();
                }
            }
        }
    }

    async fn end_failed(&self, error: &StartError, signals: Signals, orders: impl Future<Output = ()>) -> Exit {
        let failure = self.log.fail(error);
        drain(&self.running, signals, self.tiers, Asked::Never, orders).await;
        failure
    }
}

/// Before a stop: whether another program serves in the place of this one decides whose the sockets' files are, and who hears
/// orders. A signal to stop ends the wait.
async fn settle(running: &Running, upgrades: &Upgrades, signals: &mut Signals, orders: &mut Orders<'_>) {
    running.begin_stop();
    if !running.is_over() {
        tokio::select! {
            () = upgrades.end() => {}
            () = &mut *orders => {} // it never ends
            () = signals.stop() => running.hurry(),
        }
    }
    if running.is_over() {
        *orders = Box::pin(pending());
    }
}

/// What carries out the orders of the control socket.
type Orders<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Carries out the orders of the control socket, if there is one, which goes with this future.
async fn hear(control: Option<Control>, running: &Arc<Running>, reloads: &Reloads, upgrades: &Upgrades) {
    match control {
        Some(control) => control.serve(running, reloads, upgrades).await,
        None => pending().await,
    }
}

/// One at a time; the next that is wanted meanwhile is answered at once.
async fn upgrade_when(wanted: &Notify, running: &Arc<Running>, upgrades: &Upgrades) {
    loop {
        wanted.notified().await;
        let (running, upgrades) = (Arc::clone(running), upgrades.clone());
        tokio::spawn(async move { drop(upgrades.upgrade(&running).await) }); // the log has told
    }
}

async fn reload_when(wanted: &Notify, running: &Running, reloads: &Reloads) {
    loop {
        wanted.notified().await;
        _ = reloads.reload(running).await; // the log has told
    }
}

/// What the operator is told once the server serves: on standard output, unless that has the access log, which programs
/// read. Where the log is JSON, it is a part of it.
struct Banner {
    print: fn(fmt::Arguments<'_>),
    program: Option<Program>,
    names: Option<Arc<dyn NameServer>>,
    database: String,
    configuration: String,
}

impl Banner {
    fn new(composition: &Composition, log: &InstalledLog) -> Self {
        let database = composition.database.as_ref().map_or("none".to_owned(), |db| db.describe());
        let configuration = composition.config.file();
        let configuration = configuration.map_or("defaults, no file".to_owned(), |file| file.display().to_string());
        let print: fn(fmt::Arguments<'_>) = match (log.is_json(), composition.settings.web.access_log == "stdout") {
            (true, _) => |line| tracing::info!("{line}"),
            (false, true) => |line| drop(writeln!(std::io::stderr(), "{line}")), // nobody is left to tell
            (false, false) => |line| _ = out(line),
        };
        Self { print, program: composition.program, names: composition.names.clone(), database, configuration }
    }

    fn print(&self, running: &Running) {
        let print = self.print;
        if let Some(program) = self.program {
            print(format_args!("program        {program}, built on {FOOBAR}"));
        }
        for address in running.addresses() {
            print(format_args!("listening on   {address}"));
        }
        if let Some(address) = running.admin_address() {
            print(format_args!("admin          {address} (/livez /readyz /metrics)"));
        }
        for names in self.names.iter().flat_map(|names| names.describe()) {
            print(format_args!("dns            {names}"));
        }
        print(format_args!("database       {}", self.database));
        print(format_args!("configuration  {}", self.configuration));
    }
}
