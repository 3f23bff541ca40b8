//! From records to frames and back: positions, chain, parts.

use super::frame::{Frame, PARTS_MAX, chain_hash, chain_start, piece_bytes_max};
use super::record::{self, SealedField, StoredRecord};
use super::{Damage, Position};
use crate::terms::{Digest, Seq, SiteName};
use std::collections::HashMap;

/// Turns records into frames; knows the next position and what it continues.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Framer {
    next: Position,
    chain: Digest,
}

/// Why a record cannot be framed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("event {seq} of site {site} is too long to be recorded")]
pub struct RecordTooLong {
    /// The record's site.
    pub site: SiteName,
    /// The record's number.
    pub seq: Seq,
}

impl Framer {
    /// The framer of an empty log.
    pub fn new() -> Self {
        Self::resume(Position(0), chain_start())
    }
    /// The framer of a log of that many frames, the last with that chain hash.
    pub fn resume(next: Position, chain: Digest) -> Self {
        Self { next, chain }
    }
    /// The position of the next frame.
    pub fn next(&self) -> Position {
        self.next
    }
    /// The chain hash of the last frame.
    pub fn chain(&self) -> Digest {
        self.chain
    }
    /// The frames of a record, the first at [`Self::next`]. They belong into one batch.
    pub fn frames(&mut self, site: &SiteName, seq: Seq, leaf: &[u8], sealed: &[SealedField]) -> Result<Vec<Vec<u8>>, RecordTooLong> {
        let too_long = || RecordTooLong { site: site.clone(), seq };
        let body = record::encode(leaf, sealed).ok_or_else(too_long)?;
        let pieces: Vec<&[u8]> = body.chunks(piece_bytes_max(site)).collect();
        let parts = u8::try_from(pieces.len()).ok().filter(|parts| usize::from(*parts) <= PARTS_MAX).ok_or_else(too_long)?;
        let frames = (0..parts).zip(pieces).map(|(part, piece)| self.frame(site, seq, part, parts, piece));
        Ok(frames.collect())
    }
    fn frame(&mut self, site: &SiteName, seq: Seq, part: u8, parts: u8, piece: &[u8]) -> Vec<u8> {
        let bytes = Frame { part, parts, site: site.clone(), seq, position: self.next, previous: self.chain, piece }.encode();
        self.chain = chain_hash(&bytes);
        self.next = self.next.plus(1);
        bytes
    }
}
impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

/// Turns frames, in order, into records, and checks all that a frame can be checked for.
#[derive(Debug)]
pub struct Assembler {
    next: Position,
    /// None: not known, the first frame is believed.
    chain: Option<Digest>,
    /// The next seq of each site; none: not known, each record is believed.
    due: Option<HashMap<SiteName, Seq>>,
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    site: SiteName,
    seq: Seq,
    position: Position,
    parts: u8,
    parts_seen: u8,
    body: Vec<u8>,
}

impl Assembler {
    /// For a whole log, from its first frame.
    pub fn new() -> Self {
        Self { next: Position(0), chain: Some(chain_start()), due: Some(HashMap::new()), begun: None }
    }
    /// For a single record from its first frame on: what came before is not known and not checked.
    pub fn amid(position: Position) -> Self {
        Self { next: position, chain: None, due: None, begun: None }
    }
    /// The position of the next frame.
    pub fn next(&self) -> Position {
        self.next
    }
    /// The chain hash of the last frame; none if nothing is known of it.
    pub fn chain(&self) -> Option<Digest> {
        self.chain
    }
    /// Takes the next frame; a record if it was the last of one.
    pub fn push(&mut self, position: Position, bytes: &[u8]) -> Result<Option<StoredRecord>, Damage> {
        if position != self.next {
            return Err(Damage::Missing { position: self.next });
        }
        let frame = Frame::decode(position, bytes)?;
        if self.chain.is_some_and(|chain| chain != frame.previous) {
            return Err(Damage::Chain { position });
        }
        let mut begun = self.begin_or_continue(&frame)?;
        begun.body.extend(frame.piece);
        begun.parts_seen = begun.parts_seen.saturating_add(1);
        self.next = position.plus(1);
        self.chain = Some(chain_hash(bytes));
        if begun.parts_seen < begun.parts {
            self.begun = Some(begun);
            return Ok(None);
        }
        let (leaf, sealed) = record::decode(&begun.body).ok_or(Damage::Body { position: begun.position })?;
        Ok(Some(StoredRecord { site: begun.site, seq: begun.seq, position: begun.position, leaf, sealed }))
    }
    /// To be asked at the end of the log: an unfinished record is damage.
    pub fn finish(&self) -> Result<(), Damage> {
        match self.begun {
            Some(_) => Err(Damage::CutOff { position: self.next }),
            None => Ok(()),
        }
    }

    fn begin_or_continue(&mut self, frame: &Frame<'_>) -> Result<Begun, Damage> {
        let position = frame.position;
        if let Some(begun) = self.begun.take() {
            let is_next = (&begun.site, begun.seq, begun.parts, begun.parts_seen) == (&frame.site, frame.seq, frame.parts, frame.part);
            return if is_next { Ok(begun) } else { Err(Damage::Parts { position }) };
        }
        if frame.part != 0 {
            return Err(Damage::Parts { position });
        }
        self.expect_seq(frame)?;
        Ok(Begun { site: frame.site.clone(), seq: frame.seq, position, parts: frame.parts, parts_seen: 0, body: Vec::new() })
    }
    fn expect_seq(&mut self, frame: &Frame<'_>) -> Result<(), Damage> {
        let Some(due) = &mut self.due else { return Ok(()) };
        let expected = due.entry(frame.site.clone()).or_default();
        if *expected != frame.seq {
            return Err(Damage::Seq { position: frame.position, site: frame.site.clone(), expected: *expected, found: frame.seq });
        }
        *expected = frame.seq.next();
        Ok(())
    }
}
impl Default for Assembler {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Subject;
    use proptest::prelude::*;

    fn site() -> SiteName {
        SiteName::default_site()
    }
    fn frames_of(leaves: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut framer = Framer::new();
        (0..).zip(leaves).flat_map(|(n, leaf)| framer.frames(&site(), Seq(n), leaf, &[]).unwrap()).collect()
    }
    fn read(frames: &[Vec<u8>]) -> Result<Vec<StoredRecord>, Damage> {
        let mut assembler = Assembler::new();
        let mut records = Vec::new();
        for (n, frame) in (0..).zip(frames) {
            records.extend(assembler.push(Position(n), frame)?);
        }
        assembler.finish().map(|()| records)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn records_of_any_length_are_read_as_they_were_framed(lengths in prop::collection::vec(0usize..65_535, 1..5)) {
            let leaves: Vec<Vec<u8>> = lengths.iter().map(|length| vec![7; *length]).collect();
            let frames = frames_of(&leaves);
            prop_assert!(frames.iter().all(|frame| frame.len() <= 8192));
            let records = read(&frames).unwrap();
            prop_assert_eq!(records.into_iter().map(|record| record.leaf).collect::<Vec<_>>(), leaves);
        }
    }

    #[test]
    fn sealed_fields_travel_with_their_record() {
        let user = Subject::User("6d0f7c1e-3c2a-4e0b-9f55-0a1b2c3d4e5f".parse().unwrap());
        let sealed = vec![SealedField { subject: user, name: "email".to_owned(), nonce: [5; 12], ciphertext: vec![9; 20_000] }];
        let frames = Framer::new().frames(&site(), Seq(0), b"{}", &sealed).unwrap();
        assert_eq!(frames.len(), 3);
        assert_eq!(
            read(&frames).unwrap(),
            [StoredRecord { site: site(), seq: Seq(0), position: Position(0), leaf: b"{}".to_vec(), sealed }]
        );
    }

    #[test]
    fn a_record_of_more_than_16_frames_is_refused() {
        let capacity = 16 * piece_bytes_max(&site()) - 6;
        assert_eq!(Framer::new().frames(&site(), Seq(0), &vec![0; capacity], &[]).unwrap().len(), 16);
        assert!(Framer::new().frames(&site(), Seq(0), &vec![0; capacity + 1], &[]).is_err());
    }

    #[test]
    fn a_frame_left_out_repeated_or_swapped_is_named() {
        let whole = frames_of(&[vec![1], vec![2], vec![3]]);
        let without = [whole[0].clone(), whole[2].clone()];
        assert_eq!(read(&without), Err(Damage::Displaced { position: Position(1), found: Position(2) }));
        let repeated = [whole[0].clone(), whole[0].clone()];
        assert_eq!(read(&repeated), Err(Damage::Displaced { position: Position(1), found: Position(0) }));
        let mut assembler = Assembler::new();
        assembler.push(Position(0), &whole[0]).unwrap();
        assert_eq!(assembler.push(Position(2), &whole[2]), Err(Damage::Missing { position: Position(1) }));
    }

    #[test]
    fn a_frame_of_another_history_breaks_the_chain() {
        let ours = frames_of(&[vec![1], vec![2]]);
        let theirs = frames_of(&[vec![9], vec![2]]);
        assert_eq!(read(&[ours[0].clone(), theirs[1].clone()]), Err(Damage::Chain { position: Position(1) }));
    }

    #[test]
    fn a_record_cut_off_or_interrupted_is_named() {
        let long = frames_of(&[vec![1; 20_000]]);
        assert_eq!(read(&long[..2]), Err(Damage::CutOff { position: Position(2) }));
        let mut framer = Framer::new();
        let mut frames = framer.frames(&site(), Seq(0), &[1; 20_000], &[]).unwrap();
        frames.truncate(1);
        let mut resumed = Framer::resume(Position(1), chain_hash(&frames[0]));
        frames.extend(resumed.frames(&site(), Seq(1), b"short", &[]).unwrap());
        assert_eq!(read(&frames), Err(Damage::Parts { position: Position(1) }));
    }

    #[test]
    fn an_event_number_that_is_not_due_is_named() {
        let mut framer = Framer::new();
        let frames = [framer.frames(&site(), Seq(0), b"a", &[]).unwrap(), framer.frames(&site(), Seq(2), b"b", &[]).unwrap()].concat();
        let damage = Damage::Seq { position: Position(1), site: site(), expected: Seq(1), found: Seq(2) };
        assert_eq!(read(&frames), Err(damage));
    }

    #[test]
    fn a_record_is_read_alone_from_its_first_frame() {
        let frames = frames_of(&[vec![1], vec![2; 9000], vec![3]]);
        let mut assembler = Assembler::amid(Position(1));
        assert_eq!(assembler.push(Position(1), &frames[1]), Ok(None));
        let record = assembler.push(Position(2), &frames[2]).unwrap().unwrap();
        assert_eq!((record.seq, record.position, record.leaf.len()), (Seq(1), Position(1), 9000));
    }
}
