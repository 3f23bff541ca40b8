//! The rules, as functions from sources to complaints `file:line: what`.

use super::source::{Named, Source};

/// The floor of a file or of what it names; none for what is on no floor.
pub fn floor_of(floors: &[(&str, u8)], module: &str) -> Option<u8> {
    floors.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// Everything that is not on a lower floor than the file that names it.
pub fn upward(floors: &[(&str, u8)], sources: &[Source]) -> Vec<String> {
    let inner = sources.iter().filter(|source| !source.module().is_empty());
    inner.flat_map(|source| source.named().into_iter().filter_map(|named| climbs(floors, source, &named))).collect()
}

fn climbs(floors: &[(&str, u8)], source: &Source, named: &Named) -> Option<String> {
    let own = source.module().first().cloned().unwrap_or_default();
    let other = match named.segments.first().map(String::as_str) {
        Some("crate") => named.segments.get(1).cloned().unwrap_or_else(|| "*".to_owned()),
        _ => return None,
    };
    let place = format!("{}:{}: {}", source.path, named.line, named.text());
    let Some(floor) = floor_of(floors, &own) else { return Some(format!("{place}: `{own}` stands on no floor of the table")) };
    match floor_of(floors, &other) {
        Some(_) if own == other => None,
        Some(below) if below < floor => None,
        Some(above) => Some(format!("{place}: floor {floor} ({own}) names floor {above} ({other})")),
        None => Some(format!("{place}: `{other}` stands on no floor of the table")),
    }
}

/// Every naming of an owned crate, module or function outside of its owners' files. An owner is a file, or a folder with `/`.
pub fn trespass(owners: &[(&str, &[&str])], sources: &[Source]) -> Vec<String> {
    let each = |source: &Source| -> Vec<String> {
        let named = source.named();
        let foreign = named.iter().filter_map(|named| {
            let (what, owners) = owners.iter().find(|(what, _)| named.is_within(what) || ends_with(named, what))?;
            (!owns(owners, &source.path)).then(|| format!("{}:{}: {} belongs to {}", source.path, named.line, what, owners.join(", ")))
        });
        foreign.collect()
    };
    sources.iter().flat_map(each).collect()
}

/// `SystemTime::now` is meant however much of `std::time` stands before it.
fn ends_with(named: &Named, what: &str) -> bool {
    let wanted: Vec<&str> = what.split("::").collect();
    let skipped = named.segments.len().checked_sub(wanted.len());
    wanted.len() > 1 && skipped.is_some_and(|skipped| named.segments[skipped..].iter().eq(wanted))
}

/// Owners that own nothing any more: the table must not say more than is so.
pub fn idle_owners(owners: &[(&str, &[&str])], sources: &[Source]) -> Vec<String> {
    let used = |what: &str, owner: &str| {
        let own = sources.iter().filter(|source| owns(&[owner], &source.path));
        own.flat_map(Source::named).any(|named| named.is_within(what) || ends_with(&named, what))
    };
    let pairs = owners.iter().flat_map(|(what, owners)| owners.iter().map(move |owner| (what, owner)));
    pairs.filter(|(what, owner)| !used(what, owner)).map(|(what, owner)| format!("{owner} does not name {what}")).collect()
}

fn owns(owners: &[&str], path: &str) -> bool {
    owners.iter().any(|owner| *owner == path || (owner.ends_with('/') && path.starts_with(owner)))
}

/// Every place of one of these rows of tokens outside of these owners' files.
pub fn spoken(rows: &[&[&str]], owners: &[&str], sources: &[Source]) -> Vec<String> {
    let others = sources.iter().filter(|source| !owns(owners, &source.path));
    let each = |source: &Source| -> Vec<String> {
        let lines = |row: &&[&str]| -> Vec<(usize, String)> { source.lines_of(row).into_iter().map(|line| (line, row.concat())).collect() };
        rows.iter().flat_map(lines).map(|(line, what)| format!("{}:{line}: {what}", source.path)).collect()
    };
    others.flat_map(each).collect()
}

/// Files whose name says nothing about what is in them.
pub fn nameless(names: &[&str], paths: &[String]) -> Vec<String> {
    let named = |path: &&String| path.split('/').any(|part| names.contains(&part.trim_end_matches(".rs")));
    paths.iter().filter(named).map(|path| format!("{path}: a file is called after the one thing inside")).collect()
}
