//! A site's export as it is made today, from a running server and from frozen records alone.

use super::file::{Exported, Told};
use crate::world::World;
use serde_json::{Map, json};
use std::convert::Infallible;
use std::ops::Range;
use writ::audit::Identify;
use writ::audit::bundle::{About, EventsFile, Form, Manifest, files, open};
use writ::audit::export::{Asked, filter, plan, spool};
use writ::ledger::Site;
use writ::log::{RangeProof, StoredRecord, leaf_hash, merkle};
use writ::terms::Digest;

/// The whole export of a site, with everything in it that can be opened.
pub async fn exported(world: &World, site: &Site) -> Exported {
    let site = world.ledger.site(site.name()).unwrap();
    let filter = filter(None, None, None, &world.ledger, &site).unwrap();
    let plan = plan(&world.ledger, &site, &filter).await.unwrap().unwrap();
    let told = Map::from_iter([("asked".to_owned(), json!({ "purpose": "to be kept for ever" }))]);
    let asked = Asked { filter, identify: Identify::Open, told };
    let mut bytes = Vec::new();
    spool(&world.ledger, &site, &plan, &asked, Form::Single).unwrap().send(&mut bytes).unwrap();
    Exported { site: site.name().clone(), bundle: String::from_utf8(bytes).unwrap() }
}

/// An export taken apart. What it says to people (`README.txt`) may change.
#[derive(PartialEq, Debug)]
pub struct Export {
    pub manifest: Manifest,
    pub vkey: String,
    pub checkpoint: String,
    pub proof: String,
    pub events: String,
}

impl Export {
    fn of([manifest, _, vkey, checkpoint, proof]: [Vec<u8>; 5], events: Vec<u8>) -> Self {
        let mut manifest = Manifest::decode(&manifest).unwrap();
        manifest.files.remove("README.txt");
        let [vkey, checkpoint, proof, events] = [vkey, checkpoint, proof, events].map(|bytes| String::from_utf8(bytes).unwrap());
        Self { manifest, vkey, checkpoint, proof, events }
    }
    /// As it was frozen.
    pub fn frozen(export: &Exported) -> Self {
        let (files, mut lines) = open(export.bundle.as_bytes()).unwrap();
        let mut events = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            events.extend(line.bytes.unwrap());
            events.push(b'\n');
        }
        Self::of(files, events)
    }
    /// Made anew from the records; only checkpoint and what was told of the request are taken over.
    pub fn made_again(frozen: &Exported, stored: &[StoredRecord], told: &[Told]) -> Self {
        let Self { manifest, vkey, checkpoint, .. } = Self::frozen(frozen);
        let mut events = EventsFile::new(Vec::new());
        let stored: Vec<_> = stored.iter().filter(|record| record.site == frozen.site).collect();
        for (record, told) in stored.iter().zip(told.iter().filter(|told| told.site == frozen.site)) {
            let [sealed, shown] = [record.sealed.len(), told.dis.len()].map(|count| u64::try_from(count).unwrap());
            events.show(told.seq, &told.leaf, &told.dis, sealed, sealed - shown).unwrap();
        }
        let hashes: Vec<Digest> = stored.iter().map(|record| leaf_hash(&record.leaf)).collect();
        let at = |seq: u64| usize::try_from(seq).unwrap();
        let root_of = |range: Range<u64>| Ok::<_, Infallible>(merkle::root(&hashes[at(range.start)..at(range.end)]));
        let proof = RangeProof::build(manifest.from, manifest.to, manifest.checkpoint_size, root_of).unwrap().unwrap();
        let about = About {
            site: &frozen.site,
            key: &vkey.parse().unwrap(),
            checkpoint: &checkpoint,
            proof: &proof,
            counts: events.counts(),
            events: events.digest(),
            told: manifest.told,
        };
        Self::of(files(about).unwrap(), events.into_inner())
    }
}
