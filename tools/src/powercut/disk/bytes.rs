//! A file: its bytes as they are read, as they are durable, and what lies between.

use super::Cut;

/// What survives of a torn write survives in pieces of this.
const SECTOR: usize = 512;

/// A file.
#[derive(Default)]
pub struct Bytes {
    pub(super) now: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) unsynced: Vec<Change>,
    /// Whether syncs of data alone are answered and not done.
    pub(super) is_deaf: bool,
}

/// What a sync makes durable.
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Bytes {
    pub(super) fn change(&mut self, change: Change) {
        change.on(&mut self.now);
        self.unsynced.push(change);
    }
    /// What is found of it after a power cut.
    pub(super) fn after(&self, cut: &mut Cut<'_>) -> Vec<u8> {
        let mut left = self.durable.clone();
        let Cut::Torn(rng) = cut else { return left };
        let luck = *rng.choice(&[10_u8, 50, 90]).unwrap_or(&50);
        for change in &self.unsynced {
            change.sectors().into_iter().filter(|_| rng.u8(..100) < luck).for_each(|sector| sector.on(&mut left));
        }
        left
    }
}

impl Change {
    /// Does it.
    pub(super) fn on(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Write { at, bytes: new } => {
                let end = at.saturating_add(new.len());
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                if let Some(place) = bytes.get_mut(*at..end) {
                    place.copy_from_slice(new);
                }
            }
        }
    }
    /// The change, sector by sector.
    fn sectors(&self) -> Vec<Change> {
        match self {
            Self::Length(length) => vec![Self::Length(*length)],
            Self::Write { at, bytes } => {
                let first = (SECTOR - at % SECTOR).min(bytes.len());
                let (head, rest) = bytes.split_at(first);
                let starts = (at + first..).step_by(SECTOR);
                let rest = rest.chunks(SECTOR).zip(starts).map(|(piece, at)| Self::Write { at, bytes: piece.to_vec() });
                [Self::Write { at: *at, bytes: head.to_vec() }].into_iter().chain(rest).collect()
            }
        }
    }
}
