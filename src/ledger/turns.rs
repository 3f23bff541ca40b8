//! Telling that the wall clock jumped, came back or was accepted. Readings are many; the log hears of each turn once.

use super::clock::Turn;
use super::{Failure, Ledger};
use crate::command::Noted;
use crate::terms::{Actor, RequestFacts, SiteName, Timestamp};

impl Ledger {
    /// Takes the wall clock for right after a step, and records who said so.
    pub async fn accept_clock(&self, by: Actor, request: RequestFacts) -> Result<Timestamp, Failure> {
        let wall = self.shared.clock.accept();
        self.tell_turns().await?;
        if let Some(server) = self.site(&SiteName::server()) {
            self.note_by(&server, Noted::ClockAccepted { wall }, by, request).await?;
        }
        Ok(wall)
    }

    /// Records the turns of the clock that are not yet told. What cannot be told now is told later.
    pub(super) async fn tell_turns(&self) -> Result<(), Failure> {
        let mut turns = self.shared.clock.turns().into_iter();
        let Some(server) = self.site(&SiteName::server()) else { return Ok(()) };
        while let Some(turn) = turns.next() {
            let Turn { trusted, wall, kept } = turn;
            tracing::warn!(%wall, %kept, trusted, "the wall clock was held against the machine's uptime");
            let noted = if trusted { Noted::ClockAccepted { wall } } else { Noted::ClockStepped { wall, kept } };
            if let Err(failure) = self.note(&server, noted, self.own_request()).await {
                self.shared.clock.put_back(std::iter::once(turn).chain(turns).collect());
                return Err(failure);
            }
        }
        Ok(())
    }

    /// The same, by itself.
    pub(super) fn tell_turns_soon(&self) {
        if !self.shared.clock.has_turned() {
            return;
        }
        let ledger = self.clone();
        tokio::spawn(async move {
            if let Err(failure) = Box::pin(ledger.tell_turns()).await {
                tracing::warn!(%failure, "a turn of the clock could not be recorded yet");
            }
        });
    }
}
