//! Entities of one kind by their ids, together with their share of the state digest.

use super::digest::{Entity, Sum};
use serde::Serialize;
use std::collections::HashMap;
use std::hash::Hash;

/// Entities by id. The only way to change one is [`Table::change`], so the digest cannot be forgotten.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Table<K: Eq + Hash, V> {
    rows: HashMap<K, Row<V>>,
    sum: Sum,
}

#[derive(Clone, PartialEq, Debug)]
struct Row<V> {
    entity: V,
    /// Its share, so that it is hashed once a change and not twice.
    hash: Sum,
}

impl<K: Eq + Hash, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), sum: Sum::default() }
    }
}

impl<K: Eq + Hash + Serialize, V: Entity> Table<K, V> {
    pub(super) fn get(&self, id: &K) -> Option<&V> {
        self.rows.get(id).map(|row| &row.entity)
    }
    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(id, row)| (id, &row.entity))
    }
    /// In no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.values().map(|row| &row.entity)
    }
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
    /// The sum of the entities' hashes, as kept up.
    pub(super) fn sum(&self) -> Sum {
        self.sum
    }

    /// Puts in an entity; gives the one that stood there before.
    pub(super) fn insert(&mut self, id: K, entity: V) -> Option<V> {
        let hash = Sum::of(&id, &entity);
        self.sum.add(hash);
        let before = self.rows.insert(id, Row { entity, hash })?;
        self.sum.subtract(before.hash);
        Some(before.entity)
    }

    pub(super) fn remove(&mut self, id: &K) -> Option<V> {
        let gone = self.rows.remove(id)?;
        self.sum.subtract(gone.hash);
        Some(gone.entity)
    }

    /// Changes an entity; nothing if there is none.
    pub(super) fn change<T>(&mut self, id: &K, change: impl FnOnce(&mut V) -> T) -> Option<T> {
        let row = self.rows.get_mut(id)?;
        let changed = change(&mut row.entity);
        self.sum.subtract(row.hash);
        row.hash = Sum::of(id, &row.entity);
        self.sum.add(row.hash);
        Some(changed)
    }

    /// The sum, worked out anew.
    pub(super) fn recount(&self) -> Sum {
        let mut sum = Sum::default();
        self.iter().for_each(|(id, entity)| sum.add(Sum::of(id, entity)));
        sum
    }
}
