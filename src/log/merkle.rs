//! The Merkle tree of RFC 6962 §2.1: roots, proofs and their verification (algorithms of RFC 9162 §2.1.3 and §2.1.4).

use super::VerifyFailure;
use crate::terms::Digest;
use aws_lc_rs::digest::{Context, SHA256};

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
        self.append_subtree(0, leaf_hash);
    }
    /// The tree's root; of the empty tree, SHA-256 of nothing.
    pub fn root(&self) -> Digest {
        self.root_before(None)
    }
    /// The root of the tree that goes on after this edge with the subtree `rest`, which is no larger than the edge's last one.
    pub(super) fn root_before(&self, rest: Option<Digest>) -> Digest {
        let from_the_right = rest.into_iter().chain(self.roots.iter().rev().copied());
        from_the_right.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(|| sha256(&[]))
    }
    /// Adds the root of a full subtree of 2^level leaves; the size must be a multiple of that.
    pub(super) fn append_subtree(&mut self, level: u32, subtree: Digest) {
        let leaves = 1u64.checked_shl(level).unwrap_or_default();
        let mut root = subtree;
        for _ in 0..self.size.checked_shr(level).unwrap_or_default().trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.roots.push(root);
        self.size = self.size.saturating_add(leaves);
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
    let index = usize::try_from(index).ok().filter(|index| *index < leaf_hashes.len())?;
    let (mut within, mut at, mut down) = (leaf_hashes, index, Vec::new());
    while within.len() > 1 {
        let (left, right) = within.split_at_checked(split(within.len()))?;
        let (taken, sibling) = if at < left.len() { (left, right) } else { (right, left) };
        at = if at < left.len() { at } else { at - left.len() };
        down.push(root(sibling));
        within = taken;
    }
    down.reverse();
    Some(down)
}

/// The proof that the tree continues its own first `old_size` leaves; none if it has fewer. Empty for the empty and the whole tree.
pub fn consistency_proof(leaf_hashes: &[Digest], old_size: u64) -> Option<Vec<Digest>> {
    let mut old = usize::try_from(old_size).ok().filter(|old| *old <= leaf_hashes.len())?;
    if old == 0 || old == leaf_hashes.len() {
        return Some(Vec::new());
    }
    let (mut within, mut is_old_root_known, mut down) = (leaf_hashes, true, Vec::new());
    while old < within.len() {
        let (left, right) = within.split_at_checked(split(within.len()))?;
        if old <= left.len() {
            down.push(root(right));
            within = left;
        } else {
            down.push(root(left));
            old -= left.len();
            within = right;
            is_old_root_known = false;
        }
    }
    if !is_old_root_known {
        down.push(root(within));
    }
    down.reverse();
    Some(down)
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

/// The largest power of two below n (n > 1).
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
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
