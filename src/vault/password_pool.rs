//! Password hashing on its own threads: argon2id (RFC 9106), 19 MiB, two passes (OWASP), each thread with its own memory.
//!
//! Fixed threads instead of the runtime's blocking pool, because 512 of those would take 9.7 GiB (THREATS.md M14); a short queue
//! that refuses, because a flood of sign-ins must not make the others wait (THREATS.md A96).

use super::{PasswordText, VaultError, entropy};
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// No thread will be free soon; try again later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many passwords are being checked; try again in a moment")]
pub struct Busy;

/// The threads that hash passwords. They end when the pool is dropped.
pub struct PasswordPool {
    queue: SyncSender<Job>,
    /// The hash of nobody's password, for sign-ins of unknown users.
    nobody: Arc<PasswordHash>,
}

/// Waiting jobs for each thread: about a third of a second of work.
const QUEUED_PER_THREAD: usize = 8;
/// What a stored hash may ask for; ours ask for 19,456 KiB, two passes, one lane.
const MEMORY_KIB_MAX: u32 = 65_536;
const PASSES_MAX: u32 = 8;
const LANES_MAX: u32 = 4;

enum Job {
    Hash { password: PasswordText, salt: Zeroizing<[u8; 16]>, reply: oneshot::Sender<Option<String>> },
    Verify { password: PasswordText, hash: Arc<PasswordHash>, is_somebodys: bool, reply: oneshot::Sender<bool> },
}

impl PasswordPool {
    /// Starts this many threads: one for each core is right. Each keeps 19 MiB.
    ///
    /// # Errors
    /// The operating system has no entropy or no threads.
    pub fn start(threads: NonZeroUsize) -> Result<Self, VaultError> {
        let (salt, output) = (entropy::draw::<16>()?, entropy::draw::<32>()?);
        let nobody = Arc::new(phc_of(&salt, output.as_slice()).ok_or(VaultError::Crypto)?);
        let (queue, jobs) = sync_channel(threads.get().saturating_mul(QUEUED_PER_THREAD));
        let jobs = Arc::new(Mutex::new(jobs));
        for n in 0..threads.get() {
            let jobs = jobs.clone();
            let spawned = thread::Builder::new().name(format!("password-{n}")).spawn(move || work(&jobs));
            spawned.map_err(VaultError::Threads)?;
        }
        Ok(Self { queue, nobody })
    }

    /// The PHC string to store for this password, with a fresh salt.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full.
    pub async fn hash(&self, password: PasswordText) -> Result<String, Busy> {
        let salt = entropy::draw().map_err(|_| Busy)?;
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Job::Hash { password, salt, reply }).map_err(|_| Busy)?;
        answer.await.ok().flatten().ok_or(Busy)
    }

    /// Whether this is the password of that PHC string. Without one (an unknown user, THREATS.md A62) the same work is done, and the
    /// answer is no.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full.
    pub async fn verify(&self, password: PasswordText, phc: Option<Zeroizing<String>>) -> Result<bool, Busy> {
        let known = phc.as_ref().and_then(|phc| PasswordHash::new(phc).ok());
        if phc.is_some() && known.is_none() {
            tracing::error!("a password hash in the vault is not a PHC string; its user cannot sign in");
        }
        let (is_somebodys, hash) = (known.is_some(), known.map_or_else(|| self.nobody.clone(), Arc::new));
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Job::Verify { password, hash, is_somebodys, reply }).map_err(|_| Busy)?;
        answer.await.map_err(|_| Busy)
    }
}

/// One thread: takes jobs until the pool is gone. Jobs whose asker has left are skipped.
fn work(jobs: &Mutex<Receiver<Job>>) {
    let mut memory = vec![Block::default(); Params::DEFAULT.block_count()];
    loop {
        // The lock is held while waiting: exactly one idle thread waits for the next job, the others for the lock.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Err(_) => return,
            Ok(Job::Hash { reply, .. }) if reply.is_closed() => {}
            Ok(Job::Verify { reply, .. }) if reply.is_closed() => {}
            Ok(Job::Hash { password, salt, reply }) => {
                let output = derive(&Params::DEFAULT, &password, salt.as_slice(), &mut memory);
                let phc = output.and_then(|output| phc_of(&salt, output.as_slice()));
                // Nobody waits any more: there is nothing left to do.
                let _ = reply.send(phc.map(|phc| phc.to_string()));
            }
            Ok(Job::Verify { password, hash, is_somebodys, reply }) => {
                // Both are worked out, whoever is asked for.
                let _ = reply.send(is_password_of(&password, &hash, &mut memory) & is_somebodys);
            }
        }
    }
}

fn is_password_of(password: &PasswordText, hash: &PasswordHash, memory: &mut Vec<Block>) -> bool {
    let Some((params, salt, expected)) = parts_of(hash) else { return false };
    let Some(output) = derive(&params, password, salt, memory) else { return false };
    output.as_slice().ct_eq(expected).into()
}

/// What a stored hash says, if it is argon2id 1.3 within our limits.
fn parts_of(hash: &PasswordHash) -> Option<(Params, &[u8], &[u8])> {
    let is_ours = hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(Version::V0x13.into());
    let params = Params::try_from(hash).ok().filter(|_| is_ours)?;
    let fits = params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= PASSES_MAX && params.p_cost() <= LANES_MAX;
    let (salt, output) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    (fits && output.len() == 32).then_some((params, salt.as_ref(), output.as_bytes()))
}

fn derive(params: &Params, password: &PasswordText, salt: &[u8], memory: &mut Vec<Block>) -> Option<Zeroizing<[u8; 32]>> {
    if memory.len() < params.block_count() {
        memory.resize(params.block_count(), Block::default());
    }
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut output = Zeroizing::new([0; 32]);
    argon2.hash_password_into_with_memory(password.bytes(), salt, output.as_mut_slice(), memory).ok()?;
    Some(output)
}

fn phc_of(salt: &[u8; 16], output: &[u8]) -> Option<PasswordHash> {
    Some(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&Params::DEFAULT).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(output).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Secret;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn pool(threads: usize) -> PasswordPool {
        PasswordPool::start(NonZeroUsize::new(threads).unwrap()).unwrap()
    }
    fn password(text: &str) -> PasswordText {
        PasswordText::parse(&Secret::new(text.to_owned())).unwrap()
    }
    fn stored(phc: &str) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(phc.to_owned()))
    }

    #[tokio::test]
    async fn only_the_password_that_was_hashed_verifies() {
        let pool = pool(1);
        let phc = pool.hash(password("Zu\u{308}rich 1")).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_eq!(pool.verify(password("Z\u{fc}rich 1"), stored(&phc)).await, Ok(true));
        assert_eq!(pool.verify(password("Z\u{fc}rich 2"), stored(&phc)).await, Ok(false));
        assert_ne!(pool.hash(password("Zu\u{308}rich 1")).await.unwrap(), phc);
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let pool = pool(1);
        assert_eq!(pool.verify(password("anything"), None).await, Ok(false));
    }

    #[test]
    fn an_unknown_user_costs_what_a_known_one_costs() {
        let pool = pool(1);
        let ours = phc_of(&[1; 16], &[2; 32]).unwrap();
        let costs = |hash: &PasswordHash| {
            let (params, salt, output) = parts_of(hash).unwrap();
            (params.m_cost(), params.t_cost(), params.p_cost(), salt.len(), output.len())
        };
        assert_eq!(costs(&pool.nobody), costs(&ours));
        assert_eq!(costs(&ours), (19_456, 2, 1, 16, 32));
    }

    #[tokio::test]
    async fn a_hash_of_another_library_with_other_costs_verifies() {
        // Of the argon2 reference implementation's own tests: password "password", salt "somesalt".
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert_eq!(pool(1).verify(password("password"), stored(phc)).await, Ok(true));
    }

    #[tokio::test]
    async fn a_hash_beyond_our_limits_or_of_another_kind_verifies_nothing() {
        let pool = pool(1);
        for phc in [
            "",
            "not a hash",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=4000000,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=4000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        ] {
            assert_eq!(pool.verify(password("password"), stored(phc)).await, Ok(false), "{phc}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_serves_again_when_it_is_empty() {
        let pool = Arc::new(pool(1));
        let busy = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let (pool, busy) = (pool.clone(), busy.clone());
                tokio::spawn(async move {
                    match pool.verify(password("x"), None).await {
                        Ok(answer) => assert!(!answer),
                        Err(Busy) => drop(busy.fetch_add(1, Ordering::Relaxed)),
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let refused = busy.load(Ordering::Relaxed);
        // Eight wait; how many the one thread finishes meanwhile depends on the machine.
        assert!((1..=32).contains(&refused), "{refused}");
        assert_eq!(pool.verify(password("x"), None).await, Ok(false));
    }
}
