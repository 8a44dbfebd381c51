mod answers;
mod door;
mod listener;
mod plan;
mod room;
mod serving;
mod tcp;
mod udp;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use foobar_core::{BoxError, BoxFuture, Metrics, Readiness, Tier};
use hickory_proto::rr::Name;

use super::name::absolute;
use super::secondary;
use super::served::Served;
use crate::kept::DnsAnswers;
use crate::{DnsSettings, Error, SiteSettings, WebSettings};
use answers::Answers;
use door::Opened;
use listener::Listener;
use plan::Plan;
use serving::Serving;

/// The name server of the zone that the configuration describes: it answers over UDP and TCP, on a thread of its own.
///
/// It begins to answer when it starts and ends with a drain, at once: whoever asks then asks another, or again.
pub struct NameServer {
    /// At the start.
    listen: Vec<SocketAddr>,
    answers: Arc<Answers>,
    /// The zone in which names are proved, also one that a reload is about to take; `None` where none is served.
    proves_in: Mutex<Option<Name>>,
    bound: Mutex<Vec<Listener>>,
    serving: Mutex<Option<Serving>>,
}

impl NameServer {
    /// Checks the settings; binds nothing. `None` where `dns.listen` is empty.
    pub fn compile(
        dns: &DnsSettings,
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
    ) -> Result<Option<Self>, Error> {
        let Some(plan) = Plan::compile(dns, web, sites)? else { return Ok(None) };
        let Plan { listen, secondaries, rate_limit, zone, serial } = plan;
        let proves_in = Mutex::new(Some(zone.origin().clone()));
        let answers = Arc::new(Answers::new(Served::new(zone, serial), &secondaries, rate_limit));
        let (bound, serving) = (Mutex::default(), Mutex::default());
        Ok(Some(Self { listen, answers, proves_in, bound, serving }))
    }

    /// Takes the addresses, before the tier starts.
    pub fn bind(&self) -> Result<(), Error> {
        let mut bound = lock(&self.bound);
        if bound.is_empty() {
            *bound = self.listen.iter().map(|address| Listener::bind(*address)).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    /// Tries the addresses and leaves everything as it is; what listens there already may be this server.
    pub fn check(&self) -> Result<(), Error> {
        self.listen.iter().try_for_each(|address| Listener::check(*address))
    }

    /// Checks other settings while it serves, and takes the addresses that it does not have yet. The future has it go by them:
    /// the next question is answered so. Dropped before that, it changes nothing. From now on names are proved in the zone of
    /// these settings.
    pub fn prepare(
        self: &Arc<Self>,
        dns: &DnsSettings,
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
    ) -> Result<BoxFuture<'static, ()>, Error> {
        let plan = Plan::compile(dns, web, sites)?;
        let listen = plan.as_ref().map_or(&[][..], |plan| plan.listen.as_slice());
        let opened = lock(&self.serving).as_ref().ok_or(Error::NotServing)?.bind(listen)?;
        let plan = plan.map(Plan::with_next_serial).transpose()?;
        let change = Change::new(self, plan, opened);
        Ok(Box::pin(change.take()))
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let bound = || lock(&self.bound).iter().map(|listener| listener.address).collect();
        lock(&self.serving).as_ref().map_or_else(bound, Serving::addresses)
    }

    /// The name of the zone, without a dot at its end.
    pub fn zone(&self) -> String {
        self.answers.served.zone().name()
    }

    fn serve(&self) -> Result<(), Error> {
        self.bind()?;
        self.answers.served.advance()?;
        let listeners = std::mem::take(&mut *lock(&self.bound));
        *lock(&self.serving) = Some(Serving::start(listeners, &self.answers)?);
        Ok(())
    }

    fn stop(&self) {
        lock(&self.bound).clear();
        let serving = lock(&self.serving).take();
        serving.into_iter().for_each(Serving::end);
    }
}

/// Other settings, ready to be taken.
struct Change {
    server: Arc<NameServer>,
    plan: Option<Plan>,
    opened: Vec<Opened>,
    /// Where names were proved, until it is taken.
    proved_in: Option<Option<Name>>,
}

impl Change {
    fn new(server: &Arc<NameServer>, plan: Option<Plan>, opened: Vec<Opened>) -> Self {
        let proves_in = plan.as_ref().map(|plan| plan.zone.origin().clone());
        let proved_in = Some(std::mem::replace(&mut *lock(&server.proves_in), proves_in));
        Self { server: Arc::clone(server), plan, opened, proved_in }
    }

    async fn take(mut self) {
        self.proved_in = None;
        let answers = &self.server.answers;
        let listen = match self.plan.take() {
            Some(Plan { listen, secondaries, rate_limit, zone, serial }) => {
                answers.served.replace(zone, serial);
                answers.change(&secondaries, rate_limit);
                listen
            }
            None => {
                answers.change(&[], answers.rate_limit());
                Vec::new()
            }
        };
        let opened = std::mem::take(&mut self.opened);
        let change = |serving: &mut Serving| serving.change(&listen, opened, answers);
        let needless = lock(&self.server.serving).as_mut().map(change);
        for door in needless.into_iter().flatten() {
            door.close().await;
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if let Some(proved_in) = self.proved_in.take() {
            *lock(&self.server.proves_in) = proved_in;
        }
    }
}

impl Tier for NameServer {
    fn name(&self) -> &'static str {
        "dns"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async { Ok(self.serve()?) })
    }

    fn readiness(&self) -> Readiness {
        match &*lock(&self.serving) {
            Some(serving) if !serving.has_ended() => Readiness::Ready,
            Some(_) => Readiness::not("its thread has ended; the log says why"),
            None => Readiness::not("it does not serve"),
        }
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async { self.stop() })
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.answers.served.counters.write(metrics);
    }
}

/// The zone as the place where names are proved. Where there are secondary name servers, an authority may ask these: a
/// record is there once they have it.
impl DnsAnswers for NameServer {
    fn covers(&self, name: &str) -> bool {
        let name = name.strip_prefix("*.").unwrap_or(name); // its record is that of the name
        let Some(name) = absolute(name) else { return false };
        lock(&self.proves_in).as_ref().is_some_and(|zone| zone.zone_of(&name))
    }

    fn set<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let served = &self.answers.served;
            served.set_text(name, value).map_err(refused)?;
            secondary::until_all_have(&served.zone(), &self.answers.secondaries()).await;
            Ok(())
        })
    }

    fn clear<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move { Ok(self.answers.served.clear_text(name, value).map_err(refused)?) })
    }
}

fn refused(message: String) -> Error {
    Error::setting("dns.zone", message)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
}

#[cfg(test)]
mod tests;
