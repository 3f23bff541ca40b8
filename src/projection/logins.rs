//! Failed sign-ins, counted by login, known or not: so that an unknown name behaves like a known one (THREATS.md A68, A70).

use super::Users;
use super::digest::Entity;
use super::expiry::{Expiries, Thing};
use super::table::Table;
use crate::event::{LoginEvent, UserEvent};
use crate::terms::{Digest, Timestamp};
use serde::Serialize;

/// Failures in a row.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Attempts {
    /// How many.
    pub failures: u32,
    /// The last one.
    pub last: Timestamp,
}

/// Failures are forgotten this long after the last one.
const MEMORY_SECONDS: u64 = 86_400;
/// So many failures are free.
const FREE_FAILURES: u32 = 5;
/// The pause after them; each further failure doubles it.
const FIRST_PAUSE_SECONDS: u64 = 2;
/// The longest pause.
const LONGEST_PAUSE_SECONDS: u64 = 900;

impl Entity for Attempts {
    const KIND: &'static str = "login";
}

impl Attempts {
    /// Until when no password is looked at: after five failures 2 s, then twice as long each time, at most 15 minutes.
    pub fn paused_until(&self) -> Timestamp {
        let Some(beyond) = self.failures.checked_sub(FREE_FAILURES) else { return self.last };
        let pause = FIRST_PAUSE_SECONDS.checked_shl(beyond).filter(|pause| *pause >= FIRST_PAUSE_SECONDS);
        self.last.plus_seconds(pause.unwrap_or(LONGEST_PAUSE_SECONDS).min(LONGEST_PAUSE_SECONDS))
    }
}

/// The failures of a site.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Logins(Table<Digest, Attempts>);

impl Logins {
    /// The failures in a row of this login.
    pub fn attempts(&self, login: &Digest) -> Option<Attempts> {
        self.0.get(login).copied()
    }

    pub(super) fn table(&self) -> &Table<Digest, Attempts> {
        &self.0
    }

    pub(super) fn fold(&mut self, event: &LoginEvent, t: Timestamp, expiries: &mut Expiries) -> Result<(), &'static str> {
        match event {
            LoginEvent::Succeeded { login, .. } => {
                self.0.remove(login);
            }
            LoginEvent::Failed { login, .. } => {
                let before = self.0.get(login).map(|attempts| attempts.failures);
                if before.is_none() {
                    expiries.add(t.plus_seconds(MEMORY_SECONDS), Thing::Login(*login));
                }
                self.0.insert(*login, Attempts { failures: before.unwrap_or_default().saturating_add(1), last: t });
            }
        }
        Ok(())
    }

    pub(super) fn fold_user(&mut self, event: &UserEvent, users: &Users) {
        match event {
            UserEvent::Unlocked { user } | UserEvent::PasswordReset { user, .. } => {
                if let Some(user) = users.by_id(user) {
                    self.0.remove(&user.login);
                }
            }
            UserEvent::Created { .. }
            | UserEvent::Disabled { .. }
            | UserEvent::Enabled { .. }
            | UserEvent::Locked { .. }
            | UserEvent::Erased { .. } => {}
        }
    }

    pub(super) fn forget(&mut self, login: &Digest, t: Timestamp, expiries: &mut Expiries) {
        let Some(attempts) = self.0.get(login) else { return };
        let end = attempts.last.plus_seconds(MEMORY_SECONDS);
        match end < t {
            true => drop(self.0.remove(login)),
            false => expiries.add(end, Thing::Login(*login)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_after_five_failures_up_to_a_quarter_of_an_hour() {
        let last = Timestamp::from_unix_seconds(1000);
        let pause = |failures| Attempts { failures, last }.paused_until().seconds_since(last);
        assert_eq!([0, 4, 5, 6, 13, 14, 64, 69, 70, u32::MAX].map(pause), [0, 0, 2, 4, 512, 900, 900, 900, 900, 900]);
    }
}
