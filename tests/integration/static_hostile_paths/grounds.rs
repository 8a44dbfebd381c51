use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};

use crate::support::{PATIENCE, Program, Random};

/// A root among things that must stay unseen, each of which holds a canary: a text that is another in each run.
pub(super) struct Grounds {
    place: tempfile::TempDir,
    canary: String,
}

const CONFIGURATION: &str = r#"
[sites.www]
server_name = ["foobar.com", "www.foobar.com"]
www = "remove"
root = "root"
default = true

[sites.www.routes."/static/"]
files = "static"

[sites.www.routes."/moved"]
redirect = "/folder"

[sites.www.routes."/list/"]
files = "list"
autoindex = "html"
"#;

/// So often stands a line in a file that is not kept in memory.
const LARGE: usize = 100_000;

impl Grounds {
    pub(super) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let canary = format!("canary-{:016x}", Random::new(time.as_nanos() as u64, 0).number());
        let grounds = Self { place, canary };
        grounds.files();
        grounds.links();
        grounds.special();
        grounds.list();
        grounds
    }

    pub(super) fn place(&self) -> PathBuf {
        self.place.path().canonicalize().unwrap()
    }

    /// The folders that are served.
    pub(super) fn roots(&self) -> [PathBuf; 3] {
        ["root", "static", "list"].map(|name| self.place().join(name))
    }

    pub(super) fn command(&self) -> Command {
        fs::write(self.place().join("foobar.toml"), CONFIGURATION).unwrap();
        Program::foobar(&self.place())
    }

    pub(super) fn serve(&self) -> Program {
        Program::start(&mut self.command())
    }

    /// Sends a request; its answer has nothing of the canary in it.
    pub(super) fn check(&self, program: &Program, method: &str, target: &[u8]) -> Raw {
        self.check_for(program, method, target, "localhost", "")
    }

    pub(super) fn check_for(&self, program: &Program, method: &str, target: &[u8], host: &str, fields: &str) -> Raw {
        let rest = format!(" HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n");
        let bytes = exchange(program, &[method.as_bytes(), b" ", target, rest.as_bytes()].concat());
        let seen = bytes.windows(self.canary.len()).any(|part| part == self.canary.as_bytes());
        assert!(!seen, "the canary was seen at {}", target.escape_ascii());
        Raw::parse(&bytes)
    }

    /// It is 400 or 404; without a canary, and without the source of a program.
    pub(super) fn check_refusal(&self, program: &Program, method: &str, target: &[u8]) {
        let answer = self.check(program, method, target);
        let expected = if method == "POST" { &[400, 404, 405][..] } else { &[400, 404] };
        assert!(expected.contains(&answer.status), "{method} {}: {}", target.escape_ascii(), answer.status);
        assert!(!answer.text().contains("fn main"), "the source was seen at {}", target.escape_ascii());
    }

    /// A directory and a link to a place outside change places.
    pub(super) fn swap(&self) {
        let [one, two] = ["root/swapped", "root/swapping"].map(|name| self.place().join(name));
        renameat_with(CWD, one, CWD, two, RenameFlags::EXCHANGE).unwrap();
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.place().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn files(&self) {
        for (path, content) in [
            ("root/file.txt", "a file\n"),
            ("root/begin.txt", "the beginning\n"),
            ("root/app.rs", "fn main() {}\n"),
            ("root/folder/file.txt", "a file in a folder\n"),
            ("root/large.txt", &"a large file\n".repeat(LARGE)),
            ("root/folder/index.html", "an index\n"),
            ("root/.well-known/acme-challenge/x", "challenge\n"),
            ("root/evil.com/index.html", "evil\n"),
            ("root/\\evil.com/index.html", "evil\n"),
            ("root/@evil.com/index.html", "evil\n"),
            ("root/\u{560d}\u{560a}Set-Cookie: a=b/index.html", "evil\n"),
            ("root/x\r\nSet-Cookie: a=b/index.html", "evil\n"),
            ("root/swapped/canary", "not the canary\n"),
            ("static/index.html", "static\n"),
            ("static/evil.com/index.html", "evil\n"),
        ] {
            self.write(path, content);
        }
        for path in [
            "canary",
            "secret",
            "outside/canary",
            "outside/index.html",
            "staticx",
            "root/.git/HEAD",
            "root/.env",
            "root/folder/.htpasswd",
            "root/.well-known/.env",
            "list/.hidden/canary",
        ] {
            self.write(path, &self.canary);
        }
    }

    fn links(&self) {
        let root = self.place().join("root");
        for (name, target) in [
            ("link-in", "folder"),
            ("folder/link-up", "../file.txt"),
            ("link-out", "../canary"),
            ("link-to-outside", "../outside"),
            ("link-to-root-directory", "/"),
            ("link-to-link-out", "link-out"),
            ("link-to-magic", "/proc/self/environ"),
            ("link-to-descriptors", "/proc/self/fd"),
            ("link-to-zero", "/dev/zero"),
            ("link-in-a-circle", "link-in-a-circle"),
            ("link-to-hidden", "link-out/../.env"),
            ("swapping", "../outside"),
            ("../list/link-to-outside", "../outside"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        symlink(self.place().join("canary"), root.join("link-out-absolute")).unwrap();
        symlink(self.place().join("root/../canary"), root.join("link-out-by-dots")).unwrap();
        symlink(self.place().join("root/link-to-outside/canary"), root.join("link-out-by-two")).unwrap();
        symlink(self.place().join("root/file.txt"), root.join("link-in-absolute")).unwrap();
        fs::create_dir(root.join("folder-with-link-as-index")).unwrap();
        symlink("../../canary", root.join("folder-with-link-as-index/index.html")).unwrap();
        fs::hard_link(root.join("file.txt"), root.join("hard-link")).unwrap();
    }

    fn special(&self) {
        let root = self.place().join("root");
        mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        drop(UnixListener::bind(root.join("socket")).unwrap());
    }

    fn list(&self) {
        for name in [
            "harmless.txt",
            "\"><svg onload=alert(1)>.txt",
            "'><svg onload=alert(2)>.txt",
            "&lt;script&gt;.txt",
            "<script>alert(1)<",
            "javascript:alert(1)",
            "\\evil.com",
            "x\r\nSet-Cookie: a=b",
            "a b#c?d%e",
        ] {
            self.write(&format!("list/{name}"), "listed\n");
        }
    }
}

/// An answer as it came, byte by byte.
pub(super) struct Raw {
    pub(super) status: u16,
    /// Names in lower case.
    fields: Vec<(String, String)>,
    body: String,
}

impl Raw {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no whole head: {text:?}"));
        assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "a bare end of line: {head:?}");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        let fields = lines.map(|line| line.split_once(':').expect("a field"));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Self { status: status.parse().unwrap(), fields: fields.collect(), body: body.to_owned() }
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> &str {
        &self.body
    }
}

/// All that comes back for some bytes, until the connection ends.
pub(super) fn exchange(program: &Program, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(&program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}: {}", bytes.escape_ascii()),
        _ => answer,
    }
}
