use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a file that has an end: a FIFO would be waited for, a device read for ever.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_file() || kind.is_dir() {
        File::open(path) // of a folder the system says itself that it is none
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file but a FIFO, a socket or a device"))
    }
}
