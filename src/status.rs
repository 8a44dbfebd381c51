use std::fmt;
use std::time::Duration;

use foobar_core::Readiness;
use foobar_web::{GateStatus, PauseStatus};

/// How a server is that runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The number of its process.
    pub process: u32,
    /// For how long it has served.
    pub serving: Duration,
    /// The number of the configuration in use: the first is 1, and each reload adds 1.
    pub configuration: u64,
    /// How many programs have served here in turn, each in the place of the one before, with this one.
    pub generation: u64,
    /// The process of a new program that is to take the place of this one, and for how long that has been under way;
    /// `None` where there is no upgrade.
    pub upgrade: Option<String>,
    /// What the program before still does, and for how long it has drained; `None` where there is none, or it has ended.
    pub before: Option<String>,
    /// The connections with requests under way; `None` where there are none.
    pub connections: Option<String>,
    /// For how long that has been in use.
    pub configured: Duration,
    /// What is [held back](crate::Running::pause); `None` if the web tier cannot do that.
    pub gate: Option<GateStatus>,
    /// Why it is not ready, whatever its tiers say: it stops, or an operator has [drained](crate::Running::drain) it.
    pub not_ready: Option<&'static str>,
    /// What each tier says, in the order of start.
    pub tiers: Vec<(&'static str, Readiness)>,
}

impl Status {
    /// Whether `/readyz` says 200.
    pub fn is_ready(&self) -> bool {
        self.not_ready.is_none() && self.tiers.iter().all(|(_, tier)| tier.is_ready())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "process        {}, has served for {} s", self.process, self.serving.as_secs())?;
        writeln!(f, "generation     {}", self.generation)?;
        if let Some(upgrade) = &self.upgrade {
            writeln!(f, "upgrade        {upgrade}")?;
        }
        if let Some(before) = &self.before {
            writeln!(f, "before         {before}")?;
        }
        writeln!(
            f,
            "configuration  number {}, in use for {} s (each reload adds 1)",
            self.configuration,
            self.configured.as_secs()
        )?;
        writeln!(f, "under way      {}", self.connections.as_deref().unwrap_or("nothing"))?;
        match self.not_ready {
            Some(reason) => write!(f, "server         not ready: {reason}")?,
            None => write!(f, "server         {}", if self.is_ready() { "ready" } else { "not ready" })?,
        }
        self.tiers.iter().try_for_each(|(name, readiness)| write!(f, "\n{name:<13}  {readiness}"))?;
        self.gate.iter().try_for_each(|gate| write_gate(f, gate))
    }
}

fn write_gate(f: &mut fmt::Formatter<'_>, gate: &GateStatus) -> fmt::Result {
    write!(f, "\n{:<13}  {} requests in the application", "in flight", gate.in_flight)?;
    match gate.pause {
        Some(PauseStatus { lasted, ends_in, held, .. }) => {
            let (lasted, ends_in) = (lasted.as_secs(), ends_in.as_secs());
            write!(f, "\n{:<13}  ", "pause")?;
            write!(f, "on for {lasted} s, ends by itself in {ends_in} s; {held} requests are held")?;
        }
        None => f.write_str("\npause          off")?,
    }
    match gate.maintenance {
        Some(lasted) => write!(f, "\n{:<13}  on for {} s", "maintenance", lasted.as_secs()),
        None => f.write_str("\nmaintenance    off"),
    }
}
