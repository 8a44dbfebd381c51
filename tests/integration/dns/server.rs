use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use socket2::{Domain, Socket, Type};

use super::{folder, foobar, system};
use crate::support::{PATIENCE, Program, Random, seed};

/// A program that serves a zone, and its folder.
pub(super) struct Server {
    pub(super) program: Program,
    pub(super) address: SocketAddr,
    pub(super) folder: tempfile::TempDir,
}

impl Server {
    /// With further lines of `[dns]`.
    fn start(lines: &str) -> Self {
        Self::with(&configuration("127.0.0.1:0", lines))
    }

    pub(super) fn with(configuration: &str) -> Self {
        Self::start_in(folder(configuration))
    }

    fn start_in(folder: tempfile::TempDir) -> Self {
        let program = Program::start(&mut Program::foobar(folder.path()));
        let line = program.banner.iter().find(|line| line.starts_with("dns  ")).expect("it says where");
        let address = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(line.ends_with(" (foobar.com)"), "{line}");
        Self { program, address, folder }
    }

    /// What `dig` prints of it.
    pub(super) fn dig(&self, arguments: &[&str]) -> String {
        let mut dig = system("dig");
        dig.args(["+norecurse", "+timeout=20", "+tries=1"]).arg(format!("@{}", self.address.ip()));
        let output = dig.args(["-p", &self.address.port().to_string()]).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }

    /// The data of the answers, in the order of their text.
    pub(super) fn short(&self, arguments: &[&str]) -> Vec<String> {
        let text = self.dig(&[&["+short"], arguments].concat());
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// A socket that sends to it alone.
    fn socket(&self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        socket
    }
}

pub(super) fn configuration(listen: &str, lines: &str) -> String {
    format!(
        r#"
        [dns]
        listen = ["{listen}"]
        addresses = ["203.0.113.5", "2001:db8::5"]
        nameservers = ["ns1.foobar.com", "ns2.provider.net"]
        rate_limit = 0
        records = [
            "@ MX 10 mail",
            "mail A 203.0.113.25",
            "*.wild A 192.0.2.7",
            "*.wild TXT star",
            "a.b.c A 192.0.2.8",
            "out CNAME www.example.org.",
            "chain CNAME www",
            "long TXT \"{}\" \"{}\"",
        ]
        {lines}

        [sites.www]
        server_name = ["foobar.com", "www.foobar.com"]
        root = "public"
        "#,
        "a".repeat(250),
        "b".repeat(250),
    )
}

pub(super) fn question(name: &str, kind: RecordType, payload: Option<u16>) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    if let Some(payload) = payload {
        let mut edns = Edns::new();
        edns.set_max_payload(payload);
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

/// Asks by UDP; the bytes of the answer and what they say.
pub(super) fn ask(socket: &UdpSocket, question: &[u8]) -> (usize, Message) {
    socket.send(question).unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    (length, Message::from_vec(&buffer[..length]).unwrap())
}

/// The addresses of the zone's own name, asked for over a connection that stays.
pub(super) fn ask_by_tcp(stream: &mut TcpStream) -> Vec<String> {
    let question = question("foobar.com.", RecordType::A, None);
    stream.write_all(&[&(question.len() as u16).to_be_bytes(), &question[..]].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).unwrap();
    let answer = Message::from_vec(&answer).unwrap();
    answer.answers.iter().map(|record| record.data.to_string()).collect()
}

#[test]
fn delv_reads_the_zone_too() {
    let server = Server::start("");
    let (address, port) = (format!("@{}", server.address.ip()), server.address.port().to_string());
    let output = system("delv").args(["-i", &address, "-p", &port, "foobar.com", "A"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().any(|line| line.starts_with("foobar.com.") && line.ends_with("203.0.113.5")), "{text}");
}

#[test]
fn the_zone_is_served_over_udp_and_tcp() {
    let server = Server::start("");
    for transport in ["+notcp", "+tcp"] {
        let short = |name, kind| server.short(&[transport, name, kind]);
        assert_eq!(short("foobar.com", "A"), ["203.0.113.5"]);
        assert_eq!(short("foobar.com", "AAAA"), ["2001:db8::5"]);
        assert_eq!(short("www.foobar.com", "A"), ["203.0.113.5", "foobar.com."]);
        assert_eq!(short("www.foobar.com", "CNAME"), ["foobar.com."]);
        assert_eq!(short("chain.foobar.com", "AAAA"), ["2001:db8::5", "foobar.com.", "www.foobar.com."]);
        assert_eq!(short("foobar.com", "NS"), ["ns1.foobar.com.", "ns2.provider.net."]);
        assert_eq!(short("foobar.com", "MX"), ["10 mail.foobar.com."]);
        assert_eq!(short("x.y.wild.foobar.com", "A"), ["192.0.2.7"]);
        assert_eq!(short("out.foobar.com", "A"), ["www.example.org."]);
        let soa = short("foobar.com", "SOA");
        assert!(soa[0].starts_with("ns1.foobar.com. hostmaster.foobar.com. "), "{soa:?}");
    }
    let whole = server.dig(&["FooBar.COM", "A"]);
    assert!(whole.contains("flags: qr aa;") && whole.contains("status: NOERROR"), "{whole}");
    assert!(whole.contains("\nFooBar.COM.\t\t3600\tIN\tA\t203.0.113.5\n"), "the name is as it was asked for: {whole}");
}

#[test]
fn what_is_not_there_is_told_with_the_soa() {
    let server = Server::start("");
    for (name, kind, status) in [
        ("none.foobar.com", "A", "NXDOMAIN"),
        ("a.mail.foobar.com", "A", "NXDOMAIN"),
        ("foobar.com", "TXT", "NOERROR"),
        ("mail.foobar.com", "MX", "NOERROR"),
        ("c.foobar.com", "A", "NOERROR"),
        ("b.c.foobar.com", "A", "NOERROR"),
        ("x.c.foobar.com", "A", "NXDOMAIN"),
        ("wild.foobar.com", "A", "NOERROR"),
        ("x.wild.foobar.com", "MX", "NOERROR"),
    ] {
        let text = server.dig(&[name, kind]);
        assert!(text.contains(&format!("status: {status}")) && text.contains("AUTHORITY: 1"), "{name} {kind}: {text}");
        assert!(text.contains("\nfoobar.com.\t\t300\tIN\tSOA\t"), "{name} {kind}: {text}");
    }
}

#[test]
fn what_this_server_does_not_do_is_refused() {
    let server = Server::start("");
    for (arguments, expected) in [
        (&["example.org", "A"][..], "status: REFUSED"),
        (&["com", "NS"], "status: REFUSED"),
        (&["xfoobar.com", "A"], "status: REFUSED"),
        (&["-c", "CH", "version.bind", "TXT"], "status: REFUSED"),
        (&["+opcode=STATUS", "foobar.com"], "status: NOTIMP"),
        (&["+opcode=UPDATE", "foobar.com"], "status: NOTIMP"),
        (&["+opcode=NOTIFY", "foobar.com", "SOA"], "status: NOTIMP"),
        (&["+edns=1", "+noednsnegotiation", "foobar.com", "A"], "status: BADVERS"),
        (&["+header-only"], "status: FORMERR"),
    ] {
        let text = server.dig(arguments);
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert!(text.contains("ANSWER: 0") || text.contains("malformed"), "{arguments:?}: {text}");
    }
    let any = server.dig(&["+notcp", "foobar.com", "ANY"]);
    assert!(any.contains("ANSWER: 1") && any.contains("HINFO\t\"RFC8482\" \"\""), "{any}");
}

#[test]
fn an_answer_by_udp_is_at_most_three_times_its_question_and_the_rest_comes_by_tcp() {
    let server = Server::start("");
    let socket = server.socket();
    for name in
        ["foobar.com.", "www.foobar.com.", "chain.foobar.com.", "long.foobar.com.", "none.foobar.com.", "example.org."]
    {
        for kind in [RecordType::A, RecordType::NS, RecordType::SOA, RecordType::TXT, RecordType::MX, RecordType::ANY] {
            for payload in [None, Some(0), Some(512), Some(1232), Some(u16::MAX)] {
                let question = question(name, kind, payload);
                let (length, answer) = ask(&socket, &question);
                assert!(length <= 3 * question.len(), "{name} {kind} {payload:?}: {length} of {}", question.len());
                assert_eq!(answer.queries.len(), 1);
                assert!(!answer.metadata.truncation || answer.answers.is_empty(), "{name} {kind}");
            }
        }
    }
    let cut = server.dig(&["+ignore", "long.foobar.com", "TXT"]);
    assert!(cut.contains("flags: qr aa tc;") && cut.contains("ANSWER: 0"), "{cut}");
    let whole = server.dig(&["long.foobar.com", "TXT"]);
    assert!(whole.contains("Truncated, retrying in TCP mode") && whole.contains(&"b".repeat(250)), "{whole}");
}

#[test]
fn the_common_questions_are_answered_by_udp() {
    let server = Server::start("");
    let socket = server.socket();
    for (name, kind) in [
        ("foobar.com.", RecordType::A),
        ("foobar.com.", RecordType::AAAA),
        ("www.foobar.com.", RecordType::A),
        ("foobar.com.", RecordType::NS),
        ("none.foobar.com.", RecordType::A),
        ("foobar.com.", RecordType::TXT),
    ] {
        let (_, answer) = ask(&socket, &question(name, kind, Some(1232)));
        assert!(!answer.metadata.truncation, "{name} {kind}");
    }
}

#[test]
fn the_whole_zone_is_for_named_addresses_alone() {
    let server = Server::start("transfer = [\"127.0.0.2\"]");
    let transfer = |from: &str| server.dig(&["-b", from, "foobar.com", "AXFR"]);
    let whole = transfer("127.0.0.2");
    let lines: Vec<&str> = whole.lines().filter(|line| line.contains("\tIN\t")).collect();
    let soa = |line: &&str| line.contains("\tSOA\t");
    assert!(lines.first().is_some_and(soa) && lines.last().is_some_and(soa), "{whole}");
    assert_eq!(lines.iter().filter(|line| soa(line)).count(), 2, "{whole}");
    for record in ["www.foobar.com.\t\t3600\tIN\tCNAME\tfoobar.com.", "*.wild.foobar.com.\t3600\tIN\tA\t192.0.2.7"] {
        assert!(lines.contains(&record), "{record}: {whole}");
    }
    let incremental = server.dig(&["-b", "127.0.0.2", "foobar.com", "IXFR=1"]);
    assert!(incremental.contains("XFR size: "), "{incremental}");
    for stranger in ["127.0.0.1", "127.0.0.3"] {
        let refused = transfer(stranger);
        assert!(refused.contains("Transfer failed") && !refused.contains("\tIN\t"), "{stranger}: {refused}");
    }
    let socket = server.socket();
    let (_, answer) = ask(&socket, &question("foobar.com.", RecordType::AXFR, None));
    assert_eq!(answer.metadata.response_code, ResponseCode::Refused, "not by UDP");
}

#[test]
fn where_all_connections_are_taken_an_idle_one_is_closed_for_a_new_one() {
    let server = Server::start("");
    let connect = |from: [u8; 4]| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&server.address.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let mut idle: Vec<_> = (0..256).map(|at: u16| connect([127, 0, 0, (at / 16) as u8 + 1])).collect();
    assert_eq!(ask_by_tcp(&mut idle[255]), ["203.0.113.5"]); // it is not idle for long, however long all of that took
    let mut new = connect([127, 0, 1, 1]);
    assert_eq!(ask_by_tcp(&mut new), ["203.0.113.5"]);
    assert_eq!(idle[0].read(&mut [0; 1]).unwrap(), 0, "it was the first");
    assert_eq!(ask_by_tcp(&mut idle[255]), ["203.0.113.5"]);
}

#[test]
fn another_zone_or_a_part_of_it_is_not_transferred() {
    let server = Server::start("transfer = [\"127.0.0.1\"]");
    for name in ["example.org", "www.foobar.com", "com"] {
        let refused = server.dig(&[name, "AXFR"]);
        assert!(refused.contains("Transfer failed"), "{name}: {refused}");
    }
}

#[test]
fn a_zone_of_many_records_is_transferred_in_several_messages() {
    let texts: Vec<String> = (0..300).map(|at| format!("\"t{at} TXT {}\"", "x".repeat(200))).collect();
    let configuration = configuration("127.0.0.1:0", "transfer = [\"127.0.0.1\"]");
    let server = Server::with(&configuration.replace("\"chain CNAME www\",", &(texts.join(",") + ",")));
    let whole = server.dig(&["foobar.com", "AXFR"]);
    assert_eq!(whole.lines().filter(|line| line.contains("\tTXT\t\"xxx")).count(), 300, "{whole}");
    let messages: u32 = whole.split_once("(messages ").unwrap().1.split(',').next().unwrap().parse().unwrap();
    assert!(messages > 3, "{messages}");
}

#[test]
fn a_network_that_asks_too_often_is_told_to_come_by_tcp_or_nothing() {
    let server = Server::with(&configuration("127.0.0.1:0", "").replace("rate_limit = 0", "rate_limit = 1"));
    let socket = server.socket();
    let mut is_limited = false;
    for _ in 0..10_000 {
        socket.send(&question("foobar.com.", RecordType::A, None)).unwrap();
        let mut buffer = [0; 512];
        socket.set_nonblocking(true).unwrap();
        while let Ok(length) = socket.recv(&mut buffer) {
            is_limited |= Message::from_vec(&buffer[..length]).unwrap().metadata.truncation;
        }
        if is_limited {
            break;
        }
    }
    assert!(is_limited);
    assert_eq!(server.short(&["+tcp", "foobar.com", "A"]), ["203.0.113.5"]);
    let metrics = server.program.admin("/metrics");
    let metrics = metrics.text();
    let limited = metrics.lines().find(|line| line.starts_with("foobar_dns_rate_limited_total{outcome=\"tcp\"}"));
    assert!(limited.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
}

#[test]
fn ten_thousand_malformed_messages_are_survived() {
    let server = Server::start("");
    let (socket, mut random) = (server.socket(), Random::new(seed(), 53));
    socket.set_nonblocking(true).unwrap();
    let good = question("www.foobar.com.", RecordType::A, Some(1232));
    for _ in 0..10_000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.below(256) as u8;
        }
        bytes.truncate(random.below(bytes.len() as u64 + 1) as usize);
        drop(socket.send(&bytes)); // the buffers of the system may be full
        let mut buffer = [0; 4096];
        while let Ok(length) = socket.recv(&mut buffer) {
            assert!(length <= 3 * good.len());
        }
    }
    // Until there is room for it a question is lost, and dig, which asks again from the same port, gets no answer for long.
    let other = server.socket();
    other.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let answered = (0..600).any(|_| other.send(&good).is_ok() && other.recv(&mut [0; 4096]).is_ok());
    assert!(answered);
    assert_eq!(server.short(&["foobar.com", "A"]), ["203.0.113.5"]);
    assert_eq!(server.short(&["+tcp", "foobar.com", "A"]), ["203.0.113.5"]);
    assert!(server.program.admin("/readyz").text().contains("dns: ready\n"));
}

#[test]
fn what_is_no_question_gets_no_answer() {
    let server = Server::start("");
    let socket = server.socket();
    let mut answer = Message::response(7, OpCode::Query);
    answer.add_query(Query::query(Name::from_ascii("foobar.com.").unwrap(), RecordType::A));
    for silent in [&[][..], &[0; 11], &answer.to_vec().unwrap()] {
        socket.send(silent).unwrap();
    }
    let (_, answer) = ask(&socket, &question("foobar.com.", RecordType::A, None));
    assert_eq!(answer.answers.len(), 1, "the first that comes is of the last question");
}

#[test]
fn an_address_that_is_taken_ends_the_start_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = folder(&configuration(&address, ""));
    let failed = foobar(folder.path(), &["serve"]);
    let error = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(1), "{error}");
    assert!(error.contains(&format!("`dns.listen`: cannot listen on {address}: ")), "{error}");
    assert!(error.contains("another program has it"), "{error}");
    assert!(foobar(folder.path(), &["check"]).status.success(), "what has it may be this server");
}

#[test]
fn addresses_that_are_none_are_errors_of_the_configuration() {
    for (listen, lines, key) in [
        ("foobar.com:53", "", "listen"),
        ("127.0.0.1", "", "listen"),
        ("127.0.0.1:0", "transfer = [\"10.0.0.0/8\"]", "transfer"),
    ] {
        let folder = folder(&configuration(listen, lines));
        let refused = foobar(folder.path(), &["check"]);
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{error}");
        assert!(error.contains(&format!("`dns.{key}`: ")) && error.contains("write one such as"), "{error}");
    }
}

#[test]
fn what_is_asked_and_answered_is_counted() {
    let server = Server::start("");
    server.dig(&["+noedns", "foobar.com", "A"]);
    server.dig(&["+tcp", "none.foobar.com", "A"]);
    server.dig(&["example.org", "A"]);
    let metrics = server.program.admin("/metrics");
    let metrics = metrics.text();
    for line in [
        "foobar_dns_questions_total{transport=\"udp\"} 2",
        "foobar_dns_questions_total{transport=\"tcp\"} 1",
        "foobar_dns_answers_total{code=\"noerror\"} 1",
        "foobar_dns_answers_total{code=\"nxdomain\"} 1",
        "foobar_dns_answers_total{code=\"refused\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
}

#[test]
fn the_serial_grows_with_each_change_of_the_configuration_where_others_have_the_zone_too() {
    let lines = |text: &str| configuration("127.0.0.1:0", "transfer = [\"127.0.0.9\"]").replace("192.0.2.8", text);
    let mut folder = folder(&lines("192.0.2.8"));
    let mut serial = |host: u8| {
        let given = std::mem::replace(&mut folder, tempfile::tempdir().unwrap());
        std::fs::write(given.path().join("foobar.toml"), lines(&format!("192.0.2.{host}"))).unwrap();
        let server = Server::start_in(given);
        let soa = server.short(&["foobar.com", "SOA"]);
        folder = server.folder;
        soa[0].split(' ').nth(2).unwrap().parse::<u32>().unwrap()
    };
    let mut before = serial(8);
    assert_eq!(serial(8), before, "nothing has changed");
    for host in 9..16 {
        let after = serial(host);
        assert!(after != before && after.wrapping_sub(before) < 1 << 31, "{before} {after}");
        before = after;
    }
}

#[test]
fn secondary_name_servers_are_told_of_the_zone() {
    let secondary = UdpSocket::bind("127.0.0.1:0").unwrap();
    secondary.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _server = Server::start(&format!("transfer = [\"{}\"]", secondary.local_addr().unwrap()));
    let mut buffer = [0; 512];
    let (length, from) = secondary.recv_from(&mut buffer).unwrap();
    let told = Message::from_vec(&buffer[..length]).unwrap();
    assert_eq!((told.metadata.op_code, told.queries[0].name().to_ascii()), (OpCode::Notify, "foobar.com.".to_owned()));
    assert_eq!(told.queries[0].query_type(), RecordType::SOA);
    secondary.send_to(&told.into_response().to_vec().unwrap(), from).unwrap();
}
