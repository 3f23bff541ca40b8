//! Whether an order of operations exists that a model allows (Wing and Gong, "Testing and verifying concurrent objects", 1993), with
//! operations of which nobody knows whether they happened.

use super::model::{Act, Outcome, State};
use std::collections::HashSet;
use std::fmt;

/// One operation on one object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operation {
    /// What was asked.
    pub act: Act,
    /// What was told.
    pub outcome: Outcome,
    /// When it was sent.
    pub start: u64,
    /// When its answer was read; of an unknown one, until when it may have happened.
    pub end: u64,
}

/// So many operations of one object are searched.
pub const OPERATIONS_MAX: usize = 64;

/// Why no order was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unexplained {
    /// More than a search can take in.
    TooMany(usize),
    /// So many could be put in order; these are all.
    NoOrder {
        /// The most that could be put in order.
        reached: u32,
        /// Everything asked and told.
        operations: Vec<Operation>,
    },
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(operations) => write!(f, "{operations} operations are more than the {OPERATIONS_MAX} that are searched"),
            Self::NoOrder { reached, operations } => {
                write!(f, "no order explains more than {reached} of its {} operations:", operations.len())?;
                let mut operations = operations.clone();
                operations.sort_by_key(|operation| operation.start);
                operations.iter().try_for_each(|o| write!(f, " {:?}={:?}[{}–{}]", o.act, o.outcome, o.start, o.end))
            }
        }
    }
}

/// Searches for an order: every known operation has its place in it, unknown ones may have one.
pub fn explain(begin: State, operations: &[Operation]) -> Result<(), Unexplained> {
    if operations.len() > OPERATIONS_MAX {
        return Err(Unexplained::TooMany(operations.len()));
    }
    let known = operations.iter().enumerate().filter(|(_, operation)| operation.outcome != Outcome::Unknown);
    let known = known.fold(0, |mask, (at, _)| mask | bit(at));
    let mut search = Search { operations, known, seen: HashSet::new(), reached: 0 };
    match search.goes_on(begin, 0) {
        true => Ok(()),
        false => Err(Unexplained::NoOrder { reached: search.reached, operations: operations.to_vec() }),
    }
}

struct Search<'a> {
    operations: &'a [Operation],
    known: u64,
    /// What has led nowhere.
    seen: HashSet<(u64, State)>,
    reached: u32,
}

impl Search<'_> {
    /// Whether the operations that are not in `taken` can follow.
    fn goes_on(&mut self, state: State, taken: u64) -> bool {
        if taken & self.known == self.known {
            return true;
        }
        if !self.seen.insert((taken, state)) {
            return false;
        }
        self.reached = self.reached.max(taken.count_ones());
        let next: Vec<(usize, Operation)> =
            self.operations.iter().copied().enumerate().filter(|(at, _)| self.may_be_next(*at, taken)).collect();
        next.into_iter().any(|(at, operation)| {
            let outcomes: &[Outcome] = match operation.outcome {
                Outcome::Unknown => &[Outcome::Done, Outcome::Refused],
                Outcome::Done => &[Outcome::Done],
                Outcome::Refused => &[Outcome::Refused],
                Outcome::Saw(_) => std::slice::from_ref(&operation.outcome),
            };
            outcomes.iter().any(|outcome| state.after(operation.act, *outcome).is_some_and(|after| self.goes_on(after, taken | bit(at))))
        })
    }

    /// Nothing known that is still to come ended before it began, and nothing taken began after it ended.
    fn may_be_next(&self, at: usize, taken: u64) -> bool {
        let Some(next) = self.operations.get(at).filter(|_| taken & bit(at) == 0) else { return false };
        self.operations.iter().enumerate().all(|(other, operation)| match taken & bit(other) {
            0 => self.known & bit(other) == 0 || operation.end >= next.start,
            _ => operation.start <= next.end,
        })
    }
}

fn bit(at: usize) -> u64 {
    u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or(0)
}
