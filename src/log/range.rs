//! Proofs for a contiguous range of events: that they, and no others, stand between two numbers in the tree of a checkpoint.
//!
//! ```text
//! writ/range-proof@v1
//! size {decimal}                  of the tree
//! range {decimal} {decimal}       the first event, and the one after the last
//! left {base64 hash}*             the subtrees before the range, from left to right
//! block {base64 hash}*            the subtrees of the range itself, each of at most 256 leaves
//! right {base64 hash}*            the subtrees after the range
//! ```
//!
//! A subtree is named by its leaves `lo..hi`; it is full if it has 2^k leaves and `lo` is a multiple of that. From left to right, each
//! one is the largest that begins where the one before ends: on the left the largest full one that does not reach into the range, in
//! the range the largest full one of at most 256 leaves that does not reach out of it, on the right the largest that the tree has, of
//! which the last may be less than full.
//!
//! Left and right alone would tie the range to the root. The blocks say *where* a changed event is: whatever does not match its block
//! is in it, and all other events are sound.

use super::checkpoint::{parse_decimal, parse_hash};
use super::{Edge, Head, VerifyFailure};
use crate::terms::Digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::ops::Range;
use std::{fmt, str::FromStr};

const HEADER: &str = "writ/range-proof@v1";
/// The most leaves of a block: a tile of C2SP tlog-tiles.
pub const BLOCK_LEAVES: u64 = 256;

/// What ties the events of a range to the root of a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeProof {
    /// The first event's number.
    pub from: u64,
    /// The number after the last event's.
    pub to: u64,
    /// How many leaves the tree has.
    pub size: u64,
    /// The roots of the subtrees before the range.
    pub left: Vec<Digest>,
    /// The roots of the range's own subtrees.
    pub blocks: Vec<Digest>,
    /// The roots of the subtrees after the range.
    pub right: Vec<Digest>,
}

impl RangeProof {
    /// The proof for `from..to` in a tree of `size` leaves. `root_of` gives the root of a subtree by its leaves, as the module's words
    /// name them. None if the range is empty or reaches beyond the tree.
    pub fn build<E>(from: u64, to: u64, size: u64, mut root_of: impl FnMut(Range<u64>) -> Result<Digest, E>) -> Result<Option<Self>, E> {
        if from >= to || to > size {
            return Ok(None);
        }
        let left = before(from).map(&mut root_of).collect::<Result<_, E>>()?;
        let blocks = blocks(from, to).map(&mut root_of).collect::<Result<_, E>>()?;
        let right = after(to, size).map(&mut root_of).collect::<Result<_, E>>()?;
        Ok(Some(Self { from, to, size, left, blocks, right }))
    }

    /// The root that these hashes lead to. A proof that has not the hashes its range needs leads nowhere.
    pub fn root(&self) -> Result<Digest, VerifyFailure> {
        let mut edge = self.before()?;
        for (leaves, block) in blocks(self.from, self.to).zip(&self.blocks) {
            edge.append_subtree(level(&leaves), *block);
        }
        self.root_from(&edge).ok_or(VerifyFailure::Proof)
    }

    /// The tree before the range.
    pub fn before(&self) -> Result<Edge, VerifyFailure> {
        let is_range = self.from < self.to && self.to <= self.size;
        // Asked first, so that a proof that only claims to be long costs nothing.
        let may_be_covered = self.to.saturating_sub(self.from).div_ceil(BLOCK_LEAVES) <= u64::try_from(self.blocks.len()).unwrap_or(0);
        let fits = is_range
            && may_be_covered
            && before(self.from).count() == self.left.len()
            && blocks(self.from, self.to).count() == self.blocks.len()
            && after(self.to, self.size).count() == self.right.len();
        if !fits {
            return Err(VerifyFailure::Proof);
        }
        let mut edge = Edge::new();
        before(self.from).zip(&self.left).for_each(|(leaves, root)| edge.append_subtree(level(&leaves), *root));
        Ok(edge)
    }

    /// The root of the whole tree, given the edge of its first `to` leaves; none if it is the edge of another number.
    fn root_from(&self, edge: &Edge) -> Option<Digest> {
        let mut edge = Some(edge.clone()).filter(|edge| edge.size() == self.to)?;
        for (leaves, root) in after(self.to, self.size).zip(&self.right) {
            if !is_full(&leaves) {
                return Some(edge.root_before(Some(*root)));
            }
            edge.append_subtree(level(&leaves), *root);
        }
        Some(edge.root())
    }

    /// Size and root of the tree's beginning of this size, if the hashes tell them: at the ends of subtrees they do.
    pub fn head_at(&self, size: u64) -> Option<Head> {
        let root = if size == self.size { self.root().ok() } else { None };
        let known = before(self.from).zip(&self.left).chain(blocks(self.from, self.to).zip(&self.blocks));
        let known = known.chain(after(self.to, self.size).zip(&self.right).filter(|(leaves, _)| is_full(leaves)));
        let mut edge = Edge::new();
        for (leaves, hash) in known.take_while(|(leaves, _)| leaves.end <= size) {
            edge.append_subtree(level(&leaves), *hash);
        }
        let reached = (edge.size() == size).then(|| edge.root());
        root.or(reached).map(|root| Head { size, root })
    }

    /// The range's blocks: their leaves and roots, in order.
    pub fn blocks(&self) -> impl Iterator<Item = (Range<u64>, Digest)> + '_ {
        blocks(self.from, self.to).zip(self.blocks.iter().copied())
    }
}

/// The full subtrees before a leaf, the largest first.
fn before(from: u64) -> impl Iterator<Item = Range<u64>> {
    cover(0, from, u64::MAX)
}

/// The full subtrees of at most 256 leaves between two leaves.
fn blocks(from: u64, to: u64) -> impl Iterator<Item = Range<u64>> {
    cover(from, to, BLOCK_LEAVES)
}

/// From left to right, the largest full subtrees of at most `most` leaves.
fn cover(from: u64, to: u64, most: u64) -> impl Iterator<Item = Range<u64>> {
    let mut at = from;
    std::iter::from_fn(move || {
        let rest = to.checked_sub(at).filter(|rest| *rest > 0)?;
        let largest = 1 << rest.ilog2();
        let leaves = alignment(at).min(largest).min(most);
        let subtree = at..at.saturating_add(leaves);
        at = subtree.end;
        Some(subtree)
    })
}

/// The subtrees after a leaf, each as large as the tree has it; the last one may be less than full.
fn after(to: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
    let mut at = to;
    std::iter::from_fn(move || {
        let rest = size.checked_sub(at).filter(|rest| *rest > 0)?;
        let subtree = at..at.saturating_add(alignment(at).min(rest));
        at = subtree.end;
        Some(subtree)
    })
}

/// How many leaves a full subtree that begins here may have at the most.
fn alignment(at: u64) -> u64 {
    1u64.checked_shl(at.trailing_zeros()).unwrap_or(1 << 63)
}

fn is_full(leaves: &Range<u64>) -> bool {
    let count = leaves.end.saturating_sub(leaves.start);
    count.is_power_of_two() && leaves.start.is_multiple_of(count)
}

fn level(leaves: &Range<u64>) -> u32 {
    leaves.end.saturating_sub(leaves.start).checked_ilog2().unwrap_or_default()
}

impl fmt::Display for RangeProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nsize {}\nrange {} {}", self.size, self.from, self.to)?;
        for (word, hashes) in [("left", &self.left), ("block", &self.blocks), ("right", &self.right)] {
            hashes.iter().try_for_each(|hash| writeln!(f, "{word} {}", STANDARD.encode(hash.bytes())))?;
        }
        Ok(())
    }
}

/// What is not laid out as a proof proves nothing.
impl FromStr for RangeProof {
    type Err = VerifyFailure;
    fn from_str(text: &str) -> Result<Self, VerifyFailure> {
        parse(text).ok_or(VerifyFailure::Proof)
    }
}

fn parse(text: &str) -> Option<RangeProof> {
    let mut lines = text.strip_suffix('\n')?.split('\n').peekable();
    lines.next().filter(|header| *header == HEADER)?;
    let size = parse_decimal(lines.next()?.strip_prefix("size ")?)?;
    let (from, to) = lines.next()?.strip_prefix("range ")?.split_once(' ')?;
    let mut hashes = |prefix: &str| {
        let mut found = Vec::new();
        while let Some(hash) = lines.next_if(|line| line.starts_with(prefix)).and_then(|line| line.strip_prefix(prefix)) {
            found.push(parse_hash(hash)?);
        }
        Some(found)
    };
    let (left, blocks, right) = (hashes("left ")?, hashes("block ")?, hashes("right ")?);
    let proof = RangeProof { from: parse_decimal(from)?, to: parse_decimal(to)?, size, left, blocks, right };
    lines.next().is_none().then_some(proof)
}

#[cfg(test)]
#[expect(clippy::as_conversions, clippy::string_slice, reason = "small numbers and ASCII of a test")]
mod tests {
    use super::super::merkle;
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn leaves(n: u64) -> Vec<Digest> {
        (0..n).map(|n| super::super::leaf_hash(&n.to_be_bytes())).collect()
    }

    fn proof(leaves: &[Digest], from: u64, to: u64) -> Option<RangeProof> {
        let root_of = |range: Range<u64>| Ok::<_, Infallible>(merkle::root(&leaves[range.start as usize..range.end as usize]));
        RangeProof::build(from, to, leaves.len() as u64, root_of).unwrap()
    }

    #[test]
    fn every_range_of_every_small_tree_leads_to_its_root() {
        let mut ranges = 0;
        for size in 1..=70u64 {
            let leaves = leaves(size);
            let root = merkle::root(&leaves);
            for from in 0..size {
                for to in from + 1..=size {
                    let proof = proof(&leaves, from, to).unwrap();
                    assert_eq!(proof.root(), Ok(root), "{from}..{to} of {size}");
                    let mut edge = proof.before().unwrap();
                    leaves[from as usize..to as usize].iter().for_each(|leaf| edge.append(*leaf));
                    assert_eq!(proof.root_from(&edge), Some(root), "{from}..{to} of {size} from its leaves");
                    assert_eq!(proof.to_string().parse(), Ok(proof.clone()), "{from}..{to} of {size}");
                    for end in (0..=size).filter(|_| size < 24) {
                        let told = proof.head_at(end).map(|head| head.root);
                        assert!(told.is_none_or(|told| told == merkle::root(&leaves[..end as usize])), "{end} by {from}..{to}");
                    }
                    assert_eq!(proof.head_at(size).map(|head| head.root), Some(root));
                    let log2 = size.next_power_of_two().ilog2() as usize;
                    assert!(proof.left.len() + proof.right.len() <= 2 * log2, "{from}..{to} of {size}: {proof:?}");
                    ranges += 1;
                }
            }
            assert_eq!(proof(&leaves, 0, size + 1), None);
            assert_eq!(proof(&leaves, size, size), None);
        }
        assert_eq!(ranges, 59_640);
    }

    #[test]
    fn blocks_are_full_have_at_most_256_leaves_and_cover_the_range() {
        for (from, to) in [(0, 1), (0, 256), (0, 257), (255, 257), (300, 1000), (1, 1024), (511, 2049)] {
            let blocks: Vec<_> = blocks(from, to).collect();
            assert_eq!((blocks[0].start, blocks[blocks.len() - 1].end), (from, to));
            assert!(blocks.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(blocks.iter().all(|block| is_full(block) && block.end - block.start <= BLOCK_LEAVES));
        }
        assert_eq!(blocks(0, 512).count(), 2);
    }

    #[test]
    fn what_is_not_laid_out_as_a_proof_is_refused() {
        let text = proof(&leaves(300), 17, 290).unwrap().to_string();
        for cut in 0..text.len() {
            let cut = text[..cut].parse::<RangeProof>().and_then(|proof| proof.root());
            assert_ne!(cut, Ok(merkle::root(&leaves(300))));
        }
        let swapped = text.replacen("left", "right", 1);
        assert!(
            [text.clone() + "\n", text.replace('\n', "\r\n"), text.replace("size 300", "size 0300"), swapped]
                .iter()
                .all(|text| text.parse::<RangeProof>().is_err())
        );
    }

    proptest! {
        #[test]
        fn a_range_of_a_large_tree_leads_to_its_root_and_a_changed_hash_does_not(
            size in 1u64..3000, a in 0u64..3000, b in 0u64..3000, which: usize,
        ) {
            let (from, to) = (a.min(b) % size, (a.max(b) % size) + 1);
            let (from, to) = (from.min(to - 1), to);
            let leaves = leaves(size);
            let whole = proof(&leaves, from, to).unwrap();
            prop_assert_eq!(whole.root(), Ok(merkle::root(&leaves)));
            let mut changed = whole.clone();
            let hashes = changed.left.len() + changed.blocks.len() + changed.right.len();
            let mut all = changed.left.iter_mut().chain(&mut changed.blocks).chain(&mut changed.right);
            let one = all.nth(which % hashes).unwrap();
            *one = Digest::of(one.bytes());
            prop_assert_ne!(changed.root(), Ok(merkle::root(&leaves)));
            let mut short = whole;
            short.blocks.pop();
            prop_assert_eq!(short.root(), Err(VerifyFailure::Proof));
        }
    }
}
