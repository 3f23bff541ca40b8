//! One frame: what an engine stores at a position.
//!
//! ```text
//! offset  bytes
//!      0      1  version, 1
//!      1      1  part, from 0
//!      2      1  parts of the record, 1 to 16
//!      3      1  n, the length of the site's name, 1 to 64
//!      4      8  position of this frame
//!     12      8  seq of the record within its site
//!     20     32  chain hash of the frame before; 32 zero bytes at position 0
//!     52      n  name of the site, ASCII
//!   52+n      k  piece of the record's body, at least 1 byte
//! 52+n+k      4  CRC-32C (Castagnoli, RFC 3720 §12.1) of all bytes before
//! ```
//!
//! Numbers are big-endian and unsigned. A frame has at most 8,192 bytes. A longer record is split over consecutive frames of one
//! batch, all with its site, seq and number of parts; the pieces in order are the body (`record.rs`). The chain hash of a frame is
//! SHA-256 of the whole frame without its checksum.

use super::record::Bytes;
use super::{Damage, FRAME_BYTES_MAX, Position};
use crate::terms::{Digest, Seq, SiteName};

/// The version this program writes.
pub const VERSION: u8 = 1;
/// The most frames of one record.
pub const PARTS_MAX: usize = 16;
/// Bytes of a frame beside site name and piece.
const OVERHEAD: usize = 56;
const CHECKSUM_BYTES: usize = 4;

/// A frame read, its checksum and layout verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Which part of its record, from 0.
    pub part: u8,
    /// How many parts the record has.
    pub parts: u8,
    /// Whose record.
    pub site: SiteName,
    /// The record's number within the site.
    pub seq: Seq,
    /// Where the frame says that it is.
    pub position: Position,
    /// The chain hash of the frame before.
    pub previous: Digest,
    /// Its piece of the record's body.
    pub piece: &'a [u8],
}

/// How many bytes of a body fit into one frame of this site.
pub fn piece_bytes_max(site: &SiteName) -> usize {
    FRAME_BYTES_MAX - OVERHEAD - site.as_str().len().min(64)
}

impl<'a> Frame<'a> {
    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let site = self.site.as_str().as_bytes();
        let mut bytes = Vec::with_capacity(OVERHEAD + site.len() + self.piece.len());
        bytes.extend([VERSION, self.part, self.parts, u8::try_from(site.len()).unwrap_or(u8::MAX)]);
        bytes.extend(self.position.0.to_be_bytes());
        bytes.extend(self.seq.0.to_be_bytes());
        bytes.extend(self.previous.bytes());
        bytes.extend(site);
        bytes.extend(self.piece);
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        bytes
    }

    /// Reads the frame found at a position. The version is looked at first, so that a newer layout is named as such.
    pub fn decode(position: Position, bytes: &'a [u8]) -> Result<Self, Damage> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(Damage::Version { position, version }),
            None => return Err(Damage::Shape { position }),
        }
        let (covered, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(Damage::Shape { position })?;
        if crc32c::crc32c(covered) != u32::from_be_bytes(*checksum) {
            return Err(Damage::Checksum { position });
        }
        let frame = Self::fields(covered).filter(|_| bytes.len() <= FRAME_BYTES_MAX).ok_or(Damage::Shape { position })?;
        match frame.position == position {
            true => Ok(frame),
            false => Err(Damage::Displaced { position, found: frame.position }),
        }
    }

    fn fields(covered: &'a [u8]) -> Option<Self> {
        let mut rest = Bytes(covered);
        let [_version, part, parts, site_bytes] = rest.array::<4>()?;
        let position = Position(rest.u64()?);
        let seq = Seq(rest.u64()?);
        let previous = Digest::from_bytes(rest.array()?);
        let site = std::str::from_utf8(rest.take(usize::from(site_bytes))?).ok()?.parse().ok()?;
        let is_sound = part < parts && usize::from(parts) <= PARTS_MAX && !rest.0.is_empty();
        is_sound.then_some(Self { part, parts, site, seq, position, previous, piece: rest.0 })
    }
}

/// The chain hash of a frame's bytes, which the next frame carries.
pub fn chain_hash(frame: &[u8]) -> Digest {
    let covered = frame.split_last_chunk::<CHECKSUM_BYTES>().map_or(frame, |(covered, _)| covered);
    Digest::of(covered)
}

/// What the first frame of a log continues: 32 zero bytes.
pub fn chain_start() -> Digest {
    Digest::from_bytes([0; 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(piece: &[u8]) -> Frame<'_> {
        let previous = Digest::from_bytes([0xab; 32]);
        Frame { part: 0, parts: 1, site: SiteName::default_site(), seq: Seq(3), position: Position(258), previous, piece }
    }

    #[test]
    fn the_bytes_stand_where_the_table_says() {
        let bytes = frame(b"body").encode();
        assert_eq!(bytes[..4], [1, 0, 1, 7]);
        assert_eq!(bytes[4..12], [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(bytes[12..20], [0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(bytes[20..52], [0xab; 32]);
        assert_eq!(&bytes[52..59], b"default");
        assert_eq!(&bytes[59..63], b"body");
        assert_eq!(bytes[63..], crc32c::crc32c(&bytes[..63]).to_be_bytes());
        assert_eq!(chain_hash(&bytes), Digest::of(&bytes[..63]));
        assert_eq!(Frame::decode(Position(258), &bytes), Ok(frame(b"body")));
    }

    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn every_flipped_bit_is_damage() {
        let bytes = frame(b"body").encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let damage = Frame::decode(Position(258), &flipped).unwrap_err();
            assert!(matches!(damage, Damage::Checksum { .. } | Damage::Version { .. }), "bit {bit}: {damage}");
        }
        for length in 0..bytes.len() {
            assert!(Frame::decode(Position(258), &bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_frame_at_another_place_is_damage() {
        let bytes = frame(b"body").encode();
        assert_eq!(Frame::decode(Position(0), &bytes), Err(Damage::Displaced { position: Position(0), found: Position(258) }));
    }

    #[test]
    fn a_frame_of_a_newer_version_is_named_as_such() {
        let damage = Frame::decode(Position(0), &[2, 9, 9]);
        assert_eq!(damage, Err(Damage::Version { position: Position(0), version: 2 }));
    }

    #[test]
    fn a_frame_of_no_part_is_damage() {
        for (part, parts, piece) in [(1, 1, &b"body"[..]), (0, 0, b"body"), (0, 17, b"body"), (0, 1, b"")] {
            let bytes = Frame { part, parts, piece, ..frame(b"") }.encode();
            assert_eq!(Frame::decode(Position(258), &bytes), Err(Damage::Shape { position: Position(258) }));
        }
    }
}
