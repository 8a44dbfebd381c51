use std::io;

use super::error::NewError;

/// Whether a folder above the new one has a `Cargo.toml`, whose workspace cargo would look for the package in.
pub(super) fn is_below_a_package() -> Result<bool, NewError> {
    let here = std::env::current_dir().map_err(NewError::Here)?;
    for folder in here.ancestors() {
        match folder.join("Cargo.toml").try_exists() {
            Ok(true) => return Ok(true),
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(NewError::Here(error)),
            Ok(false) | Err(_) => {} // what may not be read is no workspace for cargo either
        }
    }
    Ok(false)
}
