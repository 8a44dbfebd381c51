//! Where a value came from, as the user is told.

/// Of a value that nobody gave.
pub(super) const DEFAULT: &str = "default";
/// Of presets.
pub(super) const PROGRAM: &str = "program";
/// Of what is in the program's text of defaults, before the line.
pub(super) const DEFAULTS: &str = "the program's defaults";

/// Whether what has this origin was given as text, and not as TOML.
pub(super) fn gives_text(origin: &str) -> bool {
    origin != DEFAULT && !origin.starts_with(DEFAULTS)
}
