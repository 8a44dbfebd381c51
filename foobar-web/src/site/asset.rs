use std::sync::Arc;

use foobar_core::{AssetError, Assets, Chain};

use super::route::Routes;
use crate::request::{encode_path, has_control};
use crate::static_files::{Asset, with_hash};

/// The files of a site, as its application names them.
pub(super) fn assets(routes: &Arc<Routes>) -> Assets {
    let routes = Arc::clone(routes);
    Assets::new(move |name| url(&routes, name).map_err(|reason| AssetError::new(name, reason)))
}

/// The URL of a file: with the hash of its content where that is known and leads back to the file.
fn url(routes: &Routes, name: &str) -> Result<String, String> {
    let path = path(name)?;
    let route = routes.find(path.as_bytes());
    let mut looked = Vec::new();
    for (found, place) in route.candidates().iter().filter_map(|candidate| candidate.asset(path.as_bytes())) {
        match found.map_err(|error| format!("it cannot be read in {place}: {}", Chain(&error)))? {
            Asset::Hash(hash) => {
                let certain = with_hash(&path, &hash);
                let leads_back = std::ptr::eq(route, routes.find(certain.as_bytes()));
                return Ok(encode_path(if leads_back { &certain } else { &path }.as_bytes()));
            }
            Asset::Unhashed => return Ok(encode_path(path.as_bytes())),
            Asset::Nothing => looked.push(place),
        }
    }
    Err(match looked.as_slice() {
        [] => format!("no files are served at {path}; routes of the site with files are {}", routes.with_files()),
        looked => format!("no file is served at {path}; looked in {}", looked.join(", ")),
    })
}

/// The path of the file of this name, which may begin with its `/`.
fn path(name: &str) -> Result<String, String> {
    let path = name.strip_prefix('/').unwrap_or(name); // it is the same file
    let is_sound = |segment: &str| !matches!(segment, "" | "." | "..");
    if !path.split('/').all(is_sound) || has_control(path.as_bytes()) {
        return Err("write the path of a file below the root, such as \"css/site.css\"".to_owned());
    }
    Ok(format!("/{path}"))
}
