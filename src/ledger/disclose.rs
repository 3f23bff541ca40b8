//! Opening what is sealed, on demand: for userinfo, ID tokens, pages and, where asked for with a reason, audit.

use super::{Failure, Ledger, Site};
use crate::event::Record;
use crate::log::{Disclosure, StoredRecord, seal};
use crate::terms::{Seq, UserId};
use serde_json::{Map, Value};
use std::ops::Range;

impl Ledger {
    /// One durable record as the log holds it.
    pub fn stored(&self, site: &Site, seq: Seq) -> Result<StoredRecord, Failure> {
        self.shared.committer.record(&site.lane, seq).map_err(|error| Failure::Unreadable(error.to_string()))
    }

    /// One durable record.
    pub fn record(&self, site: &Site, seq: Seq) -> Result<Record, Failure> {
        let stored = self.stored(site, seq)?;
        Record::from_leaf(&stored.leaf).map_err(|error| Failure::Unreadable(error.to_string()))
    }

    /// The records of a site within this range of numbers, in order, as far as they are durable at the call. Ends after an error. Reads the
    /// log, so not for threads that serve requests.
    pub fn records<'a>(&'a self, site: &'a Site, within: Range<Seq>) -> impl Iterator<Item = Result<Record, Failure>> + 'a {
        let wanted = usize::try_from(within.end.0.saturating_sub(within.start.0)).unwrap_or(usize::MAX);
        let stored = self.shared.committer.records(&site.lane, within.start).take(wanted);
        stored.map(|stored| {
            let stored = stored.map_err(|error| Failure::Unreadable(error.to_string()))?;
            Record::from_leaf(&stored.leaf).map_err(|error| Failure::Unreadable(error.to_string()))
        })
    }

    /// The sealed fields of a record that can still be opened, by name. A destroyed key leaves its fields out.
    pub fn disclosed(&self, site: &Site, seq: Seq) -> Result<Map<String, Value>, Failure> {
        self.open_fields(site, &self.stored(site, seq)?)
    }

    /// The sealed fields of this record that can still be opened, by name.
    pub fn open_fields(&self, site: &Site, stored: &StoredRecord) -> Result<Map<String, Value>, Failure> {
        let opened = self.disclosures(site, stored)?;
        Ok(opened.into_iter().map(|field| (field.name().to_owned(), field.value().clone())).collect())
    }

    /// The same as disclosures (RFC 9901 §4.2.1), each of which can be held against the leaf; in the order in which they are stored.
    pub fn disclosures(&self, site: &Site, stored: &StoredRecord) -> Result<Vec<Disclosure>, Failure> {
        let mut opened = Vec::new();
        for field in &stored.sealed {
            let Some(key) = self.shared.vault.subject_key(site.name(), &field.subject)? else { continue };
            let key = crate::log::SubjectKey::new(*key);
            opened.push(seal::open_field(&key, stored, field).map_err(|error| Failure::Unreadable(error.to_string()))?);
        }
        Ok(opened)
    }

    /// What is known of an end-user: claims by name, and `username`.
    pub fn claims_of_user(&self, site: &Site, user: &UserId) -> Result<Map<String, Value>, Failure> {
        recorded_at(site, user).map_or_else(|| Ok(Map::new()), |at| self.claims_at(site, at))
    }

    /// What an end-user signs in as, if anybody still knows.
    pub fn username_of(&self, site: &Site, user: &UserId) -> Result<Option<Value>, Failure> {
        Ok(recorded_at(site, user).map(|at| self.username_at(site, at)).transpose()?.flatten())
    }

    /// The same, as this record says it. Every introspection asks, so no more of the record is read.
    pub fn username_at(&self, site: &Site, at: Seq) -> Result<Option<Value>, Failure> {
        Ok(self.disclosed(site, at)?.remove("username"))
    }

    /// What this record says of a person: claims by name, and `username`. Nobody has to say when that was: it is the record's own time
    /// (`updated_at`, OpenID Connect Core §5.1).
    pub fn claims_at(&self, site: &Site, at: Seq) -> Result<Map<String, Value>, Failure> {
        let stored = self.stored(site, at)?;
        let fields = self.open_fields(site, &stored)?;
        if fields.is_empty() {
            return Ok(fields);
        }
        let record = Record::from_leaf(&stored.leaf).map_err(|error| Failure::Unreadable(error.to_string()))?;
        let mut known = Map::from_iter([("updated_at".to_owned(), record.t.unix_seconds().into())]);
        known.extend(fields.into_iter().map(|(name, value)| (name.strip_prefix("claim.").unwrap_or(&name).to_owned(), value)));
        Ok(known)
    }
}

/// The record that says who this is; none of somebody unknown or erased.
fn recorded_at(site: &Site, user: &UserId) -> Option<Seq> {
    site.read(|state| state.users.by_id(user).filter(|user| !user.erased).map(|user| user.claims_at))
}
