//! Opening: every kept checkpoint is held against the log before anything is served.

use super::SignedHead;
use crate::ledger::{Ledger, Site, StartError, log_key};
use crate::log::{Checkpoint, Head, VerifyFailure};

impl Ledger {
    /// Holds every kept checkpoint against the log: a log that was set back, forked or exchanged is not served.
    pub(in crate::ledger) fn recall_checkpoints(&self) -> Result<(), StartError> {
        let kept = self.shared.kept_checkpoints.read().map_err(StartError::CheckpointsUnreadable)?;
        let now = self.now();
        for (name, note) in &kept {
            let refused = |(failure, why)| StartError::Checkpoint { site: name.clone(), failure, why };
            let site = self.site(name).ok_or_else(|| refused((VerifyFailure::Consistency, "the log has no such site".to_owned())))?;
            let head = self.recalled(&site, note).map_err(refused)?;
            site.checkpoints.publish(SignedHead { head, note: note.clone() });
            *site.checkpoints.signing() = Some((head.size, now));
        }
        for site in self.all_sites().iter().filter(|site| site.durable().events > 0 && !kept.contains_key(site.name())) {
            if let Err(failure) = log_key::recorded(site) {
                let (site, why) = (site.name().clone(), failure.to_string());
                return Err(StartError::Checkpoint { site, failure: VerifyFailure::Key, why });
            }
            let events = site.durable().events;
            tracing::warn!(site = %site.name(), events, "no checkpoint is kept of a log that has events; a new one will be signed");
        }
        Ok(())
    }

    /// The head that a kept note states, if the site's log continues it; otherwise what is wrong.
    fn recalled(&self, site: &Site, note: &str) -> Result<Head, (VerifyFailure, String)> {
        if site.durable().events == 0 {
            return Err((VerifyFailure::Consistency, "the log has no events".to_owned()));
        }
        let key = log_key::recorded(site).map_err(|failure| (VerifyFailure::Key, failure.to_string()))?;
        let kept = Checkpoint::verify(note, &[key.verifier()]).map_err(|failure| (failure, "the kept note".to_owned()))?.head;
        let (events, size) = (site.durable().events, kept.size);
        if size > events {
            return Err((VerifyFailure::Consistency, format!("{size} events were signed, the log has {events}")));
        }
        let found = self.tree(site).head_at(size).map_err(|error| (VerifyFailure::Consistency, error.to_string()))?;
        match found == kept {
            true => Ok(kept),
            false => Err((VerifyFailure::Consistency, format!("the first {size} events are not the ones that were signed"))),
        }
    }
}
