mod formats;

use std::fmt;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;
use tracing::dispatcher::with_default;
use tracing::{debug, debug_span, error, info, trace, trace_span, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;

use super::repeats::{IN_ALL, OF_A_CALLSITE, OF_A_KIND};
use super::*;

/// A log whose time stands still: it sums up when it is told to.
struct Fixture {
    log: Log,
    subscriber: Dispatch,
}

impl Fixture {
    fn new(filter: &str, format: LogFormat) -> Self {
        Self::with_layers(filter, format, Vec::new())
    }

    fn with_layers(filter: &str, format: LogFormat, layers: Vec<BoxedLayer>) -> Self {
        let settings = LogSettings { filter: LogFilter(filter.to_owned()), format, output: LogOutput::Stderr };
        let log = Log::new(format);
        Self { subscriber: log.subscriber(&settings, layers), log }
    }

    fn text() -> Self {
        Self::new("info", LogFormat::Text)
    }

    /// The lines that this makes, without their times.
    fn lines(&self, work: impl FnOnce()) -> Vec<String> {
        with_default(&self.subscriber, work);
        self.log.queue.close(Duration::ZERO); // so that it ends
        let mut lines = Vec::new();
        loop {
            match self.log.queue.next(None) {
                Next::Write(line) => {
                    let line = String::from_utf8(line).unwrap();
                    lines.push(line.split_once("Z ").map_or(line.as_str(), |(_, rest)| rest).trim().to_owned());
                }
                Next::Replace(_) => {}
                _ => return lines,
            }
        }
    }

    fn sums(&self) -> Vec<String> {
        self.lines(|| self.log.sum_up())
    }
}

/// What sums say that came in these lines.
fn repeated(lines: &[String]) -> usize {
    let count = |line: &String| line.split_once("repeated=").map_or(0, |(_, rest)| rest.parse().unwrap());
    lines.iter().map(count).sum()
}

fn fail(request: usize, error: &str) {
    warn!(request, path = format!("/{request}"), status = 503, error, "a request failed");
}

#[test]
fn what_the_filter_leaves_out_is_not_even_made() {
    let hint = |filter: &str, layers| {
        let settings = LogSettings { filter: LogFilter(filter.to_owned()), ..LogSettings::default() };
        Log::new(settings.format).layered(&settings, layers).max_level_hint()
    };
    assert_eq!(hint("info", Vec::new()), Some(LevelFilter::INFO));
    assert_eq!(hint("warn,h2=debug", Vec::new()), Some(LevelFilter::DEBUG));
    let errors = tracing_subscriber::fmt::layer().with_filter(LevelFilter::ERROR).boxed();
    assert_eq!(hint("info", vec![errors]), Some(LevelFilter::INFO));
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A layer that writes into memory.
fn in_memory() -> (Memory, impl Layer<Registry> + Send + Sync) {
    let memory = Memory::default();
    let writer = memory.clone();
    (memory, tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone()))
}

#[test]
fn a_layer_that_wants_more_than_the_log_gets_it_and_the_log_has_no_line_more() {
    for filter in ["info", "warn,h2=debug"] {
        let (seen, layer) = in_memory();
        let (unfiltered, all) = in_memory();
        let of_us = Targets::new().with_target("foobar_core", LevelFilter::DEBUG);
        let layers = vec![layer.with_filter(of_us).boxed(), all.boxed()];
        let log = Fixture::with_layers(filter, LogFormat::Text, layers);
        let lines = log.lines(|| {
            trace!("finest");
            debug!("fine");
            debug!(target: "another", "strange");
            trace!(target: "h2::codec", "framed");
            warn!("loud");
        });
        assert_eq!(lines, ["WARN foobar_core::log::tests: loud"]);
        let has = |memory: &Memory| {
            let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
            ["finest", "fine\n", "strange", "framed", "loud"].map(|word| text.contains(word))
        };
        assert_eq!(has(&seen), [false, true, false, false, true]);
        assert_eq!(has(&unfiltered), [true; 5]);
    }
}

#[test]
fn the_spans_of_frames_are_for_a_layer_alone_whose_filter_lets_them_pass() {
    for (filter, expected) in
        [(None, [false, true]), (Some(LevelFilter::DEBUG), [false, true]), (Some(LevelFilter::TRACE), [true, true])]
    {
        let memory = Memory::default();
        let writer = memory.clone();
        let spans = tracing_subscriber::fmt::layer().with_ansi(false).with_span_events(FmtSpan::NEW);
        let spans = spans.with_writer(move || writer.clone());
        let layer = match filter {
            None => spans.boxed(),
            Some(level) => spans.with_filter(level).boxed(),
        };
        let log = Fixture::with_layers("debug", LogFormat::Text, vec![layer]);
        with_default(&log.subscriber, || {
            let _of_h2 = trace_span!(target: "h2::codec::framed_read", "poll_next");
            let _of_us = debug_span!("query");
        });
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        assert_eq!(["poll_next", "query"].map(|name| text.contains(name)), expected, "{filter:?}: {text}");
    }
}

#[test]
fn the_first_events_of_a_kind_are_lines_and_one_line_says_how_many_more_there_were() {
    let log = Fixture::text();
    let lines = log.lines(|| (0..1000).for_each(|request| fail(request, "the pool is empty")));
    assert_eq!(lines.len(), OF_A_KIND);
    assert!(lines[4].ends_with("a request failed request=4 path=\"/4\" status=503 error=\"the pool is empty\""));
    assert_eq!(
        log.sums(),
        ["WARN foobar_core::log::tests: a request failed: 995 more in the last second status=503 \
          error=\"the pool is empty\" repeated=995"]
    );
    assert_eq!(log.sums(), [""; 0]);
    assert_eq!(log.lines(|| fail(0, "the pool is empty")).len(), 1, "a new second begins with lines");
}

#[test]
fn in_json_the_number_and_all_values_are_fields() {
    let log = Fixture::new("info", LogFormat::Json);
    log.lines(|| {
        for request in 0..8 {
            error!(request, status = 500, rate = 0.5, retried = true, error = %fmt::Error, "it failed");
        }
    });
    let sums: Vec<Value> = log.sums().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [sum] = &sums[..] else { panic!("{sums:?}") };
    assert_eq!((&sum["level"], &sum["target"]), (&"ERROR".into(), &"foobar_core::log::tests".into()));
    assert_eq!(
        sum["fields"],
        serde_json::json!({
            "message": "it failed: 3 more in the last second", "status": 500, "rate": 0.5, "retried": true,
            "error": fmt::Error.to_string(), "repeated": 3
        })
    );
}

#[test]
fn what_differs_in_more_than_the_request_is_another_kind() {
    let log = Fixture::text();
    let lines = log.lines(|| {
        for request in 0..10 {
            fail(request, "the pool is empty");
            fail(request, "the disk is full");
            warn!(request, "message {}", request % 2);
            info!(request);
        }
    });
    assert_eq!(lines.len(), 5 * OF_A_KIND);
    let sums = log.sums();
    assert_eq!((sums.len(), repeated(&sums)), (3, 15), "{sums:?}");
    assert!(sums.iter().any(|sum| sum.contains("5 more in the last second repeated=5")), "{sums:?}");
}

#[test]
fn a_flood_of_different_texts_is_summed_up_by_its_place_in_the_code() {
    let log = Fixture::text();
    let lines = log.lines(|| (0..5000).for_each(|number| fail(number, &format!("error {number}"))));
    assert_eq!(lines.len(), OF_A_CALLSITE);
    let more = 5000 - OF_A_CALLSITE;
    let sum = format!("a request failed: {more} more in the last second, not all alike repeated={more}");
    assert_eq!(log.sums(), [format!("WARN foobar_core::log::tests: {sum}")]);
}

#[test]
fn the_log_as_a_whole_has_a_bound_beyond_which_each_place_in_the_code_has_one_line() {
    macro_rules! flood {
        ($($place:literal)*) => {{ $((0..1000).for_each(|number| info!(number, concat!("place ", $place)));)* }};
    }
    let log = Fixture::text();
    let lines = log.lines(|| flood!(0 1 2 3 4 5 6 7 8 9));
    let full = IN_ALL / OF_A_CALLSITE;
    assert_eq!(lines.len(), IN_ALL + 10 - full);
    assert!(lines.iter().any(|line| line.contains("place 9")));
    let sums = log.sums();
    assert_eq!((sums.len(), repeated(&sums)), (10, 10_000 - lines.len()));
}

#[test]
fn who_asks_for_debug_gets_each_event() {
    let log = Fixture::new("debug", LogFormat::Text);
    assert_eq!(log.lines(|| (0..900).for_each(|_| debug!("the same"))).len(), 900);
    assert_eq!(log.sums(), [""; 0]);
}

#[test]
fn a_long_text_is_cut_in_a_sum() {
    let log = Fixture::text();
    let long = "é".repeat(100_000);
    log.lines(|| (0..7).for_each(|request| fail(request, &long)));
    log.lines(|| (0..7).for_each(|_| info!("{long}")));
    let sums = log.sums();
    assert!(sums.len() == 2 && sums.iter().all(|sum| sum.len() < 1300), "{sums:?}");
}

/// A value that logs while it is logged.
struct Talkative;

impl fmt::Display for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!("a value is shown");
        f.write_str("shown")
    }
}

#[test]
fn a_value_may_log_while_it_is_looked_at() {
    let log = Fixture::text();
    log.lines(|| (0..100).for_each(|_| warn!(error = %Talkative, "it failed")));
    let sums = log.sums();
    assert!(sums.iter().any(|sum| sum.contains("it failed: 95 more")), "{sums:?}");
}

#[test]
fn no_event_is_missing_in_the_sums_whoever_logs_meanwhile() {
    let log = Fixture::text();
    let mut lines = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let subscriber = &log.subscriber;
                scope.spawn(move || {
                    let log = |number| fail(number, if number % 3 == 0 { "one" } else { "another" });
                    with_default(subscriber, || (0..10_000).map(|number| number + thread).for_each(log));
                })
            })
            .collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            lines.extend(log.sums());
        }
    });
    lines.extend(log.sums());
    let sums = lines.iter().filter(|line| line.contains("repeated=")).count();
    assert_eq!(lines.len() - sums + repeated(&lines), 40_000);
}

/// An output that nobody reads until it is told of a reader.
struct Stalled(Receiver<()>, Sender<Vec<u8>>);

impl Output for Stalled {
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        let _reader = self.0.recv(); // or none any more
        drop(self.1.send(line.to_owned())); // the test may have ended
        Ok(())
    }

    fn reopen(&mut self) {}
}

#[test]
fn an_output_that_nobody_reads_holds_nobody_and_what_is_lost_is_counted() {
    let Fixture { log, subscriber } = Fixture::new("debug", LogFormat::Text);
    let (reader, stalled) = channel();
    let (sender, written) = channel();
    let queue = log.start(Stalled(stalled, sender)).unwrap();
    with_default(&subscriber, || (0..3000).for_each(|number| debug!(number, "line")));
    drop(reader);
    drop((queue, subscriber)); // which have the output
    let lines: Vec<_> = written.iter().map(|line| String::from_utf8(line).unwrap()).collect();
    let lost = lines
        .last()
        .unwrap()
        .split_once("lines of this log were lost: they were not read fast enough, or could not be written lost=");
    let lost: usize = lost.expect("it says so").1.trim().parse().unwrap();
    assert_eq!(lines.len() - 1 + lost, 3000);
}

#[test]
fn how_long_something_took_makes_it_no_other_kind() {
    let log = Fixture::text();
    let slow = |number: u32| warn!(duration = f64::from(number) / 7.0, statement = "SELECT ?", "a slow statement");
    assert_eq!(log.lines(|| (0..100).for_each(slow)).len(), OF_A_KIND);
    let sums = log.sums();
    assert!(sums.len() == 1 && sums[0].contains("repeated=95") && sums[0].contains("SELECT ?"), "{sums:?}");
    assert!(!sums[0].contains("duration"), "{sums:?}");
}

#[test]
fn a_filter_is_levels_and_targets_with_levels_and_a_typo_is_neither() {
    for good in ["info", "WARN", "off", "info,foobar_web=debug", "warn, foobar_db=off"] {
        assert!(LogFilter::try_from(good.to_owned()).is_ok(), "{good}");
    }
    for bad in ["inof", "", "info,foobar_web", "foobar_web=debgu", "foobar=nonsense=1"] {
        assert!(LogFilter::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}

/// A layer that counts what it sees.
#[derive(Clone, Default)]
struct Counting(Arc<std::sync::atomic::AtomicUsize>);

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_layer_of_the_program_sees_each_event_also_those_that_are_counted_or_filtered_out() {
    let counting = Counting::default();
    let log = Fixture::with_layers("info", LogFormat::Text, vec![Box::new(counting.clone())]);
    let lines = log.lines(|| {
        (0..100).for_each(|request| fail(request, "the pool is empty"));
        debug!("only for the layer");
    });
    assert_eq!(lines.len(), OF_A_KIND);
    assert_eq!(counting.0.load(std::sync::atomic::Ordering::Relaxed), 101);
    let sums = log.sums();
    assert!(sums.len() == 1 && sums[0].contains("repeated=95"), "{sums:?}");
}

/// An output that is full for its first lines.
struct Full(usize, Sender<Vec<u8>>);

impl Output for Full {
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        if self.0 > 0 {
            self.0 -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        drop(self.1.send(line.to_owned())); // the test may have ended
        Ok(())
    }

    fn reopen(&mut self) {}
}

#[test]
fn lines_that_could_not_be_written_are_counted_once_there_is_room() {
    let Fixture { log, subscriber } = Fixture::text();
    let (sender, written) = channel();
    let queue = log.start(Full(3, sender)).unwrap();
    with_default(&subscriber, || (0..4).for_each(|number| info!(number, "line")));
    assert!(String::from_utf8(written.recv().unwrap()).unwrap().contains("number=3"));
    let told = String::from_utf8(written.recv().unwrap()).unwrap(); // by the next sum
    drop(queue);
    assert!(told.contains("could not be written lost=3"), "{told}");
}

#[test]
fn an_output_is_a_stream_or_the_path_of_a_file_and_a_switch_is_neither() {
    let output = |text: &str| LogOutput::try_from(text.to_owned());
    assert_eq!((output("stderr"), output("stdout")), (Ok(LogOutput::Stderr), Ok(LogOutput::Stdout)));
    assert_eq!(output("app.log"), Ok(LogOutput::File("app.log".into())));
    for bad in ["", "off", "on", "STDERR", "syslog:server=127.0.0.1", "journald"] {
        assert!(output(bad).unwrap_err().contains("write \"stderr\""), "{bad}");
    }
}
