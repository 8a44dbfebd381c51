//! `foobar new`: makes the package of an application, which builds, passes its tests and serves.
//!
//! What it is made of lies in `templates/` as the files that it will be.

mod arguments;
mod dependency;
mod error;
mod interrupt;
mod name;
mod nested;
mod package;
mod project;
mod toolchain;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use arguments::Arguments;
use dependency::Dependency;
use error::NewError;
use package::Package;

/// What the help says of it.
pub(crate) const ABOUT: &str = "Makes the package of a new application";

/// Runs the command with what follows its name on the command line. The exit code is 1 where the package could not be made,
/// 2 where something else than this must be asked for, and after a signal 128 and its number.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => {
            drop(usage.print()); // without a standard error there is nobody to tell
            return if usage.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match make(&arguments) {
        Ok((package, warnings)) => {
            tell(std::io::stdout(), &package.summary());
            warnings.iter().for_each(|warning| tell(std::io::stderr(), &format!("warning: {warning}")));
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell(std::io::stderr(), &format!("error: {}", foobar::Chain(&error)));
            ExitCode::from(error.exit_code())
        }
    }
}

/// The package, and what is missing to build it.
fn make(arguments: &Arguments) -> Result<(Package, Vec<String>), NewError> {
    name::check(&arguments.name)?;
    let dependency = match &arguments.foobar {
        Some(given) => Dependency::given(given)?,
        None => Dependency::of_this_program()?,
    };
    let warnings = toolchain::check()?;
    let is_nested = nested::is_below_a_package()?;
    let package = Package { name: arguments.name.clone(), shape: arguments.shape, dependency, is_nested };
    project::make(Path::new(&package.name), &package.files())?;
    Ok((package, warnings))
}

/// One line. A reader that has gone away is no reason to stop.
fn tell(mut output: impl Write, line: &str) {
    drop(writeln!(output, "{line}")); // see above
}
