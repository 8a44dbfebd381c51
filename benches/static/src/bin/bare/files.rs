use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The answers to all requests, ready made.
pub struct Files {
    entries: HashMap<Vec<u8>, Entry>,
    not_found: Rc<Ready>,
    now: u64,
    date: String,
}

/// One file.
pub struct Entry {
    pub etag: String,
    pub length: u64,
    pub full: Rc<Ready>,
    pub not_modified: Rc<Ready>,
    /// Where the body comes from, if `full` is only a head.
    pub file: Option<Rc<File>>,
    modified: String,
}

/// A head and its body in one piece, as they are sent; the head's date is kept current.
pub struct Ready {
    bytes: RefCell<Vec<u8>>,
    /// Where the body starts.
    pub body: usize,
    date_at: usize,
    second: Cell<u64>,
}

impl Files {
    /// Reads all files below `root`; those of at least `large_from` bytes are only opened.
    pub fn load(root: &Path, large_from: u64) -> io::Result<Self> {
        let page = b"<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>\n";
        let not_found = Rc::new(Ready::new("404 Not Found", &length_and_type(page.len() as u64, "text/html"), page));
        let mut files = Self { entries: HashMap::new(), not_found, now: 0, date: String::new() };
        files.add(root, b"/", large_from)?;
        files.tick();
        Ok(files)
    }

    fn add(&mut self, folder: &Path, prefix: &[u8], large_from: u64) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let mut path = prefix.to_vec();
            path.extend_from_slice(entry.file_name().as_encoded_bytes());
            if entry.file_type()?.is_dir() {
                path.push(b'/');
                self.add(&entry.path(), &path, large_from)?;
            } else {
                self.entries.insert(path, Entry::load(&entry.path(), large_from)?);
            }
        }
        Ok(())
    }

    /// Looks at the clock.
    pub fn tick(&mut self) {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs();
        if second != self.now {
            self.now = second;
            self.date = httpdate::fmt_http_date(now);
        }
    }

    pub fn find(&self, path: &[u8]) -> Option<&Entry> {
        self.entries.get(path)
    }

    pub fn not_found(&self) -> Rc<Ready> {
        self.current(&self.not_found)
    }

    /// `ready` with the date of now.
    pub fn current(&self, ready: &Rc<Ready>) -> Rc<Ready> {
        if ready.second.replace(self.now) != self.now {
            let date = ready.date_at..ready.date_at + self.date.len();
            ready.bytes.borrow_mut()[date].copy_from_slice(self.date.as_bytes());
        }
        Rc::clone(ready)
    }

    /// The head of a part of a file, from `first` up to but without `end`.
    pub fn partial_head(&self, entry: &Entry, first: u64, end: u64) -> Vec<u8> {
        let fields =
            format!("Content-Range: bytes {first}-{}/{}\r\n{}", end - 1, entry.length, entry.fields(end - first));
        head("206 Partial Content", &self.date, &fields).into_bytes()
    }
}

impl Entry {
    fn load(path: &Path, large_from: u64) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified()?;
        let seconds = modified.duration_since(UNIX_EPOCH).expect("files are younger than 1970").as_secs();
        let mut entry = Self {
            etag: format!("\"{seconds:x}-{:x}\"", metadata.len()),
            length: metadata.len(),
            full: Rc::default(),
            not_modified: Rc::default(),
            file: None,
            modified: httpdate::fmt_http_date(modified),
        };
        let content = if entry.length < large_from {
            fs::read(path)?
        } else {
            entry.file = Some(Rc::new(File::open(path)?));
            Vec::new()
        };
        entry.full = Rc::new(Ready::new("200 OK", &entry.fields(entry.length), &content));
        entry.not_modified = Rc::new(Ready::new("304 Not Modified", &entry.validators(), b""));
        Ok(entry)
    }

    fn fields(&self, length: u64) -> String {
        length_and_type(length, "image/jpeg") + &self.validators() + "Accept-Ranges: bytes\r\n"
    }

    fn validators(&self) -> String {
        format!("Last-Modified: {}\r\nETag: {}\r\n", self.modified, self.etag)
    }
}

impl Ready {
    fn new(status: &str, fields: &str, body: &[u8]) -> Self {
        let head = head(status, NO_DATE, fields);
        let date_at = head.find(NO_DATE).expect("it was put there");
        let bytes = [head.as_bytes(), body].concat();
        Self { bytes: RefCell::new(bytes), body: head.len(), date_at, second: Cell::new(0) }
    }

    pub fn bytes(&self) -> Ref<'_, Vec<u8>> {
        self.bytes.borrow()
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new("200 OK", "", b"")
    }
}

const NO_DATE: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

fn head(status: &str, date: &str, fields: &str) -> String {
    format!("HTTP/1.1 {status}\r\nServer: bare\r\nDate: {date}\r\n{fields}\r\n")
}

fn length_and_type(length: u64, media_type: &str) -> String {
    format!("Content-Type: {media_type}\r\nContent-Length: {length}\r\n")
}
