use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::autoindex::Listing;
use super::cache::{Flights, Pilot};
use crate::memory::Room;
use crate::pool::Pool;

/// Lists directories on the file-reading pool, which takes long for large ones: one list of a directory at a time, for
/// all who want it, and on half of the threads at most.
pub(super) struct Lister {
    pool: Pool,
    room: Room,
    flights: Arc<Flights<Wanted, Option<Bytes>>>,
    turns: Arc<Semaphore>,
}

/// Which list of which directory is wanted: the number of its tree, the path there, and how the client sees it.
pub(super) type Wanted = (u32, Box<str>, Listing);

impl Lister {
    /// For a pool of so many threads.
    pub(super) fn new(pool: Pool, threads: usize, room: Room) -> Self {
        Self { pool, room, flights: Arc::default(), turns: Arc::new(Semaphore::new((threads / 2).max(1))) }
    }

    /// The text that `list` gives, or has just been giving. [`io::ErrorKind::OutOfMemory`] where slow clients hold all
    /// the [`Room`].
    pub(super) async fn run(
        &self,
        wanted: Wanted,
        list: impl FnOnce() -> io::Result<Option<Vec<u8>>> + Send + 'static,
    ) -> io::Result<Option<Bytes>> {
        let (pool, room, turns) = (self.pool.clone(), self.room.clone(), Arc::clone(&self.turns));
        let begin = |pilot: Pilot<_, _>| {
            let job = move || pilot.land(list().and_then(|text| text.map(|text| kept(&room, &text)).transpose()));
            drop(tokio::spawn(async move {
                let _turn = turns.acquire().await;
                pool.run(job).await
            }));
        };
        self.flights.join(wanted, begin).await
    }
}

fn kept(room: &Room, text: &[u8]) -> io::Result<Bytes> {
    Ok(room.claim(text.len() as u64).ok_or(io::ErrorKind::OutOfMemory)?.hold(text))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::sync::mpsc;

    use futures_util::future::{join, join_all};

    use super::*;
    use crate::Autoindex;
    use crate::request::{Asked, Fields, Verb};

    fn wanted(path: &str) -> Wanted {
        let asked = Asked { verb: Verb::Get, path: "/d/", query: None, fields: Fields::default(), origin: None };
        (0, path.into(), Listing::of(&asked, Autoindex::Html).unwrap())
    }

    fn lister(threads: usize) -> Lister {
        Lister::new(Pool::new("lists", threads).unwrap(), threads, Room::new(100))
    }

    #[tokio::test]
    async fn who_wants_the_same_list_meanwhile_gets_the_same() {
        let (lister, times) = (lister(4), Arc::new(AtomicUsize::new(0)));
        let ask = |path: &str| {
            let times = Arc::clone(&times);
            lister.run(wanted(path), move || {
                times.fetch_add(1, Relaxed);
                Ok(Some(b"list".to_vec()))
            })
        };
        let lists = join_all((0..20).map(|_| ask("a"))).await;
        assert!(lists.iter().all(|list| list.as_ref().unwrap().as_ref().unwrap() == "list"));
        assert_eq!(times.load(Relaxed), 1);
        ask("b").await.unwrap();
        ask("a").await.unwrap();
        assert_eq!(times.load(Relaxed), 3);
    }

    #[tokio::test]
    async fn lists_leave_half_of_the_threads_to_others() {
        let lister = lister(2);
        let (release, held) = mpsc::channel::<()>();
        let first = lister.run(wanted("a"), move || {
            held.recv().unwrap();
            Ok(None)
        });
        let second = lister.run(wanted("b"), || Ok(None));
        let other = async {
            lister.pool.run(|| ()).await.unwrap();
            release.send(()).unwrap();
        };
        let ((first, second), ()) = join(join(first, second), other).await;
        assert!(first.unwrap().is_none() && second.unwrap().is_none());
    }

    #[tokio::test]
    async fn where_slow_clients_hold_all_the_room_there_is_no_list() {
        let lister = lister(2);
        let list = || lister.run(wanted("a"), || Ok(Some(vec![b'x'; 60])));
        let held = list().await.unwrap();
        assert_eq!(list().await.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
        drop(held);
        assert!(list().await.is_ok());
    }
}
