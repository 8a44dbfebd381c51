use std::path::PathBuf;

use crate::large::{Large, Way};

/// What the command line says.
pub struct Arguments {
    pub listen: String,
    pub root: PathBuf,
    /// How files of at least `large_from` bytes are sent; from memory if absent.
    large: Option<Way>,
    large_from: u64,
    cork: bool,
    /// `SO_SNDBUF`; the kernel's own tuning if absent.
    pub send_buffer: Option<usize>,
    /// `TCP_NOTSENT_LOWAT`; none if absent.
    pub lowat: Option<u32>,
}

const USAGE: &str = "bare --listen ADDRESS --root FOLDER [--large pread:BYTES|sendfile:BYTES] [--large-from BYTES] \
                     [--cork yes] [--send-buffer BYTES] [--lowat BYTES]";

impl Arguments {
    pub fn from_command_line() -> Self {
        let mut all = Self {
            listen: String::new(),
            root: PathBuf::new(),
            large: None,
            large_from: 1 << 20,
            cork: false,
            send_buffer: None,
            lowat: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            words.next().and_then(|value| all.take(&name, value)).expect(USAGE);
        }
        assert!(!all.listen.is_empty() && all.root.is_dir(), "{USAGE}");
        all
    }

    fn take(&mut self, name: &str, value: String) -> Option<()> {
        match name {
            "--listen" => self.listen = value,
            "--root" => self.root = value.into(),
            "--large" => self.large = Some(Way::parse(&value)?),
            "--large-from" => self.large_from = value.parse().ok()?,
            "--cork" => self.cork = value == "yes",
            "--send-buffer" => self.send_buffer = Some(value.parse().ok()?),
            "--lowat" => self.lowat = Some(value.parse().ok()?),
            _ => return None,
        }
        Some(())
    }

    /// The files from this size on are not read into memory.
    pub fn large_from(&self) -> u64 {
        self.large.map_or(u64::MAX, |_| self.large_from)
    }

    pub fn large(&self) -> Large {
        Large::new(self.large.unwrap_or(Way::Sendfile(0)), self.cork)
    }
}
