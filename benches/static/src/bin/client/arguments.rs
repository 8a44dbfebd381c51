use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::connection::Target;

/// What the command line says.
pub struct Arguments {
    pub address: SocketAddr,
    pub connections: usize,
    pub seconds: Duration,
    /// For how long requests are made before those that count.
    pub warm: Duration,
    /// The processes of the server.
    pub pids: Vec<u32>,
    /// Whether each request has a connection of its own.
    pub close: bool,
    /// How much the client reads at a time; if absent, it discards what it gets in the kernel, as much as is there.
    pub read: Option<usize>,
    /// Whether the client never sleeps, so that no server spends time on waking it.
    pub spin: bool,
    root: PathBuf,
    paths: Vec<String>,
    status: u16,
    range: Option<(u64, u64)>,
    if_none_match: bool,
}

const USAGE: &str = "client --address ADDRESS --root FOLDER --connections N --seconds S [--warm S] [--pid PID]... \
                     --path PATH | --paths FILE [--status 200] [--range FIRST-LAST] [--if-none-match yes] \
                     [--close yes] [--read BYTES] [--spin yes]";

impl Arguments {
    pub fn from_command_line() -> Self {
        let mut all = Self {
            address: ([127, 0, 0, 1], 80).into(),
            connections: 1,
            seconds: Duration::from_secs(1),
            warm: Duration::from_millis(200),
            pids: Vec::new(),
            close: false,
            read: None,
            spin: false,
            root: PathBuf::new(),
            paths: Vec::new(),
            status: 200,
            range: None,
            if_none_match: false,
        };
        let mut words = std::env::args().skip(1);
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            all.take(&name, &value).expect(USAGE);
        }
        assert!(!all.paths.is_empty(), "{USAGE}");
        all
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "--address" => self.address = value.parse().ok()?,
            "--root" => self.root = value.into(),
            "--connections" => self.connections = value.parse().ok()?,
            "--seconds" => self.seconds = Duration::from_secs_f64(value.parse().ok()?),
            "--warm" => self.warm = Duration::from_secs_f64(value.parse().ok()?),
            "--pid" => self.pids.push(value.parse().ok()?),
            "--path" => self.paths.push(value.to_owned()),
            "--paths" => self.paths = fs::read_to_string(value).ok()?.lines().map(str::to_owned).collect(),
            "--status" => self.status = value.parse().ok()?,
            "--range" => {
                let (first, last) = value.split_once('-')?;
                self.range = Some((first.parse().ok()?, last.parse().ok()?));
            }
            "--if-none-match" => self.if_none_match = value == "yes",
            "--close" => self.close = value == "yes",
            "--read" => self.read = Some(value.parse().ok()?),
            "--spin" => self.spin = value == "yes",
            _ => return None,
        }
        Some(())
    }

    /// The requests, and what is expected.
    pub fn targets(&self) -> io::Result<Vec<Target>> {
        self.paths.iter().map(|path| self.target(path)).collect()
    }

    fn target(&self, path: &str) -> io::Result<Target> {
        let mut fields = String::new();
        if let Some((first, last)) = self.range {
            fields += &format!("Range: bytes={first}-{last}\r\n");
        }
        if self.if_none_match {
            fields += &format!("If-None-Match: {}\r\n", self.etag(path)?);
        }
        if self.close {
            fields += "Connection: close\r\n";
        }
        let content = match self.status {
            200 => Some(fs::read(self.root.join(path.trim_start_matches('/')))?),
            206 => {
                let (first, last) = self.range.expect("a partial answer needs --range");
                let whole = fs::read(self.root.join(path.trim_start_matches('/')))?;
                Some(whole[first as usize..=last as usize].to_vec())
            }
            _ => None,
        };
        Ok(Target { request: self.request(path, &fields).into_bytes(), status: self.status, content })
    }

    /// What a browser sends for a picture.
    fn request(&self, path: &str, fields: &str) -> String {
        let address = self.address;
        format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n\
             Accept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5\r\n\
             Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
             Referer: http://{address}/index.html\r\n{fields}\r\n"
        )
    }

    /// The tag that the server itself gives.
    fn etag(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(self.request(path, "Connection: close\r\n").as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let tag = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("etag").then(|| value.to_owned())
        });
        tag.ok_or_else(|| io::Error::other("the server gives no ETag"))
    }
}
