use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;

/// What a program calls itself.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// What it is built on.
pub(crate) const FOOBAR: Program = Program { name: "Foobar", version: env!("CARGO_PKG_VERSION") };

/// A command that needs no server.
#[derive(Clone, Copy)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Is given what follows its name on the command line.
    pub(crate) run: fn(Vec<OsString>) -> ExitCode,
}
