//! Tiles (C2SP tlog-tiles): 256 neighbouring hashes of a tree, of which each is itself the root of a full tile of the level below.
//!
//! ```text
//! level 0   leaf hashes; read from the log when they are asked for
//! level 1   the roots of 256 leaves; kept in memory, an eighth of a byte an event
//! level 2   the roots of 65,536 leaves; kept in memory, and so on
//! path      {level}/{index}[.p/{width}]     index in groups of three digits, all but the last with an x: x001/x234/067
//! ```

use super::checkpoint::parse_decimal;
use crate::terms::{Digest, ParseError};
use std::ops::Range;
use std::{fmt, str::FromStr};

/// Hashes of a full tile.
pub const TILE_WIDTH: u64 = 256;
/// The height of a tile: 2^8 hashes.
pub const TILE_HEIGHT: u32 = 8;
/// A tree of 2^64 leaves has no higher level.
const LEVEL_MAX: u8 = 7;
/// Digits of a group in a tile's path.
const GROUP: u64 = 1000;

/// Names a tile or the left part of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u64,
}

impl Tile {
    /// The first `width` hashes of a tile; none if a tile has not so many, or the level is none.
    pub fn new(level: u8, index: u64, width: u64) -> Option<Self> {
        let is_one = level <= LEVEL_MAX && (1..=TILE_WIDTH).contains(&width) && index < u64::MAX / TILE_WIDTH;
        is_one.then_some(Self { level, index, width })
    }
    /// Its level: 0 holds leaf hashes.
    pub fn level(&self) -> u8 {
        self.level
    }
    /// Whether it is a whole tile.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }
    /// Which of the level's hashes these are.
    pub fn hashes(&self) -> Range<u64> {
        let first = self.index.saturating_mul(TILE_WIDTH);
        first..first.saturating_add(self.width)
    }
    /// Whether the tree of so many leaves has all these hashes.
    pub fn is_within(&self, size: u64) -> bool {
        let there = size.checked_shr(u32::from(self.level) * TILE_HEIGHT).unwrap_or(0);
        self.hashes().end <= there
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, mut groups) = (self.index / GROUP, format!("{:03}", self.index % GROUP));
        while rest > 0 {
            groups = format!("x{:03}/{groups}", rest % GROUP);
            rest /= GROUP;
        }
        write!(f, "{}/{groups}", self.level)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Reads a path as [`Tile`] writes it, and no other way of writing the same.
impl FromStr for Tile {
    type Err = ParseError;
    fn from_str(path: &str) -> Result<Self, ParseError> {
        let error = ParseError { what: "path of a tile" };
        parse(path).filter(|tile| tile.to_string() == path).ok_or(error)
    }
}

fn parse(path: &str) -> Option<Tile> {
    let (level, rest) = path.split_once('/')?;
    let (groups, width) = match rest.split_once(".p/") {
        Some((groups, width)) => (groups, parse_decimal(width)?),
        None => (rest, TILE_WIDTH),
    };
    let digits = |group: &str| group.trim_start_matches('x').parse::<u64>().ok();
    let index = groups.split('/').try_fold(0_u64, |index, group| index.checked_mul(GROUP)?.checked_add(digits(group)?));
    Tile::new(u8::try_from(parse_decimal(level)?).ok()?, index?, width)
}

/// The roots of a tree's full tiles, level by level: row 0 those of level 0.
#[derive(Default)]
pub(super) struct TileRoots(Vec<Vec<Digest>>);

impl TileRoots {
    /// Takes in the root of a full subtree of this height, if that is a tile's. Subtrees come in order.
    pub fn add(&mut self, height: u32, root: Digest) {
        if !height.is_multiple_of(TILE_HEIGHT) {
            return;
        }
        let row = usize::try_from((height / TILE_HEIGHT).saturating_sub(1)).unwrap_or(usize::MAX);
        if row == self.0.len() {
            self.0.push(Vec::new());
        }
        if let Some(row) = self.0.get_mut(row) {
            row.push(root);
        }
    }
    /// The roots of these tiles of a level.
    pub fn of(&self, level: u8, tiles: &Range<u64>) -> Option<Vec<Digest>> {
        let bound = |at: u64| usize::try_from(at).ok();
        let row = self.0.get(usize::from(level))?;
        row.get(bound(tiles.start)?..bound(tiles.end)?).map(<[Digest]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tile_is_named_as_the_format_says() {
        for (path, level, index, width) in
            [("0/000", 0, 0, 256), ("0/x001/x234/067", 0, 1_234_067, 256), ("1/003.p/8", 1, 3, 8), ("7/x001/000.p/255", 7, 1000, 255)]
        {
            let tile = Tile::new(level, index, width).unwrap();
            assert_eq!((tile.to_string().as_str(), path.parse()), (path, Ok(tile)));
        }
    }

    #[test]
    fn what_is_not_exactly_a_tiles_path_names_none() {
        let none = [
            "",
            "0",
            "0/",
            "0/0",
            "0/00",
            "0/1000",
            "0/0000",
            "00/000",
            "8/000",
            "-1/000",
            "+0/000",
            "0/x000/001",
            "0/001/002",
            "0/xx01/002",
            "0/001/",
            "0/001.p",
            "0/001.p/",
            "0/001.p/0",
            "0/001.p/256",
            "0/001.p/08",
            "0/x001/002.p/1/2",
            "data/000",
            "entries/000",
            "0/+01",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
            "0/000 ",
            "0/0٠0",
        ];
        for path in none {
            assert!(path.parse::<Tile>().is_err(), "{path}");
        }
    }

    #[test]
    fn a_tree_has_the_tiles_that_its_leaves_fill() {
        let tile = |path: &str| path.parse::<Tile>().unwrap();
        for (path, smallest) in
            [("0/000.p/1", 1), ("0/000", 256), ("0/001.p/44", 300), ("1/000.p/1", 256), ("1/000.p/255", 65_280), ("2/000.p/1", 65_536)]
        {
            assert!(tile(path).is_within(smallest) && !tile(path).is_within(smallest - 1), "{path}");
        }
        assert!(!tile("7/000.p/1").is_within(1 << 55) && tile("7/000.p/1").is_within(1 << 56));
    }

    proptest! {
        #[test]
        fn tiles_are_named_as_by_another_program(level in 0u8..8, index in 0u64..1 << 40, width in 1u64..257) {
            let tile = Tile::new(level, index, width).unwrap();
            let theirs = tlog_tiles::Tile::new(8, level, index, u32::try_from(width).unwrap(), false);
            prop_assert_eq!(format!("tile/8/{tile}"), theirs.path());
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        }
    }
}
