use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Names that the application was asked for in vain, and until when it is not asked again.
pub(super) struct DeniedNames {
    until: HashMap<String, Instant>,
    most: usize,
}

impl DeniedNames {
    pub(super) fn new(most: usize) -> Self {
        Self { until: HashMap::new(), most }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.until.get(name).is_some_and(|until| Instant::now() < *until)
    }

    /// Where there are too many, all are forgotten.
    pub(super) fn add(&mut self, name: String, time: Duration) {
        if self.until.len() >= self.most {
            self.until.clear();
        }
        self.until.insert(name, Instant::now() + time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn strangers_who_make_names_up_take_bounded_memory() {
        let mut denied = DeniedNames::new(3);
        for number in 0..1000 {
            denied.add(format!("n{number}.test"), Duration::from_secs(60));
            assert!(denied.until.len() <= 3 && denied.has(&format!("n{number}.test")));
        }
    }
}
