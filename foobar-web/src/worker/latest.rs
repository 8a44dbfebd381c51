use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// Where connections find the worker of the configuration in use. It keeps none alive: a connection that lasts for days holds
/// the configuration that it was made under, and none that came later.
pub(crate) struct Latest<T>(RefCell<Weak<T>>);

impl<T> Latest<T> {
    /// From now on requests go by the configuration of this one.
    pub(crate) fn set(&self, worker: &Rc<T>) {
        *self.0.borrow_mut() = Rc::downgrade(worker);
    }

    /// The latest, unless this is it.
    pub(super) fn other_than(&self, worker: &Rc<T>) -> Option<Rc<T>> {
        let latest = self.0.borrow();
        if latest.as_ptr() == Rc::as_ptr(worker) { None } else { latest.upgrade() }
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}
