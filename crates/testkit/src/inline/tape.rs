use ports::PortError;
use std::sync::{Mutex, PoisonError};

/// What was asked of the ports, in order; and which call must fail.
#[derive(Default)]
pub(super) struct Tape(Mutex<Recorded>);

#[derive(Default)]
struct Recorded {
    calls: Vec<&'static str>,
    failing: Option<Failing>,
}

/// The call that fails.
#[derive(Clone, Copy)]
pub(super) enum Failing {
    /// The one of this number, from 0.
    Number(usize),
    /// Each of this name.
    Named(&'static str),
    /// The one of this name and number, from 0.
    Nth(&'static str, usize),
}

impl Tape {
    /// Begins anew.
    pub(super) fn rewind(&self, failing: Option<Failing>) {
        self.with(|recorded| *recorded = Recorded { calls: Vec::new(), failing });
    }

    /// The calls since.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.with(|recorded| recorded.calls.clone())
    }

    /// Notes a call. An error when it must fail: it was not made then.
    pub(super) fn call(&self, name: &'static str) -> Result<(), PortError> {
        let is_failing = self.with(|recorded| {
            recorded.calls.push(name);
            match recorded.failing {
                Some(Failing::Number(number)) => number == recorded.calls.len() - 1,
                Some(Failing::Named(failing)) => failing == name,
                Some(Failing::Nth(failing, number)) => {
                    let before = recorded.calls.iter().filter(|call| **call == failing).count();
                    failing == name && before == number + 1
                }
                None => false,
            }
        });
        if is_failing { Err(PortError::unavailable("test", "fail this call", name)) } else { Ok(()) }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Recorded) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
