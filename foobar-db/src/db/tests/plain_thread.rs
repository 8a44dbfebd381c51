//! A handle where no runtime is.

use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;

use super::*;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// As a program without tokio does it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (mut future, waker) = (std::pin::pin!(future), Arc::new(Unpark(std::thread::current())).into());
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn a_handle_works_on_a_plain_thread_from_its_start_to_its_end() {
    for test in block_on(both()) {
        let db = Db::open(&test.settings()).unwrap();
        block_on(db.tier().start()).unwrap();
        block_on(db.write(|conn| insert(conn, 1))).unwrap();
        assert_eq!(block_on(count(&db)), 1);
        block_on(db.tier().drain(Instant::now() + Duration::from_secs(5)));
        assert!(matches!(block_on(db.write(|conn| insert(conn, 2))), Err(Error::Closed)));
    }
}

#[test]
fn a_call_on_a_plain_thread_waits_for_a_connection_no_longer_than_it_may() {
    for test in block_on(both()) {
        let settings = DatabaseSettings { acquire_timeout: short(100), ..test.settings() };
        let db = Db::open(&DatabaseSettings { connections: 1.try_into().unwrap(), ..settings }).unwrap();
        block_on(db.tier().start()).unwrap();
        let (begun, began) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let (holder, released) = (db.clone(), Mutex::new(released));
        let holds = std::thread::spawn(move || {
            block_on(holder.write(move |_| {
                begun.send(()).unwrap();
                Ok(released.lock().unwrap().recv().is_err())
            }))
        });
        began.recv().unwrap();
        assert!(matches!(block_on(db.write(|conn| insert(conn, 2))), Err(Error::Busy { .. })));
        drop(release);
        assert!(holds.join().unwrap().unwrap());
    }
}
