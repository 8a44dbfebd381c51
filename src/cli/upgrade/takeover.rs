use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;

use foobar_core::config::Config;
use foobar_web::{PassedSocket, WebSettings};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::descriptors::{adopt, adopt_listener, replace_standard_error};
use super::letter::{Letter, VARIABLE};
use super::sockets::{GivenSockets, of_service_manager};
use super::successor::{GO, READY, SERVING, SERVING_AND_HEARING, WITHOUT};
use crate::Running;
use crate::cli::control_socket::FileIdentity;

/// What a process was started with.
pub(in crate::cli) struct Given {
    pub(in crate::cli) sockets: GivenSockets,
    /// The control socket, and which file it is.
    pub(in crate::cli) control: Option<(OwnedFd, FileIdentity)>,
    pub(in crate::cli) takeover: Option<Takeover>,
    /// The process that has written a letter which is not for this one.
    stray: Option<u32>,
}

/// Of a program that takes the place of another one.
pub(in crate::cli) struct Takeover {
    pub(in crate::cli) generation: u64,
    pub(in crate::cli) is_drained: bool,
    pub(in crate::cli) is_in_maintenance: bool,
    /// The process before.
    from: u32,
    channel: StdUnixStream,
    standard_error: OwnedFd,
}

impl Given {
    /// By a program whose place this one takes, or by a service manager. To be taken before anything else is open.
    pub(in crate::cli) fn take(config: &Config) -> Result<Self, String> {
        let letter = Letter::find(std::env::var_os(VARIABLE))?;
        let stray = match letter {
            Some(letter) if letter.is_from_parent() => {
                letter.config_file.require_in(config).map_err(|error| error.to_string())?;
                return Self::of(letter)
                    .map_err(|error| format!("`FOOBAR_UPGRADE`: a descriptor that is not there: {error}"));
            }
            other => other.map(|letter| letter.from),
        };
        let web = config.section::<WebSettings>().ok(); // what is wrong with it is told with all else
        let listen = web.iter().flat_map(|web| web.listen.iter());
        Ok(Self { sockets: of_service_manager(listen)?, control: None, takeover: None, stray })
    }

    /// Says so in the log where a letter was there that has no effect: if its writer has ended in the middle of an upgrade, its sockets
    /// are open here, and their addresses in use.
    pub(in crate::cli) fn warn_of_stray(&self) {
        if let Some(from) = self.stray {
            tracing::warn!(
                from,
                "`FOOBAR_UPGRADE` has no effect: the process that wrote it has not started this one, or has ended"
            );
        }
    }

    fn of(letter: Letter) -> io::Result<Self> {
        let take = |numbers: Vec<(RawFd, bool)>| -> io::Result<Vec<PassedSocket>> {
            let take = |(number, owns_file)| Ok(PassedSocket { socket: adopt_listener(number)?, owns_file });
            numbers.into_iter().map(take).collect()
        };
        let control = letter.control.map(|(number, identity)| Ok::<_, io::Error>((adopt_listener(number)?, identity)));
        let takeover = Takeover {
            generation: letter.generation,
            is_drained: letter.is_drained,
            is_in_maintenance: letter.is_in_maintenance,
            from: letter.from,
            channel: adopt(letter.channel)?.into(),
            standard_error: adopt(letter.standard_error)?,
        };
        let sockets = GivenSockets { web: take(letter.web)?, admin: take(letter.admin)? };
        Ok(Self { sockets, control: control.transpose()?, takeover: Some(takeover), stray: None })
    }
}

impl Takeover {
    /// Serves once all tiers are ready and the program before says so; one that is gone says so, too.
    pub(in crate::cli) async fn take_turn(self, running: &Arc<Running>, hears_orders: bool) -> io::Result<()> {
        running.all_ready().await;
        self.channel.set_nonblocking(true)?;
        let (read, mut write) = UnixStream::from_std(self.channel)?.into_split();
        drop(write.write_all(format!("{READY}\n").as_bytes()).await); // it is gone
        let mut lines = BufReader::new(read).lines();
        if let Ok(Some(line)) = lines.next_line().await
            && line != GO
        {
            return Err(io::Error::other(format!("the program before said {line:?} in the place of `{GO}`")));
        }
        replace_standard_error(&self.standard_error)?; // before the turn: whoever fails after it loses requests
        let not_taken = running.not_taken();
        running.take_turn();
        let serving = if hears_orders { SERVING_AND_HEARING } else { SERVING };
        let without: String = not_taken.iter().filter_map(|address| without(address)).collect();
        drop(write.write_all(format!("{without}{serving}\n").as_bytes()).await); // it is gone
        tracing::info!(
            generation = self.generation,
            before = self.from,
            "this program serves in the place of another one"
        );
        let (running, from) = (Arc::clone(running), self.from);
        running.set_before(from, "connections that end".to_owned()); // until it says more
        tokio::spawn(async move {
            while let Ok(Some(left)) = lines.next_line().await {
                running.set_before(from, left);
            }
            running.forget_before();
            tracing::info!(process = from, "the program before has ended");
        });
        Ok(())
    }
}

/// The line that says so to the program before; of a path that is none, nothing.
fn without(address: &str) -> Option<String> {
    (!address.contains(char::is_control)).then(|| format!("{WITHOUT}{address}\n"))
}
