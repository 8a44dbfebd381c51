use std::io;
use std::path::Path;

/// What is in it, but for a FIFO, which would be waited for.
pub(super) fn read(file: &Path) -> io::Result<Vec<u8>> {
    match std::fs::metadata(file)?.is_file() {
        true => std::fs::read(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}
