use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use foobar_core::{RequestId, RoutePattern};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

use super::*;
use crate::attempt::attempt;
use crate::{Conn, Ending, Isolation, Query};

/// What a subscriber is told, a line each.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!(" {}={value:?}", field.name());
    }
}

impl Told {
    fn push(&self, first: String, record: impl FnOnce(&mut Line)) {
        let mut line = Line(first);
        record(&mut line);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
    }

    /// What is told of while `work` runs on this thread.
    fn of(level: LevelFilter, work: impl FnOnce()) -> Vec<String> {
        is_known();
        let told = Self::default();
        let subscriber = registry().with(told.clone().with_filter(level));
        tracing::subscriber::with_default(subscriber, work);
        std::mem::take(&mut *told.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Lets what is told be known to `tracing` before: of what two threads tell for the first time, one may not hear.
fn is_known() {
    let observer = Arc::new(Observer::new(String::new(), Some(Duration::ZERO)));
    let _call = observer.begin_call(QueryKind::Read, None);
    end(begin(&"SELECT 1", Engine::Sqlite), &"SELECT 1", false);
}

impl<S: Subscriber> Layer<S> for Told {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let within = span.parent().map(|parent| format!(" within {}", parent.into_u64()));
        let name = span.metadata().name();
        self.push(format!("{name} {}{}", id.into_u64(), within.unwrap_or_default()), |line| span.record(line));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.push(format!("record {}", id.into_u64()), |line| values.record(line));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.push(format!("close {}", id.into_u64()), |_| {});
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.push(event.metadata().level().to_string(), |line| event.record(line));
    }
}

/// A connection of each engine.
fn both() -> [Conn; 2] {
    let server = crate::testing::MysqlServer::shared().unwrap();
    let mysql = crate::MysqlConnection::establish(&server.url("mysql")).unwrap();
    [Conn::Sqlite(crate::sqlite::tests::connection()), Conn::Mysql(mysql)]
}

fn origin() -> CallOrigin {
    let request = RequestId::given(b"abc").unwrap();
    CallOrigin::of(Some(Arc::new(Caller::new(request, Some(RoutePattern::new("/users/{id}"))))))
}

/// Runs one statement with a value, and one that fails, as a call does.
fn call(conn: &mut Conn, observer: &Arc<Observer>, kind: QueryKind, origin: &CallOrigin) {
    let _call = observer.begin_call(kind, Some(origin));
    sql_query("SELECT ?").bind::<Text, _>("hunter2").execute(conn).unwrap();
    sql_query("SELECT ? FROM nowhere").bind::<Text, _>("hunter2").execute(conn).unwrap_err();
}

#[test]
fn a_slow_statement_is_a_line_with_its_request_and_without_its_values() {
    for mut conn in both() {
        let observer = Arc::new(Observer::new("the database".to_owned(), Some(Duration::ZERO)));
        let told = Told::of(LevelFilter::INFO, || {
            call(&mut conn, &observer, QueryKind::Write(Isolation::Server), &origin());
            call(&mut conn, &observer, QueryKind::Migrate, &origin());
            sql_query("SELECT 1").execute(&mut conn).unwrap();
        });
        assert_eq!(told.len(), 2, "{told:?}");
        for (line, statement) in told.iter().zip(["SELECT ?", "SELECT ? FROM nowhere"]) {
            let begin = "WARN message=a slow statement database=\"the database\" kind=\"write\" duration=";
            assert!(line.starts_with(begin), "{line}");
            let end = format!(" request=abc route=\"/users/{{id}}\" statement={statement:?}");
            assert!(line.ends_with(&end), "{line}");
        }
        assert_eq!(observer.slow_statements(), 2);
    }
}

#[test]
fn each_statement_is_a_span_within_that_of_its_call() {
    for mut conn in both() {
        let observer = Arc::new(Observer::new("the database".to_owned(), None));
        let told = Told::of(LevelFilter::DEBUG, || {
            let origin = tracing::info_span!("handler").in_scope(origin);
            call(&mut conn, &observer, QueryKind::Read, &origin);
        });
        let id = |line: &String| line.split(' ').nth(1).unwrap().to_owned();
        let handler = id(told.iter().find(|line| line.starts_with("handler ")).unwrap());
        let queries: Vec<_> = told.iter().filter(|line| line.starts_with("query ")).collect();
        assert_eq!(queries.len(), 2, "{told:?}");
        for (query, (statement, failed)) in
            queries.into_iter().zip([("SELECT ?", false), ("SELECT ? FROM nowhere", true)])
        {
            let id = id(query);
            let expected = format!(
                "query {id} within {handler} database=\"the database\" kind=\"read\" statement={statement:?} request=abc \
                 route=\"/users/{{id}}\""
            );
            assert_eq!(*query, expected);
            let recorded: Vec<_> = told.iter().filter(|line| line.starts_with(&format!("record {id} "))).collect();
            assert!(
                recorded[0].contains(" duration=") && recorded[1].ends_with(&format!(" failed={failed}")),
                "{told:?}"
            );
            assert!(told.contains(&format!("close {id}")), "{told:?}");
        }
    }
}

#[test]
fn the_begin_and_the_commit_of_a_write_name_its_request_too() {
    for mut conn in both() {
        let observer = Arc::new(Observer::new("the database".to_owned(), Some(Duration::ZERO)));
        let told = Told::of(LevelFilter::INFO, || {
            let mut query = Query::new(|_| Ok(Ending::Commit)).of(origin());
            let (kind, until) = (QueryKind::Write(Isolation::Server), Instant::now() + Duration::from_secs(60));
            attempt(&mut conn, kind, &mut query, until, &Arc::default(), &observer).unwrap();
        });
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().all(|line| line.contains(" request=abc route=")), "{told:?}");
    }
}

#[test]
fn where_nobody_listens_nothing_is_measured() {
    let observed = |slow, level| {
        let mut running = None;
        Told::of(level, || {
            let observer = Arc::new(Observer::new(String::new(), slow));
            let _call = observer.begin_call(QueryKind::Read, None);
            running = begin(&"SELECT 1", Engine::Sqlite);
        });
        running.is_some()
    };
    assert!(!observed(None, LevelFilter::INFO));
    assert!(observed(None, LevelFilter::DEBUG));
    assert!(observed(Some(Duration::from_secs(1)), LevelFilter::INFO));
    assert!(Told::of(LevelFilter::DEBUG, || drop(begin(&"SELECT 1", Engine::Sqlite))).is_empty(), "it is no call's");
}
