//! Results of tracked tasks on their way to the actor that owns them. Many results, one message.

use std::sync::Mutex;

use crate::door::lock;

/// Collects results until their actor takes them all. As many as there are tasks, and those are limited.
pub(crate) struct Tray<T> {
    items: Mutex<Vec<T>>,
}

impl<T> Tray<T> {
    pub(crate) const fn new() -> Self {
        Self { items: Mutex::new(Vec::new()) }
    }

    /// Lays a result down; `true` when the actor has to be told, because the tray was empty.
    pub(crate) fn put(&self, item: T) -> bool {
        let mut items = lock(&self.items);
        items.push(item);
        items.len() == 1
    }

    /// Everything that lies there, in order.
    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut *lock(&self.items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_result_after_a_taking_is_told() {
        let tray = Tray::new();
        assert!(tray.put(1));
        assert!(!tray.put(2));
        assert_eq!(tray.take(), [1, 2]);
        assert!(tray.put(3));
        assert_eq!((tray.take(), tray.take()), (vec![3], vec![]));
    }
}
