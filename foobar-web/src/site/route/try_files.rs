use http::StatusCode;

use super::location::{Folder, Place};
use crate::Error;
use crate::request::NormalPath;

/// What answers where no file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// The application.
    App,
    /// Nothing but a status.
    Status(StatusCode),
}

/// One entry of `try_files`.
enum Step<'a> {
    File,
    Index,
    /// A file of this name.
    Fallback(&'a str),
    Last(Last),
}

/// What `steps`, which stand under `key`, try in `folder`; without one `file` and `index` are passed over.
pub(crate) fn compile(
    key: &str,
    steps: &[String],
    folder: Option<&Folder<'_>>,
    has_app: bool,
) -> Result<(Vec<Place>, Last), Error> {
    let mut places = Vec::new();
    let mut last = Last::Status(StatusCode::NOT_FOUND);
    let mut lookup = (false, false);
    for (index, name) in steps.iter().enumerate() {
        match parse(key, name)? {
            Step::File => lookup.0 = true,
            Step::Index => lookup.1 = true,
            Step::Fallback(name) => {
                places.extend(look_up(folder, std::mem::take(&mut lookup))?);
                places.push(fallback(key, folder, name)?);
            }
            Step::Last(_) if index + 1 < steps.len() => {
                return Err(Error::setting(key, format!("{name:?} is the last step: it answers for every path")));
            }
            Step::Last(Last::App) if !has_app => {}
            Step::Last(step) => last = step,
        }
    }
    places.extend(look_up(folder, lookup)?);
    Ok((places, last))
}

/// `file` and `index` that follow each other are one look: a path leads to a file or to a directory.
fn look_up(folder: Option<&Folder<'_>>, (file, index): (bool, bool)) -> Result<Option<Place>, Error> {
    let Some(folder) = folder.filter(|_| file || index) else { return Ok(None) };
    Ok(Some(Place::Folder { files: folder.files(file, index)?, cut: folder.cut }))
}

fn fallback(key: &str, folder: Option<&Folder<'_>>, name: &str) -> Result<Place, Error> {
    let folder = folder.ok_or_else(|| Error::setting(key, format!("{name:?} is a file, and there is no `root`")))?;
    Ok(Place::File { files: folder.files(true, true)?, name: name.to_owned() })
}

fn parse<'a>(key: &str, name: &'a str) -> Result<Step<'a>, Error> {
    let status = |text: &str| text.parse().ok().filter(|status| (200..600).contains(status)); // refused below
    let is_file =
        |path: &str| !path.ends_with('/') && NormalPath::parse(path).is_ok_and(|normal| normal.as_str() == path);
    match (name, name.strip_prefix('=').and_then(status)) {
        ("file", _) => Ok(Step::File),
        ("index", _) => Ok(Step::Index),
        ("app", _) => Ok(Step::Last(Last::App)),
        (_, Some(status)) => {
            let status = StatusCode::from_u16(status).expect("a number of three digits is a status");
            Ok(Step::Last(Last::Status(status)))
        }
        (path, None) if is_file(path) => Ok(Step::Fallback(path)),
        _ => Err(Error::setting(
            key,
            format!(
                "{name:?} cannot be tried; accepted are \"file\", \"index\", a file such as \"/fallback.html\", and \
                 as the last \"app\" or a status such as \"=404\""
            ),
        )),
    }
}
