//! The serial of a zone that others have too: it grows with each change, and a start does not take it back.

use std::io;
use std::path::PathBuf;

use super::zone::Zone;
use crate::issuer::StateFolder;
use crate::{Error, WebSettings};

/// Where the serial is kept that the zone had last, beside that of the content which the configuration described then.
pub(super) struct SerialFile {
    folder: StateFolder,
    path: PathBuf,
    content: u32,
}

impl SerialFile {
    /// Of a zone that has the serial of its content.
    pub(super) fn of(web: &WebSettings, zone: &Zone) -> Self {
        let folder = StateFolder::of(web);
        let path = folder.path("dns", &format!("{}.serial", zone.name()));
        Self { folder, path, content: zone.serial() }
    }

    /// The zone with a serial that is none of an older one; it is kept.
    pub(super) fn advance(&self, zone: Zone) -> Result<Zone, Error> {
        let serial = match self.read()? {
            None => self.content,
            Some((last, content)) if content == self.content => last,
            Some((last, _)) if is_after(self.content, last) => self.content,
            Some((last, _)) => last.wrapping_add(1),
        };
        let zone = zone.with_serial(serial);
        self.keep(&zone)?;
        Ok(zone)
    }

    pub(super) fn keep(&self, zone: &Zone) -> Result<(), Error> {
        self.folder.write(&self.path, &format!("{} {}\n", zone.serial(), self.content))
    }

    fn read(&self) -> Result<Option<(u32, u32)>, Error> {
        let wrong = |source| Error::State { path: self.path.clone(), source };
        match std::fs::read_to_string(&self.path) {
            Ok(text) => parse(&text).map(Some).ok_or_else(|| wrong(io::Error::other(NOT_A_SERIAL))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong(error)),
        }
    }
}

fn parse(text: &str) -> Option<(u32, u32)> {
    let (last, content) = text.trim_end().split_once(' ')?;
    Some((last.parse().ok()?, content.parse().ok()?)) // the caller says what to do
}

const NOT_A_SERIAL: &str = "it holds no serial; remove it, and have the secondary name servers fetch the zone anew";

/// Whether a serial counts as a later one (RFC 1982).
pub(super) const fn is_after(serial: u32, other: u32) -> bool {
    serial != other && serial.wrapping_sub(other) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_go_in_a_circle() {
        assert!(is_after(2, 1) && !is_after(1, 2) && !is_after(1, 1));
        assert!(is_after(0, u32::MAX) && is_after(5, u32::MAX - 5) && !is_after(u32::MAX, 0));
    }

    #[test]
    fn a_serial_that_cannot_be_read_is_none() {
        assert_eq!(parse("7 4294967295\n"), Some((7, u32::MAX)));
        for text in ["", "7", "7 x", "-1 2", "7 4294967296", "7  8"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
