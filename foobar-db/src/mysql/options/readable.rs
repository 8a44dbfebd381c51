use std::fs::File;
use std::io;
use std::path::Path;

/// Opens it, but for a FIFO, which would be waited for.
pub(super) fn readable(file: &Path) -> io::Result<()> {
    match std::fs::metadata(file)?.is_file() {
        true => File::open(file).map(drop),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}
