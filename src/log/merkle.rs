//! The Merkle tree of RFC 6962 §2.1: roots, proofs and their verification (algorithms of RFC 9162 §2.1.3 and §2.1.4).

use super::VerifyFailure;
use crate::terms::Digest;
use aws_lc_rs::digest::{Context, SHA256};
use std::ops::Range;

/// The right edge of a tree: the roots of its full subtrees, largest first. All that is needed to grow it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Edge {
    size: u64,
    roots: Vec<Digest>,
}

impl Edge {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }
    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// Size and root.
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root() }
    }
    /// Adds a leaf at the right.
    pub fn append(&mut self, leaf_hash: Digest) {
        self.append_and_tell(leaf_hash, |_, _| ());
    }
    /// The same, telling height and root of each full subtree that this leaf completes, the smallest first.
    pub fn append_and_tell(&mut self, leaf_hash: Digest, completed: impl FnMut(u32, Digest)) {
        self.grow(0, leaf_hash, completed);
    }
    /// Adds the root of a full subtree of 2^height leaves; the size must be a multiple of that.
    pub(super) fn append_subtree(&mut self, height: u32, root: Digest) {
        self.grow(height, root, |_, _| ());
    }
    fn grow(&mut self, height: u32, mut root: Digest, mut completed: impl FnMut(u32, Digest)) {
        for above in 1..=self.size.checked_shr(height).unwrap_or_default().trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = node_hash(&left, &root);
                completed(height + above, root);
            }
        }
        self.roots.push(root);
        self.size = self.size.saturating_add(1u64.checked_shl(height).unwrap_or_default());
    }
    /// The tree's root; of the empty tree, SHA-256 of nothing.
    pub fn root(&self) -> Digest {
        self.root_before(None)
    }
    /// The root of the tree that goes on after this edge with the subtree `rest`, which is no larger than the edge's last one.
    pub(super) fn root_before(&self, rest: Option<Digest>) -> Digest {
        join(rest.into_iter().chain(self.roots.iter().rev().copied())).unwrap_or_else(|| sha256(&[]))
    }
}
impl FromIterator<Digest> for Edge {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaf_hashes: I) -> Self {
        let mut edge = Self::new();
        leaf_hashes.into_iter().for_each(|leaf_hash| edge.append(leaf_hash));
        edge
    }
}

/// The root over these leaf hashes.
pub fn root(leaf_hashes: &[Digest]) -> Digest {
    leaf_hashes.iter().copied().collect::<Edge>().root()
}

/// The proof, from the leaf upwards, that the leaf at `index` is in the tree; none if it is not.
pub fn inclusion_proof(leaf_hashes: &[Digest], index: u64) -> Option<Vec<Digest>> {
    roots(leaf_hashes, inclusion_path(index, count(leaf_hashes))?)
}

/// The proof that the tree continues its own first `old_size` leaves; none if it has fewer. Empty for the empty and the whole tree.
pub fn consistency_proof(leaf_hashes: &[Digest], old_size: u64) -> Option<Vec<Digest>> {
    roots(leaf_hashes, consistency_path(old_size, count(leaf_hashes))?)
}

/// The ranges of leaves whose roots prove, from the leaf upwards, that the leaf at `index` is in the tree of `size` leaves; none if it
/// is not. Every range begins at a multiple of the smallest power of two that is not below its length.
pub fn inclusion_path(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let (mut within, mut down) = (0..size, Vec::new());
    while within.end - within.start > 1 {
        let (left, right) = halves(&within);
        let (taken, sibling) = if index < left.end { (left, right) } else { (right, left) };
        down.push(sibling);
        within = taken;
    }
    down.reverse();
    Some(down)
}

/// The ranges of leaves whose roots prove that the tree of `size` leaves continues the one of `old_size`; none if it has fewer.
/// Empty for the empty and the whole tree.
pub fn consistency_path(old_size: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if old_size > size {
        return None;
    }
    if old_size == 0 || old_size == size {
        return Some(Vec::new());
    }
    let (mut within, mut is_old_root_known, mut down) = (0..size, true, Vec::new());
    while old_size < within.end {
        let (left, right) = halves(&within);
        if old_size <= left.end {
            down.push(right);
            within = left;
        } else {
            down.push(left);
            within = right;
            is_old_root_known = false;
        }
    }
    if !is_old_root_known {
        down.push(within);
    }
    down.reverse();
    Some(down)
}

/// The full subtrees, as height and index among those of that height, that make up a range of a path; the rightmost first.
pub fn subtrees(range: &Range<u64>) -> impl Iterator<Item = (u32, u64)> + use<> {
    let (length, mut end) = (range.end.saturating_sub(range.start), range.end);
    let heights = (0..u64::BITS).filter(move |height| (length >> height) & 1 == 1);
    heights.map(move |height| {
        end -= 1 << height;
        (height, end >> height)
    })
}

/// The root over full subtrees, the rightmost first; none over none.
pub fn join(from_the_right: impl Iterator<Item = Digest>) -> Option<Digest> {
    from_the_right.reduce(|right, left| node_hash(&left, &right))
}

/// Left and right part of a range of more than one leaf: the left one is the largest power of two that is below the whole.
fn halves(range: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let middle = range.start + (1 << (range.end - range.start - 1).ilog2());
    (range.start..middle, middle..range.end)
}

fn roots(leaf_hashes: &[Digest], path: Vec<Range<u64>>) -> Option<Vec<Digest>> {
    let bound = |at: u64| usize::try_from(at).ok();
    path.into_iter().map(|range| leaf_hashes.get(bound(range.start)?..bound(range.end)?).map(root)).collect()
}

fn count(leaf_hashes: &[Digest]) -> u64 {
    u64::try_from(leaf_hashes.len()).unwrap_or(u64::MAX)
}

/// Whether the proof leads from the leaf at `index` to the root of the tree of `size` leaves.
pub fn verify_inclusion(leaf_hash: Digest, index: u64, size: u64, proof: &[Digest], root: &Digest) -> Result<(), VerifyFailure> {
    if index >= size {
        return Err(VerifyFailure::Proof);
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf_hash);
    for sibling in proof {
        if last == 0 {
            return Err(VerifyFailure::Proof);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    match last == 0 && hash == *root {
        true => Ok(()),
        false => Err(VerifyFailure::Proof),
    }
}

/// A tree's size and root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// How many leaves.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

/// Whether the proof shows that `new` continues `old`.
pub fn verify_consistency(old: &Head, new: &Head, proof: &[Digest]) -> Result<(), VerifyFailure> {
    let is_shown = match (old.size, proof.split_first()) {
        (0, None) => old.root == root(&[]),
        (size, None) => size == new.size && old.root == new.root,
        (size, Some(_)) if size == 0 || size >= new.size => false,
        (size, Some(_)) if size.is_power_of_two() => leads_to_both(old, new, old.root, proof),
        (_, Some((seed, rest))) => leads_to_both(old, new, *seed, rest),
    };
    match is_shown {
        true => Ok(()),
        false => Err(VerifyFailure::Consistency),
    }
}

/// RFC 9162 §2.1.4.2, steps 3 to 7.
fn leads_to_both(old: &Head, new: &Head, seed: Digest, path: &[Digest]) -> bool {
    let shared = (old.size - 1).trailing_ones();
    let at_level = |size: u64| (size - 1).checked_shr(shared).unwrap_or(0);
    let (mut at, mut last) = (at_level(old.size), at_level(new.size));
    let (mut old_root, mut new_root) = (seed, seed);
    for hash in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_root = node_hash(hash, &old_root);
            new_root = node_hash(hash, &new_root);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_root = node_hash(&new_root, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_root == old.root && new_root == new.root
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[1], left.bytes(), right.bytes()])
}

pub(super) fn sha256(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Digest::from_bytes(out)
}

#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tlog_tiles::tlog;

    fn leaves(n: u64) -> Vec<Digest> {
        (0..n).map(|n| super::super::leaf_hash(&n.to_be_bytes())).collect()
    }

    /// RFC 6962 §2.1, word by word.
    fn naive_root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::of(b""),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                let (left, right) = (naive_root(&leaves[..k]), naive_root(&leaves[k..]));
                Digest::of(&[&[1][..], left.bytes(), right.bytes()].concat())
            }
        }
    }

    /// The largest power of two below n (n > 1).
    fn split(n: usize) -> usize {
        n.next_power_of_two() / 2
    }

    /// RFC 6962 §2.1.1.
    fn naive_path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
        if leaves.len() == 1 {
            return vec![];
        }
        let k = split(leaves.len());
        let (mut path, sibling) = match index < k {
            true => (naive_path(index, &leaves[..k]), naive_root(&leaves[k..])),
            false => (naive_path(index - k, &leaves[k..]), naive_root(&leaves[..k])),
        };
        path.push(sibling);
        path
    }

    /// RFC 6962 §2.1.2.
    fn naive_subproof(old: usize, leaves: &[Digest], is_whole: bool) -> Vec<Digest> {
        if old == leaves.len() {
            return if is_whole { vec![] } else { vec![naive_root(leaves)] };
        }
        let k = split(leaves.len());
        let (mut proof, sibling) = match old <= k {
            true => (naive_subproof(old, &leaves[..k], is_whole), naive_root(&leaves[k..])),
            false => (naive_subproof(old - k, &leaves[k..], false), naive_root(&leaves[..k])),
        };
        proof.push(sibling);
        proof
    }

    #[test]
    fn roots_and_proofs_are_those_of_the_rfc_for_every_small_tree() {
        for size in 0..40u64 {
            let leaves = leaves(size);
            let root = root(&leaves);
            assert_eq!(root, naive_root(&leaves), "size {size}");
            for index in 0..size {
                let proof = inclusion_proof(&leaves, index).unwrap();
                assert_eq!(proof, naive_path(index as usize, &leaves), "{index} of {size}");
                assert_eq!(verify_inclusion(leaves[index as usize], index, size, &proof, &root), Ok(()), "{index} of {size}");
            }
            for old_size in 0..=size {
                let proof = consistency_proof(&leaves, old_size).unwrap();
                if old_size > 0 {
                    assert_eq!(proof, naive_subproof(old_size as usize, &leaves, true), "{old_size} of {size}");
                }
                let old = Head { size: old_size, root: naive_root(&leaves[..old_size as usize]) };
                assert_eq!(verify_consistency(&old, &Head { size, root }, &proof), Ok(()), "{old_size} of {size}");
            }
            assert_eq!(inclusion_proof(&leaves, size), None);
            assert_eq!(consistency_proof(&leaves, size + 1), None);
        }
    }

    #[test]
    fn an_independent_verifier_accepts_our_proofs() {
        let hash = |digest: &Digest| tlog::Hash(*digest.bytes());
        for size in 1..70u64 {
            let leaves = leaves(size);
            let whole = hash(&root(&leaves));
            for index in 0..size {
                let proof = inclusion_proof(&leaves, index).unwrap().iter().map(hash).collect();
                tlog::check_record(&proof, size, whole, index, hash(&leaves[index as usize])).unwrap();
            }
            for old in 1..=size {
                let proof = consistency_proof(&leaves, old).unwrap().iter().map(hash).collect();
                tlog::check_tree(&proof, size, whole, old, hash(&root(&leaves[..old as usize]))).unwrap();
            }
        }
    }

    proptest! {
        #[test]
        fn a_proof_shows_nothing_but_its_own_claim(size in 1u64..200, index in 0u64..200, other in 0u64..200, flip in 0usize..10) {
            let (index, other) = (index % size, other % size);
            let leaves = leaves(size);
            let root = root(&leaves);
            let mut proof = inclusion_proof(&leaves, index).unwrap();
            if other != index {
                prop_assert!(verify_inclusion(leaves[index as usize], other, size, &proof, &root).is_err());
                prop_assert!(verify_inclusion(leaves[other as usize], index, size, &proof, &root).is_err());
            }
            prop_assert!(verify_inclusion(leaves[index as usize], index, index, &proof, &root).is_err());
            proof.push(root);
            prop_assert!(verify_inclusion(leaves[index as usize], index, size, &proof, &root).is_err());
            proof.pop();
            if !proof.is_empty() {
                let at = flip % proof.len();
                proof[at] = Digest::of(proof[at].bytes());
                prop_assert!(verify_inclusion(leaves[index as usize], index, size, &proof, &root).is_err());
                proof.pop();
                prop_assert!(verify_inclusion(leaves[index as usize], index, size, &proof, &root).is_err());
            }
        }

        #[test]
        fn a_fork_or_a_rollback_has_no_consistency_proof(size in 2u64..200, old in 1u64..200, changed in 0u64..200) {
            let old_size = 1 + old % (size - 1);
            let leaves = leaves(size);
            let new = Head { size, root: root(&leaves) };
            let mut forked = leaves[..old_size as usize].to_vec();
            forked[(changed % old_size) as usize] = Digest::of(b"other");
            let proof = consistency_proof(&leaves, old_size).unwrap();
            let old = Head { size: old_size, root: root(&forked) };
            prop_assert_eq!(verify_consistency(&old, &new, &proof), Err(VerifyFailure::Consistency));
            prop_assert_eq!(verify_consistency(&new, &old, &proof), Err(VerifyFailure::Consistency));
            prop_assert_eq!(verify_consistency(&old, &new, &[]), Err(VerifyFailure::Consistency));
        }
    }
}
