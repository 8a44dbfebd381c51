use std::cell::Cell;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use super::free_memory::give_back;

/// How many connections were open at a time. When most of them have closed, the memory that they leave goes back to the
/// system: the C library keeps what is free below what is still used.
#[derive(Default)]
pub(super) struct HighWater(Cell<usize>);

/// Of fewer connections there is too little to give back for the milliseconds that it takes.
const MANY: usize = 1024;

impl HighWater {
    /// So many are open, one of them now.
    pub(super) fn opened(&self, open: usize) {
        self.0.set(self.0.get().max(open));
    }

    /// So many are open still.
    pub(super) fn closed(&self, open: usize) {
        if self.has_fallen(open) {
            give_back();
        }
    }

    /// Whether an eighth is left of many; from then on it counts anew.
    fn has_fallen(&self, open: usize) -> bool {
        let most = self.0.get();
        let has_fallen = most >= MANY && open <= most / 8;
        if has_fallen {
            self.0.set(open);
        }
        has_fallen
    }
}

/// Other allocators look after it themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_fallen_once_when_an_eighth_is_left_of_many() {
        let water = HighWater::default();
        for (most, falls) in [(800, vec![]), (8000, vec![1000]), (1100, vec![137])] {
            water.opened(most);
            assert_eq!((0..most).rev().filter(|open| water.has_fallen(*open)).collect::<Vec<_>>(), falls, "{most}");
        }
    }
}
