use std::ffi::OsString;
use std::os::fd::RawFd;
use std::os::unix::process::parent_id;

use crate::config_file::ConfigFile;

/// What a program writes to the one that takes its place, in a variable of the environment: the numbers of the descriptors that
/// it passes on, and what there is to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Letter {
    /// The process that writes it. A program that is started by another one has found it by accident.
    pub(super) from: u32,
    /// How many programs have served here in turn, with the new one.
    pub(super) generation: u64,
    /// Whether an operator has taken the server out of the rotation of a balancer.
    pub(super) is_drained: bool,
    /// Whether an operator has turned maintenance on.
    pub(super) is_in_maintenance: bool,
    /// What the configuration of the program that writes it came from.
    pub(super) config_file: ConfigFile,
    /// Where the two speak.
    pub(super) channel: RawFd,
    /// Where standard error leads in the end.
    pub(super) standard_error: RawFd,
    /// With what its file is known by.
    pub(super) control: Option<(RawFd, (u64, u64))>,
    /// Whether the file of a Unix socket goes with the server.
    pub(super) web: Vec<(RawFd, bool)>,
    pub(super) admin: Vec<(RawFd, bool)>,
}

pub(super) const VARIABLE: &str = "FOOBAR_UPGRADE";

impl Letter {
    pub(super) fn to_text(&self) -> String {
        let mut words = vec![
            format!("from={}", self.from),
            format!("generation={}", self.generation),
            format!("channel={}", self.channel),
            format!("stderr={}", self.standard_error),
        ];
        words.extend(self.is_drained.then(|| "drained=1".to_owned()));
        words.extend(self.is_in_maintenance.then(|| "maintenance=1".to_owned()));
        words.extend(match self.config_file {
            ConfigFile::Absent => None,
            ConfigFile::Empty => Some("config=empty".to_owned()),
            ConfigFile::Filled => Some("config=filled".to_owned()),
        });
        words.extend(self.control.map(|(number, (device, node))| format!("control={number}:{device}:{node}")));
        for (name, sockets) in [("web", &self.web), ("admin", &self.admin)] {
            let file = |owns_file| if owns_file { "-file" } else { "" };
            words.extend(sockets.iter().map(|(number, owns_file)| format!("{name}{}={number}", file(*owns_file))));
        }
        words.join(" ")
    }

    /// The letter in the environment.
    pub(super) fn find(variable: Option<OsString>) -> Result<Option<Self>, String> {
        let Some(text) = variable else { return Ok(None) };
        let letter = text.to_str().and_then(Self::parse);
        letter.map(Some).ok_or_else(|| format!("`FOOBAR_UPGRADE` is {text:?}: {UNREADABLE}"))
    }

    /// Whether it is for this process.
    pub(super) fn is_from_parent(&self) -> bool {
        self.from == parent_id()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut letter = Self { channel: -1, standard_error: -1, ..Self::default() };
        for word in text.split(' ') {
            let Some((name, value)) = word.split_once('=') else { continue };
            let number = || value.parse().ok().filter(|number| *number >= 0); // no number: no letter
            match name {
                "from" => letter.from = value.parse().ok()?,             // the same
                "generation" => letter.generation = value.parse().ok()?, // the same
                "drained" => letter.is_drained = true,
                "maintenance" => letter.is_in_maintenance = true,
                "config" if value == "empty" => letter.config_file = ConfigFile::Empty,
                "config" if value == "filled" => letter.config_file = ConfigFile::Filled,
                "channel" => letter.channel = number()?,
                "stderr" => letter.standard_error = number()?,
                "control" => letter.control = Some(control(value)?),
                "web" => letter.web.push((number()?, false)),
                "web-file" => letter.web.push((number()?, true)),
                "admin" => letter.admin.push((number()?, false)),
                "admin-file" => letter.admin.push((number()?, true)),
                _ => {} // a newer program's, to which one goes back
            }
        }
        let is_whole = letter.from != 0 && letter.generation != 0 && letter.channel >= 0 && letter.standard_error >= 0;
        is_whole.then_some(letter)
    }
}

fn control(value: &str) -> Option<(RawFd, (u64, u64))> {
    let mut numbers = value.split(':');
    let number = numbers.next()?.parse().ok().filter(|number| *number >= 0)?; // no number: no letter
    let mut next = || numbers.next()?.parse().ok(); // the same
    Some((number, (next()?, next()?)))
}

const UNREADABLE: &str =
    "no program of this kind has written that; unset it, or restart the server in place of an upgrade";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let letter = Letter {
            from: parent_id(),
            generation: 3,
            is_drained: true,
            is_in_maintenance: true,
            config_file: ConfigFile::Filled,
            channel: 7,
            standard_error: 8,
            control: Some((9, (20, 21))),
            web: vec![(10, false), (11, true)],
            admin: vec![(12, false)],
        };
        assert!(letter.is_from_parent());
        assert_eq!(Letter::find(Some(letter.to_text().into())), Ok(Some(letter)));
        assert_eq!(Letter::find(None), Ok(None));
    }

    #[test]
    fn words_of_a_newer_program_are_passed_over() {
        let letter = Letter { from: 1, generation: 2, channel: 3, standard_error: 4, ..Letter::default() };
        let text = format!("{} config=folded colour=blue blue admin-ring=7", letter.to_text());
        assert_eq!(Letter::find(Some(text.into())), Ok(Some(letter)));
    }

    #[test]
    fn a_letter_from_another_process_than_the_parent_is_found_by_accident() {
        let letter =
            Letter { from: std::process::id(), generation: 2, channel: 7, standard_error: 8, ..Letter::default() };
        assert!(!letter.is_from_parent());
    }

    #[test]
    fn what_is_no_letter_is_an_error_that_names_the_variable() {
        for text in
            ["", "yes", "from=1", "from=1 generation=2 channel=x stderr=3", "from=1 generation=2 channel=-4 stderr=3"]
        {
            let error = Letter::find(Some(text.into())).unwrap_err();
            assert!(error.starts_with("`FOOBAR_UPGRADE` is "), "{error}");
        }
    }
}
