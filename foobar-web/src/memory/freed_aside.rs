use std::ops::Deref;
use std::thread::Builder;

/// What workers share, and none of them frees: what a thousand sites hold takes tens of milliseconds to free, in which
/// nobody would be answered. A thread of its own does it.
pub(crate) struct FreedAside<T: Send + 'static>(Option<T>);

impl<T: Send> FreedAside<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Send> Deref for FreedAside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for FreedAside<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        let thread = Builder::new().name("foobar-web-free".to_owned()).spawn(move || drop(value));
        drop(thread); // it ends by itself; where none can be made, the value has been dropped here
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};
    use std::thread;

    use super::*;

    /// Tells the thread that drops it.
    struct Told(Sender<Option<String>>);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send(thread::current().name().map(str::to_owned)).unwrap();
        }
    }

    #[test]
    fn the_last_who_lets_go_does_not_free_it() {
        let (freed, told) = channel();
        let (one, other) = {
            let shared = Arc::new(FreedAside::new(Told(freed)));
            (Arc::clone(&shared), shared)
        };
        drop(one);
        told.try_recv().unwrap_err();
        drop(other);
        assert_eq!(told.recv().unwrap().as_deref(), Some("foobar-web-free"));
    }
}
