use ports::PortError;
use std::sync::{Mutex, PoisonError};

/// What was asked of the ports, in order; and which call must fail.
#[derive(Default)]
pub(super) struct Tape(Mutex<Recorded>);

#[derive(Default)]
struct Recorded {
    calls: Vec<&'static str>,
    fail_at: Option<usize>,
}

impl Tape {
    /// Begins anew. The call of this number, from 0, will fail.
    pub(super) fn rewind(&self, fail_at: Option<usize>) {
        self.with(|recorded| *recorded = Recorded { calls: Vec::new(), fail_at });
    }

    /// The calls since.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.with(|recorded| recorded.calls.clone())
    }

    /// Notes a call. An error when it must fail: it was not made then.
    pub(super) fn call(&self, name: &'static str) -> Result<(), PortError> {
        let is_failing = self.with(|recorded| {
            recorded.calls.push(name);
            recorded.fail_at == Some(recorded.calls.len() - 1)
        });
        if is_failing { Err(PortError::unavailable("test", "fail this call", name)) } else { Ok(()) }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Recorded) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
