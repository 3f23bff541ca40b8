//! The file with the key that opens the vault. One line of text: `writ-master-key-1`, the key, and a checksum that tells a damaged
//! key from a wrong one.

use super::{VaultError, entropy};
use crate::terms::Digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// 256 bits under which every entry of the vault is encrypted.
pub(super) type MasterKey = Zeroizing<[u8; 32]>;

const LABEL: &str = "writ-master-key-1";
/// A longer file is not a key.
const LENGTH_MAX: u64 = 256;

/// The key in this file; nothing if there is no such file.
///
/// # Errors
/// A file that cannot be read, that others may read, or that does not hold a whole key.
pub(super) fn read(path: &Path) -> Result<Option<MasterKey>, VaultError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(VaultError::io(path)(error)),
    };
    // The metadata of the open file: a check by name could be answered by another file.
    let about = file.metadata().map_err(VaultError::io(path))?;
    let mode = about.mode() & 0o777;
    if !is_private(mode, about.uid(), about.gid()) {
        return Err(VaultError::KeyOpenToOthers { path: path.into(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(256));
    file.take(LENGTH_MAX).read_to_end(&mut bytes).map_err(VaultError::io(path))?;
    parse(&bytes).map(Some).ok_or_else(|| VaultError::KeyDamaged { path: path.into() })
}

/// Makes a new key in a new file. Durable on return.
///
/// # Errors
/// Never replaces a file: if another process made one meanwhile, that is an error.
pub(super) fn create(path: &Path) -> Result<MasterKey, VaultError> {
    let key = entropy::draw::<32>()?;
    let draft = draft_of(path);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(VaultError::io(&draft)(error)),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(VaultError::io(&draft))?;
    file.write_all(text_of(&key).as_bytes()).and_then(|()| file.sync_all()).map_err(VaultError::io(&draft))?;
    // A link, because unlike a rename it never replaces a key; the whole file appears at once or not at all.
    fs::hard_link(&draft, path).map_err(VaultError::io(path))?;
    fs::remove_file(&draft).map_err(VaultError::io(&draft))?;
    sync_directory_of(path)?;
    Ok(key)
}

/// Nobody but the owner may touch the file. One exception: systemd hands a credential to a service as `0440 root:root`, where the
/// group bits are the mask of an access list for the service alone (systemd issue 29435), and root's group reads everything anyway.
fn is_private(mode: u32, uid: u32, gid: u32) -> bool {
    mode & 0o077 == 0 || (mode == 0o440 && uid == 0 && gid == 0)
}

fn text_of(key: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(format!("{LABEL} {} {}\n", Zeroizing::new(URL_SAFE_NO_PAD.encode(key)).as_str(), checksum(key)))
}

fn parse(bytes: &[u8]) -> Option<MasterKey> {
    let text = str::from_utf8(bytes).ok()?.trim_end();
    let (encoded, sum) = text.strip_prefix(LABEL)?.strip_prefix(' ')?.split_once(' ')?;
    let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?);
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(decoded.first_chunk::<32>().filter(|_| decoded.len() == 32)?);
    (checksum(&key) == sum).then_some(key)
}

/// Eight characters of a digest: enough against damage, nothing against 2^256 keys.
fn checksum(key: &[u8; 32]) -> String {
    let labelled = Zeroizing::new([LABEL.as_bytes(), key].concat());
    Digest::of(&labelled).to_string().chars().take(8).collect()
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    name.into()
}

/// A file is durable only when its name is, too.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), VaultError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(VaultError::io(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_any_changed_character_is_noticed() {
        let key = entropy::draw::<32>().unwrap();
        let text = text_of(&key);
        assert_eq!(parse(text.as_bytes()).unwrap(), key);
        for at in 0..text.len() - 1 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(parse(&bytes).is_none(), "character {at}");
            assert!(parse(&text.as_bytes()[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn only_the_owner_may_read_a_key_except_for_a_systemd_credential() {
        assert!(is_private(0o600, 1000, 1000));
        assert!(is_private(0o400, 1000, 1000));
        assert!(is_private(0o440, 0, 0));
        for (mode, uid, gid) in [(0o440, 1000, 0), (0o440, 0, 1000), (0o640, 0, 0), (0o604, 0, 0), (0o660, 0, 0), (0o601, 1, 1)] {
            assert!(!is_private(mode, uid, gid), "{mode:o} {uid} {gid}");
        }
    }
}
