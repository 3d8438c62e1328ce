//! A few values that are dear to make, by what they are made of.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// At most so many values; the one that was put first makes way. Looked through from the first to the last: for dozens.
pub struct Recent<K, V> {
    most: usize,
    kept: Mutex<VecDeque<(K, V)>>,
}

impl<K: PartialEq, V: Clone> Recent<K, V> {
    /// None yet. With room for none it keeps none.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<V> {
        self.lock().iter().find(|(kept, _)| kept == key).map(|(_, value)| value.clone())
    }

    /// Keeps a value instead of the one that the key had.
    pub fn put(&self, key: K, value: V) {
        let mut kept = self.lock();
        kept.retain(|(other, _)| *other != key);
        if kept.len() >= self.most {
            kept.pop_front();
        }
        if self.most > 0 {
            kept.push_back((key, value));
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(K, V)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept may be secret.
impl<K, V> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_that_was_put_first_makes_way() {
        let recent = Recent::new(2);
        recent.put("a", 1);
        recent.put("b", 2);
        recent.put("a", 3);
        recent.put("c", 4);
        assert_eq!([recent.get(&"a"), recent.get(&"b"), recent.get(&"c")], [Some(3), None, Some(4)]);
    }

    #[test]
    fn with_room_for_none_it_keeps_none() {
        let recent = Recent::new(0);
        recent.put("a", 1);
        assert_eq!(recent.get(&"a"), None);
    }
}
