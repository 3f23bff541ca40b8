//! Randomness from the operating system.

use crate::terms::{Opaque, Secret};

/// Fills the buffer. A machine without entropy cannot make secrets; the process ends rather than go on with weak ones.
pub(super) fn fill(buffer: &mut [u8]) {
    #[expect(clippy::disallowed_methods, reason = "the ledger is where entropy is drawn")]
    if aws_lc_rs::rand::fill(buffer).is_err() {
        std::process::abort();
    }
}

/// So many random bytes.
pub fn draw_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// A random identifier.
pub fn draw_id<T: Opaque>() -> T {
    T::from_bytes(draw_bytes())
}

/// A random secret of so many bytes: 32 give 43 characters, 64 give 86.
pub fn draw_secret<const N: usize>() -> Secret {
    Secret::from_entropy(&*zeroize::Zeroizing::new(draw_bytes::<N>()))
}
