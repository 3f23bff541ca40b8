//! The vault's own entropy. What is drawn here is never recorded, so replay does not need it (DESIGN.md §4).

use super::VaultError;
use zeroize::Zeroizing;

/// Fresh secret bytes from the operating system.
///
/// # Errors
/// [`VaultError::Crypto`] if the operating system has none.
#[expect(clippy::disallowed_methods, reason = "the vault draws the entropy of its keys and salts itself; none of it enters the log")]
pub(super) fn draw<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultError> {
    let mut bytes = Zeroizing::new([0; N]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice())?;
    Ok(bytes)
}
