//! The first questions to a server that was started again.

use super::asking::Gone;
use super::member::{Held, Member, generation_of};
use super::walk::Walk;
use crate::history::Act;

/// So many of the newest grants are asked about; the log is asked about all.
const GRANTS_MAX: usize = 6;

impl Member {
    /// Asks about everything that was used since the last time.
    pub async fn look(mut self) -> Self {
        self.wire.forget_connection();
        if self.ask_about_all().await.is_err() {
            self.history.lock().complain("the server went away while it was asked what it knows".to_owned());
        }
        self
    }

    async fn ask_about_all(&mut self) -> Result<(), Gone> {
        let held = std::mem::take(&mut self.held);
        for mut held in held.into_iter().rev().take(GRANTS_MAX) {
            self.ask_about(&mut held).await?;
        }
        if let Some(app) = &mut self.app
            && !app.is_there(&self.history, &mut self.wire).await?
        {
            self.app = None;
        }
        let (target, history) = (self.target.clone(), self.history.clone());
        if let (Some(app), Some(session)) = (self.app.clone(), self.session) {
            let verifier: String = std::iter::repeat_with(|| self.rng.alphanumeric()).take(48).collect();
            let mut walk = Walk { target: &target, history: &history, wire: &mut self.wire, session: &mut self.session };
            walk.is_signed_in(&app, session, &verifier).await?;
        }
        Ok(())
    }

    /// First what changes nothing; then, last, something that ends the grant if it is as it should be.
    async fn ask_about(&mut self, held: &mut Held) -> Result<(), Gone> {
        if held.tokens.is_empty() {
            self.redeem(held).await?;
            return self.introspect(held).await;
        }
        let newest = held.tokens.len().saturating_sub(3);
        for (at, tokens) in held.tokens.clone().into_iter().enumerate().skip(newest) {
            self.is_active(held, Act::ReadAccess(generation_of(at + 1)), &tokens.access).await?;
            self.is_active(held, Act::ReadRefresh(generation_of(at + 1)), &tokens.refresh).await?;
        }
        match self.rng.u8(..4) {
            0 => self.redeem(held).await?,
            1 => self.refresh(held, Some(0)).await?,
            2 => self.refresh(held, None).await?,
            _ => return Ok(()),
        }
        self.introspect(held).await
    }
}
