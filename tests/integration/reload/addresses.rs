//! Addresses that stay while the configuration writes them in another way.

use super::Site;
use crate::support::{Address, Connection};

/// A page, at these addresses.
fn listen(addresses: &str) -> String {
    format!("[web]\nlisten = [{addresses}]\nworkers = 2\n[sites.main.routes.'/page']\nrespond = 200\nbody = 'served'\n")
}

#[test]
fn an_address_that_is_written_in_another_way_keeps_its_socket() {
    let site = Site::new(&listen("'127.0.0.1:0', 'unix:a.sock'"));
    let mut program = site.start();
    let mut client = program.client();
    assert_eq!(client.get("/page").text(), "served");
    let port = program.address.rsplit_once(':').unwrap().1.to_owned();
    for addresses in [format!("'127.1:{port}', 'unix:./a.sock'"), format!("'unix:a.sock', '127.0.0.1:{port}'")] {
        let told = site.reload(&mut program, &listen(&addresses));
        assert!(told.contains("the configuration has been reloaded"), "{told}");
        assert_eq!((client.get("/page").text(), program.get("/page").text()), ("served", "served"));
        let ask = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut of_unix = Connection::open(&Address::Unix(site.path("a.sock")));
        assert!(of_unix.send(ask));
        assert_eq!(of_unix.receive("GET").unwrap().body, b"served");
    }
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(0));
    assert!(!site.path("a.sock").exists());
}

#[test]
fn two_entries_of_one_address_are_refused_also_where_it_is_listened_on() {
    let site = Site::new(&listen("'127.0.0.1:0'"));
    let mut program = site.start();
    let port = program.address.rsplit_once(':').unwrap().1.to_owned();
    let told = site.reload(&mut program, &listen(&format!("'127.1:{port}', '127.0.0.1:{port}'")));
    assert!(told.contains("this server listens there under another address"), "{told}");
    assert_eq!(program.get("/page").text(), "served");
}
