use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::answers::Answers;
use super::listener::{self, Listener};
use super::{tcp, udp};
use crate::Error;

/// Sockets that belong to the runtime of the name server, and do not answer yet.
pub(super) struct Opened {
    wanted: SocketAddr,
    address: SocketAddr,
    udp: UdpSocket,
    tcp: TcpListener,
}

/// An address at which questions are answered.
pub(super) struct Door {
    /// As the settings have it: its port may be 0.
    pub(super) wanted: SocketAddr,
    pub(super) address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

impl Opened {
    pub(super) fn new(listener: Listener, runtime: &Handle) -> Result<Self, Error> {
        let _on = runtime.enter();
        let Listener { wanted, address, udp, tcp } = listener;
        let open = || -> io::Result<_> { Ok((UdpSocket::from_std(udp.into())?, TcpListener::from_std(tcp.into())?)) };
        let (udp, tcp) = open().map_err(|source| listener::error(wanted, &source))?;
        Ok(Self { wanted, address, udp, tcp })
    }

    /// Answers from now on.
    pub(super) fn serve(self, answers: &Arc<Answers>, runtime: &Handle) -> Door {
        let udp = runtime.spawn(udp::serve(self.udp, Arc::clone(answers)));
        let tcp = runtime.spawn(tcp::serve(self.tcp, Arc::clone(answers)));
        Door { wanted: self.wanted, address: self.address, tasks: [udp, tcp] }
    }
}

impl Door {
    /// Its sockets are closed when this is done; connections over TCP go on until they are idle.
    pub(super) async fn close(self) {
        for task in self.tasks {
            task.abort();
            drop(task.await); // it was aborted
        }
    }
}
