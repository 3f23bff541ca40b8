//! What users were told, and what must therefore hold for ever.

use crate::world::{App, CodeInHand, Tokens, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that was about to be asked, or was answered. A grant goes by the code that began it.
#[derive(Serialize, Deserialize)]
pub enum Fact {
    Registered { app: App },
    Redeeming { code: CodeInHand, app: App },
    Redeemed { code: String, tokens: Tokens },
    Refreshing { code: String },
    Refreshed { code: String, tokens: Tokens },
    Revoking { code: String },
    Revoked { code: String },
}

/// All facts of one life of the server.
#[derive(Default)]
pub struct History {
    apps: Vec<App>,
    grants: BTreeMap<String, Known>,
    facts: usize,
}

/// What its user knows of a grant.
struct Known {
    code: CodeInHand,
    app: App,
    /// Every answer with tokens, the oldest first.
    tokens: Vec<Tokens>,
    /// Something was asked and not answered: it may have happened or not.
    pending: bool,
    revoking: bool,
    revoked: bool,
}

impl History {
    pub fn len(&self) -> usize {
        self.facts
    }
    pub fn add(&mut self, fact: Fact) {
        self.facts += 1;
        match fact {
            Fact::Registered { app } => self.apps.push(app),
            Fact::Redeeming { code, app } => {
                let known = Known { code: code.clone(), app, tokens: Vec::new(), pending: true, revoking: false, revoked: false };
                self.grants.insert(code.code, known);
            }
            Fact::Redeemed { code, tokens } | Fact::Refreshed { code, tokens } => {
                let known = self.grants.get_mut(&code).unwrap();
                known.tokens.push(tokens);
                known.pending = false;
            }
            Fact::Refreshing { code } => self.grants.get_mut(&code).unwrap().pending = true,
            Fact::Revoking { code } => self.grants.get_mut(&code).unwrap().revoking = true,
            Fact::Revoked { code } => self.grants.get_mut(&code).unwrap().revoked = true,
        }
    }
    /// Holds every fact against a server that was started again.
    pub async fn check(&self, world: &World) {
        for app in &self.apps {
            assert!(!app.is_active(world, "anything").await, "a registered client is not known any more");
        }
        for known in self.grants.values() {
            known.check(world).await;
        }
    }
}

impl Known {
    async fn check(&self, world: &World) {
        let Some((last, older)) = self.tokens.split_last() else { return };
        let last_refresh = last.refresh.as_ref().unwrap();
        if self.revoked {
            for tokens in &self.tokens {
                assert!(!self.app.is_active(world, &tokens.access).await, "a revoked grant's access token is active");
            }
            let reply = self.app.refresh(world, last_refresh).await;
            assert_eq!((reply.status, reply.member("error").as_deref()), (400, Some("invalid_grant")), "a revoked grant refreshes");
            return;
        }
        if !self.revoking {
            for tokens in &self.tokens {
                assert!(self.app.is_active(world, &tokens.access).await, "an access token was forgotten");
            }
            assert!(self.pending || self.app.is_active(world, last_refresh).await, "a refresh token was forgotten");
        }
        for tokens in older {
            assert!(!self.app.is_active(world, tokens.refresh.as_ref().unwrap()).await, "a rotated refresh token is active again");
        }
        // Last, because it ends the grant: what was used up stays used up.
        let reply = match older.last() {
            Some(rotated) => self.app.refresh(world, rotated.refresh.as_ref().unwrap()).await,
            None => self.app.redeem(world, &self.code).await,
        };
        assert_eq!((reply.status, reply.member("error").as_deref()), (400, Some("invalid_grant")), "what was used up works again");
        assert!(!self.app.is_active(world, &last.access).await, "the grant lives on after a reuse");
    }
}
