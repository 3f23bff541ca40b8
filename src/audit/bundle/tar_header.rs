//! The header of a member: a POSIX ustar header (IEEE 1003.1, pax, "ustar Interchange Format") in which only name and size are free,
//! so that equal bundles have equal bytes.

use std::io;

/// Members are padded to a multiple of this.
pub const BLOCK: usize = 512;
/// The largest size that eleven octal digits can say: 8 GiB less one.
pub const SIZE_MAX: u64 = 0o777_7777_7777;

/// The header's bytes. Fails if the size is over [`SIZE_MAX`].
pub fn tar_header(name: &str, size: u64) -> io::Result<[u8; BLOCK]> {
    if size > SIZE_MAX {
        let why = format!("{name} would have more than {SIZE_MAX} bytes, which a tar archive cannot say: export fewer events, or --single");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// The size that a member's header tells; none if it is not the header of this member, to the last byte.
pub fn told_size(header: &[u8; BLOCK], name: &str) -> Option<u64> {
    let size = tar::Header::from_byte_slice(header).entry_size().ok()?;
    (tar_header(name, size).ok()? == *header).then_some(size)
}

/// How many zero bytes follow a member of this size.
pub fn padding(size: u64) -> usize {
    let over = usize::try_from(size % 512).unwrap_or_default();
    if over == 0 { 0 } else { BLOCK - over }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields as docs/format.md lists them.
    #[test]
    fn every_byte_of_a_header_is_fixed_but_for_name_and_size() {
        let mut expected = vec![0; 100];
        expected[..8].copy_from_slice(b"vkey.txt");
        expected.extend(b"0000644\x000000000\x000000000\x0000000001750\x0000000000000\x00        0");
        expected.extend([0; 100]);
        expected.extend(b"ustar\x0000");
        expected.extend([0; 247]);
        let sum: u32 = expected.iter().map(|byte| u32::from(*byte)).sum();
        expected[148..156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
        let header = tar_header("vkey.txt", 1000).unwrap();
        assert_eq!(header.to_vec(), expected);
        assert_eq!(told_size(&header, "vkey.txt"), Some(1000));
        assert_eq!(told_size(&header, "vkey.tx"), None);
        assert!(tar_header("a", SIZE_MAX).is_ok() && tar_header("a", SIZE_MAX + 1).is_err());
        for bit in 0..BLOCK * 8 {
            let mut flipped = header;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(told_size(&flipped, "vkey.txt"), None, "bit {bit}");
        }
    }

    #[test]
    fn members_fill_whole_blocks() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
