//! Another `[dns]` while the server serves.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::RecordType;

use super::server::{Server, ask, ask_by_tcp, configuration, question};
use crate::support::{PATIENCE, Program};

impl Server {
    /// Has it read this configuration; the line of its log that says what came of it.
    fn reload(&mut self, configuration: &str) -> String {
        fs::write(self.folder.path().join("foobar.toml"), configuration).unwrap();
        self.program.signal("HUP");
        self.program.until_logged("reloaded")
    }

    /// The same with other addresses, and where it serves the zone then.
    fn move_to(&mut self, listen: &[&str]) -> Vec<SocketAddr> {
        let told = self.reload(&listening(listen));
        assert!(told.contains("changed=\"dns.listen\""), "{told}");
        let mut line = || self.program.until_logged("the zone is served on ");
        listen.iter().map(|_| line().trim().rsplit(' ').next().unwrap().parse().unwrap()).collect()
    }

    fn serial(&self) -> u32 {
        self.short(&["foobar.com", "SOA"])[0].split(' ').nth(2).unwrap().parse().unwrap()
    }
}

fn listening(listen: &[&str]) -> String {
    configuration("", "").replace("[\"\"]", &format!("{listen:?}"))
}

/// Whether somebody answers by UDP and by TCP.
fn is_served(address: SocketAddr) -> [bool; 2] {
    let socket = UdpSocket::bind((address.ip(), 0)).unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send(&question("foobar.com.", RecordType::A, None)).unwrap();
    let by_udp = match socket.recv(&mut [0; 512]) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => false,
        Err(error) => panic!("{error}"),
    };
    [by_udp, TcpStream::connect(address).is_ok()]
}

#[test]
fn the_next_question_is_answered_from_the_new_zone_also_on_a_connection_that_stays() {
    let before = configuration("127.0.0.1:0", "");
    let mut server = Server::with(&before);
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(ask_by_tcp(&mut stream), ["203.0.113.5"]);
    let after = before
        .replace("203.0.113.5", "203.0.113.6")
        .replace("ns2.provider.net", "ns2.other.net")
        .replace("\"mail A 203.0.113.25\"", "\"mail A 203.0.113.26\", \"new TXT here\"");
    let told = server.reload(&after);
    assert!(told.contains("changed=\"dns.addresses, dns.nameservers, dns.records\""), "{told}");
    assert_eq!(ask_by_tcp(&mut stream), ["203.0.113.6"]);
    assert_eq!(server.short(&["mail.foobar.com", "A"]), ["203.0.113.26"]);
    assert_eq!(server.short(&["new.foobar.com", "TXT"]), ["\"here\""]);
    assert_eq!(server.short(&["foobar.com", "NS"]), ["ns1.foobar.com.", "ns2.other.net."]);
}

#[test]
fn a_name_of_a_new_site_is_in_the_zone_at_once() {
    let before = configuration("127.0.0.1:0", "");
    let mut server = Server::with(&before);
    assert_eq!(server.short(&["shop.foobar.com", "CNAME"]), [""; 0]);
    server.reload(&(before + "[sites.shop]\nserver_name = ['shop.foobar.com']\nroot = 'public'\n"));
    assert_eq!(server.short(&["shop.foobar.com", "CNAME"]), ["foobar.com."]);
}

#[test]
fn the_serial_grows_with_a_new_zone_and_stays_with_the_same() {
    let lines = |host: u8| {
        configuration("127.0.0.1:0", "transfer = [\"127.0.0.9\"]").replace("192.0.2.8", &format!("192.0.2.{host}"))
    };
    let mut server = Server::with(&lines(8));
    let mut before = server.serial();
    for host in 9..13 {
        server.reload(&lines(host));
        let after = server.serial();
        assert!(after != before && after.wrapping_sub(before) < 1 << 31, "{before} {after}");
        server.reload(&(lines(host) + "\n[server]\nshutdown_timeout = '9s'\n"));
        assert_eq!(server.serial(), after);
        before = after;
    }
}

#[test]
fn addresses_open_and_close_and_those_that_stay_keep_their_sockets() {
    // No other test has these, which would take a port that has been left.
    let [host, other] = ["127.0.0.41:0", "127.0.0.42:0"];
    let mut server = Server::with(&configuration(host, ""));
    let first = server.address;
    let both = server.move_to(&[host, other]);
    assert_eq!(both[0], first);
    assert_eq!([is_served(first), is_served(both[1])], [[true; 2]; 2]);
    let second = server.move_to(&[other]);
    assert_eq!(second, both[1..]);
    assert_eq!([is_served(first), is_served(second[0])], [[false; 2], [true; 2]]);
    let none = server.reload(&listening(&[]));
    assert!(none.contains("changed=\"dns.listen\""), "{none}");
    assert_eq!(is_served(second[0]), [false; 2]);
    let again = server.move_to(&[host]);
    assert_eq!(is_served(again[0]), [true; 2]);
}

#[test]
fn who_may_have_the_zone_changes_at_once_and_a_new_secondary_is_told_of_it() {
    let secondary = UdpSocket::bind("127.0.0.1:0").unwrap();
    secondary.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = secondary.local_addr().unwrap();
    let mut server = Server::with(&configuration("127.0.0.1:0", ""));
    let is_transferred = |server: &Server| server.dig(&["foobar.com", "AXFR"]).contains("\tIN\t");
    assert!(!is_transferred(&server));
    server.reload(&configuration("127.0.0.1:0", &format!("transfer = [\"{address}\"]")));
    assert!(is_transferred(&server));
    let mut buffer = [0; 512];
    let (length, _) = secondary.recv_from(&mut buffer).unwrap();
    assert_eq!(Message::from_vec(&buffer[..length]).unwrap().metadata.op_code, OpCode::Notify);
    server.reload(&configuration("127.0.0.1:0", ""));
    assert!(!is_transferred(&server));
}

#[test]
fn the_rate_limit_changes_at_once() {
    let unlimited = configuration("127.0.0.1:0", "");
    let mut server = Server::with(&unlimited.replace("rate_limit = 0", "rate_limit = 1"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let question = question("foobar.com.", RecordType::A, None);
    ask(&socket, &question);
    server.reload(&unlimited);
    for _ in 0..100 {
        let (_, answer) = ask(&socket, &question);
        assert!(!answer.metadata.truncation);
    }
}

#[test]
fn a_configuration_that_cannot_be_taken_changes_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let before = configuration("127.0.0.1:0", "");
    let mut server = Server::with(&before);
    for (mistake, told) in [
        (listening(&["127.0.0.1:0", &taken.to_string()]), format!("`dns.listen`: cannot listen on {taken}: ")),
        (before.replace("\"chain CNAME www\"", "\"www CNAME @\", \"www TXT x\""), "`dns.records`: ".to_owned()),
        (before.replace("203.0.113.5", "nowhere"), "`dns.addresses`: ".to_owned()),
        (before.replace("203.0.113.5", "203.0.113.6") + "[sites.other]\nroot = 'nowhere'\n", "nowhere".to_owned()),
    ] {
        let line = server.reload(&mistake);
        assert!(line.contains("the configuration is not reloaded") && line.contains(&told), "{told}: {line}");
        assert_eq!(server.short(&["foobar.com", "A"]), ["203.0.113.5"]);
    }
}

#[test]
fn a_name_server_that_was_not_there_at_the_start_needs_a_restart() {
    let folder = super::folder("[sites.www]\nroot = 'public'\n");
    let mut program = Program::start(&mut Program::foobar(folder.path()));
    fs::write(folder.path().join("foobar.toml"), configuration("127.0.0.1:0", "")).unwrap();
    program.signal("HUP");
    let told = program.until_logged("dns.listen");
    assert!(told.contains("`dns.listen`: there was no name server at the start; restart to change it"), "{told}");
}
