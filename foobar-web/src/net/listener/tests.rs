use super::*;
use crate::net::unacknowledged::unacknowledged;
use rustix::net::sockopt::set_tcp_congestion;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

impl Share {
    /// One of no socket, which no runtime takes.
    pub(crate) fn unwatchable() -> Self {
        let file = File::open("/dev/null").expect("it is there");
        let (socket, id) = (Socket::from(OwnedFd::from(file)), ListenerId(Arc::default()));
        Self { socket, scheme: Scheme::Http, proxy_protocol: false, id }
    }
}

/// A listening socket as `fd:N` finds it, and a client that has connected already.
fn waited_for() -> (Socket, TcpStream) {
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
    (Socket::from(listening), client)
}

fn plain() -> Listen {
    "127.0.0.1:0".parse().unwrap()
}

async fn accepted(acceptor: &Acceptor) -> TcpStream {
    match acceptor.accept().await.unwrap().0 {
        Accepted::Tcp(TcpConnection::Fresh(stream)) => stream,
        _ => unreachable!("it listens on TCP"),
    }
}

#[tokio::test]
async fn every_connection_is_tuned_also_one_that_came_before_the_server() {
    let (socket, _early) = waited_for();
    let listener = Listener::new(socket, None).unwrap();
    let address = listener.address().clone();
    let acceptor = Acceptor::new(listener.share(&plain()).unwrap()).unwrap();
    let early = accepted(&acceptor).await;
    let Address::Tcp(address) = address else { unreachable!("it listens on TCP") };
    let _late = TcpStream::connect(address).unwrap();
    let late = accepted(&acceptor).await;
    for stream in [early, late] {
        let socket = SockRef::from(&stream);
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT);
        assert!(socket.tcp_nodelay().unwrap());
    }
}

/// What the system holds for a client that reads nothing, once it takes no more.
async fn held(congestion_control: &str, mut write: impl FnMut(&mut TcpStream) -> io::Result<usize>) -> Option<u64> {
    let (socket, _client) = waited_for();
    set_tcp_congestion(&socket, congestion_control).ok()?; // this system does not have it
    let listener = Listener::new(socket, None).unwrap();
    let mut stream = accepted(&Acceptor::new(listener.share(&plain()).unwrap()).unwrap()).await;
    set_tcp_congestion(&stream, congestion_control).unwrap();
    while let Ok(written) = write(&mut stream) {
        assert!(written > 0);
    }
    Some(unacknowledged(stream.as_fd()))
}

#[tokio::test]
async fn a_client_that_reads_nothing_has_little_waiting_whichever_way_the_bytes_take() {
    const LARGE: usize = 8 << 20;
    let content = vec![1; LARGE];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    std::fs::write(&path, &content).unwrap();
    let file = File::open(path).unwrap();
    for congestion_control in ["reno", "cubic", "bbr"] {
        let from_memory = held(congestion_control, |stream| stream.write(&content)).await;
        let of_a_file =
            held(congestion_control, |stream| Ok(rustix::fs::sendfile(stream, &file, Some(&mut 0), LARGE)?));
        for held in [from_memory, of_a_file.await].into_iter().flatten() {
            assert!((1..512 << 10).contains(&held), "{congestion_control}: {held} bytes");
        }
    }
}
