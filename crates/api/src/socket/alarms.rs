//! When a session must do something without being asked.

use std::time::Duration;
use tokio::time::Instant;

/// So long before a token expires the client is told.
const WARNING: Duration = Duration::from_secs(60);

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Nobody logged in.
    NoLogin,
    /// Send a ping.
    Ping,
    /// No frame after a ping.
    Silent,
    /// The token expires soon, in so many seconds.
    Expiring(u64),
    /// The token has expired.
    Expired,
}

/// The alarms of one session.
pub struct Alarms {
    interval: Duration,
    patience: Duration,
    ping_at: Instant,
    silent_at: Option<Instant>,
    login_by: Option<Instant>,
    warn_at: Option<Instant>,
    expires_at: Option<Instant>,
}

impl Alarms {
    /// Alarms of a session that began now and has nobody logged in.
    pub fn new(login: Duration, interval: Duration, patience: Duration) -> Self {
        let now = Instant::now();
        Self {
            interval,
            patience,
            ping_at: now + interval,
            silent_at: None,
            login_by: Some(now + login),
            warn_at: None,
            expires_at: None,
        }
    }

    /// Somebody logged in, with a token that lives so long.
    pub fn logged_in(&mut self, ttl: Duration) {
        let now = Instant::now();
        self.login_by = None;
        self.warn_at = Some(now + ttl.saturating_sub(WARNING));
        self.expires_at = Some(now + ttl);
    }

    /// A frame came.
    pub fn heard(&mut self) {
        self.silent_at = None;
    }

    /// Waits for the next alarm, and turns it off.
    pub async fn next(&mut self) -> Alarm {
        let (at, alarm) = self.soonest();
        tokio::time::sleep_until(at).await;
        self.turn_off(alarm);
        alarm
    }

    fn soonest(&self) -> (Instant, Alarm) {
        let left = self.expires_at.zip(self.warn_at).map_or(0, |(end, warn)| end.duration_since(warn).as_secs());
        let due = [
            (self.login_by, Alarm::NoLogin),
            (self.silent_at, Alarm::Silent),
            (self.expires_at, Alarm::Expired),
            (self.warn_at, Alarm::Expiring(left)),
        ];
        let due = due.into_iter().filter_map(|(at, alarm)| Some((at?, alarm)));
        due.min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= self.ping_at).unwrap_or((self.ping_at, Alarm::Ping))
    }

    fn turn_off(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::NoLogin => self.login_by = None,
            Alarm::Silent => self.silent_at = None,
            Alarm::Expired => self.expires_at = None,
            Alarm::Expiring(_) => self.warn_at = None,
            Alarm::Ping => {
                let now = Instant::now();
                self.ping_at = now + self.interval;
                self.silent_at.get_or_insert(now + self.patience);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_log_in_is_found_out() {
        let mut alarms = Alarms::new(seconds(10), seconds(25), seconds(10));
        assert_eq!(alarms.next().await, Alarm::NoLogin);
    }

    #[tokio::test(start_paused = true)]
    async fn a_ping_without_an_answer_is_silence() {
        let mut alarms = Alarms::new(seconds(10), seconds(25), seconds(10));
        alarms.logged_in(seconds(7200));
        assert_eq!(alarms.next().await, Alarm::Ping);
        alarms.heard();
        assert_eq!(alarms.next().await, Alarm::Ping);
        let before = Instant::now();
        assert_eq!((alarms.next().await, before.elapsed()), (Alarm::Silent, seconds(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn expiry_is_announced_a_minute_before() {
        let mut alarms = Alarms::new(seconds(10), seconds(9999), seconds(10));
        let start = Instant::now();
        alarms.logged_in(seconds(100));
        assert_eq!((alarms.next().await, start.elapsed()), (Alarm::Expiring(60), seconds(40)));
        assert_eq!((alarms.next().await, start.elapsed()), (Alarm::Expired, seconds(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_token_moves_the_expiry() {
        let mut alarms = Alarms::new(seconds(10), seconds(9999), seconds(10));
        alarms.logged_in(seconds(10));
        assert_eq!(alarms.next().await, Alarm::Expiring(10));
        alarms.logged_in(seconds(1000));
        let start = Instant::now();
        assert_eq!((alarms.next().await, start.elapsed()), (Alarm::Expiring(60), seconds(940)));
    }
}
