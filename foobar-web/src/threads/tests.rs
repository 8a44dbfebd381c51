use std::collections::BTreeMap;

use super::*;
use crate::WebSettings;
use crate::net::{Listen, Listener, Sockets};
use crate::plan::Given;

/// A worker that takes configurations, says so, and does nothing else.
fn worker(taken: mpsc::UnboundedSender<()>) -> WorkerMain {
    Box::new(|mut worker, mut orders| {
        Ok(Box::pin(async move {
            loop {
                match orders.next().await {
                    Order::Reload(reload) => {
                        worker = reload.apply(&worker);
                        taken.send(()).unwrap();
                    }
                    Order::Turn => {}
                    Order::Drain(_) => return,
                }
            }
        }))
    })
}

/// Parts of a socket, for one worker each.
fn listening() -> impl Fn() -> Share {
    let listen: Listen = "127.0.0.1:0".parse().unwrap();
    let listeners = Listener::bind(&listen, &Sockets::default()).unwrap();
    move || listeners[0].share(&listen).unwrap()
}

#[tokio::test]
async fn no_worker_takes_a_configuration_whose_sockets_one_of_them_cannot_take() {
    let plan = Plan::compile(&WebSettings::default(), &BTreeMap::new(), &Given::default()).unwrap();
    let (threads, (sender, mut taken)) = (Threads::new(), mpsc::unbounded_channel());
    threads.start(&plan, vec![worker(sender.clone()), worker(sender)]).await.unwrap();
    let share = listening();
    let failed = threads.reload(&plan, &plan, vec![vec![share()], vec![Share::unwatchable()]]).await;
    assert!(matches!(failed, Err(Error::Reload(_))), "{failed:?}");
    assert_eq!(threads.reload(&plan, &plan, vec![vec![share()], vec![share()]]).await.unwrap(), [""; 0]);
    threads.drain(std::time::Instant::now()).await;
    let mut all = 0;
    while taken.recv().await.is_some() {
        all += 1;
    }
    assert_eq!(all, 2, "each worker has taken the second one alone");
}

#[tokio::test]
async fn a_worker_that_has_ended_is_named_and_the_others_take_the_configuration() {
    let plan = Plan::compile(&WebSettings::default(), &BTreeMap::new(), &Given::default()).unwrap();
    let (threads, (sender, mut taken)) = (Threads::new(), mpsc::unbounded_channel());
    let ended: WorkerMain = Box::new(|_, orders| {
        drop(orders);
        Ok(Box::pin(async {}))
    });
    threads.start(&plan, vec![worker(sender), ended]).await.unwrap();
    let alive = threads.state().expected.unwrap() - *threads.counts.logging.borrow() - 1;
    threads.counts.running.subscribe().wait_for(|running| *running <= alive).await.unwrap();
    let share = listening();
    let late = threads.reload(&plan, &plan, vec![vec![share()], vec![share()]]).await.unwrap();
    assert_eq!(late, ["the worker foobar-web-1 has ended and serves nothing; restart"]);
    assert_eq!(taken.recv().await, Some(()));
    threads.drain(std::time::Instant::now()).await;
}
