//! One fault on one engine, from the start of the program to the verdict.

use std::time::{Duration, Instant};

use foobar::{BoxError, Engine};

use crate::disk;
use crate::faults::{Fault, Sign};
use crate::ledger::{Book, Sabotage};
use crate::load::Load;
use crate::patience::{PATIENCE, SOON, pause, until, within};
use crate::request::{Outcome, Request};
use crate::scene::Scene;
use crate::server::Server;
use crate::site::Log;
use crate::verdict::{Verdict, judge};
use crate::watch::Watch;

pub(crate) struct Trial {
    pub(crate) fault: &'static Fault,
    pub(crate) engine: Engine,
}

/// How trials are run.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// How long a fault lasts, at least.
    pub(crate) lasts: Duration,
    pub(crate) rounds: u32,
    pub(crate) sabotage: Option<Sabotage>,
}

/// What came of a trial.
pub(crate) struct Report {
    /// With its version, where it has run.
    pub(crate) engine: String,
    pub(crate) verdict: Verdict,
    /// How long after the end of the fault the program was ready and wrote, at most.
    pub(crate) back: Duration,
    /// What `/readyz` said of the fault.
    pub(crate) told: Option<String>,
    /// Why it has not been run.
    pub(crate) untried: Option<&'static str>,
}

/// How much later than `acquire_timeout` and `query_timeout` together an answer may come: the tier ends what has run
/// out of time on the server, which takes 1.5 s where that does not answer; the rest is for a busy machine.
const MARGIN: Duration = Duration::from_secs(3);
/// How many writes are acknowledged before a fault begins.
const WARM: usize = 20;
/// The most lines that the program logs in one life and in each second, beside one for each request that fails.
const LINES_OF_A_LIFE: usize = 30;
const LINES_OF_A_SECOND: f64 = 30.0;

impl Trial {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.engine.to_string().to_lowercase(), self.fault.name)
    }

    /// Runs it as often as the options say, each time on a new database. Where it needs a server it takes `server`, and
    /// leaves one there for the next trial.
    pub(crate) fn run(&self, options: Options, server: &mut Option<Server>) -> Report {
        let untried = disk::missing().filter(|_| self.fault.small_disk);
        let (engine, verdict) = (self.engine.to_string(), Verdict::default());
        let mut report = Report { engine, verdict, back: Duration::ZERO, told: None, untried };
        for _ in 0..if untried.is_some() { 0 } else { options.rounds } {
            if let Err(error) = self.run_once(options, server, &mut report) {
                report.verdict.violations.push(error.to_string());
            }
        }
        report
    }

    fn run_once(&self, options: Options, server: &mut Option<Server>, report: &mut Report) -> Result<(), BoxError> {
        let start = Instant::now();
        let mut scene = Scene::set(self.fault, self.engine, server.take())?;
        report.engine = scene.database.engine();
        let load = Load::start(self.fault.clients, &scene.doors);
        let watches: Vec<_> = (0..self.fault.programs).map(|number| Watch::start(&scene.doors, number)).collect();
        until("writes are acknowledged", || Ok(load.acknowledged() >= WARM))?;
        report.told = self.play(&mut scene, options.lasts, &load, &watches[0])?;
        report.back = report.back.max(self.come_back(&mut scene, &load, &watches)?);
        scene.settle()?;
        scene.stop()?; // under load
        let requests = load.stop();
        scene.settle()?; // nothing of the program's is left
        report.verdict.violations.extend(watches.into_iter().flat_map(Watch::stop));
        report.verdict.violations.extend(of_logs(&scene.logs, &requests, start.elapsed()));
        report.verdict.add(self.judge(&scene, &requests, options.sabotage)?);
        if !self.fault.small_disk {
            *server = scene.into_server();
        }
        Ok(())
    }

    /// The fault, until it has lasted and its sign has been seen; what `/readyz` said of it.
    fn play(&self, scene: &mut Scene, lasts: Duration, load: &Load, watch: &Watch) -> Result<Option<String>, BoxError> {
        let (begun, retries, refused) = (Instant::now(), watch.retries(), load.refused());
        let is_seen = || match self.fault.sign {
            Sign::None => true,
            Sign::NotReady => watch.told_since(begun).is_some(),
            Sign::Refusals(times) => load.refused() >= refused + times,
            Sign::Acknowledgement => load.is_acknowledged_since(begun),
            Sign::Retry => watch.retries() > retries,
        };
        (self.fault.begin)(scene)?;
        while begun.elapsed() < lasts || !is_seen() {
            if begun.elapsed() > lasts + PATIENCE {
                return Err("the fault did not show".into());
            }
            (self.fault.go_on)(scene)?;
            pause(self.fault.pace);
        }
        (self.fault.end)(scene)?;
        Ok(watch.told_since(begun))
    }

    /// Waits until all programs are ready and one writes; how long that took.
    fn come_back(&self, scene: &mut Scene, load: &Load, watches: &[Watch]) -> Result<Duration, BoxError> {
        let ended = Instant::now();
        let limit = if self.fault.small_disk { PATIENCE } else { SOON };
        within(limit, "the program is ready and writes", || {
            if self.fault.small_disk {
                scene.database.revive()?;
            }
            let is_ready = watches.iter().all(|watch| watch.is_ready_since(ended));
            Ok(is_ready && load.is_acknowledged_since(ended))
        })
    }

    fn judge(&self, scene: &Scene, requests: &[Request], sabotage: Option<Sabotage>) -> Result<Verdict, BoxError> {
        let mut conn = scene.database.connect()?;
        sabotage.map_or(Ok(()), |sabotage| sabotage.commit(&mut conn, requests))?;
        let timeouts = self.fault.timeouts;
        Ok(judge(requests, &Book::read(&mut conn)?, timeouts.acquire + timeouts.query + MARGIN))
    }
}

/// What the logs have that they must not have.
fn of_logs(logs: &[Log], requests: &[Request], lasted: Duration) -> Vec<String> {
    let panics = logs.iter().flat_map(|log| &log.panics).map(|panic| format!("a panic: {panic}"));
    let failed = requests.iter().filter(|request| request.outcome != Outcome::Done).count();
    let reported = logs.iter().map(|log| log.failed_requests).sum::<usize>();
    let others = logs.iter().map(|log| log.lines).sum::<usize>() - reported;
    let most = logs.len() * LINES_OF_A_LIFE + (lasted.as_secs_f64() * LINES_OF_A_SECOND) as usize;
    let is_long = reported > failed || others > most;
    let counts = format!("the log has {reported} lines of {failed} failed requests and {others} others, of {most}");
    let long = is_long.then(|| format!("{counts}; it ends: {}", logs.last().map(Log::end).unwrap_or_default()));
    panics.chain(long).collect()
}
