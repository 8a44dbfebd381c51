mod answers;
mod listener;
mod room;
mod tcp;
mod udp;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use foobar_core::{BoxError, BoxFuture, Metrics, Readiness, Tier};
use tokio::runtime::Runtime;
use tokio::sync::oneshot::{Receiver, Sender, channel};

use super::compile::compile;
use super::name::absolute;
use super::notify;
use super::secondary;
use super::serial::SerialFile;
use super::served::Served;
use super::zone::Zone;
use crate::issuer::StateFolder;
use crate::kept::DnsAnswers;
use crate::{DnsSettings, Error, SiteSettings, WebSettings};
use answers::Answers;
use listener::Listener;

/// The name server of the zone that the configuration describes: it answers over UDP and TCP, on a thread of its own.
///
/// It begins to answer when it starts and ends with a drain, at once: whoever asks then asks another, or again.
pub struct NameServer {
    listen: Vec<SocketAddr>,
    secondaries: Vec<SocketAddr>,
    rate_limit: u32,
    served: Arc<Served>,
    bound: Mutex<Vec<Listener>>,
    serving: Mutex<Option<Serving>>,
}

/// The thread that serves, until the other end is dropped.
struct Serving {
    until: Sender<()>,
    thread: JoinHandle<()>,
}

impl NameServer {
    /// Checks the settings; binds nothing. `None` where `dns.listen` is empty.
    pub fn compile(
        dns: &DnsSettings,
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
    ) -> Result<Option<Self>, Error> {
        if dns.listen.is_empty() {
            return Ok(None);
        }
        let listen = dns.listen.iter().map(|text| address("listen", text, None)).collect::<Result<_, _>>()?;
        let secondaries: Vec<_> =
            dns.transfer.iter().map(|text| address("transfer", text, Some(53))).collect::<Result<_, _>>()?;
        let zone = compile(dns, &web.acme, sites)?;
        let serial = (!secondaries.is_empty()).then(|| SerialFile::of(web, &zone));
        if serial.is_some() {
            StateFolder::of(web).check_hidden(sites)?;
        }
        let served = Arc::new(Served::new(zone, serial));
        let (bound, serving) = (Mutex::default(), Mutex::default());
        Ok(Some(Self { listen, secondaries, rate_limit: dns.rate_limit, served, bound, serving }))
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

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        lock(&self.bound).iter().map(|listener| listener.address).collect()
    }

    /// The name of the zone, without a dot at its end.
    pub fn zone(&self) -> String {
        self.served.zone().name()
    }

    fn change(&self, make: impl FnOnce(&Zone) -> Result<Zone, String>) -> Result<(), Error> {
        self.served.change(make).map_err(|message| Error::setting("dns.zone", message))
    }

    fn serve(&self) -> Result<(), Error> {
        self.bind()?;
        self.served.advance()?;
        let name = "foobar-dns".to_owned();
        let failed = |source| Error::Thread { name: name.clone(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        self.spawn_all(&runtime).map_err(failed)?;
        let (until, end) = channel();
        let thread = Builder::new().name(name.clone()).spawn(move || run(&runtime, end)).map_err(failed)?;
        *lock(&self.serving) = Some(Serving { until, thread });
        Ok(())
    }

    fn spawn_all(&self, runtime: &Runtime) -> std::io::Result<()> {
        let _on = runtime.enter();
        let secondaries = self.secondaries.iter().map(|address| address.ip().to_canonical()).collect();
        let answers = Answers { served: Arc::clone(&self.served), secondaries };
        for listener in lock(&self.bound).iter() {
            runtime.spawn(udp::serve(listener.udp()?, answers.clone(), self.rate_limit));
            runtime.spawn(tcp::serve(listener.tcp()?, answers.clone()));
        }
        for secondary in &self.secondaries {
            runtime.spawn(notify::run(Arc::clone(&self.served), *secondary));
        }
        Ok(())
    }

    fn stop(&self) {
        lock(&self.bound).clear();
        if let Some(Serving { until, thread }) = lock(&self.serving).take() {
            drop(until);
            drop(thread.join()); // a panic has been logged
        }
    }
}

fn run(runtime: &Runtime, end: Receiver<()>) {
    drop(runtime.block_on(end)); // the other end is dropped
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
            Some(serving) if !serving.thread.is_finished() => Readiness::Ready,
            Some(_) => Readiness::not("its thread has ended; the log says why"),
            None => Readiness::not("it does not serve"),
        }
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async { self.stop() })
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.served.counters.write(metrics);
    }
}

/// The zone as the place where names are proved. Where there are secondary name servers, an authority may ask these: a
/// record is there once they have it.
impl DnsAnswers for NameServer {
    fn covers(&self, name: &str) -> bool {
        let name = name.strip_prefix("*.").unwrap_or(name); // its record is that of the name
        absolute(name).is_some_and(|name| self.served.zone().holds(&name))
    }

    fn set<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            self.change(|zone| zone.with_text(name, value))?;
            secondary::until_all_have(&self.served.zone(), &self.secondaries).await;
            Ok(())
        })
    }

    fn clear<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move { Ok(self.change(|zone| zone.without_text(name, value))?) })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
}

/// An address of a setting, with its port or this one.
fn address(key: &str, text: &str, port: Option<u16>) -> Result<SocketAddr, Error> {
    let alone = || Some(SocketAddr::new(text.parse().ok()?, port?)); // refused below
    text.parse().ok().or_else(alone).ok_or_else(|| {
        let example = if port.is_some() {
            "\"192.0.2.53\" or \"[2001:db8::53]:5353\""
        } else {
            "\"203.0.113.5:53\" or \"[2001:db8::5]:53\""
        };
        Error::setting(
            format!("dns.{key}"),
            format!(
                "{text:?} is no address{}; write one such as {example}",
                if port.is_some() { "" } else { " with a port" }
            ),
        )
    })
}

#[cfg(test)]
mod tests;
