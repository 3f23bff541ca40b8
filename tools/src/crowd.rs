//! Clients and people that use a server until it dies, and afterwards ask it what it still knows.
//!
//! Everything they ask and are told goes into a [`History`]. They go on with the same clients and sessions after a restart, with
//! codes and tokens too, so that what is asked then was promised before.

mod app;
mod asking;
mod look;
mod member;
mod walk;

pub use asking::Gone;

use crate::flows::target::Target;
use crate::flows::wire::Wire;
use crate::history::History;
use fastrand::Rng;
use member::Member;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who everybody signs in as, and with what.
pub struct Credentials;

impl Credentials {
    /// The person.
    pub const USERNAME: &str = "ada";
    /// Their password, at a server that lives for minutes.
    pub const PASSWORD: &str = "correct horse battery staple";
}

/// Everybody who uses one server, over all its lives.
pub struct Crowd {
    members: Vec<Member>,
    history: Shared,
}

/// The history that all write.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<History>>);

impl Shared {
    /// Held for one entry at a time.
    pub fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Registers one client, as a stranger may.
pub async fn register(target: &Target, history: &Shared, wire: &mut Wire) -> Result<(), Gone> {
    app::App::register(target, history, wire).await?.map(drop).ok_or(Gone)
}

impl Crowd {
    /// So many members; what they do follows from the generator.
    pub fn new(target: &Target, size: u16, rng: &mut Rng) -> Self {
        let history = Shared::default();
        let members = (0..size).map(|_| Member::new(target, history.clone(), rng.fork())).collect();
        Self { members, history }
    }
    /// What was asked and told so far.
    pub fn history(&self) -> Shared {
        self.history.clone()
    }
    /// Lets everybody use the server until it answers nobody any more.
    pub async fn live(&mut self) {
        self.each(|member| async move { member.live().await }).await;
        self.history.lock().died();
    }
    /// Asks a server that was started again what it knows of what was promised before.
    pub async fn look(&mut self) {
        self.each(|member| async move { member.look().await }).await;
    }

    async fn each<F: Future<Output = Member> + Send + 'static>(&mut self, act: impl Fn(Member) -> F) {
        let running: Vec<_> = std::mem::take(&mut self.members).into_iter().map(|member| tokio::spawn(act(member))).collect();
        for one in running {
            match one.await {
                Ok(member) => self.members.push(member),
                Err(error) => self.history.lock().complain(format!("a client of this tool broke off: {error}")),
            }
        }
    }
}
