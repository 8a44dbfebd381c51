use std::fmt;
use std::time::Duration;

use foobar_core::Readiness;

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
    /// What the program before still does; `None` where there is none, or it has ended.
    pub before: Option<String>,
    /// The connections with requests under way; `None` where there are none.
    pub connections: Option<String>,
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
        if let Some(before) = &self.before {
            writeln!(f, "before         {before}")?;
        }
        writeln!(f, "configuration  {}", self.configuration)?;
        writeln!(f, "under way      {}", self.connections.as_deref().unwrap_or("nothing"))?;
        match self.not_ready {
            Some(reason) => write!(f, "server         not ready: {reason}")?,
            None => write!(f, "server         {}", if self.is_ready() { "ready" } else { "not ready" })?,
        }
        self.tiers.iter().try_for_each(|(name, readiness)| write!(f, "\n{name:<13}  {readiness}"))
    }
}
