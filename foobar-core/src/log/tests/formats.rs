//! The format changes while the log is written.

use std::sync::Barrier;

use tracing::field::Empty;
use tracing::info_span;

use super::*;

/// An output whose lines a test gets.
struct Sent(Sender<Vec<u8>>);

impl Output for Sent {
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        drop(self.0.send(line.to_owned())); // the test may have ended
        Ok(())
    }

    fn reopen(&mut self) {}
}

fn text(lines: &Receiver<Vec<u8>>) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8(line).unwrap()).collect()
}

fn is_json(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok()
}

#[test]
fn each_line_is_in_the_format_of_the_output_that_it_goes_to_and_none_is_lost() {
    const THREADS: usize = 4;
    const LINES: usize = 50; // so few that all of them may wait
    let Fixture { log, subscriber } = Fixture::new("debug", LogFormat::Text);
    let queue = log.queue.clone();
    let ((first, before), (second, after), (third, last)) = (channel(), channel(), channel());
    let writing = log.start(Sent(first)).unwrap();
    let begin = Barrier::new(THREADS + 1);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                with_default(&subscriber, || {
                    begin.wait();
                    (0..LINES).for_each(|number| debug!(number, "line"));
                });
            });
        }
        begin.wait();
        queue.replace(Box::new(Sent(second)), LogFormat::Json);
        queue.replace(Box::new(Sent(third)), LogFormat::Text);
    });
    drop((writing, subscriber, queue));
    let (before, after, last) = (text(&before), text(&after), text(&last));
    assert!(after.iter().all(|line| is_json(line)), "{after:?}");
    assert!(!before.iter().chain(&last).any(|line| is_json(line)), "{before:?} {last:?}");
    assert_eq!(before.len() + after.len() + last.len(), THREADS * LINES);
}

/// A value that has the format changed while it is formatted.
struct Meddling<'a>(&'a Queue, Sender<Vec<u8>>);

impl fmt::Display for Meddling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.replace(Box::new(Sent(self.1.clone())), LogFormat::Json);
        f.write_str("shown")
    }
}

#[test]
fn a_line_for_which_the_format_has_changed_while_it_was_made_is_made_again() {
    let Fixture { log, subscriber } = Fixture::new("debug", LogFormat::Text);
    let queue = log.queue.clone();
    let ((first, before), (second, after)) = (channel(), channel());
    let writing = log.start(Sent(first)).unwrap();
    with_default(&subscriber, || debug!(value = %Meddling(&queue, second), "line"));
    drop((writing, subscriber, queue));
    assert_eq!(text(&before), [""; 0]);
    let [line] = &text(&after)[..] else { panic!("it is one") };
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["fields"]["value"], "shown");
}

#[test]
fn a_span_that_is_open_when_the_format_changes_keeps_its_fields() {
    for (before, after) in [(LogFormat::Text, LogFormat::Json), (LogFormat::Json, LogFormat::Text)] {
        let log = Fixture::new("info", before);
        let lines = log.lines(|| {
            let span = info_span!("order", id = 7, total = Empty);
            span.record("total", 20);
            log.log.queue.replace(Box::new(Sent(channel().0)), after);
            span.in_scope(|| info!("paid"));
        });
        let [.., line] = &lines[..] else { panic!("{after:?}: {lines:?}") };
        match after {
            LogFormat::Text => assert!(line.contains("order{id=7 total=20}") && line.ends_with("paid"), "{line}"),
            LogFormat::Json => {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["span"], serde_json::json!({"name": "order", "id": 7, "total": 20}));
            }
        }
    }
}

#[test]
fn what_is_recorded_in_a_span_stands_once_in_the_lines_of_a_layer_of_the_program() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let (seen, layer) = in_memory();
        let log = Fixture::with_layers("info", format, vec![layer.boxed()]);
        log.lines(|| {
            let span = info_span!("order", total = Empty);
            span.record("total", 20);
            span.in_scope(|| info!("paid"));
        });
        let seen = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
        assert!(seen.contains("order{total=20}"), "{format:?}: {seen}");
    }
}
