//! Sessions over time, and two requests at once: what the layer and the database make of them.

use super::*;
use crate::session::current::{Current, Told};
use crate::session::layer::SessionLayer;
use crate::session::state::SECOND_FACTOR;
use crate::session::store::in_database;
use foobar_core::{Request, Scheme};
use futures_util::future::join_all;
use http::header::COOKIE;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// The layer on a database, at a time of the test's own.
struct Fixture {
    layer: Arc<SessionLayer>,
    time: Arc<AtomicI64>,
    db: TestDb,
}

async fn fixtures() -> [Fixture; 2] {
    [fixture(TestDb::sqlite().await).await, fixture(TestDb::mysql().await).await]
}

async fn fixture(db: TestDb) -> Fixture {
    db.migrate(&Migrations::none().after(InDatabase::migrations())).await.unwrap();
    let time = Arc::new(AtomicI64::new(1_700_000_000));
    let clock = Arc::clone(&time);
    let store = Arc::new(InDatabase::new((*db).clone()));
    let layer = SessionLayer::new(store, SessionSettings::default()).with_clock(move || clock.load(Relaxed));
    Fixture { layer: Arc::new(layer), time, db }
}

impl Fixture {
    fn pass(&self, seconds: i64) {
        self.time.fetch_add(seconds, Relaxed);
    }

    /// A request of the visitor with this token, whose handler has asked for the session.
    async fn request(&self, token: &str) -> Session {
        let mut request = Request::default();
        let cookie = format!("session={token}").parse().unwrap();
        request.headers_mut().insert(COOKIE, cookie);
        let current = Current::of(&self.layer, request.headers(), Scheme::Http);
        current.load().await.unwrap();
        Session(current)
    }

    /// A new session, with something in it.
    async fn begin(&self) -> String {
        let session = self.request("").await;
        session.insert("a", 1).unwrap();
        keep(session).await.expect("a session begins with a cookie")
    }

    async fn seen(&self) -> i64 {
        let seen = diesel::dsl::sql::<diesel::sql_types::BigInt>("seen_at");
        self.db.read(move |conn| foobar_sessions().select(seen.clone()).first(conn)).await.unwrap()
    }
}

/// The token that the answer sets.
async fn keep(session: Session) -> Option<String> {
    match session.0.keep().await.unwrap() {
        Told::Nothing | Told::Varies => None,
        Told::Cookie(field) => {
            let field = field.to_str().unwrap().strip_prefix("session=").unwrap();
            Some(field.split(';').next().unwrap().to_owned())
        }
    }
}

#[tokio::test]
async fn two_requests_at_once_that_change_different_values_both_stay() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let [one, other] = [fixture.request(&token).await, fixture.request(&token).await];
        one.insert("one", 1).unwrap();
        one.remove("a");
        other.insert("other", 2).unwrap();
        other.insert("a", 3).unwrap();
        assert_eq!([keep(one).await, keep(other).await], [None, None]);
        let session = fixture.request(&token).await;
        let values = ["one", "other", "a"].map(|key| session.get::<i32>(key).unwrap());
        assert_eq!(values, [Some(1), Some(2), Some(3)], "of one that both change, the last stays");
    }
}

#[tokio::test]
async fn a_request_that_ends_after_its_session_has_does_not_bring_it_back_nor_touches_the_new_cookie() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let late = fixture.request(&token).await;
        late.insert("late", 1).unwrap();
        let purging = fixture.request(&token).await;
        purging.purge();
        assert_eq!(keep(purging).await.as_deref(), Some(""));
        assert_eq!(keep(late).await, None);
        assert_eq!(count(&fixture.db).await, 0);
        let token = fixture.begin().await;
        let [signing_in, late] = [fixture.request(&token).await, fixture.request(&token).await];
        signing_in.set_user(Some(7));
        late.insert("late", 1).unwrap();
        assert!(keep(signing_in).await.is_some());
        assert_eq!(keep(late).await, None);
        assert_eq!(count(&fixture.db).await, 1);
    }
}

#[tokio::test]
async fn two_requests_that_both_rotate_leave_one_session() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let [one, other] = [fixture.request(&token).await, fixture.request(&token).await];
        one.rotate();
        other.set_user(None);
        assert!(keep(one).await.is_some());
        assert_eq!(keep(other).await, None);
        assert_eq!(count(&fixture.db).await, 1);
    }
}

/// A browser that is told to sign in twice drops the first answer, with its cookie.
#[tokio::test]
async fn of_two_sign_ins_at_once_each_answer_has_a_session() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let [first, second] = [fixture.request(&token).await, fixture.request(&token).await];
        [&first, &second].into_iter().for_each(|session| session.set_user(Some(7)));
        for session in [first, second] {
            let new = keep(session).await.expect("it has a cookie");
            assert_ne!(new, token);
            let session = fixture.request(&new).await;
            assert_eq!((session.user(), session.get("a").unwrap()), (Some(7), Some(1)));
        }
        assert_eq!(fixture.request(&token).await.user(), None);
    }
}

/// The same of the first step, after which a code is asked for.
#[tokio::test]
async fn of_two_first_steps_of_a_sign_in_at_once_each_answer_has_a_session() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let [first, second] = [fixture.request(&token).await, fixture.request(&token).await];
        for session in [&first, &second] {
            session.set_user(None);
            session.insert(SECOND_FACTOR, serde_json::json!({"account": 7})).unwrap();
        }
        for session in [first, second] {
            let new = keep(session).await.expect("it has a cookie");
            let session = fixture.request(&new).await;
            assert_eq!((session.user(), session.get("a").unwrap()), (None, Some(1)));
            assert!(session.get::<serde_json::Value>(SECOND_FACTOR).unwrap().is_some());
        }
    }
}

/// As a body does that streams.
#[tokio::test]
async fn a_session_that_is_used_after_the_answer_changes_nothing_and_has_what_was_there() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let session = fixture.request(&token).await;
        session.insert("b", 2).unwrap();
        assert_eq!(keep(session.clone()).await, None);
        session.insert("a", 9).unwrap();
        session.remove("b");
        session.flash("notice", "too late").unwrap();
        session.rotate();
        session.set_user(Some(7));
        session.purge();
        session.end_others_of(7).await.unwrap();
        for session in [session, fixture.request(&token).await] {
            let values = ["a", "b"].map(|key| session.get::<i32>(key).unwrap());
            assert_eq!((values, session.user()), ([Some(1), Some(2)], None));
            assert_eq!(session.take_flashes().unwrap().len(), 0);
            assert_eq!(keep(session).await, None);
        }
        assert_eq!(count(&fixture.db).await, 1);
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        fixture.pass(14 * DAY - 1);
        assert_eq!(fixture.request(&token).await.get::<i32>("a").unwrap(), Some(1));
        fixture.pass(1);
        assert_eq!(fixture.request(&token).await.get::<i32>("a").unwrap(), None);
    }
}

#[tokio::test]
async fn a_session_ends_at_the_end_of_its_life_however_it_is_used() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        for _day in 0..9 {
            fixture.pass(10 * DAY - 1);
            keep(fixture.request(&token).await).await;
        }
        assert_eq!(fixture.request(&token).await.get::<i32>("a").unwrap(), Some(1));
        fixture.pass(9);
        assert_eq!(fixture.request(&token).await.get::<i32>("a").unwrap(), None);
    }
}

#[tokio::test]
async fn the_life_of_a_session_begins_anew_where_somebody_signs_in() {
    for fixture in fixtures().await {
        let mut token = fixture.begin().await;
        let use_for = async |token: &str, days: i64| {
            for _day in 0..days {
                fixture.pass(DAY);
                keep(fixture.request(token).await).await;
            }
        };
        use_for(&token, 80).await;
        let signing_in = fixture.request(&token).await;
        signing_in.set_user(Some(7));
        token = keep(signing_in).await.expect("it has a new token");
        use_for(&token, 89).await;
        assert_eq!(fixture.request(&token).await.user(), Some(7));
        use_for(&token, 1).await;
        assert_eq!(fixture.request(&token).await.user(), None);
    }
}

/// As of two tabs: one shows the last message, while the other puts something in.
#[tokio::test]
async fn a_session_that_is_emptied_stays_where_another_request_has_put_something_in_meanwhile() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let [emptying, filling] = [fixture.request(&token).await, fixture.request(&token).await];
        filling.insert("b", 2).unwrap();
        emptying.remove("a");
        assert_eq!([keep(filling).await, keep(emptying).await], [None, None]);
        assert_eq!(fixture.request(&token).await.get::<i32>("b").unwrap(), Some(2));
    }
}

#[tokio::test]
async fn the_last_use_is_written_every_five_minutes_at_most() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let begun = fixture.seen().await;
        fixture.pass(5 * MINUTE - 1);
        keep(fixture.request(&token).await).await;
        assert_eq!(fixture.seen().await, begun);
        fixture.pass(1);
        keep(fixture.request(&token).await).await;
        assert_eq!(fixture.seen().await, begun + 5 * MINUTE);
    }
}

#[tokio::test]
async fn a_change_writes_the_last_use_no_more_often() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let begun = fixture.seen().await;
        for (passes, expected) in [(5 * MINUTE - 1, begun), (1, begun + 5 * MINUTE)] {
            fixture.pass(passes);
            let session = fixture.request(&token).await;
            session.insert("passes", passes).unwrap();
            keep(session).await;
            assert_eq!(fixture.seen().await, expected);
            assert_eq!(fixture.request(&token).await.get("passes").unwrap(), Some(passes));
        }
    }
}

#[tokio::test]
async fn a_request_that_takes_long_does_not_take_the_last_use_back() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let long = fixture.request(&token).await;
        fixture.pass(5 * MINUTE - 1);
        let changing = fixture.request(&token).await;
        changing.insert("b", 1).unwrap();
        fixture.pass(1);
        keep(fixture.request(&token).await).await;
        let seen = fixture.seen().await;
        long.insert("long", 1).unwrap();
        assert_eq!([keep(changing).await, keep(long).await], [None, None]);
        assert_eq!(fixture.seen().await, seen);
    }
}

#[tokio::test]
async fn of_many_requests_at_once_each_finds_its_session_and_keeps_its_changes() {
    for fixture in fixtures().await {
        let tokens = join_all((0..10).map(|_| fixture.begin())).await;
        let visit = async |(number, token): (usize, &str), key| {
            let session = fixture.request(token).await;
            session.insert(key, number).unwrap();
            assert_eq!(keep(session).await, None);
        };
        let visits = tokens.iter().map(String::as_str).enumerate();
        join_all(visits.flat_map(|visitor| ["one", "two"].map(|key| visit(visitor, key)))).await;
        for (number, token) in tokens.iter().enumerate() {
            let session = fixture.request(token).await;
            let values = ["one", "two"].map(|key| session.get::<usize>(key).unwrap());
            assert_eq!(values, [Some(number); 2]);
        }
    }
}

#[tokio::test]
async fn sessions_that_have_ended_are_removed_in_batches_and_no_other() {
    for fixture in fixtures().await {
        let rows: Vec<_> = (0..1100).map(|_| (token::hash(&token::generate()).unwrap(), fixture.layer_now())).collect();
        let insert = move |conn: &mut foobar_db::Conn| {
            use super::super::store::in_database::foobar_sessions as column;
            rows.iter().try_for_each(|(id, now)| {
                let row = (
                    column::id.eq(id),
                    column::data.eq("{}"),
                    column::version.eq(0_i64),
                    column::created_at.eq(now),
                    column::seen_at.eq(now),
                    column::expires_at.eq(now),
                );
                diesel::insert_into(column::table).values(row).execute(conn).map(drop)
            })
        };
        fixture.db.write(insert).await.unwrap();
        let token = fixture.begin().await;
        fixture.layer.clear().await.unwrap();
        assert_eq!(count(&fixture.db).await, 1);
        assert_eq!(fixture.request(&token).await.get::<i32>("a").unwrap(), Some(1));
    }
}

/// As between the two statements that remove it.
#[tokio::test]
async fn a_session_that_is_used_while_those_that_have_ended_are_removed_stays() {
    for fixture in fixtures().await {
        let token = fixture.begin().await;
        let (id, now) = (token::hash(&token).unwrap(), fixture.layer_now() + 14 * DAY);
        let used = fixture.request(&token).await;
        fixture.pass(14 * DAY - 1);
        keep(used).await;
        let removed =
            fixture.db.write(move |conn| in_database::remove_ended(conn, vec![id.clone()], now)).await.unwrap();
        assert_eq!((removed, count(&fixture.db).await), (0, 1));
    }
}

#[tokio::test]
async fn a_user_has_a_hundred_sessions_and_another_sign_in_ends_the_one_that_was_used_the_longest_ago() {
    for fixture in fixtures().await {
        let sign_in = async |user: i64| {
            let session = fixture.request("").await;
            session.set_user(Some(user));
            fixture.pass(1);
            keep(session).await.expect("it has a cookie")
        };
        let [of_another, first, second] = [sign_in(8).await, sign_in(7).await, sign_in(7).await];
        for _more in 0..98 {
            sign_in(7).await;
        }
        fixture.pass(5 * MINUTE);
        keep(fixture.request(&first).await).await; // it is in use
        let newest = sign_in(7).await;
        assert_eq!(count(&fixture.db).await, 101);
        let user = async |token: &str| fixture.request(token).await.user();
        assert_eq!([user(&first).await, user(&second).await, user(&newest).await], [Some(7), None, Some(7)]);
        let rotated = fixture.request(&newest).await;
        rotated.rotate();
        keep(rotated).await.expect("it has a cookie");
        assert_eq!((count(&fixture.db).await, user(&first).await), (101, Some(7)));
        assert_eq!(user(&of_another).await, Some(8));
    }
}

impl Fixture {
    fn layer_now(&self) -> i64 {
        self.time.load(Relaxed)
    }
}
