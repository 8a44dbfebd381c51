use http::StatusCode;

use super::candidate::{Candidate, Folder};
use crate::Error;
use crate::request::NormalPath;

/// What answers where no file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// The application.
    App,
    /// Nothing but a status.
    Status(StatusCode),
}

/// One entry of `try_files`.
enum Step<'a> {
    File,
    Index,
    /// The file of this name.
    Named(&'a str),
    Fallback(Fallback),
}

/// What `steps`, which stand under `key`, try in `folder`; without one `file` and `index` are passed over.
pub(crate) fn compile(
    key: &str,
    steps: &[String],
    folder: Option<&Folder<'_>>,
    has_app: bool,
) -> Result<(Vec<Candidate>, Fallback), Error> {
    let mut candidates = Vec::new();
    let mut fallback = Fallback::Status(StatusCode::NOT_FOUND);
    let mut lookup = (false, false);
    for (index, name) in steps.iter().enumerate() {
        match parse(key, name)? {
            Step::File => lookup.0 = true,
            Step::Index => lookup.1 = true,
            Step::Named(name) => {
                candidates.extend(look_up(folder, std::mem::take(&mut lookup))?);
                candidates.push(named(key, folder, name)?);
            }
            Step::Fallback(_) if index + 1 < steps.len() => {
                return Err(Error::setting(key, format!("{name:?} is the last step: it answers for every path")));
            }
            Step::Fallback(Fallback::App) if !has_app => {}
            Step::Fallback(step) => fallback = step,
        }
    }
    candidates.extend(look_up(folder, lookup)?);
    Ok((candidates, fallback))
}

/// `file` and `index` that follow each other are one look: a path leads to a file or to a directory.
fn look_up(folder: Option<&Folder<'_>>, (file, index): (bool, bool)) -> Result<Option<Candidate>, Error> {
    let Some(folder) = folder.filter(|_| file || index) else { return Ok(None) };
    Ok(Some(Candidate::Folder { files: folder.files(file, index)?, cut: folder.cut }))
}

fn named(key: &str, folder: Option<&Folder<'_>>, name: &str) -> Result<Candidate, Error> {
    let folder = folder.ok_or_else(|| Error::setting(key, format!("{name:?} is a file, and there is no `root`")))?;
    Ok(Candidate::File { files: folder.files(true, true)?, name: name.to_owned() })
}

fn parse<'a>(key: &str, name: &'a str) -> Result<Step<'a>, Error> {
    let status = |text: &str| text.parse().ok().filter(|status| (200..600).contains(status)); // refused below
    let is_file =
        |path: &str| !path.ends_with('/') && NormalPath::parse(path).is_ok_and(|normal| normal.as_str() == path);
    match (name, name.strip_prefix('=').and_then(status)) {
        ("file", _) => Ok(Step::File),
        ("index", _) => Ok(Step::Index),
        ("app", _) => Ok(Step::Fallback(Fallback::App)),
        (_, Some(status)) => {
            let status = StatusCode::from_u16(status).expect("a number of three digits is a status");
            Ok(Step::Fallback(Fallback::Status(status)))
        }
        (path, None) if is_file(path) => Ok(Step::Named(path)),
        _ => Err(Error::setting(
            key,
            format!(
                "{name:?} cannot be tried; accepted are \"file\", \"index\", a file such as \"/fallback.html\", and \
                 as the last \"app\" or a status such as \"=404\""
            ),
        )),
    }
}
