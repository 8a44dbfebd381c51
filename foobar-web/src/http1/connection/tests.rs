mod answers;
mod application;
mod manner;
mod random;
mod requests;
mod server;
mod simulation;
mod socket;

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use foobar_core::{MakeHandler, Scheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::task::{LocalSet, spawn_local};

use super::*;
use crate::access_log::AccessLog;
use crate::counters::Patterns;
use crate::gate::Door;
use crate::http1::outgoing::SEND_QUANTUM;
use crate::pipeline::Pipeline;
use crate::plan::{Given, Plan};
use crate::worker::Connections;
use crate::{RouteSettings, SiteSettings, WebSettings};

/// A client that has sent requests, and takes all that it is sent at once.
struct Eager {
    requests: Vec<u8>,
    taken: Arc<AtomicUsize>,
}

impl Transport for Eager {
    const SUPPORTS_SENDFILE: bool = false;

    fn reset(&self) {}

    fn enable_keepalive(&self) {}

    fn cork(&self) -> bool {
        false
    }

    fn uncork(&self) {}

    fn unacknowledged(&self) -> u64 {
        0
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn is_reset(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn poll_writable(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn try_write_with<R>(&self, _write: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl AsyncRead for Eager {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.requests.is_empty() {
            return Poll::Pending;
        }
        let length = self.requests.len().min(buf.remaining());
        buf.put_slice(&self.requests.drain(..length).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Eager {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.taken.fetch_add(bytes.len(), Relaxed);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        self.taken.fetch_add(length, Relaxed);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What the answers have that is not content, at most.
const HEADS: usize = 2000;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A connection on which so many requests have come, each for so many bytes.
async fn connection(requests: usize, content: usize) -> (Connection<Eager>, Arc<AtomicUsize>) {
    let route = RouteSettings { respond: Some(200), body: "x".repeat(content), ..RouteSettings::default() };
    let site = SiteSettings { routes: [("/".to_owned(), route)].into(), ..SiteSettings::default() };
    let web = WebSettings { access_log: "off".to_owned(), ..WebSettings::default() };
    let worker = worker(&web, site, None).await;
    let taken = Arc::<AtomicUsize>::default();
    let client = Eager { requests: REQUEST.repeat(requests), taken: taken.clone() };
    let peer = foobar_core::ConnectInfo { remote: None, local: None, scheme: Scheme::Http };
    (Connection::new(client, peer, worker, Rc::default()), taken)
}

async fn worker(web: &WebSettings, site: SiteSettings, app: Option<Arc<dyn MakeHandler>>) -> Rc<Worker> {
    let sites = BTreeMap::from([("a".to_owned(), site)]);
    let plan = Plan::compile(web, &sites, &Given { app, ..Given::default() }).unwrap();
    let (counters, clock) = (Arc::default(), Rc::default());
    let log = Rc::new(AccessLog::new(plan.log_style.clone(), None, Arc::clone(&counters), Rc::clone(&clock)));
    Rc::new(Worker {
        pipeline: Pipeline {
            clients: plan.clients,
            sites: plan.sites,
            maintenance: plan.maintenance,
            door: Door::of(Arc::default()),
            handler: plan.app.make().await.unwrap(),
            log,
            counters: counters.clone(),
            patterns: Patterns::new(Arc::default()),
        },
        limits: plan.limits,
        connections: Rc::new(Connections::new(plan.limits.connections, counters)),
        tls: None,
        clock,
        buffers: Default::default(),
        latest: Rc::default(),
    })
}

#[tokio::test]
async fn what_is_answered_at_once_counts_in_a_turn() {
    let (mut connection, taken) = connection(100, SEND_QUANTUM / 2).await;
    take_a_turn(&mut connection).await;
    assert!((SEND_QUANTUM..SEND_QUANTUM + HEADS).contains(&taken.load(Relaxed)), "{taken:?}");
}

#[tokio::test]
async fn of_a_long_answer_a_turn_is_written_at_a_time() {
    let (mut connection, taken) = connection(1, 4 * SEND_QUANTUM).await;
    for turns in 1..=4 {
        take_a_turn(&mut connection).await;
        assert!(
            (turns * SEND_QUANTUM..turns * SEND_QUANTUM + HEADS).contains(&taken.load(Relaxed)),
            "{turns}: {taken:?}"
        );
    }
}

async fn take_a_turn(connection: &mut Connection<Eager>) {
    let pending = poll_fn(|cx| Poll::Ready(connection.poll_request(cx).is_pending())).await;
    assert!(pending);
}

#[tokio::test]
async fn what_the_application_answers_counts_in_a_turn() {
    let half = foobar_core::handler_fn(async |_| foobar_core::Response::new(vec![b'x'; SEND_QUANTUM / 2].into()));
    let web = WebSettings { access_log: "off".to_owned(), ..WebSettings::default() };
    let worker = worker(&web, SiteSettings::default(), Some(Arc::new(half))).await;
    let taken = Arc::<AtomicUsize>::default();
    let client = Eager { requests: REQUEST.repeat(100), taken: taken.clone() };
    let mut connection = Connection::new(client, server::HERE, worker, Rc::default());
    let mut run = Box::pin(connection.run());
    let pending = poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx).is_pending())).await;
    assert!(pending && (SEND_QUANTUM..2 * SEND_QUANTUM).contains(&taken.load(Relaxed)), "{taken:?}");
}

#[tokio::test]
async fn between_two_turns_others_are_told_what_has_come_for_them() {
    let other = async {
        let (mut connection, taken) = connection(100, SEND_QUANTUM / 2).await;
        let (mut here, there) = UnixStream::pair().unwrap();
        let after = spawn_local(async move {
            here.read_u8().await.unwrap();
            taken.load(Relaxed)
        });
        tokio::task::yield_now().await;
        there.try_write(b"x").unwrap();
        spawn_local(async move { poll_fn(|cx| connection.poll_request(cx)).await.map(drop) });
        after.await.unwrap()
    };
    let taken = LocalSet::new().run_until(other).await;
    assert!(taken < 4 * SEND_QUANTUM, "{taken}");
}

#[tokio::test]
async fn an_idle_connection_holds_no_buffer() {
    let (mut connection, taken) = connection(100, SEND_QUANTUM / 2).await;
    poll_fn(|cx| {
        assert!(connection.poll_request(cx).is_pending());
        if taken.load(Relaxed) > 50 * SEND_QUANTUM { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    assert_eq!(connection.unread.capacity(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_makes_room_for_another_is_not_waited_for_even_if_its_request_has_not_come_whole() {
    for (evicted, lingers) in [(false, LINGER), (true, Duration::ZERO)] {
        let (mut connection, _) = connection(0, 0).await;
        connection.is_broken = true;
        if evicted {
            connection.state.evict();
        }
        let begun = Instant::now();
        connection.close().await;
        assert!((lingers..lingers + Duration::from_millis(10)).contains(&begun.elapsed()), "{evicted}");
    }
}

/// Asks for the body and does not wait for it.
async fn peek(request: foobar_core::Request) -> foobar_core::Response {
    let mut body = request.into_body();
    let asked = poll_fn(|cx| Poll::Ready(http_body::Body::poll_frame(Pin::new(&mut body), cx).is_pending())).await;
    assert!(asked);
    tokio::task::yield_now().await; // the connection has begun to say 100 meanwhile
    foobar_core::Response::new(foobar_core::ResponseBody::full("peeked"))
}

#[tokio::test]
async fn an_interim_response_is_whole_before_the_final_one_begins() {
    let web = WebSettings { access_log: "off".to_owned(), ..WebSettings::default() };
    let worker = worker(&web, SiteSettings::default(), Some(Arc::new(foobar_core::handler_fn(peek)))).await;
    for room in 1..=30 {
        let line = socket::Line::new(random::Random::new(room), room as usize);
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
        line.lock().unwrap().send(head);
        let served = serve(socket::Socket::new(&line), Beginning::now(), server::HERE, worker.clone(), Rc::default());
        let mut served = Box::pin(served);
        let mut text = String::new();
        while !text.ends_with("peeked") {
            let ended = poll_fn(|cx| Poll::Ready(served.as_mut().poll(cx).is_ready())).await;
            let mut line = line.lock().unwrap();
            let written = line.written.len();
            text.push_str(str::from_utf8(&line.take(written)).unwrap());
            assert!(!ended && text.len() < HEADS, "{room}: {text:?}");
        }
        let answers = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text); // it may be too late for it
        assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{room}: {text:?}");
    }
}
