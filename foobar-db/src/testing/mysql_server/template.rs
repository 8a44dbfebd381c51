use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use super::program::{Program, run};
use super::server_error::{ServerError, failed};

/// A data folder as a new server has it, made once in a process since that takes seconds; each server gets a copy. It
/// is removed when the process ends, however it ends.
struct Template {
    data: PathBuf,
    _keeper: Child,
}

/// Removes a folder when the pipe from our process closes, which an interrupt from the terminal must not prevent.
const KEEPER: &str = r#"trap '' INT HUP; read -r _; rm -rf "$1""#;

/// Makes the data folder `data` for `program`.
pub(super) fn copy_to(data: &Path, program: &Program) -> Result<(), ServerError> {
    static TEMPLATE: Mutex<Option<Template>> = Mutex::new(None);
    let mut template = TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
    if template.is_none() {
        *template = Some(Template::make(program)?);
    }
    template.as_ref().map_or(Ok(()), |template| template.copy_to(data))
}

impl Template {
    fn make(program: &Program) -> Result<Self, ServerError> {
        let making = failed("making a temporary folder");
        let folder = tempfile::Builder::new().prefix("foobar-").tempdir().map_err(making)?;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(folder.path());
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let keeper = keeper.map_err(failed("keeping a temporary folder"))?;
        let data = folder.keep().join("data");
        program.install(&data)?;
        forget_identity(&data).map_err(failed("making its data folder"))?;
        Ok(Self { data, _keeper: keeper })
    }

    fn copy_to(&self, data: &Path) -> Result<(), ServerError> {
        let copied = run(Command::new("cp").arg("-R").args([&self.data, data]));
        copied.map(drop).map_err(failed("copying its data folder"))
    }
}

/// MySQL keeps the server's UUID there, and makes another where it is missing.
fn forget_identity(data: &Path) -> io::Result<()> {
    match fs::remove_file(data.join("auto.cnf")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
