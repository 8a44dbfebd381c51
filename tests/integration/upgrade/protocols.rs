//! What goes on over an upgrade in each protocol.

use super::{Site, signal};
use crate::support::http2::{Event, Http2, window_update};
use crate::support::{Client, Program, Wire, on_a_small_disk_as, until};

const LONG: u32 = 1_000_000;

fn page(path: &str) -> [(&str, &str); 4] {
    [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", path)]
}

#[test]
fn a_stream_of_http2_is_finished_by_the_program_before_which_says_goaway() {
    let site = Site::new();
    let mut program = Program::start(site.command().env("FOOBAR__WEB__HTTP2", "cleartext"));
    let mut client = Http2::with(Wire::clear(&program.address), &[]);
    let stream = client.ask(&page(&format!("/bytes/{LONG}")), b"");
    until("the answer has begun", || matches!(client.event(), Event::Head(200)).then_some(()));
    site.upgrade();
    until("no further stream is to be opened", || matches!(client.event(), Event::Goaway(..)).then_some(()));
    assert!(client.send([window_update(0, LONG), window_update(stream, LONG)].concat()));
    assert_eq!(client.answer(stream).unwrap().body.len(), LONG as usize);
    let mut next = Http2::open(Wire::clear(&program.address));
    assert_eq!(next.request(&page("/page"), b"").unwrap().body, b"version 1", "by the new program");
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn an_event_stream_ends_in_the_program_before_and_is_opened_again_in_the_new_one() {
    let site = Site::new();
    let mut program = site.start();
    let open = |address: &str| {
        let mut client = Client::connect(address);
        client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
        client
    };
    let mut events = open(&program.address);
    until("it has begun", || site.run("status").1.contains("one connection with a request").then_some(()));
    site.upgrade();
    let ended = events.answer("GET");
    assert!(ended.text().contains("data: begun\n\n") && ended.text().contains("data: goodbye\n\n"), "{}", ended.text());
    assert_eq!(program.end().code(), Some(0));
    let mut again = open(&program.address);
    let new = site.followers.lock().unwrap()[0];
    until("it has begun again", || site.run("status").1.contains("one connection with a request").then_some(()));
    signal(new, "TERM");
    assert!(again.answer("GET").text().contains("data: goodbye\n\n"));
}

#[test]
fn an_upgrade_on_a_full_disk_leaves_a_program_that_serves() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let database = format!("sqlite:{}", folder.path().join("elsewhere.db").display());
    command.env("FOOBAR__DATABASE__URL", database).env("FOOBAR__CONTROL__SOCKET", "control");
    let script = "{ \"$0\" >/dev/null 2>log & old=$!; tries=0; \
                  until \"$0\" status >/dev/null 2>&1 || [ $((tries += 1)) -gt 300 ]; do sleep 0.05; done; \
                  cat /dev/zero >full 2>/dev/null; told=$(timeout 40 \"$0\" upgrade); echo \"code $?\"; \"$0\" status; \
                  cat log >&2; new=${told#process }; kill $old ${new%% *}; wait; }";
    let output = on_a_small_disk_as(&command, script);
    let (told, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("code 0\n") && told.contains("\ngeneration     2\n"), "{told}{error}");
}
