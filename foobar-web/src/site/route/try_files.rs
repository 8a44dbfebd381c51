use http::StatusCode;

use super::candidate::{Candidate, Folder};
use super::variable::{self, Part, Variable};
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
    /// The file that lies at the path with this before and after it.
    Around(String, String),
    /// The index of the folder that lies at the path with this before it.
    Under(String),
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
            Step::Around(before, after) => {
                candidates.extend(look_up(folder, std::mem::take(&mut lookup))?);
                candidates.extend(around(folder, before, after)?);
            }
            Step::Under(before) => {
                candidates.extend(look_up(folder, std::mem::take(&mut lookup))?);
                candidates.extend(under(folder, before)?);
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

/// Whether the index of a folder, or its list, is among these steps.
pub(crate) fn looks_for_index(steps: &[String]) -> bool {
    steps.iter().any(|step| step == "index" || matches!(parse_around(step), Some(Step::Index | Step::Under(_))))
}

/// Without a folder it is passed over, as `file` is.
fn around(folder: Option<&Folder<'_>>, before: String, after: String) -> Result<Option<Candidate>, Error> {
    let Some(folder) = folder else { return Ok(None) };
    Ok(Some(Candidate::Around { files: folder.files(true, true)?, cut: folder.cut, before, after }))
}

fn under(folder: Option<&Folder<'_>>, before: String) -> Result<Option<Candidate>, Error> {
    let Some(folder) = folder else { return Ok(None) };
    Ok(Some(Candidate::Under { files: folder.files(false, true)?, cut: folder.cut, before }))
}

fn parse<'a>(key: &str, name: &'a str) -> Result<Step<'a>, Error> {
    let status = |text: &str| text.parse().ok().filter(|status| (200..600).contains(status)); // refused below
    match (name, name.strip_prefix('=').and_then(status)) {
        ("file", _) => Ok(Step::File),
        ("index", _) => Ok(Step::Index),
        ("app", _) => Ok(Step::Fallback(Fallback::App)),
        (_, Some(status)) => {
            let status = StatusCode::from_u16(status).expect("a number of three digits is a status");
            Ok(Step::Fallback(Fallback::Status(status)))
        }
        _ if is_file(without_query(name).as_bytes()) && !without_query(name).contains('$') => {
            Ok(Step::Named(without_query(name)))
        }
        _ => parse_around(name).ok_or_else(|| Error::setting(key, format!("{name:?} cannot be tried; {ACCEPTED}"))),
    }
}

const ACCEPTED: &str = "accepted are \"file\" (or \"$uri\"), \"index\" (or \"$uri/\"), a file such as \"/fallback.html\" or, \
                        by the path, \"$uri.html\", \"$uri/index.html\", \"/cache$uri.html\" or \"/static$uri/\", and as the \
                        last \"app\" or a status such as \"=404\"";

/// Without the query that nginx would hand on with a path, which no file has; any other is none that can be tried.
fn without_query(name: &str) -> &str {
    const QUERIES: [&str; 6] =
        ["?$args", "?${args}", "?$query_string", "?${query_string}", "$is_args$args", "${is_args}${args}"];
    let bare = QUERIES.iter().find_map(|query| name.strip_suffix(query));
    bare.filter(|bare| bare.starts_with(['/', '$'])).unwrap_or(name) // it has none
}

/// One `$uri`, around which stand names as they are: whatever the path is, it is a normal one with them too.
fn parse_around(name: &str) -> Option<Step<'static>> {
    let parts = variable::parse(without_query(name), None).ok()?; // an error says what is accepted
    let (before, after) = match &parts[..] {
        [Part::Variable(Variable::Uri)] => return Some(Step::File),
        [Part::Variable(Variable::Uri), Part::Text(after)] => ("", after.as_str()),
        [Part::Text(before), Part::Variable(Variable::Uri)] => (before.trim_end_matches('/'), ""),
        [Part::Text(before), Part::Variable(Variable::Uri), Part::Text(after)] => {
            (before.trim_end_matches('/'), after.as_str())
        }
        _ => return None,
    };
    let is_sound = |path: &str, after| is_file(&Candidate::name_around(before, path.as_bytes(), after));
    match after {
        "/" if before.is_empty() => Some(Step::Index),
        "/" => is_sound("/x", "").then(|| Step::Under(before.to_owned())),
        after => (is_sound("/x", after) && (is_sound("/x/", after) || after.is_empty()))
            .then(|| Step::Around(before.to_owned(), after.to_owned())),
    }
}

fn is_file(path: &[u8]) -> bool {
    !path.ends_with(b"/")
        && !path.contains(&b'?')
        && NormalPath::parse(path).is_ok_and(|normal| normal.as_bytes() == path)
}
