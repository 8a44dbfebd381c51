use std::io;
use std::sync::Arc;

use foobar_core::Chain;
use tokio::sync::Semaphore;

use super::autoindex::{List, Listing, Made};
use super::cache::{Leader, SingleFlight};
use crate::encoding::{Coding, Compressor};
use crate::memory::MemoryBudget;
use crate::pool::Pool;

/// Lists directories on the file-reading pool, which takes long for large ones: one list of a directory at a time, for
/// all who want it, and on half of the threads at most.
pub(super) struct Lister {
    pool: Pool,
    room: MemoryBudget,
    compressor: Compressor,
    flights: Arc<SingleFlight<Wanted, Option<List>>>,
    turns: Arc<Semaphore>,
}

/// Which list of which directory is wanted: the number of its tree, the path there, and how the client sees it.
pub(super) type Wanted = (u32, Box<[u8]>, Listing);

impl Lister {
    /// For a pool of so many threads.
    pub(super) fn new(pool: Pool, threads: usize, room: MemoryBudget, compressor: Compressor) -> Self {
        Self { pool, room, compressor, flights: Arc::default(), turns: Arc::new(Semaphore::new((threads / 2).max(1))) }
    }

    /// The list that `list` makes, or has just been making, in the coding that is wanted where that is worth it.
    /// [`io::ErrorKind::OutOfMemory`] where slow clients hold all the [`MemoryBudget`].
    pub(super) async fn run(
        &self,
        wanted: Wanted,
        list: impl FnOnce() -> io::Result<Option<Made>> + Send + 'static,
    ) -> io::Result<Option<List>> {
        let (pool, room, turns) = (self.pool.clone(), self.room.clone(), Arc::clone(&self.turns));
        let (compressor, coding) = (self.compressor.clone(), wanted.2.coding());
        let begin = |pilot: Leader<_, _>| {
            let job = move || list()?.map(|made| kept(&room, &made)).transpose();
            drop(tokio::spawn(async move {
                let turn = turns.acquire().await;
                let made = pool.run(job).await.and_then(|made| made);
                drop(turn);
                pilot.complete(match (made, coding) {
                    (Ok(Some((list, offered))), Some(coding)) if offered => {
                        Ok(Some(encoded(list, coding, &compressor).await))
                    }
                    (made, _) => made.map(|made| made.map(|(list, _)| list)),
                });
            }));
        };
        self.flights.join(wanted, begin).await
    }
}

/// The list in memory that is counted, and whether it is offered in the coding that is wanted.
fn kept(room: &MemoryBudget, made: &Made) -> io::Result<(List, bool)> {
    let text = room.claim(made.text.len() as u64).ok_or(io::ErrorKind::OutOfMemory)?.hold(made.text.as_slice());
    Ok((List { text, coding: None, varies: made.varies, more: made.more, left_out: made.left_out }, made.offered))
}

/// The list in this coding; as it is where that gains nothing, fails, or too many wait for theirs.
async fn encoded(list: List, coding: Coding, compressor: &Compressor) -> List {
    let Some(slot) = compressor.slot(&list.text) else { return list };
    match compressor.run(slot, list.text.clone(), coding).await {
        Ok(Some(text)) => List { text, coding: Some(coding), ..list },
        Ok(None) => list,
        Err(error) => {
            tracing::warn!(coding = coding.name(), error = %Chain(&error), "a list cannot be compressed");
            list
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::sync::mpsc;

    use futures_util::future::{join, join_all};

    use super::*;
    use crate::Autoindex;
    use crate::encoding::PerCoding;
    use crate::request::{Fields, RequestView, Verb};

    fn wanted(path: &str) -> Wanted {
        let asked = RequestView { verb: Verb::Get, path: "/d/", query: None, fields: Fields::default(), origin: None };
        (0, path.as_bytes().into(), Listing::of(&asked, Autoindex::Html, |_| PerCoding::default()).unwrap())
    }

    fn made(text: &[u8]) -> Made {
        Made { text: text.to_vec(), varies: false, offered: false, more: false, left_out: 0 }
    }

    fn lister(threads: usize) -> Lister {
        let room = MemoryBudget::new(100);
        Lister::new(Pool::new("lists", threads).unwrap(), threads, room.clone(), Compressor::new(room).unwrap())
    }

    #[tokio::test]
    async fn who_wants_the_same_list_meanwhile_gets_the_same() {
        let (lister, times) = (lister(4), Arc::new(AtomicUsize::new(0)));
        let ask = |path: &str| {
            let times = Arc::clone(&times);
            lister.run(wanted(path), move || {
                times.fetch_add(1, Relaxed);
                Ok(Some(made(b"list")))
            })
        };
        let lists = join_all((0..20).map(|_| ask("a"))).await;
        assert!(lists.iter().all(|list| list.as_ref().unwrap().as_ref().unwrap().text == "list"));
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
        let list = || lister.run(wanted("a"), || Ok(Some(made(&[b'x'; 60]))));
        let held = list().await.unwrap();
        assert_eq!(list().await.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
        drop(held);
        assert!(list().await.is_ok());
    }
}
