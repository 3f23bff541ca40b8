//! What `writ audit verify` says: to people in four lines, to programs as one object.

use super::super::exit::CliError;
use super::super::output::{Output, Tone};
use super::super::table::{grouped, pairs};
use crate::audit::bundle::hex;
use crate::audit::verify::{Finding, Since, SiteFinding, SiteVerified, Verified};
use serde_json::json;

/// Where the key that was trusted came from.
#[derive(Clone, Copy)]
pub(super) enum KeyOrigin {
    Given,
    Bundle,
    Server,
}

impl KeyOrigin {
    fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Bundle => "bundle",
            Self::Server => "server",
        }
    }
    fn sentence(self) -> &'static str {
        match self {
            Self::Given => "the one given",
            Self::Bundle => "from the bundle itself: a forger would have put in their own; compare it, or name yours by --key",
            Self::Server => "from the server itself: name yours by --key",
        }
    }
}

/// What was found.
pub(super) enum Outcome {
    Bundle(Box<Result<Verified, Finding>>, KeyOrigin),
    /// And how many earlier checkpoints were given.
    Directory(Result<Vec<SiteVerified>, SiteFinding>, usize),
}

impl Outcome {
    /// Prints it. Fails with 3 if something does not hold, with 4 if not everything that was asked could be checked.
    pub(super) fn tell(self, output: &mut Output, is_table: bool) -> Result<(), CliError> {
        match self {
            Self::Bundle(checked, origin) => match *checked {
                Ok(verified) => tell_bundle(&verified, origin, output, is_table),
                Err(finding) => tell_finding(&SiteFinding { site: None, finding: Box::new(finding), why: None }, output, is_table),
            },
            Self::Directory(Ok(sites), earlier) => tell_directory(&sites, earlier, output, is_table),
            Self::Directory(Err(finding), _) => tell_finding(&finding, output, is_table),
        }
    }
}

fn tell_bundle(verified: &Verified, origin: KeyOrigin, output: &mut Output, is_table: bool) -> Result<(), CliError> {
    let (told, counts) = (&verified.manifest, verified.counts);
    let is_compared = verified.since.iter().all(|since| matches!(since, Since::Continued { .. }));
    if is_table {
        let plural = |size: &Since| format!("{} events: {}", grouped(size.size()), since_words(size));
        let (first, last) = (told.from, told.to.saturating_sub(1));
        let all = format!("{} events  signed by {}", grouped(verified.checkpoint.head.size), verified.checkpoint.origin);
        let range = format!(
            "#{first}–#{last} complete, no gaps  {}",
            verified.times.as_ref().map(|(from, to)| format!("{from} to {to}")).unwrap_or_default()
        );
        let leaves = format!(
            "{} events shown · {} withheld;  {} fields shown · {} withheld · {} erased",
            grouped(counts.shown),
            grouped(counts.withheld),
            grouped(counts.fields_shown),
            grouped(counts.fields_withheld),
            grouped(counts.fields_erased)
        );
        let mut rows = vec![("checkpoint", all), ("range", range), ("contents", leaves)];
        rows.extend(verified.since.iter().map(|since| ("since", plural(since))));
        rows.push(("key", format!("{}  ({})", verified.key, origin.sentence())));
        rows.push(("sha256", format!("{}  (in the log's audit.exported: {})", hex(&verified.digest), verified.digest)));
        pairs(output, &rows)?;
    } else {
        output.value(&json!({
            "verdict": if is_compared { "VERIFIED" } else { "INCOMPLETE" },
            "origin": verified.checkpoint.origin, "checkpoint_size": verified.checkpoint.head.size, "from": told.from, "to": told.to,
            "counts": counts, "key": verified.key.to_string(), "key_from": origin.word(), "sha256": hex(&verified.digest),
            "since": verified.since.iter().map(|since| json!({ "size": since.size(), "is_continued": matches!(since, Since::Continued { .. }) })).collect::<Vec<_>>(),
        }))?;
    }
    if !is_compared {
        return Err(CliError::incomplete("an earlier checkpoint could not be compared: export the events from there on, or all"));
    }
    if is_table { output.toned(Tone::Bold, "VERIFIED") } else { Ok(()) }
}

fn since_words(since: &Since) -> &'static str {
    match since {
        Since::Continued { .. } => "the log continues that checkpoint",
        Since::NotCovered { .. } => "not in what was exported",
    }
}

fn tell_directory(sites: &[SiteVerified], earlier: usize, output: &mut Output, is_table: bool) -> Result<(), CliError> {
    for site in sites {
        let sizes: Vec<String> = site.checkpoints.iter().map(|size| grouped(*size)).collect();
        if is_table {
            let checkpoints =
                if sizes.is_empty() { "no checkpoint kept".to_owned() } else { format!("agrees with checkpoints of {}", sizes.join(", ")) };
            let name = site.site.to_string();
            pairs(output, &[(&name, format!("{} events  {checkpoints}  key {}", grouped(site.head.size), site.key))])?;
        } else {
            output.value(&json!({
                "verdict": "VERIFIED", "site": site.site, "events": site.head.size, "checkpoints": site.checkpoints, "key": site.key.to_string(),
            }))?;
        }
    }
    let compared: usize = sites.iter().map(|site| site.earlier).sum();
    if compared < earlier {
        return Err(CliError::incomplete("an earlier checkpoint is of no log in this directory"));
    }
    if is_table { output.toned(Tone::Bold, "VERIFIED") } else { Ok(()) }
}

fn tell_finding(found: &SiteFinding, output: &mut Output, is_table: bool) -> Result<(), CliError> {
    let SiteFinding { site, finding, why } = found;
    if is_table {
        let of_site = site.as_ref().map(|site| format!("  (site {site})")).unwrap_or_default();
        let why = why.as_ref().map(|why| format!("\n            {why}")).unwrap_or_default();
        output.toned(Tone::Alarm, &format!("FAILED      {finding}{of_site}"))?;
        if !why.is_empty() {
            output.line(why.trim_start_matches('\n'))?;
        }
        if let Some(within) = &finding.within {
            let (first, last) = (within.start, within.end.saturating_sub(1));
            output.line(&format!("            look at #{first}–#{last} (tile {}); everything before #{first} is sound", first / 256))?;
        }
    } else {
        output.value(&json!({
            "verdict": "FAILED", "code": finding.failure.code(), "sentence": finding.failure.sentence(), "site": site, "seq": finding.at,
            "t": finding.t, "file": finding.file, "first": finding.within.as_ref().map(|within| within.start),
            "last": finding.within.as_ref().map(|within| within.end.saturating_sub(1)), "why": why,
        }))?;
    }
    Err(CliError::integrity(""))
}
