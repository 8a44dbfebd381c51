use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::Worker;

/// Where connections find the worker of the configuration in use. It keeps none alive: a connection that lasts for days holds
/// the configuration that it was made under, and none that came later.
#[derive(Default)]
pub(crate) struct Latest(RefCell<Weak<Worker>>);

impl Latest {
    /// From now on requests go by the configuration of this one.
    pub(crate) fn set(&self, worker: &Rc<Worker>) {
        *self.0.borrow_mut() = Rc::downgrade(worker);
    }

    /// The latest, unless this is it.
    pub(super) fn other_than(&self, worker: &Rc<Worker>) -> Option<Rc<Worker>> {
        let latest = self.0.borrow();
        if latest.as_ptr() == Rc::as_ptr(worker) { None } else { latest.upgrade() }
    }
}
