//! One event as JSON: its public members, and of what is sealed beside it the names, or the values where somebody says why they
//! need them.

use super::facts::facts;
use super::select::members;
use crate::event::Record;
use crate::ledger::{Failure, Ledger, Site};
use crate::log::StoredRecord;
use serde_json::{Map, Value};

/// Whether sealed fields are opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Identify {
    /// Names of fields only.
    Withhold,
    /// Values; whoever reads has given a reason.
    Open,
}

/// Shows events of one site.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    /// Where they are.
    pub ledger: &'a Ledger,
    /// Whose they are.
    pub site: &'a Site,
    /// Whether sealed fields are opened.
    pub identify: Identify,
    /// Whether a line for people goes with each event, as `facts`.
    pub facts: bool,
}

/// Members that only prove things.
const PROOF: [&str; 2] = ["_sd", "_sd_alg"];

impl Viewer<'_> {
    /// The event: its leaf's members, `withheld` (names), `disclosed` (opened fields), `erased` (names of fields that nobody can
    /// open any more) and `facts`, each only where there is something to say.
    pub fn view(&self, stored: &StoredRecord) -> Result<Map<String, Value>, Failure> {
        let mut view = members(stored)?;
        view.retain(|name, _| !PROOF.contains(&name.as_str()));
        let record = Record::from_members(view.clone()).map_err(|error| Failure::Unreadable(error.to_string()))?;
        let sealed = stored.sealed.iter().map(|field| field.name.clone());
        let disclosed = match self.identify {
            Identify::Withhold => {
                add(&mut view, "withheld", sealed.map(Value::from).collect());
                Map::new()
            }
            Identify::Open => {
                let opened = self.ledger.open_fields(self.site, stored)?;
                add(&mut view, "erased", sealed.filter(|name| !opened.contains_key(name)).map(Value::from).collect());
                if !opened.is_empty() {
                    view.insert("disclosed".into(), Value::Object(opened.clone()));
                }
                opened
            }
        };
        if self.facts {
            view.insert("facts".into(), facts(&record, &disclosed, self.site, None).into());
        }
        Ok(view)
    }
}

fn add(view: &mut Map<String, Value>, name: &str, values: Vec<Value>) {
    if !values.is_empty() {
        view.insert(name.to_owned(), Value::Array(values));
    }
}
