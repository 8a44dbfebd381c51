use std::path::Path;
use std::process::Command;

use foobar_core::List;
use futures_util::FutureExt;

use super::*;

fn list(items: &[&str]) -> List<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn compiled(transfer: &[&str], state: &Path) -> NameServer {
    let (dns, web) = settings("foobar.com", transfer, state);
    NameServer::compile(&dns, &web, &BTreeMap::new()).unwrap().unwrap()
}

fn settings(zone: &str, transfer: &[&str], state: &Path) -> (DnsSettings, WebSettings) {
    let dns = DnsSettings {
        listen: list(&["127.0.0.1:0"]),
        zone: Some(zone.to_owned()),
        addresses: list(&["203.0.113.5"]),
        nameservers: list(&["ns1.provider.net"]),
        records: list(&["alias CNAME @", "_acme-challenge.alias CNAME away.example.org."]),
        transfer: list(transfer),
        ..DnsSettings::default()
    };
    (dns, WebSettings { state_dir: Some(state.to_owned()), ..WebSettings::default() })
}

fn server(transfer: &[&str], state: &Path) -> NameServer {
    let server = compiled(transfer, state);
    server.serve().unwrap();
    server
}

fn dig(server: &NameServer, arguments: &[&str]) -> Vec<String> {
    let port = server.addresses()[0].port().to_string();
    let output = Command::new("dig").args(["+short", "@127.0.0.1", "-p", &port]).args(arguments).output().unwrap();
    let mut lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn set(server: &NameServer, name: &str, value: &str) -> Result<(), BoxError> {
    block_on(DnsAnswers::set(server, name, value))
}

fn clear(server: &NameServer, name: &str, value: &str) {
    block_on(DnsAnswers::clear(server, name, value)).unwrap();
}

/// By UDP.
fn was_asked(server: &NameServer) -> bool {
    let mut metrics = Metrics::default();
    server.metrics(&mut metrics);
    !metrics.into_text().contains("foobar_dns_questions_total{transport=\"udp\"} 0\n")
}

fn serial(server: &NameServer) -> u32 {
    server.answers.served.zone().serial()
}

#[test]
fn records_that_authorities_look_for_are_served_until_they_are_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&[], folder.path());
    let name = "_acme-challenge.foobar.com";
    set(&server, name, "one").unwrap();
    set(&server, name, "two").unwrap();
    set(&server, name, "two").unwrap();
    assert_eq!(dig(&server, &[name, "TXT"]), ["\"one\"", "\"two\""], "of a name with a star and the same without");
    clear(&server, name, "one");
    assert_eq!(dig(&server, &["_ACME-challenge.Foobar.com", "TXT"]), ["\"two\""]);
    clear(&server, name, "two");
    clear(&server, name, "two");
    assert_eq!(dig(&server, &[name, "TXT"]), [""; 0]);
    set(&server, "_acme-challenge.www.shop.foobar.com", "deep").unwrap();
    assert_eq!(dig(&server, &["_acme-challenge.www.shop.foobar.com", "TXT"]), ["\"deep\""]);
    server.stop();
}

#[test]
fn a_record_is_there_once_secondary_name_servers_have_it() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let secondary = server(&[], folders[0].path());
    let primary = server(&[&secondary.addresses()[0].to_string()], folders[1].path());
    let name = "_acme-challenge.foobar.com";
    block_on(async {
        let mut set = DnsAnswers::set(&primary, name, "one");
        while !was_asked(&secondary) {
            assert!((&mut set).now_or_never().is_none(), "it has not been asked yet");
            tokio::task::yield_now().await;
        }
        while serial(&secondary) < serial(&primary) {
            secondary.answers.served.set_text(name, &serial(&secondary).to_string()).unwrap();
        }
        set.await.unwrap();
    });
    primary.stop();
    secondary.stop();
}

#[test]
fn names_of_the_zone_are_covered_with_and_without_a_star() {
    let folder = tempfile::tempdir().unwrap();
    let server = compiled(&[], folder.path());
    for (name, is_covered) in [
        ("foobar.com", true),
        ("*.foobar.com", true),
        ("*.a.foobar.com", true),
        ("foobar.net", false),
        ("*.com", false),
    ] {
        assert_eq!(server.covers(name), is_covered, "{name}");
    }
}

#[test]
fn a_record_that_this_zone_cannot_have_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&[], folder.path());
    for (name, why) in [
        ("_acme-challenge.foobar.net", "does not lie in the zone foobar.com"),
        ("_acme-challenge.xfoobar.com", "does not lie in the zone foobar.com"),
        ("_acme-challenge.alias.foobar.com", "is an alias (CNAME) in `dns.records`"),
    ] {
        let error = set(&server, name, "x").unwrap_err().to_string();
        assert!(error.contains(why), "{name}: {error}");
    }
    server.stop();
}

#[test]
fn each_change_has_a_later_serial_also_after_a_restart_where_others_have_the_zone_too() {
    let folder = tempfile::tempdir().unwrap();
    let first = server(&["127.0.0.9"], folder.path());
    let set = |value| first.answers.served.set_text("_acme-challenge.foobar.com", value).unwrap();
    let mut last = serial(&first);
    for value in ["one", "two"] {
        set(value);
        assert_eq!(serial(&first), last + 1);
        last += 1;
    }
    set("two");
    assert_eq!(serial(&first), last, "nothing has changed");
    first.stop();
    let second = server(&["127.0.0.9"], folder.path());
    assert!(serial(&second) >= last, "{} {last}", serial(&second));
    second.stop();
}

#[test]
fn a_server_that_has_stopped_leaves_its_address_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&[], folder.path());
    let address = server.addresses()[0];
    server.stop();
    Listener::bind(address).unwrap();
}

#[test]
fn a_serial_that_cannot_be_read_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("dns")).unwrap();
    std::fs::write(folder.path().join("dns/foobar.com.serial"), "x").unwrap();
    let server = compiled(&["127.0.0.9"], folder.path());
    let error = foobar_core::Chain(&server.serve().unwrap_err()).to_string();
    assert!(error.contains("dns/foobar.com.serial") && error.contains("remove it"), "{error}");
}

#[test]
fn a_record_that_an_authority_looks_for_is_there_after_a_reload_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(server(&[], folder.path()));
    let name = "_acme-challenge.foobar.com";
    set(&server, name, "one").unwrap();
    let (mut dns, web) = settings("foobar.com", &[], folder.path());
    dns.addresses = list(&["203.0.113.6"]);
    block_on(server.prepare(&dns, &web, &BTreeMap::new()).unwrap());
    assert_eq!(dig(&server, &["foobar.com", "A"]), ["203.0.113.6"]);
    assert_eq!(dig(&server, &[name, "TXT"]), ["\"one\""]);
    clear(&server, name, "one");
    block_on(server.prepare(&dns, &web, &BTreeMap::new()).unwrap());
    assert_eq!(dig(&server, &[name, "TXT"]), [""; 0]);
    server.stop();
}

#[test]
fn a_serial_is_not_taken_back_where_nobody_had_the_zone_for_some_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(server(&["127.0.0.9"], folder.path()));
    let reload = |transfer: &[&str]| {
        let (mut dns, web) = settings("foobar.com", transfer, folder.path());
        dns.addresses = list(&["203.0.113.6"]);
        block_on(server.prepare(&dns, &web, &BTreeMap::new()).unwrap());
        serial(&server)
    };
    let of_content = reload(&[]);
    let known = of_content.wrapping_add(1000); // to those who had the zone before
    std::fs::write(folder.path().join("dns/foobar.com.serial"), format!("{known} {}\n", of_content ^ 1)).unwrap();
    let after = reload(&["127.0.0.9"]);
    assert!(crate::dns::serial::is_after(after, known), "{after} {known}");
    assert_eq!(reload(&["127.0.0.9"]), after, "nothing has changed");
    server.stop();
}

#[test]
fn an_address_that_this_server_has_under_another_name_is_said_to_be_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for addresses in [["127.0.0.1", "0.0.0.0"], ["0.0.0.0", "127.0.0.1"]] {
        let (mut dns, web) = settings("foobar.com", &[], folder.path());
        dns.listen = list(&[&format!("{}:0", addresses[0])]);
        let server = NameServer::compile(&dns, &web, &BTreeMap::new()).unwrap().unwrap();
        server.serve().unwrap();
        let server = Arc::new(server);
        let address = server.addresses()[0];
        dns.listen = list(&[&format!("{}:{}", addresses[1], address.port())]);
        let error = server.prepare(&dns, &web, &BTreeMap::new()).err().unwrap().to_string();
        assert!(error.contains(&format!("this server has it, as {address}; restart")), "{error}");
        server.stop();
    }
}

#[test]
fn names_are_proved_in_the_zone_of_a_reload_from_its_beginning_unless_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(server(&[], folder.path()));
    let (dns, web) = settings("foobar.net", &[], folder.path());
    let covers = || ["*.foobar.com", "*.foobar.net"].map(|name| server.covers(name));
    let given_up = server.prepare(&dns, &web, &BTreeMap::new()).unwrap();
    assert_eq!(covers(), [false, true]);
    drop(given_up);
    assert_eq!(covers(), [true, false]);
    block_on(server.prepare(&dns, &web, &BTreeMap::new()).unwrap());
    assert_eq!(covers(), [false, true]);
    let none = DnsSettings::default();
    block_on(server.prepare(&none, &web, &BTreeMap::new()).unwrap());
    assert_eq!(covers(), [false, false]);
    server.stop();
}
