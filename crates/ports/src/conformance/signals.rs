//! The suite of [`Signals`]. It needs two instances, as two processes would have them.

use super::within;
use crate::signals::{Cancels, Signals};
use contracts::TurnId;
use std::sync::Arc;

/// Runs the suite: `ports::signals_conformance!(make);`. `make` gives a pair of instances that reach each other, or
/// twice the same where only one process can exist.
#[macro_export]
macro_rules! signals_conformance {
    ($make:path) => {
        $crate::conformance_cases!(
            $make,
            signals,
            [a_cancel_reaches_every_listener_of_every_process, cancels_come_in_order, a_listener_may_go,]
        );
    };
}

type Pair = (Arc<dyn Signals>, Arc<dyn Signals>);

async fn listen(signals: &Arc<dyn Signals>) -> Box<dyn Cancels> {
    within("cancels", signals.cancels()).await.expect("cancels")
}

async fn cancel(signals: &Arc<dyn Signals>, turn: &str) {
    within("cancel", signals.cancel(&TurnId::from(turn))).await.expect("cancel");
}

async fn next(cancels: &mut Box<dyn Cancels>) -> String {
    within("the next cancel", cancels.next()).await.expect("a cancel").0
}

pub async fn a_cancel_reaches_every_listener_of_every_process((here, there): Pair) {
    let mut listeners = [listen(&here).await, listen(&here).await, listen(&there).await];
    cancel(&here, "resp_1").await;
    for listener in &mut listeners {
        assert_eq!(next(listener).await, "resp_1");
    }
    cancel(&there, "resp_2").await;
    for listener in &mut listeners {
        assert_eq!(next(listener).await, "resp_2");
    }
}

pub async fn cancels_come_in_order((here, there): Pair) {
    let mut listener = listen(&there).await;
    for n in 0..50 {
        cancel(&here, &format!("resp_{n}")).await;
    }
    for n in 0..50 {
        assert_eq!(next(&mut listener).await, format!("resp_{n}"));
    }
}

pub async fn a_listener_may_go((here, there): Pair) {
    drop(listen(&there).await);
    let mut stays = listen(&there).await;
    cancel(&here, "resp_1").await;
    assert_eq!(next(&mut stays).await, "resp_1");
}
